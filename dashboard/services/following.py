"""Polls move the steps of the plan that runs. No poll fails, or waits for long, because of one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot
from authzviz.plans.changed_ground import changed_ground
from authzviz.plans.following import Seen, followed
from authzviz.plans.plan import Plan
from authzviz.plans.progress import is_reached, progress
from dashboard.models import CurrentState, LeaseWatch, PlanState, StartedPlan
from dashboard.services import audit_logs, clock, facts, plan_rows

log = logging.getLogger(__name__)


def follow(cluster_id: int, snapshot: Snapshot, assessment: Assessment) -> None:
    """Move the steps of the cluster's running plan to what was read. One query where none runs.

    Needs a transaction around it, the one that stores what was read. Never raises for a plan.
    """
    running = StartedPlan.objects.filter(cluster_id=cluster_id, state=PlanState.RUNNING.value)
    started = running.select_for_update().first()
    plan = plan_rows.unpacked(started) if started is not None else None
    if started is None or plan is None:
        return
    try:
        with transaction.atomic():
            _move(started, plan, _seen(started, snapshot, assessment))
    except Exception:  # whatever it is, what was read is to be stored
        log.exception("the plan of cluster %s could not be followed", cluster_id)


def follow_again(cluster_id: int) -> None:
    """Hold the running plan against the last good read once more: after other evidence came. Needs
    a transaction around it.
    """
    state = CurrentState.objects.select_related("snapshot").filter(pk=cluster_id).first()
    if state is not None:
        follow(cluster_id, facts.current_snapshot(state), facts.current_assessment(state))


def states_of(plan: Plan, before: Mapping[str, Any], read_at: datetime) -> dict[str, Any]:
    """The states of the plan's steps as they are stored: `since` stays while the state does."""
    states = {}
    for step in plan.steps:
        key = plan_rows.key_of(step.id)
        known = before.get(key) or {}
        is_same = known.get("state") == step.state.value
        since = known["since"] if is_same else read_at.isoformat()
        states[key] = {"state": step.state.value, "because": step.because, "since": since}
    return states


def counts_of(plan: Plan, ticks: Mapping[str, object]) -> dict[str, Any]:
    """The columns of StartedPlan that say how far it has come; `ticks` by the keys of steps."""
    found = progress(plan, plan_rows.ticked_ids(plan, frozenset(ticks)))
    phase = found.phase.value if found.phase else ""
    return {"phase": phase, "steps_done": found.done, "steps_total": found.total}


def end_watch(cluster_id: int, why: str) -> bool:
    """End the watch of the cluster's leases, and say `why` on the page; False where none runs."""
    running = LeaseWatch.objects.filter(cluster_id=cluster_id, ended_at=None)
    ended = running.update(ended_at=clock.now(), why_ended=why, next_read_at=None, lease_until=None)
    return bool(ended)


def _seen(started: StartedPlan, snapshot: Snapshot, assessment: Assessment) -> Seen:
    log_ = audit_logs.newest(started.cluster, assessment)
    if log_ is None or log_.counts:
        return Seen(snapshot, assessment, log_.evidence if log_ else None)
    return Seen(snapshot, assessment, why_no_audit=f"the audit log does not count: {log_.why_not}")


def _move(started: StartedPlan, made: Plan, seen: Seen) -> None:
    plan = followed(made, seen)
    ticks = plan_rows.ticks_of(started)
    values = {
        "states": states_of(plan, started.states, seen.snapshot.read_at),
        "ground": list(changed_ground(made, seen.snapshot, seen.assessment, seen.audit)),
        "checked_at": seen.snapshot.read_at,
        "revision": F("revision") + 1,
        **counts_of(plan, ticks),
    }
    if is_reached(plan, seen.assessment.verdict, plan_rows.ticked_ids(plan, frozenset(ticks))):
        # A watch goes on: the last grant is gone sooner than a kubelet next renews its Lease.
        values |= {"state": PlanState.REACHED.value, "ended_at": clock.now()}
    StartedPlan.objects.filter(pk=started.pk, state=PlanState.RUNNING.value).update(**values)
