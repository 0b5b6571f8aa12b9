"""What was not read, why, what it would tell, and the permission or step that would tell."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.apiserver import Observed
from authzviz.engine.assessment import ApiServerState, Missing, Switch
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.control_plane import count_of_seen
from authzviz.engine.model import Outcome, Read, Snapshot
from authzviz.engine.observed_nodes import Surprise
from authzviz.engine.permissions import GET_METRICS, REVIEW_ACCESS, REVIEW_OWN_RULES
from authzviz.engine.phrases import counted, listed
from authzviz.engine.probes import LEAKS
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

_SINGLE_NODES = "the answers about single nodes"
_DECLARED = "what kubeadm-config declares"
ASIDE = frozenset(
    (*(_READS[field][0] for field in ("endpoints", "nodes", "leases")), _SINGLE_NODES, _DECLARED)
)
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
    missing.extend(each for state in states for each in _of_state(state, snapshot))
    if has_unseen:
        missing.append(_unseen(snapshot))
    missing.extend(_opaque(states, snapshot))
    missing.extend(_beside(snapshot))
    return tuple(missing)


def _beside(snapshot: Snapshot) -> Iterator[Missing]:
    asked: tuple[tuple[Read[object] | None, str, str], ...] = (
        (snapshot.node_reviews, _SINGLE_NODES, "whether all nodes are treated alike"),
        (snapshot.declared, _DECLARED, "what the next kubeadm upgrade sets"),
    )
    for read, what, would_tell in asked:
        if read is not None and read.outcome is not Outcome.OK:
            yield Missing(what, read.why or _why(read), read.permission, would_tell)


def _why(read: Read[object]) -> str:
    return "forbidden" if read.outcome is Outcome.FORBIDDEN else "the read failed"


def _no_apiserver(snapshot: Snapshot) -> Missing:
    what, would_tell = _READS["apiservers"]
    why = "no apiserver's flags were found"
    return Missing(what, why, snapshot.apiservers.permission, would_tell)


def _of_state(state: ApiServerState, snapshot: Snapshot) -> Iterator[Missing]:
    """What is not known of one apiserver, each with what would tell it."""
    found = (s for s in snapshot.apiservers.value or () if s.name == state.name)
    observed = next((server.observed for server in found if server.observed), None)
    if state.authorization_modes is None:
        what, (needed, would_tell) = (
            f"the authorizers of apiserver {state.name}",
            _chain_needs(state, snapshot, observed),
        )
        yield Missing(what, state.why, needed, would_tell)
    is_restriction_needed = state.authorization_modes is not None or observed is not None
    if state.node_restriction is Switch.UNKNOWN and is_restriction_needed:
        what = f"the admission plugins of apiserver {state.name}"
        needed = GET_METRICS.words if observed else "its flags"
        why = _why_no_metrics(observed) if observed else state.why
        yield Missing(what, why, needed, "whether NodeRestriction is on")


def _chain_needs(
    state: ApiServerState, snapshot: Snapshot, observed: Observed | None
) -> tuple[str, str]:
    """What would tell the chain, and what it would then tell."""
    _, would_tell = _READS["apiservers"]
    if observed is not None and observed.reviews.value is None:
        return observed.reviews.permission or REVIEW_ACCESS.words, would_tell
    if observed is not None and observed.rules.value is None:
        needed = observed.rules.permission or REVIEW_OWN_RULES.words
        return needed, "whether a webhook that says nothing is in the chain"
    # Where the flags were read and name a file, no permission shows it.
    is_in_file = state.admission_plugins is not None
    in_file = "the file itself, on the control plane"
    return in_file if is_in_file else snapshot.apiservers.permission, would_tell


def _why_no_metrics(observed: Observed) -> str:
    read = observed.metrics
    if read is None:
        return "no flags show them, and its /metrics was not read"
    if read.outcome is not Outcome.OK:
        return read.why or _why(read)
    return "its /metrics shows no admission plugin at work yet"


def _unseen(snapshot: Snapshot) -> Missing:
    seen = count_of_seen(snapshot)
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


def _opaque(states: tuple[ApiServerState, ...], snapshot: Snapshot) -> Iterator[Missing]:
    """What such an authorizer answers, unless all that a verdict needs of it was asked."""
    for mode in OPAQUE_MODES:
        found = [state for state in states if mode in state.opaque and not _is_told(state)]
        if found:
            yield Missing(
                f"what {mode} answers to kubelets",
                f"{mode} is in the chain, and the API doesn't show what it allows",
                _opaque_needs(found, snapshot),
                f"whether {mode} gives kubelets more than the Node authorizer",
            )


def _opaque_needs(states: list[ApiServerState], snapshot: Snapshot) -> str:
    names = {state.name for state in states}
    servers = [s for s in snapshot.apiservers.value or () if s.name in names]
    is_asked = all(s.observed and _asked(s.observed) >= _LEAKS for s in servers)
    return "its own policy, which no API shows" if is_asked else REVIEW_ACCESS.words


_LEAKS = frozenset(probe.id for probe in LEAKS)


def _asked(observed: Observed) -> set[str]:
    return {review.probe for review in observed.reviews.value or ()}


def _is_told(state: ApiServerState) -> bool:
    """True where it was seen what such an authorizer does beside Node; without Node the needs that
    it serves would have to be known one by one.
    """
    is_leak_told = state.leaks in (Switch.ON, Switch.OFF)
    return is_leak_told and (state.node_authorizer is Switch.ON or state.serves_core is Switch.OFF)


def unexplained(surprises: tuple[Surprise, ...]) -> tuple[Missing, ...]:
    """What would have to be known where an apiserver's answers are not what they should be."""
    if not surprises:
        return ()
    servers = dict.fromkeys(surprise.server for surprise in surprises)
    return (
        Missing(
            f"why {listed(list(servers))} answers otherwise than flags and RBAC say",
            f"{counted(len(surprises), 'answer')} can't be explained",
            "the next poll, unless it is the same: then its flags, on the control plane",
            "whether something else decides for kubelets",
        ),
    )
