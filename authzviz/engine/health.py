"""Which nodes are heard of, measured on the apiserver's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.assessment import NodeCounts
from authzviz.engine.model import Lease, Node, Ready, Snapshot


@dataclass(frozen=True, slots=True)
class Health:
    """Counts of nodes, and the names of those whose Lease is fresh or overdue, in order."""

    counts: NodeCounts
    fresh: tuple[str, ...]
    overdue: tuple[str, ...]


NOT_KNOWN = Health(NodeCounts(None, None, None, None), (), ())
"""The health of nodes after a change that nobody has made yet."""


def health_of(snapshot: Snapshot) -> Health:
    """The health of the nodes that were read; leases that were not read count as neither.

    A node is unknown where Ready is Unknown or its Lease is overdue, else ready or not.
    """
    # A skewed poller must not see an outage: the apiserver's clock wrote the leases' neighbours.
    now = snapshot.server_time or snapshot.read_at
    leases = {lease.node: _is_overdue(lease, now) for lease in snapshot.leases.value or ()}
    fresh = tuple(sorted(name for name, overdue in leases.items() if overdue is False))
    nodes = snapshot.nodes.value
    if nodes is None:
        return Health(NodeCounts(None, None, None, None), fresh, ())
    late = {name for name, overdue in leases.items() if overdue}
    states = [_state(node, is_overdue=node.name in late) for node in nodes]
    counts = NodeCounts(
        total=len(nodes),
        ready=states.count(Ready.TRUE),
        not_ready=states.count(Ready.FALSE),
        unknown=states.count(Ready.UNKNOWN),
    )
    overdue = tuple(sorted(node.name for node in nodes if node.name in late))
    return Health(counts, fresh, overdue)


def _is_overdue(lease: Lease, now: datetime) -> bool | None:
    if lease.renewed_at is None:
        return None
    return (now - lease.renewed_at).total_seconds() > lease.duration_seconds


def _state(node: Node, *, is_overdue: bool) -> Ready:
    if is_overdue:
        return Ready.UNKNOWN
    return Ready.FALSE if node.ready is Ready.NOT_READY else node.ready
