"""What changed about apiservers: by what is known of each, not by the text of its flags."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.apiserver import ApiServer
from authzviz.engine.assessment import ApiServerState, Switch
from authzviz.engine.chain import NODE_RESTRICTION, state_of
from authzviz.engine.differences import About, Change, named
from authzviz.engine.model import Snapshot
from authzviz.engine.phrases import counted, shown_modes
from authzviz.engine.versions import minor_of

_Pair = tuple[ApiServer, ApiServer]
_Said = tuple[str, str]

_RESTRICTION_MEANS = {
    Switch.ON: "a kubelet changes only its own Node and its own pods from now on",
    Switch.OFF: "a kubelet may change other nodes and their pods",
}


def changed_apiservers(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """Apiservers that came and went, and what each does otherwise; what all do alike is said once.

    Nothing where the apiservers of one side were not read.
    """
    if before.apiservers.value is None or after.apiservers.value is None:
        return
    old, new = _by_name(before.apiservers.value), _by_name(after.apiservers.value)
    yield from _appeared(new, old, after, is_sure=before.apiservers.is_whole)
    yield from _gone(old, new, is_sure=after.apiservers.is_whole)
    said: dict[_Said, list[str]] = {}
    pairs = [(old[name], server) for name, server in new.items() if name in old]
    for pair in pairs:
        for each in _differences(pair, before, after):
            said.setdefault(each, []).append(pair[1].name)
    for (words, means), names in said.items():
        yield Change(About.APISERVER, f"{_which(names, len(pairs))}: {words}", means)
    yield from _addresses(before, after)


def _by_name(servers: tuple[ApiServer, ...]) -> dict[str, ApiServer]:
    """Another name of an apiserver that is there already counts as none."""
    return {server.name: server for server in servers if not server.is_alias}


def _which(names: list[str], of: int) -> str:
    if len(names) == 1:
        return f"Apiserver {names[0]}"
    return f"All {of} apiservers" if len(names) == of else f"Apiservers {named(names)}"


def _appeared(
    new: dict[str, ApiServer], old: dict[str, ApiServer], after: Snapshot, *, is_sure: bool
) -> Iterator[Change]:
    for name, server in new.items():
        if name in old:
            continue
        state = _state(server, after)
        has = f"with {shown_modes(state.authorization_modes)}"
        switch = _restriction(state.node_restriction)
        words = f"Apiserver {name} is new, {has} and {NODE_RESTRICTION} {switch}"
        if not is_sure:
            words = f"Apiserver {name} is seen, {has}; whether it is new can't be told"
        yield Change(About.APISERVER, words)


def _gone(
    old: dict[str, ApiServer], new: dict[str, ApiServer], *, is_sure: bool
) -> Iterator[Change]:
    for name in old:
        if name not in new:
            ends = (
                "is gone" if is_sure else "is not seen any more; whether it is gone can't be told"
            )
            yield Change(About.APISERVER, f"Apiserver {name} {ends}")


def _state(server: ApiServer, snapshot: Snapshot) -> ApiServerState:
    minor = minor_of(snapshot.version.value or "")
    return state_of(server, minor=minor, read_at=snapshot.read_at)


def _differences(pair: _Pair, before: Snapshot, after: Snapshot) -> Iterator[_Said]:
    """What of one apiserver is otherwise, as words and what they mean."""
    old, new = _state(pair[0], before), _state(pair[1], after)
    yield from _modes(old, new)
    yield from _restrictions(old.node_restriction, new.node_restriction)
    yield from _plugins(old.admission_plugins, new.admission_plugins)
    yield from _gates(dict(old.feature_gates), dict(new.feature_gates))
    yield from _sentences(old, new)
    yield from _answers(*pair)


def _modes(old: ApiServerState, new: ApiServerState) -> Iterator[_Said]:
    one, other = old.authorization_modes, new.authorization_modes
    if one != other:
        words = f"the authorizers were {shown_modes(one)}, and are {shown_modes(other)}"
        yield words, _modes_mean(one, other)
    elif one is None and set(old.opaque) != set(new.opaque):
        yield (
            f"of its authorizers, now {named(list(new.opaque)) or 'none'} can't be looked into",
            "",
        )


def _modes_mean(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> str:
    if old is None or new is None:
        return ""
    if "AlwaysAllow" in new and "AlwaysAllow" not in old:
        return "whoever gets past authentication may do everything"
    if "Node" in new and "Node" not in old:
        return "the Node authorizer serves kubelets; what RBAC still grants them adds to it"
    if "Node" in old and "Node" not in new:
        return "kubelets get only what RBAC grants them"
    if "AlwaysAllow" in old and "AlwaysAllow" not in new:
        return "what nothing else allows is refused"
    return ""


def _restriction(switch: Switch) -> str:
    return "that can't be told" if switch is Switch.UNKNOWN else str(switch)


def _restrictions(old: Switch, new: Switch) -> Iterator[_Said]:
    if old is new:
        return
    if new is Switch.UNKNOWN:
        yield f"{NODE_RESTRICTION} was {old}; whether it still is can't be told", ""
    elif old is Switch.UNKNOWN:
        yield f"{NODE_RESTRICTION} is {new}; what it was before can't be told", ""
    else:
        yield f"{NODE_RESTRICTION} was {old}, and is {new}", _RESTRICTION_MEANS[new]


def _plugins(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> Iterator[_Said]:
    """Other admission plugins, where both lists are known."""
    if old is None or new is None:
        return
    added = sorted(set(new) - set(old) - {NODE_RESTRICTION})
    removed = sorted(set(old) - set(new) - {NODE_RESTRICTION})
    if added:
        yield f"the flags now list admission plugin{_s(added)} {named(added)}", ""
    if removed:
        yield f"the flags no longer list admission plugin{_s(removed)} {named(removed)}", ""


def _s(names: list[str]) -> str:
    return "s" if len(names) > 1 else ""


def _gates(old: dict[str, bool], new: dict[str, bool]) -> Iterator[_Said]:
    for gate in sorted({*old, *new}):
        if old.get(gate) != new.get(gate):
            yield f"feature gate {gate} was {_set(old, gate)}, and is {_set(new, gate)}", ""


def _set(gates: dict[str, bool], gate: str) -> str:
    return f"set to {str(gates[gate]).lower()}" if gate in gates else "left at its default"


def _sentences(old: ApiServerState, new: ApiServerState) -> Iterator[_Said]:
    for said in sorted(set(new.contradictions) - set(old.contradictions)):
        yield f"what it answers is not what its flags say: {said}", ""
    for said in sorted(set(new.conflicts) - set(old.conflicts)):
        yield f"two places show different flags: {said}", ""
    if old.contradictions and not new.contradictions:
        yield "what it answers is what its flags say again", ""


def _answers(old: ApiServer, new: ApiServer) -> Iterator[_Said]:
    """Questions about kubelets that are answered otherwise, by their ids."""
    one, other = _allowed(old), _allowed(new)
    changed = [probe for probe in sorted(one) if other.get(probe, one[probe]) is not one[probe]]
    allowed = [probe for probe in changed if other[probe]]
    refused = [probe for probe in changed if not other[probe]]
    if allowed:
        yield f"it allows a kubelet what it refused before: {named(allowed)}", ""
    if refused:
        yield f"it refuses a kubelet what it allowed before: {named(refused)}", ""


def _allowed(server: ApiServer) -> dict[str, bool]:
    reviews = server.observed.reviews.value if server.observed else None
    return {review.probe: review.allowed for review in reviews or () if not review.node}


def _addresses(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """Addresses of apiservers that came and went, where both lists were read."""
    old, new = before.endpoints.value, after.endpoints.value
    if old is None or new is None or set(old) == set(new):
        return
    came, went = sorted(set(new) - set(old)), sorted(set(old) - set(new))
    said = [f"{named(came)} came"] * bool(came) + [f"{named(went)} went"] * bool(went)
    count = counted(len(set(new)), "address").replace("addresss", "addresses")
    words = f"EndpointSlice default/kubernetes lists {count} of apiservers: {', '.join(said)}"
    yield Change(About.APISERVER, words)
