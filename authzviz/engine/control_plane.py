"""Which apiservers count, and whether more of them run than were seen."""

from __future__ import annotations

from authzviz.engine.apiserver import ApiServer
from authzviz.engine.assessment import ApiServerState, Switch
from authzviz.engine.chain import OPAQUE_MODES, state_of
from authzviz.engine.model import Outcome, Snapshot

_MANAGED = frozenset(("eks", "aks", "gke"))


def is_managed(distribution: str) -> bool:
    """True where the provider runs the control plane: it counts as one apiserver."""
    return distribution in _MANAGED


def states_of(
    snapshot: Snapshot, distribution: str, minor: int | None = None
) -> tuple[ApiServerState, ...]:
    """What is known of each apiserver that counts.

    An alias is one of the others: what it tells is said only where none of them is known to be the
    same. A provider's addresses that nobody can ask add nothing to the one that answers.
    """
    servers = snapshot.apiservers.value or ()
    if is_managed(distribution):
        servers = tuple(s for s in servers if not is_dark(s)) or servers[:1]
    when = snapshot.read_at
    states = [state_of(s, minor=minor, read_at=when) for s in servers if not s.is_alias]
    for server in servers:
        if server.is_alias:
            state = state_of(server, minor=minor, read_at=when)
            if not any(_is_covered(state, other) for other in states):
                states.append(state)
    return tuple(states)


def is_dark(server: ApiServer) -> bool:
    """True where it is known to run, and nothing else: no flags, and it could not be asked."""
    is_shown = server.flags is not None or server.authorizers is not None or server.other_sources
    return server.unasked is not None and server.observed is None and not is_shown


def told_of(states: tuple[ApiServerState, ...], snapshot: Snapshot) -> tuple[ApiServerState, ...]:
    """Those that told anything: the others are no more than apiservers that were not seen. All,
    where none told.
    """
    dark = {server.name for server in snapshot.apiservers.value or () if is_dark(server)}
    return tuple(state for state in states if state.name not in dark) or states


def has_unseen(snapshot: Snapshot, distribution: str) -> bool:
    """True where more apiservers run than were seen; a provider's control plane counts as one.

    An alias is none of its own: which of them answered, nobody knows.
    """
    read = snapshot.apiservers
    if read.outcome is not Outcome.OK or not read.value:
        return False
    if read.gaps:
        return True
    if is_managed(distribution):
        return False
    seen = count_of_seen(snapshot)
    # Behind an alias are several, or it would be known which one it is.
    is_only_alias = not seen and any(server.is_alias for server in read.value)
    return is_only_alias or max(len(set(snapshot.endpoints.value or ())), _listed(snapshot)) > seen


def count_of_seen(snapshot: Snapshot) -> int:
    """How many apiservers showed flags or answers, or at least a pod of their own."""
    servers = snapshot.apiservers.value or ()
    return sum(not server.is_alias and not is_dark(server) for server in servers)


def _listed(snapshot: Snapshot) -> int:
    return sum(not server.is_alias for server in snapshot.apiservers.value or ())


def _is_covered(alias: ApiServerState, other: ApiServerState) -> bool:
    """True where all that is known of the alias is known of the other, and the same."""
    if alias.leaks is Switch.ON is not other.leaks:
        return False
    return all(
        mine is Switch.UNKNOWN or mine is theirs
        for mine, theirs in zip(_switches(alias), _switches(other), strict=True)
    ) and (alias.authorization_modes is None or _opaque(alias) == _opaque(other))


def _switches(state: ApiServerState) -> tuple[Switch, ...]:
    return state.always_allow, state.node_authorizer, state.rbac, state.node_restriction


def _opaque(state: ApiServerState) -> frozenset[str]:
    return frozenset(state.opaque) & set(OPAQUE_MODES)
