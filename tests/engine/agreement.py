"""Whether the engine says what an apiserver said, and names the authorizer that did."""

from __future__ import annotations

from authzviz.engine import node
from authzviz.engine.assessment import Decision
from authzviz.engine.decide import Said
from authzviz.engine.identity import Identity
from authzviz.engine.request import Request

NO_RELATION = "no relationship found"


def hangs_on_a_relation(identity: Identity, request: Request, minor: int) -> bool:
    """True where the Node authorizer's answer hangs on a relation, wherever it is asked."""
    name = identity.node_name
    return name is not None and node.decide(name, request, minor).decision is Decision.CONDITIONAL


def agrees(said: Said, is_allowed: bool, reason: str, *, hangs: bool) -> bool:
    """True where the engine says what the apiserver said, and names the authorizer that did.

    Through which of several bindings RBAC allows is left to chance, so only that it does counts.
    Where it hangs on a relation, the apiserver allows without a reason, as the Node authorizer
    does, or refuses for want of the relation; what RBAC allows anyhow is not conditional.
    """
    is_by_rbac = reason.startswith("RBAC: allowed by")
    if said.decision is Decision.CONDITIONAL:
        is_for_the_relation = reason == "" if is_allowed else NO_RELATION in reason
        return said.by == "Node" and hangs and is_for_the_relation
    if said.decision is not (Decision.ALLOW if is_allowed else Decision.NO):
        return False
    return (said.by == "RBAC") is is_by_rbac or (said.by == "RBAC" and hangs and reason == "")
