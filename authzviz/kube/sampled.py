"""Which nodes are asked about one by one: those whose path may differ from the others'."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from authzviz.engine.identity import named_node
from authzviz.engine.model import Binding, Lease, Node, Ready

_NAMED, _ILL, _ODD, _SAMPLE = 5, 5, 5, 2


def nodes_to_ask(
    bindings: Iterable[Binding],
    nodes: tuple[Node, ...],
    leases: tuple[Lease, ...],
    now: datetime,
) -> tuple[str, ...]:
    """Names of nodes, each once: some that bindings name (those that exist first), some that are
    not Ready or not heard of at `now`, some that no certificate can match as the Node is named, and
    two at random.
    """
    there = {node.name for node in nodes}
    named = {node for node in _named(bindings) if node}
    ranked = sorted(named, key=lambda name: (name not in there, name))
    odd = sorted(name for name in named | there if name != name.lower())
    ill = islice(dict.fromkeys(_ill(nodes, leases, now)), _ILL)
    chosen = dict.fromkeys((*ranked[:_NAMED], *ill, *odd[:_ODD]))
    others = [node.name for node in nodes if node.name not in chosen]
    sample = random.sample(others, min(_SAMPLE, len(others)))
    return (*chosen, *sample)


def _named(bindings: Iterable[Binding]) -> Iterator[str]:
    for binding in bindings:
        for subject in binding.subjects:
            if subject.kind == "User":
                yield named_node(subject) or ""


def _ill(nodes: tuple[Node, ...], leases: tuple[Lease, ...], now: datetime) -> Iterator[str]:
    yield from (node.name for node in nodes if node.ready is not Ready.TRUE)
    there = {node.name for node in nodes}
    yield from (lease.node for lease in leases if lease.node in there and _is_overdue(lease, now))


def _is_overdue(lease: Lease, now: datetime) -> bool:
    since = lease.renewed_at
    return since is not None and (now - since).total_seconds() > lease.duration_seconds
