"""The Plan tab of a cluster in words: what leads from its verdict to the target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.assessment import Verdict
from dashboard.models import LeaseWatch, StartedPlan
from dashboard.models.plan import PlanState
from dashboard.services.pages import FleetRow
from dashboard.services.plan_downloads import FORMATS
from dashboard.services.plans import PlanNow
from dashboard.shown.plan_steps import PhaseRow, phase_rows
from dashboard.shown.plan_watch import WatchPanel, watch_panel
from dashboard.visible import visible
from dashboard.words import DISTRIBUTIONS, VERDICTS, Word

ENDS = {
    PlanState.REACHED: Word("Reached", "good", "shield-check"),
    PlanState.LEFT: Word("Left", "unsure", "x"),
    PlanState.REPLACED: Word("Replaced", "unsure", "refresh"),
}


@dataclass(frozen=True, slots=True)
class PastRow:
    """A plan that ended: how, when, and how far it had come."""

    word: Word
    start: Word
    started_at: datetime
    by: str
    ended_at: datetime | None
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Running:
    """Who started the plan and when, and how far it is."""

    by: str
    started_at: datetime
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class PlanPage:
    """What cluster_plan.html shows. `running` is None where no plan runs; `trouble` says why the
    one that runs can't be shown, `ground` what changed under it. `is_reached` where the verdict is
    the target and no plan runs; `reached` is then the plan that led there, and `fallen` the one
    whose target was lost since. `files` are the formats that it is downloaded in.
    """

    slug: str
    start: Word
    target: Word
    distribution: str
    phases: tuple[PhaseRow, ...]
    steps: int
    notes: tuple[str, ...]
    as_of: datetime | None
    running: Running | None
    trouble: str
    ground: tuple[str, ...]
    is_reached: bool
    reached: PastRow | None
    fallen: PastRow | None
    past: tuple[PastRow, ...]
    watch: WatchPanel | None
    is_live: bool
    files: tuple[tuple[str, str], ...]

    @property
    def is_followed(self) -> bool:
        """True where the steps shown are those of the plan that runs."""
        return self.running is not None and not self.trouble

    @property
    def quick_way(self) -> str:
        """The anchor of the first open step that nobody has to take; "" where there is none."""
        optional = (step for phase in self.phases if phase.is_optional for step in phase.steps)
        return next((step.anchor for step in optional if step.is_open and not step.is_done), "")

    @property
    def is_all_done(self) -> bool:
        """True where every step is done that has to be."""
        wanted = [phase for phase in self.phases if not phase.is_optional]
        return bool(wanted) and all(phase.is_done for phase in wanted)


def plan_page(
    row: FleetRow, now: PlanNow, past: Iterable[StartedPlan], watch: LeaseWatch | None
) -> PlanPage:
    """The tab, every name in it made visible; `watch` is the latest one since the plan started."""
    is_reached = now.started is None and row.verdict == Verdict.NODE_AUTHORIZER
    ended = _past(now.ended) if now.ended and now.ended.state == PlanState.REACHED else None
    watched = watch.step if watch and watch.ended_at is None else ""
    phases = phase_rows(now, row.verdict, watched)
    started = now.started
    return PlanPage(
        slug=row.cluster.slug,
        start=VERDICTS[Verdict(started.start_verdict) if started else now.plan.start],
        target=VERDICTS[Verdict.NODE_AUTHORIZER],
        distribution=DISTRIBUTIONS.get(now.plan.distribution, visible(now.plan.distribution)),
        phases=phases,
        steps=now.progress.total,
        notes=tuple(map(visible, now.plan.notes)),
        as_of=now.as_of,
        running=_running(started, now) if started else None,
        trouble=now.trouble,
        ground=tuple(visible(str(words)) for words in now.ground),
        is_reached=is_reached,
        reached=ended if is_reached else None,
        fallen=ended if now.has_fallen_back else None,
        past=tuple(_past(one) for one in past),
        watch=watch_panel(watch, row.cluster.slug) if watch else None,
        is_live=not row.cluster.is_recorded,
        files=tuple((key, kind.title) for key, kind in FORMATS.items()) if phases else (),
    )


def _running(started: StartedPlan, now: PlanNow) -> Running:
    return Running(
        by=visible(started.started_by_name),
        started_at=started.started_at,
        done=now.progress.done,
        total=now.progress.total,
    )


def _past(started: StartedPlan) -> PastRow:
    return PastRow(
        word=ENDS[PlanState(started.state)],
        start=VERDICTS[Verdict(started.start_verdict)],
        started_at=started.started_at,
        by=visible(started.started_by_name),
        ended_at=started.ended_at,
        done=started.steps_done,
        total=started.steps_total,
    )
