"""What a chain of authorizers says to one request of a kubelet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from authzviz.engine import node
from authzviz.engine.assessment import Answer, Decision
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.classes import NodeClass
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.grants import describe_binding, describe_role, describe_subject
from authzviz.engine.needs import ANY_NAMESPACE, Need
from authzviz.engine.rbac import Rbac, Reach
from authzviz.engine.request import Request

_WORST_FIRST = (Decision.NO, Decision.UNKNOWN, Decision.CONDITIONAL, Decision.ALLOW)


@dataclass(frozen=True, slots=True)
class Said:
    """A decision with who gives it, through what, and why."""

    decision: Decision
    by: str = ""
    through: str = ""
    because: str = ""


ALWAYS_ALLOW = Said(
    Decision.ALLOW, "AlwaysAllow", "AlwaysAllow", "AlwaysAllow lets everyone do everything"
)
NO_OPINION = Said(Decision.NO)


def said_by_rbac(reach: Reach) -> Said:
    """RBAC's allowance through that binding."""
    through = describe_binding(reach.binding)
    because = f"{through} binds {describe_role(reach.binding)} to {describe_subject(reach.subject)}"
    return Said(Decision.ALLOW, "RBAC", through, because)


def nobody(modes: tuple[str, ...]) -> str:
    """The reason where none of these authorizers allows."""
    return f"nobody in {','.join(modes)} allows it"


def sure_reach(nodes: NodeClass, request: Request) -> Reach | None:
    """The first binding with a known rule that allows the request, or None."""
    return next((reach for reach in nodes.reaches if reach.allows(request)), None)


def may_be_granted(rbac: Rbac, nodes: NodeClass, request: Request) -> bool:
    """True where what was not read of RBAC may allow the request.

    No RoleBinding serves a request in any namespace, however many there are.
    """
    if rbac.is_open:
        return True
    in_namespace = bool(request.namespace) and request.namespace != ANY_NAMESPACE
    if rbac.is_open_in_namespaces and in_namespace:
        return True
    return any(reach.is_unread and reach.may_allow(request) for reach in nodes.reaches)


def decide(
    modes: tuple[str, ...],
    rbac: Rbac,
    nodes: NodeClass,
    request: Request,
    minor: int,
    settings: Settings = BY_DEFAULT,
) -> Said:
    """What the chain says to a request that a kubelet needs: the first that allows wins.

    A need is about objects of the node's own pods, so where the Node authorizer asks for that
    relation it is what answers. What can't be told (a webhook, an unread list) stands only where
    nothing allows.
    """
    fallback = Said(Decision.NO, because=nobody(modes))
    for mode in modes:
        said = _ask(mode, rbac, nodes, request, minor, settings)
        if said.decision in (Decision.ALLOW, Decision.CONDITIONAL):
            return said
        if said.decision is Decision.UNKNOWN:
            fallback = said
    return fallback


def answer(
    need: Need,
    modes: tuple[str, ...] | None,
    rbac: Rbac,
    nodes: NodeClass,
    minor: int,
    settings: Settings = BY_DEFAULT,
) -> Answer:
    """What one need gets from one apiserver: the worst of what its requests get.

    `modes` is None where the chain can't be told.
    """
    if modes is None:
        said = _without_chain(need, nodes)
    else:
        all_said = [
            decide(modes, rbac, nodes, request, minor, settings) for request in need.requests
        ]
        said = min(all_said, key=lambda each: _WORST_FIRST.index(each.decision))
        if said.decision is Decision.NO:
            said = _refusal(need, modes, rbac, nodes)
    return Answer(
        need=need.id,
        title=need.title,
        is_core=need.is_core,
        decision=said.decision,
        by=said.by,
        through=said.through,
        because=said.because,
        without=need.without,
        why=need.why,
    )


def _ask(
    mode: str, rbac: Rbac, nodes: NodeClass, request: Request, minor: int, settings: Settings
) -> Said:
    if mode == "AlwaysAllow":
        return ALWAYS_ALLOW
    if mode == "Node":
        said = node.decide(nodes.example, request, minor, settings)
        return Said(said.decision, mode, f"Node authorizer, rules of 1.{minor}", said.because)
    if mode == "RBAC":
        return _ask_rbac(rbac, nodes, request)
    if mode in OPAQUE_MODES:
        return Said(Decision.UNKNOWN, mode, because=f"what {mode} answers was not asked")
    return NO_OPINION


def _ask_rbac(rbac: Rbac, nodes: NodeClass, request: Request) -> Said:
    reach = sure_reach(nodes, request)
    if reach is not None:
        return said_by_rbac(reach)
    if may_be_granted(rbac, nodes, request):
        return Said(Decision.UNKNOWN, "RBAC", because="RBAC could not be read as a whole")
    return NO_OPINION


def _without_chain(need: Need, nodes: NodeClass) -> Said:
    reaches = [sure_reach(nodes, request) for request in need.requests]
    if all(reaches) and reaches[0] is not None:
        through = describe_binding(reaches[0].binding)
        return Said(
            Decision.UNKNOWN,
            through=through,
            because=f"{through} grants it where RBAC is asked; the authorizers can't be told",
        )
    return Said(
        Decision.UNKNOWN,
        because="no binding is known to grant it; whether the Node authorizer does can't be told",
    )


def _refusal(need: Need, modes: tuple[str, ...], rbac: Rbac, nodes: NodeClass) -> Said:
    """Why nobody serves a need. Named are a binding that would, had it subjects, and the only
    namespaces where RoleBindings do.
    """
    if "RBAC" not in modes:
        return Said(Decision.NO, because=nobody(modes))
    idle = rbac.idle_for(need.requests[0])
    through = describe_binding(idle) if idle else ""
    because = "it has no subjects: reaches nobody" if idle else nobody(modes)
    namespaces = sorted(
        {
            reach.binding.namespace
            for reach in nodes.reaches
            if reach.binding.namespace and _serves_there(reach, need)
        }
    )
    if namespaces:
        because += f"; bindings grant it only in namespace {', '.join(namespaces)}"
    return Said(Decision.NO, through=through, because=because)


def _serves_there(reach: Reach, need: Need) -> bool:
    return any(
        request.namespace == ANY_NAMESPACE
        and reach.allows(replace(request, namespace=reach.binding.namespace))
        for request in need.requests
    )
