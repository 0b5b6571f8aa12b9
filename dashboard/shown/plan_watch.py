"""A watch of Leases in words: how many nodes renewed since the step, and which did not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.phrases import age, counted
from dashboard.models import LeaseWatch
from dashboard.services import clock, watching
from dashboard.shown.links import nodes_url, step_anchor
from dashboard.visible import visible
from dashboard.words import Word, humane_age

# Names that fit beside the rollback; the nodes' page has the rest.
_MOST_NAMES = 12
_SILENT = "Nothing is answered."
_RECOUNT = (
    "If the commands ran after this count began, count from now on: a node that is refused since"
    " then looks well for 40 s."
)


@dataclass(frozen=True, slots=True)
class NodeLink:
    """A node that has not renewed yet, and its row on the nodes' page."""

    name: str
    link: str


@dataclass(frozen=True, slots=True)
class WatchPanel:
    """What plan/watch.html shows. `said` is what a screen reader is told, once for each change; ""
    while it is the same but for ages. `error` is a sentence; `left` how long it still runs.
    """

    anchor: str
    by: str
    started_at: datetime
    ended_at: datetime | None
    read_at: datetime | None
    word: Word
    headline: str
    detail: str
    error: str
    total: int
    renewed: int
    waiting: tuple[NodeLink, ...]
    waiting_left_out: int
    left: str
    said: str

    @property
    def is_running(self) -> bool:
        """True while Leases are read."""
        return self.ended_at is None


def watch_panel(watch: LeaseWatch, slug: str) -> WatchPanel:
    """The watch as it is now, every name made visible; `slug` is of its cluster."""
    now = clock.now()
    total, renewed = watch.total or 0, watch.renewed or 0
    names = watch.waiting[:_MOST_NAMES]
    headline = _headline(watch)
    error = _error(watch, now)
    return WatchPanel(
        anchor=step_anchor(watch.step),
        by=visible(watch.started_by_name),
        started_at=watch.started_at,
        ended_at=watch.ended_at,
        read_at=watch.read_at,
        word=_word(watch, error),
        headline=headline,
        detail=_detail(watch),
        error=error,
        total=total,
        renewed=renewed,
        waiting=tuple(NodeLink(visible(name), nodes_url(slug, search=name)) for name in names),
        waiting_left_out=max(0, total - renewed - len(names)) if names else 0,
        left=humane_age((watch.until - now).total_seconds()),
        said=" ".join(filter(None, (headline, _SILENT if error else ""))),
    )


# Why a watch ended, in words; what another version wrote is said as it is.
ENDS = {
    watching.TIME_IS_OVER: "its ten minutes are over",
    watching.SOMEBODY_STOPPED: "someone stopped it",
    watching.AGAIN: "it was begun anew",
}


def _headline(watch: LeaseWatch) -> str:
    if watch.total is None or watch.renewed is None:
        return "Reading every node's Lease…" if watch.ended_at is None else "No Lease was read."
    if watch.total == 0:
        return "There is no node whose Lease could be watched."
    if watch.renewed == watch.total:
        return f"All {counted(watch.total, 'node')} renewed since the step."
    return f"Renewed since the step: {watch.renewed:,} of {watch.total:,}"


def _word(watch: LeaseWatch, error: str) -> Word:
    is_whole = watch.total is not None and watch.renewed == watch.total
    if watch.ended_at is not None:
        return Word("Ended", "good" if is_whole else "warning", "check" if is_whole else "clock")
    if error:
        return Word("No answer", "warning", "cloud-off")
    return Word("All renewed", "good", "check") if is_whole else Word("Watching", "unsure", "eye")


def _detail(watch: LeaseWatch) -> str:
    """Why it ended, and after how long. While it runs and all have renewed: who did so before the
    commands ran has not shown that it still can, and nothing but a person knows when they ran.
    """
    if watch.ended_at is None:
        return _RECOUNT if watch.total and watch.renewed == watch.total else ""
    lasted = age((watch.ended_at - watch.started_at).total_seconds())
    why = ENDS.get(watch.why_ended, visible(watch.why_ended))
    return f"Ended after {lasted}: {why}."


def _error(watch: LeaseWatch, now: datetime) -> str:
    """Since when nothing is answered. A restart takes seconds, so it is said as what it may be."""
    since = humane_age((now - (watch.read_at or watch.started_at)).total_seconds())
    if watch.ended_at is None and watch.error:
        why = visible(watch.error).rstrip(".")
        return f"The apiserver does not answer since {since} ({why}): it may be restarting."
    if watching.is_silent(watch, now):
        return f"No worker reads the Leases since {since}: what is counted here is old."
    return ""
