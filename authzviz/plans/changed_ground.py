"""What changed under a plan: where one of today would be another, and no step explains it."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.assessment import Assessment, Verdict
from authzviz.engine.grants import describe_subject
from authzviz.engine.model import Snapshot
from authzviz.evidence.audit import AuditEvidence
from authzviz.plans import find_out
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Plan, Sees, State, Step

MOST = 20
_UNKNOWN_DISTRIBUTION = "unknown"


def changed_ground(
    plan: Plan,
    snapshot: Snapshot,
    assessment: Assessment,
    audit: AuditEvidence | None = None,
) -> tuple[str, ...]:
    """Sentences on what the plan does not know of the cluster as it is now, at most twenty; empty
    where its steps still lead there. Takes as long as making a plan.
    """
    if assessment.verdict is Verdict.NODE_AUTHORIZER:
        return ()
    today = plan_of(snapshot, assessment, audit)
    said = [*_of_the_cluster(plan, today), *_of_apiservers(plan, snapshot, assessment)]
    said += [*_of_new_steps(plan, today), *_of_other_steps(plan, today)]
    said = list(dict.fromkeys(said))
    if len(said) > MOST:
        said = [*said[: MOST - 1], f"and {len(said) - MOST + 1} more"]
    return tuple(said)


def _of_the_cluster(plan: Plan, today: Plan) -> Iterator[str]:
    if today.distribution not in (plan.distribution, _UNKNOWN_DISTRIBUTION):
        before = plan.distribution
        was = "not known what it is" if before == _UNKNOWN_DISTRIBUTION else f"taken for {before}"
        yield f"The cluster is {today.distribution}; when the plan was made it was {was}."
    before, now = _minor(plan.version), _minor(today.version)
    if before and now and before != now:
        yield f"Kubernetes is {today.version} now, and was {plan.version}."


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _of_apiservers(plan: Plan, snapshot: Snapshot, assessment: Assessment) -> Iterator[str]:
    if not snapshot.apiservers.is_whole or not assessment.apiservers:
        return
    there = {state.name for state in assessment.apiservers}
    for step in _steps(plan, Sees.FLAGS):
        name = step.observation.target
        if name and name not in there:
            yield f"Apiserver {name} is seen no more."


def _of_new_steps(plan: Plan, today: Plan) -> Iterator[str]:
    known = {step.id for step in plan.steps}
    for step in today.steps:
        # What one read failed to see is no news of the cluster.
        is_news = step.state is not State.DONE and not step.id.startswith(find_out.PREFIX)
        if step.id not in known and is_news:
            yield _new_step(step)


def _new_step(step: Step) -> str:
    observation = step.observation
    if observation.sees is Sees.FLAGS and observation.target:
        return f"Apiserver {observation.target} is new, and no step of this plan is for it."
    if observation.sees is Sees.SUBJECT_GONE and observation.subject is not None:
        subject = describe_subject(observation.subject)
        return f"{observation.target} grants {subject} more than the Node authorizer would: new."
    if observation.sees is Sees.SUBJECT_BOUND:
        return (
            "Kubelets are refused now: roll back the step that was taken last. If none was, a new"
            " plan begins with the quick way out."
        )
    return f"A plan of today has a step more: {step.title}."


def _of_other_steps(plan: Plan, today: Plan) -> Iterator[str]:
    now = {step.id: step for step in today.steps}
    moved = {
        step.observation.target
        for step in _steps(plan, Sees.SUBJECT_GONE)
        if step.id not in now or now[step.id].state is not State.TODO
    }
    for step in plan.steps:
        other = now.get(step.id)
        if other is None or other.state is not State.TODO:
            continue
        if step.observation.sees is Sees.SUBJECT_GONE:
            # Taking one subject of a binding changes how the others' steps look.
            if step.observation.target not in moved and _differ(step, other):
                yield f"{step.observation.target} is not what it was when the plan was made."
        elif step.observation.sees is Sees.FLAGS and _differ(step, other):
            who = step.observation.target or "apiservers"
            yield f"The flags of {who} are neither what they were nor what the step makes them."
        elif step.observation.sees is Sees.DECLARED and _differ(step, other):
            yield f"{step.title}: what the configuration says has changed."


def _differ(step: Step, other: Step) -> bool:
    return (step.commands, step.diff, step.rollback) != (
        other.commands,
        other.diff,
        other.rollback,
    )


def _steps(plan: Plan, sees: Sees) -> Iterator[Step]:
    return (step for step in plan.steps if step.observation.sees is sees)
