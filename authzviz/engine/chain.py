"""From an apiserver's flags to its chain of authorizers, and to NodeRestriction."""

from __future__ import annotations

from authzviz.engine import gates
from authzviz.engine.assessment import ApiServerState, Switch
from authzviz.engine.flags import BadFlagError, values_of
from authzviz.engine.model import ApiServer, Authorizer, Flag

MODES = frozenset(("AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"))
OPAQUE_MODES = ("Webhook", "ABAC")
"""Authorizers whose answers hang on what the cluster's API does not show."""
NODE_RESTRICTION = "NodeRestriction"

_CONFIG_WHY = (
    "its authorizers are in the file that --authorization-config names, which the API doesn't show"
)


def state_of(server: ApiServer) -> ApiServerState:
    """What the apiserver's flags mean.

    None for modes or plugins where they can't be told, with `why`. Flags with which no apiserver
    starts tell nothing: the process that runs was started with others.
    Source: kubernetes v1.37.2 pkg/kubeapiserver/options/{authorization,admission}.go.
    """
    if server.flags is None and server.authorizers is not None:
        return _without_flags(server, server.authorizers)
    if server.flags is None:
        return _unknown(server, server.why or "its flags could not be read")
    try:
        modes, why = _modes(server.flags, server.authorizers)
        plugins = _plugins(server.flags)
        settings = gates.of_flags(server.flags)
    except BadFlagError as bad:
        return _unknown(server, f"an apiserver can't start with these flags: {bad}")
    return ApiServerState(
        name=server.name,
        authorization_modes=modes,
        admission_plugins=plugins,
        node_authorizer=Switch.UNKNOWN if modes is None else _switch("Node" in modes),
        node_restriction=_switch(NODE_RESTRICTION in plugins),
        evidence=server.evidence,
        why=why,
        feature_gates=settings,
    )


def over_all(switches: tuple[Switch, ...]) -> Switch:
    """One switch for all apiservers: mixed where it is on here and off there, unknown where one
    can't be told.
    """
    seen = set(switches)
    if {Switch.ON, Switch.OFF} <= seen:
        return Switch.MIXED
    return seen.pop() if len(seen) == 1 else Switch.UNKNOWN


def _unknown(server: ApiServer, why: str) -> ApiServerState:
    return ApiServerState(
        server.name, None, None, Switch.UNKNOWN, Switch.UNKNOWN, server.evidence, why
    )


def _without_flags(server: ApiServer, authorizers: tuple[Authorizer, ...]) -> ApiServerState:
    """The state where only an AuthorizationConfiguration is known: admission is set by flags."""
    modes = tuple(authorizer.type for authorizer in authorizers)
    return ApiServerState(
        name=server.name,
        authorization_modes=modes,
        admission_plugins=None,
        node_authorizer=_switch("Node" in modes),
        node_restriction=Switch.UNKNOWN,
        evidence=server.evidence,
        why="an AuthorizationConfiguration says nothing of admission plugins, which are flags",
    )


def _switch(is_on: bool) -> Switch:
    return Switch.ON if is_on else Switch.OFF


def _modes(
    flags: tuple[Flag, ...], authorizers: tuple[Authorizer, ...] | None
) -> tuple[tuple[str, ...] | None, str]:
    modes = values_of(flags, "authorization-mode")
    names = {flag.name for flag in flags}
    if "authorization-config" in names:
        # /flagz shows an empty authorization-mode beside the file.
        if modes:
            raise BadFlagError("--authorization-mode together with --authorization-config")
        if authorizers is not None:
            return tuple(authorizer.type for authorizer in authorizers), ""
        return None, _CONFIG_WHY
    if "openshift-config" in names and modes is None:
        return None, "its authorizers are in the file that --openshift-config names"
    if modes is None:
        return ("AlwaysAllow",), ""
    _check_modes(modes)
    return modes, ""


def _check_modes(modes: tuple[str, ...]) -> None:
    if not modes:
        raise BadFlagError("--authorization-mode is empty")
    for mode in modes:
        if mode not in MODES:
            raise BadFlagError(f'authorization-mode "{mode}" is not a valid mode')
        if modes.count(mode) > 1:
            raise BadFlagError(f'authorization-mode "{mode}" is given more than once')


def _plugins(flags: tuple[Flag, ...]) -> tuple[str, ...]:
    whole_list = values_of(flags, "admission-control")
    enabled = values_of(flags, "enable-admission-plugins")
    disabled = values_of(flags, "disable-admission-plugins")
    if whole_list is not None and (enabled or disabled):
        raise BadFlagError(
            "--admission-control together with --enable- or --disable-admission-plugins"
        )
    for plugin in (*(whole_list or ()), *(enabled or ()), *(disabled or ())):
        if plugin != plugin.strip() or not plugin:
            raise BadFlagError(f'admission plugin "{plugin}" is unknown')
    both = set(enabled or ()) & set(disabled or ())
    if both:
        raise BadFlagError(f"{', '.join(sorted(both))} is both enabled and disabled")
    return whole_list or enabled or ()
