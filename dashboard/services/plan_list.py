"""The plans of the fleet as a list: where each cluster's migration stands, and what comes next."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from django.contrib.auth.models import AnonymousUser

from authzviz.plans.plan import PLANS_VERSION, State
from dashboard.models import PlanState, StartedPlan, StepTick, User
from dashboard.services import access, facts
from dashboard.services.plan_progress import STAGES, FleetProgress, PlanRow, progress_of_fleet
from dashboard.services.plan_rows import key_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which clusters are asked for; all by default. `search` is part of a name."""

    search: str = ""
    stage: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class NextStep:
    """The first step of a running plan that is not done."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class PlanList:
    """One page of the fleet's progress; `following` are next steps of running plans, by slug."""

    progress: FleetProgress
    following: dict[str, NextStep]


@dataclass(frozen=True, slots=True)
class _Step:
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class _Phase:
    steps: tuple[_Step, ...]
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class _Outline:
    """Of a stored plan what a list needs: the rest of it is skipped over, not decoded."""

    phases: tuple[_Phase, ...]


def listed(user: User | AnonymousUser, want: Wanted) -> PlanList:
    """One page of it: four queries."""
    clusters = access.visible_clusters(user)
    if want.search:
        clusters = clusters.filter(name__icontains=want.search)
    stage = want.stage if want.stage in STAGES else ""
    progress = progress_of_fleet(clusters, stage=stage, page=want.page)
    return PlanList(progress, _next_steps(progress.rows))


def _next_steps(rows: Iterable[PlanRow]) -> dict[str, NextStep]:
    slugs = [row.slug for row in rows if row.started_at is not None]
    running = StartedPlan.objects.filter(state=PlanState.RUNNING.value, cluster__slug__in=slugs)
    plans = list(
        running.filter(made_with=PLANS_VERSION)
        .order_by()
        .values_list("pk", "cluster__slug", "plan", "states")
    )
    ticked: dict[int, set[str]] = defaultdict(set)
    ticks = StepTick.objects.filter(plan__in=[plan[0] for plan in plans], taken_back_at=None)
    for plan, step in ticks.order_by().values_list("plan_id", "step"):
        ticked[plan].add(step)
    found = {
        slug: _next_step(bytes(packed), states, ticked[pk]) for pk, slug, packed, states in plans
    }
    return {slug: step for slug, step in found.items() if step is not None}


def _next_step(
    packed: bytes, states: Mapping[str, Mapping[str, str]], ticked: set[str]
) -> NextStep | None:
    try:
        outline = facts.unpack(packed, _Outline)
    except (zlib.error, msgspec.MsgspecError):
        return None
    for phase in outline.phases:
        for step in phase.steps:
            key = key_of(step.id)
            state = states.get(key, {}).get("state", State.UNKNOWN)
            is_done = state == State.DONE or (state != State.TODO and key in ticked)
            if not is_done and not phase.is_optional:
                return NextStep(step.id, step.title)
    return None
