"""CPU of a plan for a cluster of 5,000 nodes and 5,000 bindings: `python -m tests.bench_plans`.

The cluster is made in memory, as large as that of `make bench`, and judged before: only what makes
the plan of it is measured. Once with the legacy binding alone, once with 1,000 bindings of single
nodes, and once with all nodes in one binding.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from authzviz import engine
from authzviz.engine.model import Subject
from authzviz.plans.making import plan_of
from tests.bench_whatif import large
from tests.engine.build import crb

if TYPE_CHECKING:
    from authzviz.engine.model import Binding, Snapshot
    from tests.lab.bench_cluster import Size

_RUNS = 7
_GRANTS = 1_000


def plan_milliseconds(size: Size | None = None) -> dict[str, float]:
    """CPU of making each plan in milliseconds: the least of several runs, which others disturb
    least.
    """
    cluster = large(size)
    users = [Subject("User", f"system:node:worker-{n:05}") for n in range(_GRANTS)]
    single = tuple(crb(f"old-{n:04}", "system:node", user) for n, user in enumerate(users))
    return {
        "plan: legacy binding": _least(cluster),
        "plan: 1,000 bindings go": _least(_with(cluster, *single)),
        "plan: 1,000 subjects of one go": _least(_with(cluster, crb("old", "system:node", *users))),
    }


def _with(cluster: Snapshot, *bindings: Binding) -> Snapshot:
    read = cluster.cluster_role_bindings
    return replace(
        cluster, cluster_role_bindings=replace(read, value=(*(read.value or ()), *bindings))
    )


def _least(snapshot: Snapshot) -> float:
    assessment = engine.judge(snapshot)
    runs = []
    for _ in range(_RUNS):
        started = time.process_time()
        plan_of(snapshot, assessment)
        runs.append(time.process_time() - started)
    return min(runs) * 1_000


def main() -> None:
    """Print the figures; at most 50 ms each is the aim."""
    for name, milliseconds in plan_milliseconds().items():
        print(f"{name:<34}{milliseconds:>6.1f} ms CPU")


if __name__ == "__main__":
    main()
