"""What `authzviz evidence` takes for a log of 2 GB that a lab apiserver wrote, repeated.

The log is of two kubelets, an agent that borrows the credentials of one, and all else that a young
cluster does. Megabytes a second are of CPU, of which the command uses one core.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from authzviz.kube import bundle
from tests.bench_engine import Figure
from tests.bench_process import Process, measure
from tests.lab.record_audit_log import AGENT, NODES, as_agent, audited, settled, snapshot_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.rig import Lab

_BYTES = 2_000_000_000
_PACKED_BYTES = 400_000_000
_AIM_MB_A_SECOND, _AIM_MEMORY_MB = 100, 150
_EVIDENCE = Path(sys.executable).parent / "authzviz"


def audit_figures(lab: Lab) -> Iterator[Figure]:
    """Yield speed and memory for the whole log, for kubelets' events alone, and packed."""
    live = audited(lab, "audited", "Node,RBAC")
    as_agent(live, live.node_certificate(NODES[0]))
    log = settled(live)
    of_kubelets = b"".join(
        line for line in log.splitlines(keepends=True) if b"system:node:" in line
    )
    if AGENT.encode() not in of_kubelets:
        raise SystemExit("the agent is not in the audit log")
    with tempfile.TemporaryDirectory(prefix="authzviz-bench-") as directory:
        place = Path(directory)
        bundle.dump(snapshot_of(live), place / "bundle.json")
        whole = _measured(place, log, _BYTES)
        yield _speed("authzviz evidence, of a log of 2 GB", whole, _BYTES)
        yield Figure("its peak memory", whole.memory_mb, "MB", f"<= {_AIM_MEMORY_MB}")
        kubelets = _measured(place, of_kubelets, _BYTES)
        yield _speed("of a log with nothing but kubelets", kubelets, _BYTES)
        packed = _measured(place, log, _PACKED_BYTES, pack=True)
        yield _speed("of a packed log, as unpacked", packed, _PACKED_BYTES)


def _speed(name: str, process: Process, size: int) -> Figure:
    return Figure(name, size / 1e6 / process.cpu_seconds, "MB/s", f">= {_AIM_MB_A_SECOND}")


def _measured(place: Path, log: bytes, size: int, *, pack: bool = False) -> Process:
    path = place / "audit.log"
    times = -(-size // len(log))
    part = gzip.compress(log, 6) if pack else log
    with path.open("wb") as file:
        for _ in range(times):
            file.write(part)
    command = [str(_EVIDENCE), "evidence", "--bundle", str(place / "bundle.json"), str(path)]
    measured = measure(command)
    path.unlink()
    return measured
