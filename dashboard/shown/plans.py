"""The plans of the fleet in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.assessment import Verdict
from dashboard.services.plan_list import PlanList, Wanted
from dashboard.services.plan_progress import (
    ALL_DONE,
    NOT_STARTED,
    PER_PAGE,
    REACHED,
    UNREAD,
    PlanRow,
)
from dashboard.shown.links import plan_url, step_anchor
from dashboard.shown.listing import Choice, Query, Sides, sides
from dashboard.visible import visible
from dashboard.words import PHASES, VERDICTS, Word

STAGES = {
    NOT_STARTED: Word("Not started", "plain", "player-pause", "Nobody started its plan."),
    **{str(phase): word for phase, word in PHASES.items()},
    ALL_DONE: Word(
        "All done", "good", "check", "Every step is done; the next read shows where it led."
    ),
    REACHED: Word("At the target", "good", "shield-check", "Node authorizer, and nothing beyond."),
    UNREAD: Word("Not read yet", "unsure", "clock", "No read has come to its end yet."),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One cluster. `next` is the title of the step that comes next, "" where none does; `done` of
    `total` steps are done where a plan runs, which `is_running` says.
    """

    slug: str
    name: str
    group: str
    verdict: Word | None
    stage: Word
    is_running: bool
    done: int
    total: int
    ground: int
    next: str
    next_url: str
    by: str
    started_at: datetime | None
    read_at: datetime | None
    is_old: bool


@dataclass(frozen=True, slots=True)
class PlansPage:
    """What plans.html shows: `total` clusters found, of them one page of those at `stage`."""

    want: Wanted
    rows: tuple[Row, ...]
    stages: tuple[Choice, ...]
    is_narrowed: bool
    matching: int
    total: int
    sides: Sides


def plans_page(facts: PlanList, want: Wanted) -> PlansPage:
    """The page, every name in it made visible."""
    progress = facts.progress
    query = Query((("search", want.search), ("stage", want.stage)))
    pages = max(1, -(-progress.matching // PER_PAGE))
    page = min(max(want.page, 1), pages)
    return PlansPage(
        want=want,
        rows=tuple(_row(row, facts) for row in progress.rows),
        stages=_stages(progress.counts, query, want),
        is_narrowed=query.is_narrowed,
        matching=progress.matching,
        total=progress.total,
        sides=sides(query, page, has_more=page < pages, of=f" of {pages}"),
    )


def _stages(counts: tuple[tuple[str, int], ...], query: Query, want: Wanted) -> tuple[Choice, ...]:
    """Each stage that some cluster is at, and the one that is asked for; asked again, all."""
    return tuple(
        Choice(
            label=STAGES[stage].label,
            number=number,
            link=query.link(stage="" if stage == want.stage else stage),
            is_chosen=stage == want.stage,
            tone=STAGES[stage].tone,
            icon=STAGES[stage].icon,
        )
        for stage, number in counts
        if stage in STAGES and (number or stage == want.stage)
    )


def _row(row: PlanRow, facts: PlanList) -> Row:
    step = facts.following.get(row.slug)
    return Row(
        slug=row.slug,
        name=visible(row.name),
        group=visible(row.group),
        verdict=VERDICTS[Verdict(row.verdict)] if row.verdict else None,
        stage=STAGES[row.stage],
        is_running=row.started_at is not None,
        done=row.done,
        total=row.total,
        ground=row.ground,
        next=visible(step.title) if step else "",
        next_url=plan_url(row.slug, step_anchor(step.id) if step else ""),
        by=visible(row.by),
        started_at=row.started_at,
        read_at=row.read_at,
        is_old=row.is_old,
    )
