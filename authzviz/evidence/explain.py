"""Log lines -> who was refused what, what that is for, who should have allowed it, and the fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from authzviz.engine import node as node_authorizer
from authzviz.engine.assessment import Decision
from authzviz.engine.fresh import NODE_ROLE, fresh_roles
from authzviz.engine.identity import NODE_USER_PREFIX, NODES_GROUP, SERVICE_ACCOUNT_PREFIX
from authzviz.engine.needs import ANY_NAMESPACE, Need, further_needs_of, needs_of
from authzviz.engine.rbac import covers
from authzviz.engine.request import Request
from authzviz.engine.versions import NEWEST_MINOR, clamp
from authzviz.evidence.causes import cause_of
from authzviz.evidence.explanation import Explained, Explanation, ModeAnswer, Place, ReadLog
from authzviz.evidence.lines import split_log
from authzviz.evidence.refusals import Refusal, RefusedBy, refusal_of

MAX_EXPLANATIONS = 500
MAX_LINE_LETTERS = 1_000
_TARGET = "Node,RBAC with NodeRestriction"
_NO_RESTRICTION = "Node,RBAC without NodeRestriction"
_FRESH = "RBAC only, a fresh cluster"
_LEGACY = "RBAC only, system:node bound to system:nodes"


def explain(text: str, minor: int = NEWEST_MINOR) -> Explained:
    """Every distinct refusal that the log tells of, with how often, by the rules of 1.`minor`.

    Raises LogTooLarge above 10 MB; lines above 1 MB are counted and left out.
    """
    return explain_refusals(read_log(text), minor)


def read_log(text: str, at_most: int = MAX_EXPLANATIONS) -> ReadLog:
    """The distinct refusals of a log, the first `at_most` of them, and what the other lines were.

    Raises LogTooLarge above 10 MB.
    """
    log = split_log(text)
    seen: dict[Refusal, Place] = {}
    left_out = 0
    told = 0
    for line in log.candidates:
        refusal = refusal_of(line.texts)
        if refusal is None:
            continue
        told += 1
        place = seen.get(refusal)
        if place is not None:
            seen[refusal] = replace(place, count=place.count + 1)
        elif len(seen) < at_most:
            seen[refusal] = Place(line.number, _cut(line.text))
        else:
            left_out += 1
    return ReadLog(
        refusals=tuple(seen.items()),
        lines=log.total,
        silent=log.total - told - log.too_long,
        too_long=log.too_long,
        left_out=left_out,
    )


def explain_refusals(log: ReadLog, minor: int) -> Explained:
    """The same refusals explained, by the rules of 1.`minor`."""
    minor = clamp(minor)
    return Explained(
        explanations=tuple(_explained(refusal, minor, place) for refusal, place in log.refusals),
        lines=log.lines,
        silent=log.silent,
        too_long=log.too_long,
        left_out=log.left_out,
        minor=minor,
    )


def _cut(line: str) -> str:
    line = line.strip()
    return line if len(line) <= MAX_LINE_LETTERS else f"{line[: MAX_LINE_LETTERS - 1]}…"


def _explained(refusal: Refusal, minor: int, place: Place) -> Explanation:
    node = _node_of(refusal)
    need, request = _need_of(refusal, node, minor)
    is_nodes = bool(node) and (refusal.groups is None or NODES_GROUP in refusal.groups)
    says = node_authorizer.decide(node if is_nodes else "", request, minor)
    is_restricted = refusal.by is RefusedBy.NODE_RESTRICTION
    if refusal.by is RefusedBy.AUTHENTICATION:
        modes: tuple[ModeAnswer, ...] = ()
    elif is_restricted:
        modes = _RESTRICTED
    else:
        modes = tuple(_modes(request, minor, says, is_nodes=is_nodes))
    return Explanation(
        user=refusal.user,
        groups=refusal.groups,
        node=node,
        request=refusal.request,
        asked=request,
        refused_by=refusal.by,
        said=refusal.reason,
        need=need.id if need else "",
        need_title=need.title if need else "",
        is_core=bool(need and need.is_core),
        without=need.without if need else "",
        modes=modes,
        cause=cause_of(refusal, node, need.id if need else "", says.decision),
        count=place.count,
        first_line=place.number,
        line=place.text,
    )


def _node_of(refusal: Refusal) -> str:
    """The node that the user's name says, "" for none."""
    if not refusal.user.startswith(NODE_USER_PREFIX):
        return ""
    return refusal.user.removeprefix(NODE_USER_PREFIX)


def _need_of(refusal: Refusal, node: str, minor: int) -> tuple[Need | None, Request]:
    """The need that the request is, if a kubelet's, and the request as that need makes it.

    A line never shows the field selector, and for a create no name: the need's own stand in.
    """
    told = refusal.request
    if refusal.by is RefusedBy.NODE_RESTRICTION and told.name != node:
        return None, told  # on the object of another
    if refusal.user.startswith(SERVICE_ACCOUNT_PREFIX) or "field selector" in refusal.reason:
        return None, told  # no kubelet, or not as a kubelet asks
    # A name in upper case is the same need, of a node that the apiserver takes for another.
    own = told.name if told.name and (not node or told.name == node.lower()) else node
    for need in (*needs_of(own, minor), *further_needs_of(own, minor)):
        for wanted in need.requests:
            if _is_same(told, wanted, own):
                asked = replace(wanted, namespace=told.namespace, name=told.name or wanted.name)
                return need, asked if told.verb else told
    if node and told.verb in ("list", "watch"):
        return None, replace(told, field_selector=f"spec.nodeName={node}")
    return None, told


def _is_same(told: Request, wanted: Request, node: str) -> bool:
    if (told.group, told.full_resource) != (wanted.group, wanted.full_resource) or told.path:
        return False
    if told.verb and told.verb != wanted.verb:
        return False
    if told.verb and wanted.namespace not in (told.namespace, ANY_NAMESPACE):
        return False
    if not node or wanted.name != node:
        return True
    # A list with the selector metadata.name has that name; without, it is one of all objects.
    return told.name == node or (not told.name and told.verb not in ("list", "watch"))


def _modes(
    request: Request, minor: int, says: node_authorizer.NodeAnswer, *, is_nodes: bool
) -> Iterator[ModeAnswer]:
    """What each usual configuration answers to a request that authorizers refused."""
    nobody = "only a binding to this user or its groups could allow it"
    if says.decision is Decision.NO:
        yield ModeAnswer(_TARGET, Decision.NO, "", f"{says.because}; {nobody}")
    else:
        yield ModeAnswer(_TARGET, says.decision, "Node", says.because)
    yield ModeAnswer(_FRESH, Decision.NO, "", f"system:node is bound to nobody; {nobody}")
    role = next(role for role in fresh_roles(minor) if role.name == NODE_ROLE)
    if is_nodes and any(covers(rule, request) for rule in role.rules):
        because = "ClusterRole system:node holds it, for every object of the cluster"
        yield ModeAnswer(_LEGACY, Decision.ALLOW, "RBAC", because)
    else:
        yield ModeAnswer(_LEGACY, Decision.NO, "", f"that role doesn't reach it; {nobody}")
    everything = "it lets everyone do everything"
    yield ModeAnswer("AlwaysAllow", Decision.ALLOW, "AlwaysAllow", everything)


_RESTRICTED = (
    ModeAnswer(
        _TARGET, Decision.NO, "NodeRestriction", "authorizers allow it, and admission refuses it"
    ),
    ModeAnswer(
        _NO_RESTRICTION, Decision.ALLOW, "Node", "nothing keeps a kubelet to its own objects then"
    ),
)
