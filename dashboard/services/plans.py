"""Plans as pages show them: of today's facts, or the one that runs and how its steps stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Value, When

from authzviz.engine.assessment import Assessment, Verdict
from authzviz.engine.model import Snapshot
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Phase, Plan, State, Step
from authzviz.plans.progress import Progress, is_done, progress
from dashboard.models import Cluster, PlanState, StartedPlan, StepTick
from dashboard.services import audit_logs, facts, plan_rows
from dashboard.services.pages import FleetRow
from dashboard.services.plan_rows import UNREADABLE, key_of

_UNREADABLE = f"{UNREADABLE[:1].upper()}{UNREADABLE[1:]}."


@dataclass(frozen=True, slots=True)
class StepNow:
    """A step as it stands: `step.state` and `step.because` are as shown, `since` when the last read
    that changed them was.

    `was` is what the last good read showed where that is too old to hold: then the state is
    unknown. `tick` is what a person said; what is seen wins over it.
    """

    step: Step
    since: datetime | None = None
    tick: StepTick | None = None
    was: State | None = None

    @property
    def is_done(self) -> bool:
        """True where it is seen, or can't be seen and somebody said so."""
        return is_done(self.step, (self.step.id,) if self.tick else ())

    @property
    def may_be_ticked(self) -> bool:
        """True for what nothing shows, while nobody has said that it is done."""
        return self.tick is None and self.step.state in (State.MANUAL, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class PhaseNow:
    """A phase and its steps as they stand. `is_current` for the first that is not done."""

    phase: Phase
    steps: tuple[StepNow, ...]
    is_current: bool = False

    @property
    def done(self) -> int:
        """How many of its steps are done."""
        return sum(step.is_done for step in self.steps)


@dataclass(frozen=True, slots=True)
class PlanNow:
    """The plan of a cluster: `plan` with its states as shown, the same by `phases`.

    `started` is the plan that runs, None where none does: then `plan` is of today's facts, and
    `ended` is the last that ran. `as_of` is when the facts behind the states were read, `is_old`
    where that is too long ago: no step shows as done then. `ground` says what changed under the
    plan. `trouble` says why the running plan can't be shown; `plan` is one of today's facts then.
    `has_fallen_back` where the last plan reached the target, and the cluster is not there any more.
    """

    plan: Plan
    phases: tuple[PhaseNow, ...]
    progress: Progress
    as_of: datetime | None
    is_old: bool
    started: StartedPlan | None = None
    ended: StartedPlan | None = None
    ground: tuple[str, ...] = ()
    trouble: str = ""
    has_fallen_back: bool = False


def plan_now(row: FleetRow) -> PlanNow | None:
    """The cluster's plan as it stands, in at most five queries; None where nothing was ever read.

    `row` is as services.pages.row_of gives it.
    """
    if row.current is None:
        return None
    latest = latest_plan(row.cluster)
    is_running = latest is not None and latest.state == PlanState.RUNNING
    plan = plan_rows.unpacked(latest) if latest is not None and is_running else None
    if latest is not None and plan is not None:
        return _running(row, latest, plan)
    snapshot, assessment = _read(row)
    plan = plan_of(snapshot, assessment, audit_logs.newest_evidence(row.cluster, assessment))
    shown = plan_rows.as_shown(plan, is_old=row.is_stale)
    is_reached = latest is not None and latest.state == PlanState.REACHED
    return PlanNow(
        plan=shown,
        phases=_phases(shown, plan, {}, {}),
        progress=progress(plan),
        as_of=row.current.read_at,
        is_old=row.is_stale,
        started=latest if is_running else None,
        ended=None if is_running else latest,
        trouble=_UNREADABLE if is_running else "",
        has_fallen_back=is_reached and assessment.verdict is not Verdict.NODE_AUTHORIZER,
    )


def latest_plan(cluster: Cluster) -> StartedPlan | None:
    """The plan that runs, else the one that was started last; None where none ever was."""
    running = Case(When(state=PlanState.RUNNING.value, then=Value(0)), default=Value(1))
    return cluster.started_plans.order_by(running, "-started_at", "-pk").first()


def _running(row: FleetRow, started: StartedPlan, made: Plan) -> PlanNow:
    plan = plan_rows.with_states(made, started.states)
    shown = plan_rows.as_shown(plan, is_old=row.is_stale)
    ticks = plan_rows.ticks_of(started)
    return PlanNow(
        plan=shown,
        phases=_phases(shown, plan, started.states, ticks),
        progress=progress(plan, plan_rows.ticked_ids(plan, ticks)),
        as_of=started.checked_at,
        is_old=row.is_stale,
        started=started,
        ground=tuple(started.ground),
    )


def _read(row: FleetRow) -> tuple[Snapshot, Assessment]:
    current = row.current
    assert current is not None  # noqa: S101 - plan_now has looked
    current.refresh_from_db(fields=("assessment", "passing"))
    return facts.current_snapshot(current), facts.current_assessment(current)


def _phases(
    shown: Plan, plan: Plan, states: Mapping[str, Any], ticks: Mapping[str, StepTick]
) -> tuple[PhaseNow, ...]:
    current = progress(plan, plan_rows.ticked_ids(plan, ticks)).phase
    found = []
    for phase, read in zip(shown.phases, plan.phases, strict=True):
        steps = tuple(
            StepNow(
                step=step,
                since=_since(states.get(key_of(step.id))),
                tick=ticks.get(key_of(step.id)),
                was=before.state if before.state is not step.state else None,
            )
            for step, before in zip(phase.steps, read.steps, strict=True)
        )
        found.append(PhaseNow(phase, steps, is_current=phase.id is current))
    return tuple(found)


def _since(stored: object) -> datetime | None:
    return datetime.fromisoformat(stored["since"]) if isinstance(stored, dict) else None
