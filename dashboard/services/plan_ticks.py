"""What people say of steps that nothing shows."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from authzviz.plans.plan import Plan, State, Step
from dashboard.models import Cluster, StartedPlan, StepTick, User
from dashboard.services import audit, clock, following, plan_acts, plan_rows
from dashboard.services.plan_rows import PlanError

TICKED, TAKEN_BACK = "step ticked", "step tick taken back"
MOST_NOTE_LETTERS = 1000
_MOST_TITLE_LETTERS = 200
_SEEN = {
    State.DONE: "it is seen to be done: there is nothing to tick",
    State.TODO: "it is seen that this is not done yet",
}


@dataclass(frozen=True, slots=True)
class Ticked:
    """A tick that holds now. Not `is_new` where somebody was first, whom it names."""

    tick: StepTick
    is_new: bool


def tick(cluster: Cluster, step_id: str, note: str, *, actor: User) -> Ticked:
    """Say that a step of the running plan is done which nothing shows. Of two people at once the
    second gets the first one's tick.

    Raises PlanError where no plan runs, it has no such step, or a read shows how it stands.
    """
    note = note.strip()
    if len(note) > MOST_NOTE_LETTERS:
        raise PlanError(f"a note has at most {MOST_NOTE_LETTERS:,} letters")
    with transaction.atomic():
        plan_acts.lock(cluster)
        started = plan_acts.running_or_refuse(cluster)
        plan, step = _step(started, step_id)
        key = plan_rows.key_of(step.id)
        known = started.ticks.filter(step=key, taken_back_at=None).first()
        if known is not None:
            return Ticked(known, is_new=False)
        _refuse_what_is_seen(cluster, plan, step)
        new = StepTick.objects.create(
            plan=started,
            step=key,
            note=note,
            at=clock.now(),
            by=actor,
            by_name=actor.get_username(),
        )
        _count(started, plan)
        _record(TICKED, cluster, new, step, actor)
    return Ticked(new, is_new=True)


def take_back(cluster: Cluster, step_id: str, *, actor: User) -> bool:
    """Take a tick back, whoever gave it; False where there is none, or somebody was first.

    Raises PlanError where no plan runs, or it has no such step.
    """
    with transaction.atomic():
        plan_acts.lock(cluster)
        started = plan_acts.running_or_refuse(cluster)
        plan, step = _step(started, step_id)
        known = started.ticks.filter(step=plan_rows.key_of(step.id), taken_back_at=None).first()
        if known is None:
            return False
        StepTick.objects.filter(pk=known.pk).update(taken_back_at=clock.now())
        _count(started, plan)
        _record(TAKEN_BACK, cluster, known, step, actor)
    return True


def withdraw(cluster: Cluster, pk: int, *, actor: User) -> None:
    """Take back the tick of that number. Raises PlanError where it does not hold any more, or its
    plan ended.
    """
    with transaction.atomic():
        plan_acts.lock(cluster)
        started = plan_acts.running_or_refuse(cluster)
        known = started.ticks.filter(pk=pk, taken_back_at=None).first()
        if known is None:
            raise PlanError("the tick was taken back since, or its plan ended")
        plan, step = _step_of_key(started, known.step)
        StepTick.objects.filter(pk=pk).update(taken_back_at=clock.now())
        _count(started, plan)
        _record(TAKEN_BACK, cluster, known, step, actor)


def reinstate(cluster: Cluster, pk: int, *, actor: User) -> None:
    """Let a tick hold again that was taken back. Raises PlanError where its plan ended, or somebody
    ticked the step anew.
    """
    with transaction.atomic():
        plan_acts.lock(cluster)
        started = plan_acts.running_or_refuse(cluster)
        known = started.ticks.filter(pk=pk, taken_back_at__isnull=False).first()
        if known is None:
            raise PlanError("the tick holds already, or its plan ended")
        if started.ticks.filter(step=known.step, taken_back_at=None).exists():
            raise PlanError("the step was ticked anew since")
        plan, step = _step_of_key(started, known.step)
        StepTick.objects.filter(pk=pk).update(taken_back_at=None)
        _count(started, plan)
        _record(TICKED, cluster, known, step, actor)


def _step(started: StartedPlan, step_id: str) -> tuple[Plan, Step]:
    return _step_of_key(started, plan_rows.key_of(step_id))


def _step_of_key(started: StartedPlan, key: str) -> tuple[Plan, Step]:
    """The running plan with its states, and its step of that key."""
    made = plan_rows.unpacked(started)
    if made is None:
        raise PlanError(plan_rows.UNREADABLE)
    plan = plan_rows.with_states(made, started.states)
    step = next((step for step in plan.steps if plan_rows.key_of(step.id) == key), None)
    if step is None:
        raise PlanError("the plan has no such step")
    return plan, step


def _refuse_what_is_seen(cluster: Cluster, plan: Plan, step: Step) -> None:
    fresh = Cluster.objects.defer("credentials").get(pk=cluster.pk)
    shown = plan_rows.as_shown(plan, is_old=fresh.is_stale(clock.now()))
    state = next(each.state for each in shown.steps if each.id == step.id)
    if state in _SEEN:
        raise PlanError(_SEEN[state])


def _count(started: StartedPlan, plan: Plan) -> None:
    values = following.counts_of(plan, plan_rows.ticks_of(started))
    StartedPlan.objects.filter(pk=started.pk).update(revision=F("revision") + 1, **values)


def _record(action: str, cluster: Cluster, tick: StepTick, step: Step, actor: User) -> None:
    audit.record(
        action,
        actor=actor,
        cluster=cluster,
        tick=tick.pk,
        step=step.title[:_MOST_TITLE_LETTERS],
        note=tick.note or None,
    )
