"""What apiservers answered about single nodes, held against each other and against the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from authzviz.engine import node as node_authorizer
from authzviz.engine.apiserver import Review
from authzviz.engine.assessment import ApiServerState, Decision, Switch, Verdict
from authzviz.engine.classes import UNNAMED_NODE
from authzviz.engine.identity import NODE_USER_PREFIX
from authzviz.engine.model import Snapshot
from authzviz.engine.probes import ALL, DELETE_VOLUME, GET_SECRET, LIST_SECRETS, OF_NODES, Probe
from authzviz.engine.rbac import Rbac
from authzviz.engine.told import is_by_rbac

_NOTHING = "no-such-object"
_PROBES = {probe.id: probe for probe in ALL}


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes about which the same was answered, "" for one that nobody has, and what they get."""

    nodes: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Surprise:
    """One answer that is not what the chain and RBAC make one expect; `node` as in Review."""

    server: str
    node: str
    asked: str
    expected: str
    said: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The nodes by what was answered about them; `is_mixed` where what they need differs."""

    groups: tuple[Group, ...] = ()
    is_mixed: bool = False


def compared(snapshot: Snapshot, states: tuple[ApiServerState, ...]) -> Compared:
    """The nodes that were asked about, those that are alike together, most first.

    Where Node is on, an allowance of RBAC may only come before its own: no difference. A Secret is
    a need only where Node is off; else it is an extra grant.
    """
    read = snapshot.node_reviews
    by_node: dict[str, dict[str, Review]] = {}
    for review in (read.value or ()) if read else ():
        if not review.error:
            by_node.setdefault(review.node, {})[review.probe] = review
    kinds: dict[tuple[str, str], list[str]] = {}
    for name, answers in by_node.items():
        asked = [answers[probe.id] for probe in OF_NODES if probe.id in answers]
        if len(asked) == len(OF_NODES):
            lease, obj = (_kind(review) for review in asked)
            kinds.setdefault((lease, obj), []).append(name)
    is_node_off = bool(states) and all(s.node_authorizer is Switch.OFF for s in states)
    needs = {(lease == _REFUSED, is_node_off and obj == _REFUSED) for lease, obj in kinds}
    groups = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    return Compared(
        tuple(Group(tuple(names), _words(*kind)) for kind, names in groups), len(needs) > 1
    )


def is_over_granted(snapshot: Snapshot) -> bool:
    """True where RBAC was seen to give some kubelet what the Node authorizer never would."""
    read = snapshot.node_reviews
    reviews = [*((read.value or ()) if read else ())]
    for server in snapshot.apiservers.value or ():
        reviews += (server.observed.reviews.value or ()) if server.observed else ()
    return any(is_by_rbac(review) and review.probe in _NEVER for review in reviews)


def is_leaking(snapshot: Snapshot) -> bool:
    """True where something other than RBAC was seen to give a kubelet a Secret of nobody's
    pod, which Node gives none.
    """
    read = snapshot.node_reviews
    return any(
        review.allowed and not review.error and not is_by_rbac(review) and review.probe in _NEVER
        for review in ((read.value or ()) if read else ())
    )


def held_against(
    possible: set[Verdict],
    snapshot: Snapshot,
    states: tuple[ApiServerState, ...],
    nodes: Compared,
    unexpected: tuple[Surprise, ...],
) -> set[Verdict]:
    """The possible verdicts, held against what was answered about single nodes.

    What no API shows may treat nodes apart: nothing is known of it where asking failed.
    """
    if is_leaking(snapshot) and possible & _CLEAN:
        possible = {*(possible - _CLEAN), Verdict.OVER_GRANTED}
    if nodes.is_mixed and possible != {Verdict.ALWAYS_ALLOW}:
        return {Verdict.MIXED, *(possible & {Verdict.ALWAYS_ALLOW})}
    if unexpected and possible == {Verdict.NODE_AUTHORIZER}:
        return {*possible, Verdict.MIXED, Verdict.OVER_GRANTED}
    read = snapshot.node_reviews
    has_failed = read is not None and read.value is None
    if has_failed and possible == {Verdict.NODE_AUTHORIZER} and any(s.opaque for s in states):
        return {*possible, Verdict.MIXED}
    return possible


_CLEAN = frozenset((Verdict.UNRESTRICTED, Verdict.NODE_AUTHORIZER))
_REFUSED = "refused"
_NEVER = frozenset(probe.id for probe in (DELETE_VOLUME, GET_SECRET, LIST_SECRETS))


def _kind(review: Review) -> str:
    if not review.allowed:
        return _REFUSED
    return "allowed by RBAC" if is_by_rbac(review) else "allowed"


def _words(lease: str, other: str) -> str:
    return f"own Lease {lease}, a Secret of no pod of its own {other}"


def surprises(
    snapshot: Snapshot, states: tuple[ApiServerState, ...], rbac: Rbac, minor: int
) -> tuple[Surprise, ...]:
    """Answers that the model does not expect; none where RBAC or the chain is not known whole.

    An answer about a single node may come from any apiserver, so it counts only where all have
    the same chain.
    """
    if not rbac.is_whole:
        return ()
    found: list[Surprise] = []
    by_name = {state.name: state for state in states}
    for server in snapshot.apiservers.value or ():
        if server.observed and server.name in by_name and _is_known(by_name[server.name]):
            state = by_name[server.name]
            found.extend(_unexpected(server.observed.reviews.value or (), state, rbac, minor))
    chains = {state.authorization_modes for state in states}
    if snapshot.node_reviews and len(chains) == 1 and all(map(_is_known, states)):
        reviews = snapshot.node_reviews.value or ()
        found.extend(_unexpected(reviews, states[0], rbac, minor))
    return tuple(found)


def _is_known(state: ApiServerState) -> bool:
    modes = state.authorization_modes
    return modes is not None and not state.opaque and "AlwaysAllow" not in modes


def _unexpected(
    reviews: Iterable[Review], state: ApiServerState, rbac: Rbac, minor: int
) -> Iterator[Surprise]:
    for review in reviews:
        probe = _PROBES.get(review.probe)
        if probe is None or review.error or review.denied:
            continue
        expected = _expected(probe, review.node, state, rbac, minor)
        if expected is not review.allowed:
            yield Surprise(
                state.name,
                review.node,
                _asked(probe),
                "allowed" if expected else "refused",
                f"allowed ({review.reason or 'without a word'})" if review.allowed else "refused",
            )


def _expected(probe: Probe, node: str, state: ApiServerState, rbac: Rbac, minor: int) -> bool:
    identity, request = probe.about(node or UNNAMED_NODE, _NOTHING)
    modes = state.authorization_modes or ()
    name = identity.node_name
    if "Node" in modes and name is not None:
        # The object doesn't exist, so no relation leads to it.
        said = node_authorizer.decide(name, request, minor, state.feature_gates)
        if said.decision is Decision.ALLOW:
            return True
    return "RBAC" in modes and any(reach.allows(request) for reach in rbac.of(identity))


def _asked(probe: Probe) -> str:
    request = probe.request
    who = "" if probe.identity.user.startswith(NODE_USER_PREFIX) else " for a user of another name"
    return f"{request.verb} {request.full_resource}{who}"
