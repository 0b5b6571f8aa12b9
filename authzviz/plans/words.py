"""Sentences of steps that are alike in every distribution."""

from __future__ import annotations

from authzviz.engine.assessment import Switch
from authzviz.plans.servers import Server

RESTRICTION = (
    "From then on a kubelet may write only its own Node, Lease and CSINode and the pods bound to"
    " it, may set no labels of node-restriction.kubernetes.io and no unknown ones of kubernetes.io"
    " or k8s.io, may not change taints, and may ask for tokens of its own pods only."
)
_NODE = (
    "Kubelets are served by the Node authorizer from then on. Nothing is taken away: what RBAC"
    " grants them stays until it is removed."
)
_LATER = "Only after the apiserver before it is verified."


_ORDER = (
    "Until now RBAC answers what Node would answer, too: only with Node first does an audit log"
    " show what the grants are still needed for."
)


def flags_title(server: Server) -> str:
    """What the step does to this apiserver."""
    if server.is_done:
        return f"Ask Node before RBAC on {server.machine}"
    if server.lacks_only_restriction:
        return f"Turn on NodeRestriction on {server.machine}"
    if server.state.node_restriction is Switch.ON:
        return f"Turn on Node before RBAC on {server.machine}"
    return f"Turn on Node before RBAC, and NodeRestriction, on {server.machine}"


def flags_why(server: Server, *, is_first: bool) -> str:
    """Why, and for all but the first, when."""
    said = [] if is_first else [_LATER]
    if not server.lacks_only_restriction:
        said.append(_NODE)
    elif server.asks_rbac_first:
        said.append(_ORDER)
    if server.state.node_restriction is not Switch.ON:
        said.append(RESTRICTION)
    return " ".join(said)
