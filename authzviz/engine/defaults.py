"""What distributions document as their own defaults, and what is declared: assumed, never seen.

It narrows the verdicts that remain possible, and decides none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from authzviz.engine.apiserver import FlagSource
from authzviz.engine.assessment import ApiServerState, Switch, Verdict
from authzviz.engine.flagged import flagged
from authzviz.engine.model import Snapshot

_TARGET = ("Node", "RBAC")


@dataclass(frozen=True, slots=True)
class Assumed:
    """Modes and NodeRestriction as they are said to be, None where nothing says it, and who says
    so.
    """

    modes: tuple[str, ...] | None
    restriction: bool | None
    source: str
    since: int = 0


def _documented(
    name: str, modes: tuple[str, ...] | None, restriction: bool | None, since: int = 0
) -> Assumed:
    return Assumed(modes, restriction, f"{name} documents as its default", since)


_DEFAULTS = {
    "kubeadm": _documented("kubeadm", _TARGET, restriction=True),
    "kind": _documented("kind", _TARGET, restriction=True),
    "kubespray": _documented("kubespray", _TARGET, restriction=True),
    "k3s": _documented("k3s", _TARGET, restriction=True),
    "rke2": _documented("RKE2", _TARGET, restriction=True),
    "kops": _documented("kops", _TARGET, restriction=True),
    "talos": _documented("Talos", _TARGET, restriction=True),
    "openshift": _documented(
        "OpenShift", ("Scope", "SystemMasters", "RBAC", "Node"), restriction=True
    ),
    "k0s": _documented("k0s", _TARGET, restriction=True),
    "microk8s": _documented("MicroK8s", ("AlwaysAllow",), restriction=False),
    "eks": _documented("EKS", None, restriction=True),
    "aks": _documented("AKS", None, restriction=True, since=24),
}
"""Sources: kubernetes cmd/kubeadm/app/phases/controlplane/manifests.go; kubespray
roles/kubespray_defaults; k3s pkg/daemons/control/server.go; rke2 pkg/cli/defaults/defaults.go; kops
pkg/model/components/apiserver.go; Talos control_plane_final.go; OpenShift
cluster-kube-apiserver-operator observe_authorization_mode.go; k0s
pkg/component/controller/apiserver.go; microk8s-resources/default-args/kube-apiserver; EKS platform
versions; AKS release 2022-07-17. GKE documents neither.
"""


def assumed_of(snapshot: Snapshot, distribution: str, minor: int) -> Assumed | None:
    """What is declared, else what the distribution documents; None where nothing is."""
    for source in declared_of(snapshot):
        modes, restriction = meant_by(source)
        if modes is not None or restriction is not None:
            return Assumed(modes, restriction, f"{source.evidence} declares")
    found = _DEFAULTS.get(distribution)
    return found if found and minor >= found.since else None


def declared_of(snapshot: Snapshot) -> tuple[FlagSource, ...]:
    """The places that say what apiservers should run with; none where they were not read."""
    return (snapshot.declared.value or ()) if snapshot.declared else ()


def meant_by(source: FlagSource) -> tuple[tuple[str, ...] | None, bool | None]:
    """The modes, and whether NodeRestriction is on, that a place of flags with its distribution's
    defaults comes to.
    """
    said = flagged(source.flags, None, source.defaults)
    default = _DEFAULTS.get(source.defaults)
    names = {flag.name for flag in source.flags}
    modes, restriction = said.modes, _bool(said.restriction)
    if default and modes is None and not names & {"authorization-config", "authorization-mode"}:
        modes = default.modes
    if default and restriction is None and "enable-admission-plugins" not in names:
        restriction = default.restriction
    return modes, restriction


def _bool(switch: Switch) -> bool | None:
    return None if switch is Switch.UNKNOWN else switch is Switch.ON


_States = tuple[ApiServerState, ...]


def narrowed(
    possible: set[Verdict],
    states: _States,
    assumed: Assumed | None,
    judge: Callable[[_States], set[Verdict]],
) -> tuple[set[Verdict], tuple[str, ...]]:
    """The verdicts that remain with what is assumed, and what was assumed, in sentences.

    Where that would leave just one, less is assumed, or nothing: no verdict rests on it alone.
    """
    if assumed is None or len(possible) < 2:
        return possible, ()
    whole = (assumed, replace(assumed, restriction=None), replace(assumed, modes=None))
    for part in whole:
        filled = tuple(_filled(state, part) for state in states)
        remain = judge(filled) & possible if filled != states else possible
        if 1 < len(remain) < len(possible):
            return remain, (_sentence(part),)
    return possible, ()


def _filled(state: ApiServerState, assumed: Assumed) -> ApiServerState:
    """The state with what is assumed where nothing is known, and nothing known speaks against."""
    modes = assumed.modes
    if state.authorization_modes is None and modes is not None and _may_be(state, modes):
        state = replace(state, authorization_modes=modes)
    if state.node_restriction is Switch.UNKNOWN and assumed.restriction is not None:
        switch = Switch.ON if assumed.restriction else Switch.OFF
        state = replace(state, node_restriction=switch)
    return state


def _may_be(state: ApiServerState, modes: tuple[str, ...]) -> bool:
    known = (
        ("AlwaysAllow", state.always_allow),
        ("Node", state.node_authorizer),
        ("RBAC", state.rbac),
    )
    return not state.opaque and all(
        switch is Switch.UNKNOWN or (switch is Switch.ON) is (mode in modes)
        for mode, switch in known
    )


def _sentence(assumed: Assumed) -> str:
    said = " and ".join(_parts(assumed))
    return f"{assumed.source} {said}: not seen, so it narrows what is possible and decides nothing"


def _parts(assumed: Assumed) -> Iterator[str]:
    if assumed.modes is not None:
        yield f"--authorization-mode={','.join(assumed.modes)}"
    if assumed.restriction is not None:
        yield f"NodeRestriction {'on' if assumed.restriction else 'off'}"
