"""How the steps of a plan stand, by what was read since it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from authzviz.engine.assessment import Assessment, Switch, Verdict
from authzviz.engine.change import full_name
from authzviz.engine.model import Snapshot
from authzviz.evidence.audit import AuditEvidence, Proof
from authzviz.plans.plan import Observation, Plan, Sees, State

Stand = tuple[State, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a plan is held against: the latest snapshot, and the latest evidence or None."""

    snapshot: Snapshot
    assessment: Assessment
    audit: AuditEvidence | None = None


def followed(plan: Plan, seen: Seen) -> Plan:
    """The plan with each step's state as what was seen shows it."""
    phases = []
    for phase in plan.phases:
        steps = []
        for step in phase.steps:
            state, because = stand_of(step.observation, seen)
            steps.append(replace(step, state=state, because=because))
        phases.append(replace(phase, steps=tuple(steps)))
    return replace(plan, phases=tuple(phases))


def stand_of(observation: Observation, seen: Seen) -> Stand:
    """The state that the observation shows, and the reason in a sentence."""
    return _BY_KIND[observation.sees](observation, seen)


def _flags(observation: Observation, seen: Seen) -> Stand:
    states = [
        state for state in seen.assessment.apiservers if observation.target in ("", state.name)
    ]
    switches = {switch for s in states for switch in (s.node_authorizer, s.node_restriction)}
    if not states or Switch.UNKNOWN in switches:
        return State.UNKNOWN, "what this apiserver runs with can't be read"
    if switches == {Switch.ON}:
        return State.DONE, "it runs with the Node authorizer and NodeRestriction"
    return State.TODO, "it runs without the Node authorizer or NodeRestriction"


def _subject(observation: Observation, seen: Seen) -> Stand:
    is_to_go = observation.sees is Sees.SUBJECT_GONE
    read = (
        seen.snapshot.role_bindings
        if "/" in observation.target
        else seen.snapshot.cluster_role_bindings
    )
    for binding in read.value or ():
        if full_name(binding) == observation.target and observation.subject in binding.subjects:
            return (State.TODO if is_to_go else State.DONE), "the binding has this subject"
    if not read.is_whole:
        return State.UNKNOWN, "not all bindings could be read"
    return (State.DONE if is_to_go else State.TODO), "the binding does not have this subject"


def _audit(_: Observation, seen: Seen) -> Stand:
    if seen.audit is None:
        return State.UNKNOWN, "no audit log was given yet"
    is_proven = seen.audit.proof is Proof.NOTHING_BREAKS
    return (State.DONE if is_proven else State.TODO), seen.audit.because


def _verdict(_: Observation, seen: Seen) -> Stand:
    if seen.assessment.verdict is Verdict.NODE_AUTHORIZER:
        return State.DONE, seen.assessment.summary
    is_known = seen.assessment.verdict is not Verdict.UNKNOWN
    return (State.TODO if is_known else State.UNKNOWN), seen.assessment.summary


def _nothing(_: Observation, __: Seen) -> Stand:
    return State.MANUAL, "nothing that is read shows this: say when it is done"


# To come: CHECK, READ, NODES, DECLARED, each with its own rule.
_BY_KIND: dict[Sees, Callable[[Observation, Seen], Stand]] = {
    Sees.FLAGS: _flags,
    Sees.DECLARED: _nothing,
    Sees.SUBJECT_GONE: _subject,
    Sees.SUBJECT_BOUND: _subject,
    Sees.CHECK: _nothing,
    Sees.READ: _nothing,
    Sees.AUDIT: _audit,
    Sees.VERDICT: _verdict,
    Sees.NODES: _nothing,
    Sees.NOTHING: _nothing,
}
