"""Starting, leaving and renewing the plan of a cluster; each writes its audit row with it."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot
from authzviz.plans.making import plan_of
from authzviz.plans.plan import PLANS_VERSION, Plan
from dashboard.models import Cluster, CurrentState, PlanState, StartedPlan, StepTick, User
from dashboard.services import audit, audit_logs, clock, facts, following, plan_rows
from dashboard.services.plan_rows import PlanError

STARTED, LEFT = "plan started", "plan left"
RESUMED, RENEWED = "plan resumed", "plan renewed"
NONE_RUNS = "no plan runs for this cluster"


def start(cluster: Cluster, *, actor: User) -> StartedPlan:
    """Start the plan that is made of the last good read, and pin that.

    Raises PlanError where nothing was read, the target is reached, or a plan runs already; of two
    people at once, the second is told who was first.
    """
    with transaction.atomic():
        lock(cluster)
        running = running_plan(cluster)
        if running is not None:
            at = running.started_at
            raise PlanError(
                f"{running.started_by_name} started a plan already, at {at:%Y-%m-%d %H:%M} UTC"
            )
        started = _start(cluster, actor)
        audit.record(STARTED, actor=actor, cluster=cluster, plan=started.pk)
    return started


def leave(cluster: Cluster, pk: int | None = None, *, actor: User) -> None:
    """End the plan that runs; on the cluster nothing is undone. Raises PlanError where none does,
    or not the one of number `pk`.
    """
    with transaction.atomic():
        lock(cluster)
        started = running_or_refuse(cluster)
        if pk not in (None, started.pk):
            raise PlanError("another plan was started since")
        _end(started, PlanState.LEFT)
        audit.record(LEFT, actor=actor, cluster=cluster, plan=started.pk)


def resume(cluster: Cluster, pk: int, *, actor: User) -> None:
    """Let a plan that was left run again, its steps as the last good read shows them. Raises
    PlanError where it was not left, or another runs.
    """
    with transaction.atomic():
        lock(cluster)
        if running_plan(cluster) is not None:
            raise PlanError("another plan was started since")
        left = StartedPlan.objects.filter(pk=pk, cluster=cluster, state=PlanState.LEFT.value)
        values = {"state": PlanState.RUNNING.value, "ended_at": None}
        if not left.update(revision=F("revision") + 1, **values):
            raise PlanError("the plan was not left")
        audit.record(RESUMED, actor=actor, cluster=cluster, plan=pk)
        following.follow_again(cluster.pk)


def renew(cluster: Cluster, *, actor: User) -> StartedPlan:
    """Replace the plan that runs by one of the last good read. Raises PlanError as `start` does,
    or where none runs.

    Ticks of steps that are the same in both are carried over, with who ticked them and when.
    """
    with transaction.atomic():
        lock(cluster)
        before = running_or_refuse(cluster)
        _end(before, PlanState.REPLACED)
        started = _start(cluster, actor)
        carried = f"{_carry_over(before, started)} ticks"
        audit.record(RENEWED, actor=actor, cluster=cluster, plan=started.pk, carried=carried)
    return started


def lock(cluster: Cluster) -> None:
    """Have whoever else changes the cluster or its plan, a poll too, wait for this transaction.

    Raises PlanError where somebody removed the cluster.
    """
    rows = Cluster.objects.select_for_update().filter(pk=cluster.pk)
    if rows.values_list("pk", flat=True).first() is None:
        raise PlanError("the cluster was removed")


def running_plan(cluster: Cluster) -> StartedPlan | None:
    """The plan that runs, locked until the transaction ends; None where none does."""
    running = cluster.started_plans.filter(state=PlanState.RUNNING.value)
    return running.select_for_update().first()


def running_or_refuse(cluster: Cluster) -> StartedPlan:
    """The plan that runs, locked; raises PlanError where none does."""
    started = running_plan(cluster)
    if started is None:
        raise PlanError(NONE_RUNS)
    return started


def _start(cluster: Cluster, actor: User) -> StartedPlan:
    current = CurrentState.objects.select_related("snapshot").filter(pk=cluster.pk).first()
    if current is None:
        raise PlanError("nothing was read of this cluster yet")
    plan = _plan_of(cluster, facts.current_snapshot(current), facts.current_assessment(current))
    return StartedPlan.objects.create(
        cluster=cluster,
        snapshot=current.snapshot,
        plan=facts.pack(plan),
        made_with=PLANS_VERSION,
        start_verdict=plan.start.value,
        started_at=clock.now(),
        started_by=actor,
        started_by_name=actor.get_username(),
        states=following.states_of(plan, {}, current.read_at),
        checked_at=current.read_at,
        **following.counts_of(plan, {}),
    )


def _plan_of(cluster: Cluster, snapshot: Snapshot, assessment: Assessment) -> Plan:
    plan = plan_of(snapshot, assessment, audit_logs.newest_evidence(cluster, assessment))
    if not plan.phases:
        raise PlanError("the target is reached: there is nothing to do")
    return plan


def _end(started: StartedPlan, state: PlanState) -> None:
    ended = {"state": state.value, "ended_at": clock.now(), "revision": F("revision") + 1}
    StartedPlan.objects.filter(pk=started.pk).update(**ended)
    following.end_watch(started.cluster_id, "the plan ended")


def _carry_over(before: StartedPlan, after: StartedPlan) -> int:
    """How many ticks went along: those of steps that are to be done and checked in the same way."""
    old, new = plan_rows.unpacked(before), plan_rows.unpacked(after)
    if old is None or new is None:
        return 0
    known = {(step.id, step.commands, step.verify) for step in old.steps}
    same = {
        plan_rows.key_of(step.id)
        for step in new.steps
        if (step.id, step.commands, step.verify) in known
    }
    kept = {key: tick for key, tick in plan_rows.ticks_of(before).items() if key in same}
    StepTick.objects.bulk_create(
        StepTick(
            plan=after,
            step=key,
            note=tick.note,
            at=tick.at,
            by_id=tick.by_id,
            by_name=tick.by_name,
        )
        for key, tick in kept.items()
    )
    values = following.counts_of(new, kept)
    StartedPlan.objects.filter(pk=after.pk).update(**values)
    return len(kept)
