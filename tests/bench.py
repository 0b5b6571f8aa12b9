"""Speed and memory on a lab cluster of 5,000 nodes: `make bench`.

Whole processes of `authzviz check` are measured, interpreter start included, beside the official
client's typed list of the nodes in the same run: figures of different runs on a shared machine
don't compare. Then the engine by itself, beside the apiserver's own decisions.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench_engine import engine_figures
from tests.lab.bench_cluster import Size, fill
from tests.lab.rig import open_lab

_RUNS = 5
_CHECK = Path(sys.executable).parent / "authzviz"
_TYPED_LIST = """
import sys
from kubernetes import client, config
config.load_kube_config(sys.argv[1])
print(len(client.CoreV1Api().list_node(_request_timeout=(5, 300)).items))
"""
# A parent's memory counts as its child's until the child has started its program, so that a small
# process does the measuring.
_MEASURE = """
import json, os, sys, time
started = time.monotonic()
actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
_, status, usage = os.wait4(child, 0)
print(json.dumps({
    "status": os.waitstatus_to_exitcode(status),
    "wall_seconds": time.monotonic() - started,
    "cpu_seconds": usage.ru_utime + usage.ru_stime,
    "memory_mb": usage.ru_maxrss / 1024,
}))
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run of a process took."""

    status: int
    wall_seconds: float
    cpu_seconds: float
    memory_mb: float


def main() -> None:
    """Fill a cluster, measure both, print a table and the ratio."""
    size = Size()
    with open_lab() as lab, tempfile.TemporaryDirectory() as directory:
        cluster = lab.cluster(
            "bench", authorization_mode="Node,RBAC", admission_plugins="NodeRestriction"
        )
        print(f"filling the cluster: {size} ...", file=sys.stderr)
        fill(cluster.admin, size)
        kubeconfig = Path(directory) / "kubeconfig"
        kubeconfig.write_text(cluster.kubeconfig())
        check = [str(_CHECK), "check", "--kubeconfig", str(kubeconfig), "--fail-on", "none"]
        typed = [sys.executable, "-c", _TYPED_LIST, str(kubeconfig)]
        _print_table({"authzviz check": _median(check), "typed list_node": _median(typed)})
        for line in engine_figures(cluster):
            print(line)


def _median(command: list[str]) -> Figures:
    """The medians of several runs after one that fills the caches."""
    runs = [_measure(command) for _ in range(_RUNS + 1)][1:]
    return Figures(
        status=max(run.status for run in runs),
        wall_seconds=statistics.median(run.wall_seconds for run in runs),
        cpu_seconds=statistics.median(run.cpu_seconds for run in runs),
        memory_mb=statistics.median(run.memory_mb for run in runs),
    )


def _measure(command: list[str]) -> Figures:
    measured = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _MEASURE, *command], capture_output=True, check=True
    )
    figures = Figures(**json.loads(measured.stdout))
    if figures.status:
        raise SystemExit(f"{command[0]} ended with {figures.status}")
    return figures


def _print_table(rows: dict[str, Figures]) -> None:
    print(f"{'medians of ' + str(_RUNS):<18}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}")
    for name, row in rows.items():
        print(f"{name:<18}{row.wall_seconds:>9.2f}{row.cpu_seconds:>9.2f}{row.memory_mb:>9.0f}")
    ours, typed = rows.values()
    print(f"CPU of authzviz check / of typed list_node: {ours.cpu_seconds / typed.cpu_seconds:.3f}")


if __name__ == "__main__":
    main()
