"""What an apiserver's flags mean for its authorizers and admission plugins."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine import gates
from authzviz.engine.apiserver import ApiServer, Authorizer, Flag
from authzviz.engine.assessment import Switch
from authzviz.engine.flags import BadFlagError, values_of
from authzviz.engine.gates import BY_DEFAULT, Settings

MODES = frozenset(("AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"))
_OPENSHIFT_MODES = frozenset(("Scope", "SystemMasters"))
"""OpenShift's own kube-apiserver has them; to kubelets they make no difference."""
OPAQUE_MODES = ("Webhook", "ABAC")
"""Authorizers whose answers hang on what the cluster's API does not show."""
NODE_RESTRICTION = "NodeRestriction"

_CONFIG_WHY = (
    "its authorizers are in the file that --authorization-config names, which the API doesn't show"
)
_REPLACING = ("k3s", "k0s", "kubeadm")
"""Distributions whose own list of plugins goes where --enable-admission-plugins is given."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """What one place's flags say: None for modes or plugins where they don't tell, and why."""

    modes: tuple[str, ...] | None = None
    plugins: tuple[str, ...] | None = None
    restriction: Switch = Switch.UNKNOWN
    settings: Settings = BY_DEFAULT
    why: str = ""


def flagged(
    flags: tuple[Flag, ...] | None,
    authorizers: tuple[Authorizer, ...] | None = None,
    defaults: str = "",
    why: str = "",
) -> Flagged:
    """What the flags mean; `defaults` names the distribution whose own defaults hold for flags
    that are not there.

    Flags with which no apiserver starts tell nothing: the process that runs was started with
    others.
    Source: kubernetes v1.37.2 pkg/kubeapiserver/options/{authorization,admission}.go.
    """
    if flags is None and authorizers is not None:
        modes = tuple(authorizer.type for authorizer in authorizers)
        return Flagged(modes, why=_ONLY_CHAIN_WHY)
    if flags is None:
        return Flagged(why=why or "its flags could not be read")
    try:
        modes_, modes_why = _modes(flags, authorizers, defaults)
        plugins = _plugins(flags)
        settings = gates.of_flags(flags)
    except BadFlagError as bad:
        return Flagged(why=f"an apiserver can't start with these flags: {bad}")
    restriction, plugins_why = _restriction(flags, plugins, defaults)
    return Flagged(
        modes=modes_,
        plugins=None if restriction is Switch.UNKNOWN else plugins,
        restriction=restriction,
        settings=settings,
        why=modes_why or plugins_why,
    )


_ONLY_CHAIN_WHY = "an AuthorizationConfiguration says nothing of admission plugins, which are flags"


def sources_of(server: ApiServer) -> list[tuple[str, Flagged]]:
    """What every place says of this apiserver, that of most weight first."""
    main = flagged(server.flags, server.authorizers, server.defaults, server.why)
    others = [
        (source.evidence, flagged(source.flags, None, source.defaults))
        for source in server.other_sources
    ]
    return [(server.evidence, main), *others]


def _restriction(
    flags: tuple[Flag, ...], plugins: tuple[str, ...], defaults: str
) -> tuple[Switch, str]:
    """Whether NodeRestriction is on, and why that can't be told."""
    if NODE_RESTRICTION in plugins:
        return Switch.ON, ""
    names = {flag.name for flag in flags}
    is_replaced = "admission-control" in names or (
        defaults in _REPLACING and "enable-admission-plugins" in names
    )
    if "openshift-config" in names and not is_replaced and "enable-admission-plugins" not in names:
        return Switch.UNKNOWN, "its admission plugins are in the file that --openshift-config names"
    is_disabled = NODE_RESTRICTION in (values_of(flags, "disable-admission-plugins") or ())
    if not defaults or is_replaced or is_disabled:
        return Switch.OFF, ""
    return Switch.UNKNOWN, f"{defaults} adds admission plugins of its own to those that are shown"


def _modes(
    flags: tuple[Flag, ...], authorizers: tuple[Authorizer, ...] | None, defaults: str
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
    if modes is None and defaults:
        return None, f"no authorization mode is shown, and {defaults} has its own defaults"
    if modes is None:
        return ("AlwaysAllow",), ""
    _check_modes(modes)
    return modes, ""


def _check_modes(modes: tuple[str, ...]) -> None:
    if not modes:
        raise BadFlagError("--authorization-mode is empty")
    for mode in modes:
        if mode not in MODES | _OPENSHIFT_MODES:
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
