"""The cluster after a change: flags, version and bindings as they would be, and what the
apiservers put back by themselves at their next start.
"""

from __future__ import annotations

import re
from dataclasses import replace

from authzviz.engine.assessment import ApiServerState, Switch
from authzviz.engine.bootstrap import Started, started
from authzviz.engine.chain import MODES, NODE_RESTRICTION, state_of
from authzviz.engine.change import Change, ChangeError
from authzviz.engine.model import ApiServer, Authorizer, Flag, Outcome, Read, Snapshot
from authzviz.engine.plugins import PLUGINS
from authzviz.engine.rebound import rebound
from authzviz.engine.versions import NEWEST_MINOR, OLDEST_MINOR, minor_of


def applied(snapshot: Snapshot, change: Change) -> Started:
    """The cluster after the change and the next start of its apiservers, with what these put back.

    Raises ChangeError for modes, plugins, versions that don't exist and bindings that aren't there.
    """
    if change != Change():
        snapshot = settled(snapshot)
    changed = replace(
        snapshot,
        version=_version(snapshot, change),
        apiservers=_apiservers(snapshot, change),
    )
    return started(rebound(changed, change))


def settled(snapshot: Snapshot) -> Snapshot:
    """The snapshot with what apiservers answered turned into flags that mean the same: after a
    change they will answer something else, and nobody has asked them yet.

    What authorizers that no API shows were seen to do is not known any more.
    """
    read = snapshot.apiservers
    value = read.value and tuple(_settled(server) for server in read.value)
    return replace(snapshot, apiservers=replace(read, value=value), node_reviews=None)


def _means(alone: ApiServerState, state: ApiServerState) -> bool:
    """True where flags alone tell modes and NodeRestriction as they are."""
    known = (state.authorization_modes, state.node_restriction)
    return (alone.authorization_modes, alone.node_restriction) == known


def _settled(server: ApiServer) -> ApiServer:
    if server.observed is None and not server.other_sources:
        return server
    state = state_of(server)
    alone = replace(server, observed=None, other_sources=(), evidence=state.evidence)
    if _means(state_of(alone), state):
        return alone
    if state.authorization_modes is None:
        return replace(alone, flags=None if state.contradictions else server.flags)
    authorizers = tuple(Authorizer(mode, mode.lower()) for mode in state.authorization_modes)
    if state.node_restriction is Switch.UNKNOWN:
        return replace(alone, flags=None, authorizers=authorizers)
    plugins = (NODE_RESTRICTION,) if state.node_restriction is Switch.ON else ()
    flags = _without(server.flags or (), _CHAIN_FLAGS | _PLUGIN_FLAGS)
    modes = Flag("authorization-mode", ",".join(state.authorization_modes))
    return replace(
        alone, flags=(*flags, modes, *(Flag("enable-admission-plugins", each) for each in plugins))
    )


_VERSION = re.compile(r"v?1\.\d{1,3}(\.\d{1,4})?", re.ASCII)


def _version(snapshot: Snapshot, change: Change) -> Read[str]:
    wanted, read = change.kubernetes_version, snapshot.version
    if not wanted:
        return read
    minor = minor_of(wanted)
    if minor is None or minor < OLDEST_MINOR or not _VERSION.fullmatch(wanted):
        raise ChangeError(
            f"{wanted} is no version that is known; there are 1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}",
            "kubernetes_version",
        )
    full = f"v{wanted.removeprefix('v')}{'' if wanted.count('.') > 1 else '.0'}"
    # What follows the numbers tells the distribution, which stays.
    found = _VERSION.match(read.value or "")
    suffix = (read.value or "")[found.end() :] if found else ""
    return replace(read, outcome=Outcome.OK, value=full + suffix, why="")


def _apiservers(snapshot: Snapshot, change: Change) -> Read[tuple[ApiServer, ...]]:
    modes, plugins, read = change.authorization_modes, change.admission_plugins, snapshot.apiservers
    if modes is not None:
        _check_modes(modes)
    if plugins is not None:
        _check_plugins(plugins, snapshot)
    if modes is None and plugins is None:
        return read
    if modes is None or plugins is None:
        # Of flags that were not read, the other half stays unknown, and with it what this gives.
        value = read.value and tuple(_changed(server, change) for server in read.value)
        return replace(read, value=value)
    seen = tuple(replace(s, flags=s.flags or (), why="") for s in read.value or ())
    own = [server for server in seen if not server.is_alias]
    number = max(len(set(snapshot.endpoints.value or ())) - len(own), not seen)
    unseen = tuple(ApiServer(f"unseen-{i + 1}", (), "not seen") for i in range(number))
    value = tuple(_changed(server, change) for server in (*seen, *unseen))
    return replace(read, outcome=Outcome.OK, value=value, why="", gaps=())


_CHAIN_FLAGS = frozenset(("authorization-mode", "authorization-config", "openshift-config"))
_FLAG_OF_MODE = {
    "ABAC": "authorization-policy-file",
    "Webhook": "authorization-webhook-config-file",
}
_PLUGIN_FLAGS = frozenset(
    ("admission-control", "enable-admission-plugins", "disable-admission-plugins")
)


def _changed(server: ApiServer, change: Change) -> ApiServer:
    if server.flags is None:
        return server
    modes, plugins = change.authorization_modes, change.admission_plugins
    flags = server.flags
    if modes is not None:
        # An apiserver does not start with the file of a mode that it isn't given.
        unwanted = _CHAIN_FLAGS | {f for mode, f in _FLAG_OF_MODE.items() if mode not in modes}
        flags = _without(flags, unwanted)
        flags = (*flags, Flag("authorization-mode", ",".join(modes)))
    if plugins is not None:
        flags = _without(flags, _PLUGIN_FLAGS)
        flags = (*flags, *(Flag("enable-admission-plugins", plugin) for plugin in plugins))
    return replace(server, flags=flags, evidence=f"{server.evidence}, with the change")


def _without(flags: tuple[Flag, ...], names: frozenset[str]) -> tuple[Flag, ...]:
    return tuple(flag for flag in flags if flag.name not in names)


def _check_modes(modes: tuple[str, ...]) -> None:
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown or not modes:
        said = f'no authorization mode "{unknown[0]}"' if unknown else "no authorization mode given"
        raise ChangeError(f"{said}; there are {', '.join(sorted(MODES))}", "authorization_modes")
    twice = sorted({mode for mode in modes if modes.count(mode) > 1})
    if twice:
        raise ChangeError(
            f"authorization mode {', '.join(twice)} is given more than once", "authorization_modes"
        )


def _check_plugins(plugins: tuple[str, ...], snapshot: Snapshot) -> None:
    """Raise for a name neither Kubernetes' own nor in use here: a typo would be believed."""
    states = [state_of(server) for server in snapshot.apiservers.value or ()]
    known = PLUGINS | {plugin for state in states for plugin in state.admission_plugins or ()}
    for plugin in plugins:
        if plugin not in known:
            raise ChangeError(
                f'no admission plugin "{plugin}"; there are {", ".join(sorted(known))}',
                "admission_plugins",
            )
