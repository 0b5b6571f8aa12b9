"""Checks of the control plane: who was seen, how many there are, what they run."""

from __future__ import annotations

from authzviz.engine.assessment import ApiServerState, Assessment, Switch
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.control_plane import count_of_seen, has_unseen, is_managed
from authzviz.engine.model import Outcome, Snapshot
from authzviz.engine.phrases import counted, listed
from authzviz.engine.versions import OLDEST_MINOR, minor_of
from authzviz.plans.plan import State
from authzviz.plans.sentences import why_unread

Stand = tuple[State, str]
_LISTED = "EndpointSlice default/kubernetes"
_SELECTORS = 32
# Kubelets may be three minor versions older than the apiserver, before 1.28 two.
# Source: kubernetes.io, releases/version-skew-policy.
_WIDER_SKEW, _SKEW, _OLD_SKEW = 28, 3, 2


def apiservers(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """Every apiserver told its authorizers and plugins, and there are no more of them."""
    untold = [state.name for state in assessment.apiservers if not _is_told(state)]
    missed = unseen_addresses(snapshot)
    if snapshot.apiservers.value is None or not assessment.apiservers:
        why = why_unread(snapshot.apiservers, "the apiservers' flags")
        return State.UNKNOWN, why or "no apiserver's flags were found"
    if has_unseen(snapshot, assessment.distribution):
        seen, there = count_of_seen(snapshot), len(set(snapshot.endpoints.value or ()))
        where = f": nothing was seen of {listed(list(missed))}" if missed else ""
        if there > seen:
            return State.TODO, f"{seen} of {counted(there, 'apiserver')} seen{where}"
        return State.TODO, "more apiservers run than were understood"
    if untold:
        return State.UNKNOWN, f"what {listed(untold)} runs with can't be told"
    if is_managed(assessment.distribution):
        return State.DONE, "the provider's control plane told what it runs with"
    if not snapshot.endpoints.is_whole:
        return State.UNKNOWN, why_unread(snapshot.endpoints, f"how many there are ({_LISTED})")
    count = counted(len(assessment.apiservers), "apiserver")
    return State.DONE, f"{count} seen, as many as {_LISTED} lists, and all flags are known"


def unseen_addresses(snapshot: Snapshot) -> tuple[str, ...]:
    """The addresses that are listed and that no apiserver that was seen has; empty where some were
    seen whose address is not known.
    """
    seen = [server for server in snapshot.apiservers.value or () if not server.is_alias]
    if any(not server.address for server in seen):
        return ()
    # An apiserver that is known to run, and could neither be asked nor shows flags, was not seen.
    told = {s.address for s in seen if s.flags is not None or s.observed or s.other_sources}
    return tuple(each for each in dict.fromkeys(snapshot.endpoints.value or ()) if each not in told)


def _is_all_seen(snapshot: Snapshot, assessment: Assessment) -> bool:
    """True where apiservers were seen, all of them understood, and no more are listed."""
    is_read = snapshot.apiservers.is_whole and bool(assessment.apiservers)
    return is_read and not has_unseen(snapshot, assessment.distribution)


def _is_told(state: ApiServerState) -> bool:
    return state.authorization_modes is not None and state.node_restriction is not Switch.UNKNOWN


def control_plane(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """More than one apiserver, so that the API answers while one restarts."""
    if is_managed(assessment.distribution):
        return State.DONE, "the provider runs the control plane, and restarts it itself"
    if not snapshot.endpoints.is_whole:
        return State.UNKNOWN, why_unread(snapshot.endpoints, f"how many there are ({_LISTED})")
    count = max(len(set(snapshot.endpoints.value or ())), count_of_seen(snapshot))
    if count > 1:
        return State.DONE, f"there are {count} apiservers: one restarts while others answer"
    if not count:
        return State.UNKNOWN, f"{_LISTED} lists no apiserver"
    return State.MANUAL, (
        "there is one apiserver: the API is down while it restarts, and stays down if its flags are"
        " mistyped. Pods and nodes go on meanwhile. Choose the time, say so, and tick this"
    )


def version(snapshot: Snapshot, _: Assessment) -> Stand:
    """The version has the Node authorizer, and no kubelet is newer or too old for it."""
    told = snapshot.version.value
    minor = minor_of(told or "")
    if told is None or minor is None or not snapshot.version.is_whole:
        why = why_unread(snapshot.version, "the version")
        return State.UNKNOWN, why or f'"{told}" is no version of Kubernetes that is known'
    if minor < OLDEST_MINOR:
        return State.TODO, f"1.{minor} has no Node authorizer: it came with 1.7. Upgrade first"
    if not snapshot.nodes.is_whole:
        return State.UNKNOWN, why_unread(snapshot.nodes, "the kubelets' versions (Nodes)")
    known = [(node.name, minor_of(node.kubelet_version)) for node in snapshot.nodes.value or ()]
    if any(kubelet is None for _, kubelet in known):
        return State.UNKNOWN, "some nodes don't tell their kubelet's version"
    oldest = minor - (_SKEW if minor >= _WIDER_SKEW else _OLD_SKEW)
    odd = [
        f"{name} (1.{kubelet})"
        for name, kubelet in known
        if kubelet is not None and not oldest <= kubelet <= minor
    ]
    if odd:
        more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
        return State.TODO, (
            f"kubelets that an apiserver of 1.{minor} does not support: {', '.join(odd[:3])}{more}."
            " Bring them to a supported version first"
        )
    return State.DONE, f"1.{minor} has the Node authorizer; {_of_selectors(minor)}"


def _of_selectors(minor: int) -> str:
    if minor >= _SELECTORS:
        return "from 1.32 on it lets a node list only its own pods and its own Node"
    return "before 1.32 it lets a node list all pods and all Nodes"


def permissions(snapshot: Snapshot, _: Assessment) -> Stand:
    """No read that a plan rests on is forbidden."""
    forbidden = [
        read.permission for read in snapshot.reads.values() if read.outcome is Outcome.FORBIDDEN
    ]
    for server in snapshot.apiservers.value or ():
        observed = server.observed
        asked = (observed.reviews, observed.rules, observed.metrics) if observed else ()
        forbidden += [r.permission for r in asked if r and r.outcome is Outcome.FORBIDDEN]
    if forbidden:
        return State.TODO, f"forbidden: {'; '.join(dict.fromkeys(forbidden))}"
    if all(read.outcome is Outcome.OK for read in snapshot.reads.values()):
        return State.DONE, "nothing that a verdict rests on is forbidden"
    return State.UNKNOWN, "some reads failed for another reason than a missing permission"


def distribution(_: Snapshot, assessment: Assessment) -> Stand:
    """What installed the cluster is known."""
    if assessment.distribution == "unknown":
        return State.MANUAL, (
            f"{assessment.distribution_evidence}. This plan takes it for an apiserver that systemd"
            " runs, or a static pod: look, and tick this"
        )
    return State.DONE, f"{assessment.distribution}: {assessment.distribution_evidence}"


def answers(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """What apiservers answer is what their flags and RBAC make one expect."""
    odd = [each for each in assessment.missing if each.what.startswith("why ")]
    if odd:
        return State.TODO, f"{odd[0].why}: it would tell {odd[0].would_tell}"
    roles, bindings = (snapshot.cluster_roles, snapshot.roles), snapshot.cluster_role_bindings
    is_asked = any(server.observed for server in snapshot.apiservers.value or ())
    if (
        not is_asked
        or not _is_all_seen(snapshot, assessment)
        or not all(read.is_whole for read in (*roles, bindings, snapshot.role_bindings))
    ):
        return State.UNKNOWN, "not asked, or RBAC was not read whole"
    if any(state.authorization_modes is None for state in assessment.apiservers):
        return State.UNKNOWN, "the chain of authorizers is not known"
    return State.DONE, "every answer is as flags and RBAC make one expect"


def opaque(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """What a webhook or an ABAC file gives kubelets was asked, and is nothing that none should."""
    states = assessment.apiservers
    leaking = [state.name for state in states if state.leaks is Switch.ON]
    if leaking:
        return State.TODO, (
            f"on {listed(leaking)} it gives kubelets what the Node authorizer gives none: take"
            " Group system:nodes and users system:node:… out of its policy"
        )
    unasked = [state for state in states if state.opaque and state.leaks is not Switch.OFF]
    if unasked or not states:
        return State.UNKNOWN, "what it answers to kubelets was not asked"
    is_hidden = any(state.authorization_modes is None or state.may_hide for state in states)
    if is_hidden or not _is_all_seen(snapshot, assessment):
        return State.UNKNOWN, "whether one is in a chain that says nothing can't be told"
    if not any(state.opaque for state in states):
        return State.DONE, "no webhook and no ABAC file is in the chain"
    return State.DONE, "it was asked for what no kubelet should get, and refused all of it"


def order(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """Node is asked before RBAC and before what no API shows, by every apiserver."""
    stands = [_order_of(state) for state in assessment.apiservers]
    for worst in (State.TODO, State.UNKNOWN):
        said = [because for state, because in stands if state is worst]
        if said:
            return worst, "; ".join(said)
    if not _is_all_seen(snapshot, assessment):
        return State.UNKNOWN, "not every apiserver was seen"
    return State.DONE, "every apiserver asks Node first"


def order_at(name: str, assessment: Assessment) -> Stand:
    """The same of the apiserver of that name alone."""
    found = (state for state in assessment.apiservers if state.name == name)
    state = next(found, None)
    return _order_of(state) if state else (State.UNKNOWN, f"{name} is not seen")


def _order_of(state: ApiServerState) -> Stand:
    modes = state.authorization_modes
    if modes is None:
        return State.UNKNOWN, f"the order of {state.name}'s authorizers can't be told"
    if "Node" not in modes:
        return State.TODO, f"{state.name} has no Node authorizer yet"
    is_late = is_node_late(state)
    return (State.TODO if is_late else State.DONE), f"{state.name} runs with {','.join(modes)}"


def is_node_late(state: ApiServerState) -> bool:
    """True where it is known that something that may answer kubelets is asked before Node."""
    modes = state.authorization_modes or ()
    if "Node" not in modes:
        return False
    return any(mode in modes[: modes.index("Node")] for mode in ("RBAC", *OPAQUE_MODES))


def always_allow(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """AlwaysAllow is in no chain."""
    states = assessment.apiservers
    there = [state.name for state in states if state.always_allow is Switch.ON]
    if there:
        return State.TODO, f"{listed(there)} still lets everyone who is signed in do everything"
    if any(s.authorization_modes is None for s in states) or not _is_all_seen(snapshot, assessment):
        return State.UNKNOWN, "the chain of authorizers is not known everywhere"
    return State.DONE, "no apiserver has AlwaysAllow"


def inherited(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """A fresh cluster with these flags would serve its kubelets."""
    if any(finding.id == "inherited" for finding in assessment.findings):
        return State.TODO, (
            "a fresh cluster with these flags would refuse its kubelets: make the same change where"
            " your clusters are made from (role, template, image), or the next one starts with"
            " every node NotReady"
        )
    is_known = snapshot.version.is_whole and minor_of(snapshot.version.value or "") is not None
    states = assessment.apiservers
    is_known = is_known and _is_all_seen(snapshot, assessment)
    if not is_known or any(s.authorization_modes is None for s in states):
        return State.UNKNOWN, "the version or the authorizers are not known"
    if any(state.node_authorizer is not Switch.ON for state in states):
        return State.TODO, "without Node, what makes your clusters needs the same change"
    return State.DONE, "a fresh cluster with these flags serves its kubelets"
