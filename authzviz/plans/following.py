"""How the steps of a plan stand, by what was read since it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from authzviz.engine.assessment import ApiServerState, Assessment, Switch, Verdict
from authzviz.engine.control_plane import has_unseen
from authzviz.engine.flagged import flagged
from authzviz.engine.grants import describe_subject
from authzviz.engine.health import health_of
from authzviz.engine.model import Binding, Read, Ready, Snapshot
from authzviz.evidence.audit import AuditEvidence, Proof
from authzviz.plans.checks import check
from authzviz.plans.plan import UNSEEN, Observation, Phase, Plan, Sees, State

Stand = tuple[State, str]
_MOST_NAMED = 3
_TELLS_MODES = frozenset(("authorization-mode", "authorization-config"))
_TELLS_PLUGINS = frozenset(("admission-control", "enable-admission-plugins"))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a plan is held against: the latest snapshot, and the latest evidence or None; then
    `why_no_audit` may say why what was given does not count.
    """

    snapshot: Snapshot
    assessment: Assessment
    audit: AuditEvidence | None = None
    why_no_audit: str = ""


def followed(plan: Plan, seen: Seen) -> Plan:
    """The plan with each step's state as what was seen shows it. What was not read, or only in
    part, is unknown.
    """
    return replace(plan, phases=tuple(_followed(phase, seen) for phase in plan.phases))


def _followed(phase: Phase, seen: Seen) -> Phase:
    steps = []
    for step in phase.steps:
        state, because = stand_of(step.observation, seen)
        steps.append(replace(step, state=state, because=because))
    return replace(phase, steps=tuple(steps))


def stand_of(observation: Observation, seen: Seen) -> Stand:
    """The state that the observation shows, and the reason in a sentence."""
    return _BY_KIND[observation.sees](observation, seen)


def _flags(observation: Observation, seen: Seen) -> Stand:
    name = observation.target
    states = [state for state in seen.assessment.apiservers if name in ("", state.name)]
    if not states:
        if name and seen.snapshot.apiservers.is_whole and seen.assessment.apiservers:
            return State.UNKNOWN, f"no apiserver called {name} is seen any more"
        return State.UNKNOWN, "no apiserver's flags can be read"
    without = [_lacks(state) for state in states]
    if any(without):
        return State.TODO, "; ".join(each for each in without if each)
    if any(map(_is_untold, states)):
        return State.UNKNOWN, _why_untold(states)
    if not name and _has_more(seen):
        return State.UNKNOWN, "more apiservers run than were seen"
    who = "it runs" if name else "every apiserver runs"
    return State.DONE, f"{who} with the Node authorizer and NodeRestriction"


def _order(observation: Observation, seen: Seen) -> Stand:
    states = [state for state in seen.assessment.apiservers if state.name == observation.target]
    modes = next((state.authorization_modes for state in states), None)
    if modes is None or not {"Node", "RBAC"} <= set(modes):
        return State.UNKNOWN, f"what {observation.target} asks can't be told"
    is_first = modes.index("Node") < modes.index("RBAC")
    said = f"it runs with {','.join(modes)}"
    return (State.DONE if is_first else State.TODO), said


def _lacks(state: ApiServerState) -> str:
    """What is known to be wrong with its flags, "" for nothing."""
    lacking = []
    if state.node_authorizer is Switch.OFF:
        lacking.append("without the Node authorizer")
    if state.node_restriction is Switch.OFF:
        lacking.append("without NodeRestriction")
    if state.always_allow is Switch.ON:
        lacking.append("with AlwaysAllow")
    return f"{state.name} runs {' and '.join(lacking)}" if lacking else ""


def _is_untold(state: ApiServerState) -> bool:
    # Where a kubelet is refused what none should get, AlwaysAllow can't be in the chain.
    is_allow_known = state.always_allow is Switch.OFF or state.leaks is Switch.OFF
    switches = (state.node_authorizer, state.node_restriction)
    return Switch.UNKNOWN in switches or not is_allow_known


def _why_untold(states: list[ApiServerState]) -> str:
    untold = next(state for state in states if _is_untold(state))
    why = f": {untold.why}" if untold.why else ""
    return f"what {untold.name} runs with can't be told{why}"


def _has_more(seen: Seen) -> bool:
    read = seen.snapshot.apiservers
    return not read.is_whole or has_unseen(seen.snapshot, seen.assessment.distribution)


def _declared(_: Observation, seen: Seen) -> Stand:
    read = seen.snapshot.declared
    if read is None or not read.is_whole or not read.value:
        said = f": {read.why}" if read is not None and read.why else ""
        return State.UNKNOWN, f"the cluster's own configuration was not read{said}"
    for source in read.value:
        says = flagged(source.flags, None, source.defaults)
        given = {flag.name for flag in source.flags}
        # kubeadm's own defaults are the target: what is not given is as it is to be.
        if says.modes is not None and ("Node" not in says.modes or "AlwaysAllow" in says.modes):
            modes = ",".join(says.modes)
            return State.TODO, f"{source.evidence} says --authorization-mode={modes}"
        if says.restriction is Switch.OFF:
            return State.TODO, f"{source.evidence} leaves NodeRestriction out"
        is_modes_told = says.modes is not None or not given & _TELLS_MODES
        is_plugins_told = says.restriction is Switch.ON or not given & _TELLS_PLUGINS
        if not (source.defaults and is_modes_told and is_plugins_told):
            return State.UNKNOWN, f"{source.evidence}: {says.why}"
    return State.DONE, f"{read.value[0].evidence} says the same"


def _subject_gone(observation: Observation, seen: Seen) -> Stand:
    read, binding = _binding(observation, seen)
    subject = observation.subject
    if binding is not None and subject in binding.subjects:
        return State.TODO, "the binding has this subject"
    if binding is None and not read.is_whole:
        return State.UNKNOWN, _why_not(read, "the bindings")
    if not observation.was_there:
        return State.DONE, "the quick way is not taken, or taken back already: nothing to do"
    said = "the binding is gone" if binding is None else "the binding does not have it any more"
    return State.DONE, _too_early(observation, seen) or said


def _too_early(observation: Observation, seen: Seen) -> str:
    """What is wrong with having removed the subject already; "" where nothing is."""
    states = seen.assessment.apiservers
    off = [state.name for state in states if state.node_authorizer is Switch.OFF]
    if not off or observation.subject is None:
        return ""
    who = f"{describe_subject(observation.subject)} is gone while {_named(off)}"
    runs = "runs" if len(off) == 1 else "run"
    if seen.assessment.verdict is Verdict.REFUSED:
        return (
            f"too early: {who} {runs} without the Node authorizer, and kubelets are refused now: "
            "roll this step back"
        )
    return (
        f"too early: {who} {runs} without the Node authorizer, so kubelets live on what other "
        "bindings still grant them: roll this step back"
    )


def _subject_bound(observation: Observation, seen: Seen) -> Stand:
    read, binding = _binding(observation, seen)
    if binding is not None and observation.subject in binding.subjects:
        return State.DONE, "the binding has this subject"
    if binding is None and not read.is_whole:
        return State.UNKNOWN, _why_not(read, "the bindings")
    return State.TODO, "the binding does not have this subject"


def _binding(
    observation: Observation, seen: Seen
) -> tuple[Read[tuple[Binding, ...]], Binding | None]:
    namespace, _, name = observation.target.rpartition("/")
    snapshot = seen.snapshot
    read = snapshot.role_bindings if namespace else snapshot.cluster_role_bindings
    for each in read.value or ():
        if each.name == name and each.namespace == namespace:
            return read, each
    return read, None


def _read(observation: Observation, seen: Seen) -> Stand:
    name = observation.target
    if name == "flags":
        return _read_flags(seen)
    snapshot = seen.snapshot
    others: dict[str, Read[object] | None] = {
        "declared": snapshot.declared,
        "node_reviews": snapshot.node_reviews,
        "signing_requests": snapshot.signing_requests,
    }
    read = {**others, **snapshot.reads, **snapshot.reads_about_pods}.get(name)
    if read is None:
        return State.TODO, "it was not asked for"
    if read.is_whole:
        return State.DONE, f"{read.source} was read"
    return State.TODO, _why_not(read, read.source)


def _read_flags(seen: Seen) -> Stand:
    states = list(seen.assessment.apiservers)
    if not states or not seen.snapshot.apiservers.is_whole:
        return State.TODO, _why_not(seen.snapshot.apiservers, "the apiservers' flags")
    if any(map(_is_untold, states)):
        return State.TODO, _why_untold(states)
    if _has_more(seen):
        return State.TODO, "more apiservers run than were seen"
    return State.DONE, "what every apiserver runs with is known"


def _nodes(_: Observation, seen: Seen) -> Stand:
    snapshot = seen.snapshot
    for read, what in ((snapshot.nodes, "the nodes"), (snapshot.leases, "their Leases")):
        if not read.is_whole:
            return State.UNKNOWN, _why_not(read, what)
    nodes, leases = snapshot.nodes.value or (), snapshot.leases.value or ()
    if not nodes:
        return State.UNKNOWN, "there are no nodes, so nothing shows whether one could join"
    late = set(health_of(snapshot).overdue)
    renewing = {lease.node for lease in leases if lease.renewed_at is not None}
    silent = [node.name for node in nodes if node.name not in renewing or node.name in late]
    if silent:
        return State.TODO, f"no Lease is renewed by {_named(silent)}"
    unready = [node.name for node in nodes if node.ready is not Ready.TRUE]
    if unready:
        return State.TODO, f"not Ready: {_named(unready)}"
    if len(nodes) == 1:
        return State.DONE, "the one node is Ready and renews its Lease"
    return State.DONE, f"all {len(nodes)} nodes are Ready and renew their Leases"


def _audit(_: Observation, seen: Seen) -> Stand:
    found = seen.audit
    if found is None:
        return State.UNKNOWN, seen.why_no_audit or "no audit log was given yet"
    why_nothing = _proves_nothing(seen)
    if why_nothing:
        return State.UNKNOWN, why_nothing
    unasked = [
        grant.binding
        for grant in seen.assessment.grants
        if grant.beyond_node_authorizer and grant.binding not in found.bindings
    ]
    if found.proof is Proof.NOTHING_BREAKS and unasked:
        return State.UNKNOWN, f"the log was not asked about {_named(list(dict.fromkeys(unasked)))}"
    states = {Proof.NOTHING_BREAKS: State.DONE, Proof.BREAKS: State.TODO}
    return states.get(found.proof, State.UNKNOWN), found.because


def _proves_nothing(seen: Seen) -> str:
    """Why an audit log of the cluster as it runs now tells nothing, "" where it does."""
    for state in seen.assessment.apiservers:
        modes = state.authorization_modes or ()
        if state.node_authorizer is Switch.OFF:
            why = "runs without the Node authorizer"
            return f"an audit log proves nothing while {state.name} {why}"
        if "RBAC" in modes and "Node" in modes and modes.index("RBAC") < modes.index("Node"):
            return f"an audit log proves nothing while {state.name} asks RBAC before Node"
    return ""


def _verdict(_: Observation, seen: Seen) -> Stand:
    if seen.assessment.verdict is Verdict.NODE_AUTHORIZER:
        return State.DONE, seen.assessment.summary
    is_known = seen.assessment.verdict is not Verdict.UNKNOWN
    return (State.TODO if is_known else State.UNKNOWN), seen.assessment.summary


def _check(observation: Observation, seen: Seen) -> Stand:
    return check(observation.target, seen.snapshot, seen.assessment)


def _nothing(_: Observation, __: Seen) -> Stand:
    return UNSEEN


def _why_not(read: Read[object], what: str) -> str:
    """Why nothing can be concluded from the read."""
    if read.gaps:
        return f"{what} were read in part: {read.gaps[0]}"
    return f"{what} could not be read" + (f": {read.why}" if read.why else "")


def _named(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


_BY_KIND: dict[Sees, Callable[[Observation, Seen], Stand]] = {
    Sees.FLAGS: _flags,
    Sees.ORDER: _order,
    Sees.DECLARED: _declared,
    Sees.SUBJECT_GONE: _subject_gone,
    Sees.SUBJECT_BOUND: _subject_bound,
    Sees.CHECK: _check,
    Sees.READ: _read,
    Sees.AUDIT: _audit,
    Sees.VERDICT: _verdict,
    Sees.NODES: _nodes,
    Sees.NOTHING: _nothing,
}
