"""How far the migrations of the fleet have come: queries whose number never grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from authzviz.engine.assessment import Verdict
from authzviz.plans.plan import PhaseId
from dashboard.models import Cluster, PlanState, StartedPlan
from dashboard.models.cluster import is_stale
from dashboard.services import clock
from dashboard.services.fleet import natural

NOT_STARTED, ALL_DONE, REACHED, UNREAD = "not-started", "all-done", "reached", "unread"
"""Where a cluster may be that is in none of a plan's phases: nobody started its plan; every step is
done and the target not seen yet; the target is reached, by a plan or without; never read.
"""
STAGES = (NOT_STARTED, *(phase.value for phase in PhaseId), ALL_DONE, REACHED, UNREAD)
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One cluster of the fleet and where its migration stands. `stage` is one of STAGES.

    What a plan has is "", None or 0 where none runs. `ground` is how many things changed under it;
    `is_old` where what was read is too old to tell. `started_at` and `by` are of the running plan.
    """

    slug: str
    name: str
    group: str
    verdict: str
    stage: str
    done: int = 0
    total: int = 0
    ground: int = 0
    started_at: datetime | None = None
    by: str = ""
    read_at: datetime | None = None
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class FleetProgress:
    """How many clusters are at each stage, in the order of STAGES, and the rows of one page of
    those that were asked for: of `matching` clusters.
    """

    counts: tuple[tuple[str, int], ...]
    rows: tuple[PlanRow, ...]
    matching: int
    total: int


def progress_of_fleet(
    clusters: QuerySet[Cluster], *, stage: str = "", page: int = 1
) -> FleetProgress:
    """Where the migrations of these clusters stand; `stage` narrows the rows. Two queries.

    `clusters` are those that the person may see (services.access.visible_clusters). Pages begin
    at 1 and have 50 rows: migrations that run first, by phase, then what is to be started. A page
    past the end is the last.
    """
    rows = sorted(_rows(clusters), key=_place)
    counted = dict.fromkeys(STAGES, 0)
    for row in rows:
        counted[row.stage] = counted.get(row.stage, 0) + 1
    wanted = [row for row in rows if not stage or row.stage == stage]
    pages = max(1, -(-len(wanted) // PER_PAGE))
    first = (min(max(page, 1), pages) - 1) * PER_PAGE
    return FleetProgress(
        counts=tuple(counted.items()),
        rows=tuple(wanted[first : first + PER_PAGE]),
        matching=len(wanted),
        total=len(rows),
    )


_COLUMNS = (
    *("pk", "slug", "name", "group", "source", "interval_seconds", "last_success_at"),
    *("last_error", "credentials_expire_at", "current__verdict", "current__read_at"),
)
_PLAN_COLUMNS = (
    *("cluster_id", "phase", "steps_done", "steps_total", "ground", "started_at"),
    "started_by_name",
)
_VERDICTS = [verdict.value for verdict in Verdict]
_ORDER = (*(phase.value for phase in PhaseId), ALL_DONE, NOT_STARTED, UNREAD, REACHED)


def _rows(clusters: QuerySet[Cluster]) -> list[PlanRow]:
    now = clock.now()
    running = StartedPlan.objects.filter(state=PlanState.RUNNING.value)
    plans = {row["cluster_id"]: row for row in running.order_by().values(*_PLAN_COLUMNS)}
    found = []
    for row in clusters.order_by().values_list(*_COLUMNS, named=True):
        plan = plans.get(row.pk)
        of_plan = {} if plan is None else _of_plan(plan)
        found.append(
            PlanRow(
                slug=row.slug,
                name=row.name,
                group=row.group,
                verdict=row.current__verdict or "",
                stage=_stage(row.current__verdict, plan),
                read_at=row.current__read_at,
                is_old=is_stale(row, now),
                **of_plan,
            )
        )
    return found


def _of_plan(plan: dict[str, Any]) -> dict[str, Any]:
    return {
        "done": plan["steps_done"],
        "total": plan["steps_total"],
        "ground": len(plan["ground"]),
        "started_at": plan["started_at"],
        "by": plan["started_by_name"],
    }


def _stage(verdict: str | None, plan: dict[str, Any] | None) -> str:
    if plan is not None:
        # A phase that only another version knows is one that is not done here.
        phase = str(plan["phase"]) or ALL_DONE
        return phase if phase in STAGES else PhaseId.FIND_OUT.value
    if not verdict:
        return UNREAD
    return REACHED if verdict == Verdict.NODE_AUTHORIZER else NOT_STARTED


def _place(row: PlanRow) -> tuple[object, ...]:
    """By stage; of those that nobody started, what is worst first."""
    order = _ORDER.index(row.stage) if row.stage in _ORDER else len(_ORDER)
    worst = _VERDICTS.index(row.verdict) if row.stage == NOT_STARTED else 0
    return order, worst, natural(row.name)
