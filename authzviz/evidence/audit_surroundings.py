"""What has to be known of a cluster to tell what its audit log proves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from authzviz.engine.assessment import ApiServerState, Assessment, Switch
from authzviz.engine.control_plane import has_unseen
from authzviz.engine.model import Snapshot
from authzviz.engine.rbac import is_decisive_whole


class Order(Enum):
    """Whether Node is asked before RBAC, on every apiserver."""

    NODE_FIRST = "node-first"
    NOT_NODE_FIRST = "not-node-first"
    NOT_TOLD = "not-told"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The cluster as it was read.

    `why` gives the reason of the order, in a clause. `nodes` is None where they were not read.
    `read_at` is when the cluster was, `bindings` those that are to be changed.
    """

    bindings: tuple[str, ...]
    order: Order
    why: str
    nodes: frozenset[str] | None
    apiservers: int
    read_at: datetime
    is_rbac_whole: bool

    @classmethod
    def of(
        cls, snapshot: Snapshot, assessment: Assessment, bindings: tuple[str, ...]
    ) -> Surroundings:
        """Those of this snapshot."""
        order, why = _order(snapshot, assessment)
        nodes = snapshot.nodes.value
        return cls(
            bindings=bindings,
            order=order,
            why=why,
            nodes=None if nodes is None else frozenset(node.name for node in nodes),
            apiservers=max(len(assessment.apiservers), len(set(snapshot.endpoints.value or ()))),
            read_at=snapshot.server_time or snapshot.read_at,
            is_rbac_whole=is_decisive_whole(snapshot),
        )


def _order(snapshot: Snapshot, assessment: Assessment) -> tuple[Order, str]:
    for state in assessment.apiservers:
        why = _why_not_first(state)
        if why:
            return Order.NOT_NODE_FIRST, why
    untold = [s.name for s in assessment.apiservers if s.authorization_modes is None]
    if untold or not assessment.apiservers:
        who = untold[0] if untold else "the apiserver"
        return Order.NOT_TOLD, f"the order of the authorizers of {who} can't be read"
    if has_unseen(snapshot, assessment.distribution):
        return Order.NOT_TOLD, "more apiservers run than those whose flags were read"
    return Order.NODE_FIRST, "every apiserver asks Node before RBAC"


def _why_not_first(state: ApiServerState) -> str:
    """Why what this apiserver logs can prove nothing; "" where it can, for all that is read."""
    modes = state.authorization_modes or ()
    if state.always_allow is Switch.ON or "AlwaysAllow" in modes:
        return f"{state.name} has AlwaysAllow, which allows whatever RBAC doesn't"
    if state.node_authorizer is Switch.OFF:
        return f"the Node authorizer is off on {state.name}"
    if "RBAC" in modes and "Node" in modes and modes.index("RBAC") < modes.index("Node"):
        return f"{state.name} asks RBAC before Node"
    return ""
