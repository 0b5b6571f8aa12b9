"""What was not read, why, what it would tell, and the permission or step that would tell."""

from __future__ import annotations

from authzviz.engine.assessment import ApiServerState, Missing
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.model import Outcome, Read, Snapshot
from authzviz.engine.phrases import counted
from authzviz.engine.versions import minor_of

_READS = {
    "version": ("the version", "which rules the Node authorizer of this version has"),
    "apiservers": (
        "the apiservers' flags",
        "whether the Node authorizer and NodeRestriction are on",
    ),
    "endpoints": (
        "the addresses of the apiservers (EndpointSlice default/kubernetes)",
        "whether apiservers run that were not seen",
    ),
    "cluster_roles": ("ClusterRoles", "what the bindings that reach kubelets grant"),
    "cluster_role_bindings": ("ClusterRoleBindings", "which roles reach kubelets"),
    "roles": ("Roles", "what bindings in namespaces grant kubelets"),
    "role_bindings": ("RoleBindings", "which roles in namespaces reach kubelets"),
    "nodes": ("Nodes", "which nodes exist and how they are"),
    "leases": ("Leases of kube-node-lease", "which nodes are heard of right now"),
}

ASIDE = frozenset(_READS[field][0] for field in ("endpoints", "nodes", "leases"))
"""What hardly ever decides a verdict."""


def decisive(missing: tuple[Missing, ...]) -> tuple[Missing, ...]:
    """Of what is missing, what a verdict that can't be told most likely hangs on."""
    return tuple(each for each in missing if each.what not in ASIDE) or missing


def missing_of(
    snapshot: Snapshot, states: tuple[ApiServerState, ...], *, has_unseen: bool
) -> tuple[Missing, ...]:
    """Everything that was not read or not understood, in the order of the reads."""
    missing = []
    for field, read in snapshot.reads.items():
        what, would_tell = _READS[field]
        if read.outcome is not Outcome.OK:
            missing.append(Missing(what, read.why or _why(read), read.permission, would_tell))
        elif read.gaps:
            why = f"served, but not understood: {', '.join(read.gaps)}"
            missing.append(Missing(f"some of {what}", why, read.permission, would_tell))
    version = snapshot.version.value
    if version is not None and minor_of(version) is None:
        what, would_tell = _READS["version"]
        why = f'"{version}" is no version of Kubernetes that is known'
        missing.append(Missing(what, why, snapshot.version.permission, would_tell))
    if snapshot.apiservers.outcome is Outcome.OK and not states:
        missing.append(_no_apiserver(snapshot))
    missing.extend(_of_state(state, snapshot) for state in states if state.why)
    if has_unseen:
        missing.append(_unseen(snapshot, len(states)))
    missing.extend(_opaque(states))
    return tuple(missing)


def _why(read: Read[object]) -> str:
    return "forbidden" if read.outcome is Outcome.FORBIDDEN else "the read failed"


def _no_apiserver(snapshot: Snapshot) -> Missing:
    what, would_tell = _READS["apiservers"]
    why = "no apiserver's flags were found"
    return Missing(what, why, snapshot.apiservers.permission, would_tell)


def _of_state(state: ApiServerState, snapshot: Snapshot) -> Missing:
    _, would_tell = _READS["apiservers"]
    if state.authorization_modes is not None:
        what = f"the admission plugins of apiserver {state.name}"
        return Missing(what, state.why, "its flags", "whether NodeRestriction is on")
    what = f"the authorizers of apiserver {state.name}"
    # Where the flags were read and name a file, no permission shows it.
    is_in_file = state.admission_plugins is not None
    needed = (
        "the file itself, on the control plane" if is_in_file else snapshot.apiservers.permission
    )
    return Missing(what, state.why, needed, would_tell)


def _unseen(snapshot: Snapshot, seen: int) -> Missing:
    listed = len(set(snapshot.endpoints.value or ()))
    why = (
        f"{seen} of {counted(listed, 'apiserver')} seen"
        if listed > seen
        else "some were not understood"
    )
    return Missing(
        "the flags of every apiserver",
        why,
        snapshot.apiservers.permission,
        "whether all apiservers do the same for kubelets",
    )


def _opaque(states: tuple[ApiServerState, ...]) -> list[Missing]:
    modes = {mode for state in states for mode in state.authorization_modes or ()}
    return [
        Missing(
            f"what {mode} answers to kubelets",
            f"{mode} is in the chain, and the API doesn't show what it allows",
            "create subjectaccessreviews.authorization.k8s.io",
            f"whether {mode} gives kubelets more than the Node authorizer",
        )
        for mode in OPAQUE_MODES
        if mode in modes
    ]
