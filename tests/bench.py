"""Speed and memory on a lab cluster of 5,000 nodes: `make bench`.

Whole processes of `authzviz check` are measured, interpreter start included, beside the official
client's typed list of the nodes in the same run: figures of different runs on a shared machine
don't compare. Then the engine by itself, beside the apiserver's own decisions, and the pages of the
dashboard. Each figure stands beside its aim; aims in seconds are for a machine that does the typed
list in 3.4 s of CPU.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench_audit import audit_figures
from tests.bench_engine import Figure, engine_figures
from tests.bench_pages import page_figures
from tests.bench_plans import plan_milliseconds
from tests.bench_poll import poll_figures
from tests.bench_process import Process, measure
from tests.bench_whatif import large, whatif_milliseconds
from tests.lab.bench_cluster import SMALL, Size, fill
from tests.lab.rig import open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUNS, _TYPED_RUNS = 7, 3
_AIM_CPU_SECONDS, _AIM_MEMORY_MB, _AIM_RATIO, _AIM_WHATIF_MS, _AIM_PLAN_MS = 0.35, 75, 0.1, 40, 50
# What the typed list takes where the aims in seconds were set.
_TYPED_LIST_SECONDS = 3.4
_CHECK = Path(sys.executable).parent / "authzviz"
_TYPED_LIST = """
import sys
from kubernetes import client, config
config.load_kube_config(sys.argv[1])
print(len(client.CoreV1Api().list_node(_request_timeout=(5, 300)).items))
"""
# A parent's memory counts as its child's until the child has started its program, so that a small
# process does the measuring.


def main() -> None:
    """Fill a cluster, measure both, then the engine, and print each figure beside its aim."""
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
        figures = whole_process_figures(check, typed)
        engine = engine_figures(cluster)
        for figure in (*figures, *engine, *_whatif_figures(size), *_plan_figures(size)):
            print(figure)
        small = lab.cluster(
            "small", authorization_mode="Node,RBAC", admission_plugins="NodeRestriction"
        )
        fill(small.admin, SMALL)
        for figure in (*poll_figures(cluster, small), *audit_figures(lab)):
            print(figure)
    for page_figure in page_figures():
        print(page_figure)


def whole_process_figures(check: list[str], typed: list[str]) -> Iterator[Figure]:
    """Yield what `authzviz check` takes, the typed list takes, and the ratio of the two."""
    ours, theirs = _median(check, _RUNS), _median(typed, _TYPED_RUNS)
    yield Figure("authzviz check, CPU", ours.cpu_seconds, "s", f"<= {_AIM_CPU_SECONDS}")
    yield Figure("authzviz check, wall clock", ours.wall_seconds, "s")
    yield Figure("authzviz check, peak memory", ours.memory_mb, "MB", f"<= {_AIM_MEMORY_MB}")
    yield Figure("typed list_node, CPU", theirs.cpu_seconds, "s")
    yield Figure("typed list_node, wall clock", theirs.wall_seconds, "s")
    yield Figure("typed list_node, peak memory", theirs.memory_mb, "MB")
    ratio = ours.cpu_seconds / theirs.cpu_seconds
    yield Figure("CPU of check / of typed list_node", ratio, "", f"<= {_AIM_RATIO}")
    slowness = theirs.cpu_seconds / _TYPED_LIST_SECONDS
    yield Figure("times slower than the machine that the aims are for", slowness, "")


def _whatif_figures(size: Size) -> Iterator[Figure]:
    for name, milliseconds in whatif_milliseconds(large(size)).items():
        yield Figure(name, milliseconds, "ms", f"<= {_AIM_WHATIF_MS}")


def _plan_figures(size: Size) -> Iterator[Figure]:
    for name, milliseconds in plan_milliseconds(size).items():
        yield Figure(name, milliseconds, "ms", f"<= {_AIM_PLAN_MS}")


def _median(command: list[str], runs: int) -> Process:
    """The medians of several runs after one that fills the caches."""
    measured = [measure(command) for _ in range(runs + 1)][1:]
    return Process(
        status=max(run.status for run in measured),
        wall_seconds=statistics.median(run.wall_seconds for run in measured),
        cpu_seconds=statistics.median(run.cpu_seconds for run in measured),
        memory_mb=statistics.median(run.memory_mb for run in measured),
    )


if __name__ == "__main__":
    main()
