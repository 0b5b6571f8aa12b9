"""CPU of a what-if on a cluster of 5,000 nodes and 5,000 bindings: `python -m tests.bench_whatif`.

The cluster is made in memory, as large as that of `make bench`; only what comes after parsing is
measured.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from authzviz.engine.change import Change
from authzviz.engine.model import Role, Subject
from authzviz.engine.whatif import whatif
from tests.engine.build import LEGACY_BINDING, RBAC, cluster, crb, lease, node, rb, rule
from tests.lab.bench_cluster import Size

if TYPE_CHECKING:
    from authzviz.engine.model import Binding, Snapshot

_RUNS = 15
_CHANGES = {
    "what-if: Node on, binding gone": Change(("Node", "RBAC"), dropped=("system:node",)),
    "what-if: another version": Change(kubernetes_version="1.36"),
}


def whatif_milliseconds(snapshot: Snapshot) -> dict[str, float]:
    """CPU of each what-if in milliseconds: the least of several runs, which others disturb least.

    The snapshot needs a ClusterRoleBinding system:node.
    """
    return {name: _least(snapshot, change) for name, change in _CHANGES.items()}


def large(size: Size | None = None) -> Snapshot:
    """A snapshot as large as the cluster of `make bench`, on the legacy binding."""
    size = size or Size()
    rules = (
        rule("get list", "pods services"),
        rule("get patch", "deployments", "apps"),
        rule("create delete", "jobs", "batch"),
    )
    roles = tuple(Role(f"role-{number:04}", rules=rules) for number in range(size.cluster_roles))
    names = [f"worker-{number:05}" for number in range(size.nodes)]
    return cluster(
        RBAC,
        bindings=(
            LEGACY_BINDING,
            *(_bound(number, size, "") for number in range(size.cluster_role_bindings)),
        ),
        cluster_roles=roles,
        role_bindings=tuple(
            _bound(number, size, f"team-{number % size.namespaces:03}")
            for number in range(size.role_bindings)
        ),
        version="v1.37.2",
        nodes=tuple(node(name) for name in names),
        leases=tuple(lease(name) for name in names),
    )


def _bound(number: int, size: Size, namespace: str) -> Binding:
    name, role = f"binding-{number:05}", f"role-{number % size.cluster_roles:04}"
    team = Subject("Group", f"team-{number % 400}")
    account = Subject("ServiceAccount", f"robot-{number}", "default")
    if namespace:
        return rb(name, namespace, role, team, account, kind="ClusterRole")
    return crb(name, role, team, account)


def _least(snapshot: Snapshot, change: Change) -> float:
    runs = []
    for _ in range(_RUNS):
        started = time.process_time()
        whatif(snapshot, change)
        runs.append(time.process_time() - started)
    return min(runs) * 1_000


def main() -> None:
    """Print the figures; at most 40 ms each is the aim."""
    for name, milliseconds in whatif_milliseconds(large()).items():
        print(f"{name:<34}{milliseconds:>6.0f} ms CPU")


if __name__ == "__main__":
    main()
