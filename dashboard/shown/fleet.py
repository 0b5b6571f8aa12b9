"""The fleet page in words: what filters it, its rows, and what else it says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from authzviz.engine.assessment import Verdict
from authzviz.engine.phrases import counted
from dashboard.models import SavedView
from dashboard.models.cluster import PollState
from dashboard.services import clusters, fleet
from dashboard.services.bulk import Done, Skipped
from dashboard.services.fleet import Found, Part
from dashboard.services.fleet_query import UNREAD, VERDICT, Wanted
from dashboard.services.pages import FleetRow as Facts
from dashboard.shown import fleet_filters as filters
from dashboard.shown.cluster_head import STATES, PlanTag, label_words, plan_tag
from dashboard.shown.listing import Column
from dashboard.shown.ticket_tag import TicketTag, ticket_tag
from dashboard.visible import visible
from dashboard.words import DISTRIBUTIONS, VERDICTS, Word, humane_age

# The sample fleet's fresh cluster, at which its story is told.
OUTAGE = "eu-5"
ELDERS = ("eu-1", "eu-2", "eu-3", "eu-4")
_PASTS = {
    "read": "being read now",
    "pause": "paused",
    "resume": "resumed",
    "remove": "removed",
}
_MOST_LABELS = 8
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One cluster as a row. Node counts are None where they could not be read.

    `lasted` is for how long the verdict has stood, "" where that tells nothing: in a recording.
    """

    slug: str
    name: str
    group: str
    labels: tuple[str, ...]
    more_labels: int
    word: Word
    possible: tuple[Word, ...]
    summary: str
    since: str
    lasted: str
    findings: tuple[tuple[Word, int], ...]
    accepted: int
    version: str
    distribution: str
    nodes_ready: int | None
    nodes_total: int | None
    missing: int
    is_read: bool
    read_at: datetime | None
    is_recorded: bool
    is_sample: bool
    is_bundle: bool
    is_stale: bool
    is_busy: bool
    expires_soon: bool
    state: str
    error: str
    plan: PlanTag | None
    tickets: tuple[TicketTag, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows under their heading, None where they aren't grouped."""

    heading: filters.HeadingShown | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class FleetPage:
    """What fleet.html shows: `total` clusters, of them `found`, of them the rows of one page.

    `recorded` are those of the sample fleet. `outage` is the slug of its refused cluster, "" where
    it isn't there; `story` is the query that compares it with its elders. `tabs` are the saved
    views, `current` the one that is shown.
    """

    want: Wanted
    parts: tuple[Rows, ...]
    tabs: tuple[filters.Tab, ...]
    counts: tuple[filters.Count, ...]
    menus: tuple[filters.Menu, ...]
    chips: tuple[filters.Chip, ...]
    columns: tuple[Column, ...]
    bys: tuple[filters.By, ...]
    by_title: str
    total: int
    found: int
    recorded: int
    outage: str
    story: str
    first: int
    last: int
    previous: str
    following: str
    whole: str

    @property
    def here(self) -> str:
        """The address of this very page, to ask for it again."""
        return self.want.link

    @property
    def shown(self) -> int:
        """How many rows there are on this page."""
        return self.last - self.first + 1

    @property
    def chosen_verdicts(self) -> tuple[str, ...]:
        """The verdicts that are chosen."""
        return self.want.values(VERDICT)

    @property
    def file(self) -> str:
        """The query of all that is found, as a file."""
        return self.want.but().link

    @property
    def is_busy(self) -> bool:
        """True while something on this page is being read."""
        return any(row.is_busy for part in self.parts for row in part.rows)

    @property
    def current(self) -> filters.Tab | None:
        """The saved view that this is; None for any other."""
        return next((tab for tab in self.tabs if tab.is_current and tab.key), None)

    @property
    def can_be_kept(self) -> bool:
        """True where it is worth a name and has none."""
        return bool(self.want.view) and self.current is None

    def token(self, *more: object) -> str:
        """Stands for all that the page shows, and `more`; the same while nothing would differ."""
        return hashlib.sha256(repr((self, more)).encode()).hexdigest()[:16]


def fleet_page(found: Found, views: tuple[SavedView, ...]) -> FleetPage:
    """The page in words."""
    want = found.want
    told = [found.samples[name] for name in (*ELDERS, OUTAGE) if name in found.samples]
    shown = sum(len(part.rows) for part in found.parts)
    is_cut = found.number > shown
    return FleetPage(
        want=want,
        parts=tuple(_rows(part, want) for part in found.parts),
        tabs=filters.tabs(want, views),
        counts=filters.counts(found),
        menus=filters.menus(found),
        chips=filters.chips(want),
        columns=filters.columns(want),
        bys=filters.bys(found),
        by_title=filters.by_title(want.by),
        total=found.total,
        found=found.number,
        recorded=len(found.samples),
        outage=found.samples.get(OUTAGE, ""),
        story="?" + urlencode([("c", slug) for slug in told]),
        first=found.first,
        last=found.first + shown - 1,
        previous=want.but(page=want.page - 1).link if want.page > 1 else "",
        following=want.but(page=want.page + 1).link if want.page < found.pages else "",
        whole=want.but(is_whole=True).link if is_cut and not want.is_whole else "",
    )


def _rows(part: Part, want: Wanted) -> Rows:
    heading = None
    if part.heading is not None:
        heading = filters.heading(part.heading, want, is_continued=part.is_continued)
    return Rows(heading, tuple(_row(row) for row in part.rows))


def _row(fact: Facts) -> Row:
    cluster, current = fact.cluster, fact.current
    labels = label_words(cluster.labels)
    key = current.distribution if current else ""
    return Row(
        slug=cluster.slug,
        name=visible(cluster.name),
        group=cluster.group,
        labels=labels[:_MOST_LABELS],
        more_labels=max(0, len(labels) - _MOST_LABELS),
        word=filters.VERDICT_WORDS[fact.verdict or UNREAD],
        possible=_possible(fact),
        summary=visible(current.summary) if current else "",
        since=f"{fact.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if fact.since else "",
        lasted=_lasted(fact),
        findings=tuple(filters.severity_words(fleet.severities(fact.open_severities))),
        accepted=len(fact.accepted),
        version=visible(current.version) if current else "",
        # Said on the cluster's own page; here it would stand in every other row.
        distribution="" if key == "unknown" else DISTRIBUTIONS.get(key, visible(key)),
        nodes_ready=current.nodes_ready if current else None,
        nodes_total=current.nodes_total if current else None,
        missing=current.missing_count if current else 0,
        is_read=current is not None,
        read_at=fact.read_at,
        is_recorded=cluster.is_recorded,
        is_sample=cluster.is_sample,
        is_bundle=cluster.is_bundle,
        is_stale=fact.is_stale,
        is_busy=fact.poll_state in {PollState.READING, PollState.QUEUED},
        expires_soon=fact.expires_soon,
        state=STATES[fact.poll_state],
        error=visible(fact.error),
        plan=plan_tag(fact.plan),
        tickets=tuple(map(ticket_tag, fact.tickets)),
    )


def _possible(fact: Facts) -> tuple[Word, ...]:
    """The verdicts that remain where it can't be told which."""
    remaining = fact.current.possible if fact.current else []
    return tuple(VERDICTS[Verdict(one)] for one in remaining) if len(remaining) > 1 else ()


def _lasted(fact: Facts) -> str:
    if fact.since is None or fact.read_at is None or fact.cluster.is_recorded:
        return ""
    # Known until it was read, and no longer.
    return humane_age((fact.read_at - fact.since).total_seconds())


def done_words(act: str, text: str, done: Done) -> str:
    """What came of an act on many clusters: "3 clusters paused. Skipped 1: eu-1 (not paused)";
    `text` is what went with it.
    """
    said = f"{counted(len(done.changed), 'cluster')} {_past(act, text)}."
    return f"{said} {skipped_words(done.skipped)}".strip()


def skipped_words(every: Iterable[Skipped]) -> str:
    """What stayed as it was, and why: "Skipped 1: eu-1 (not paused)."; "" for nothing."""
    said = []
    for skipped in every:
        names = [visible(name) for name in skipped.names[:_MOST_NAMES]]
        more = len(skipped.names) - len(names)
        rest = f" and {more} more" if more else ""
        said.append(
            f"Skipped {len(skipped.names)}: {', '.join(names)}{rest} ({visible(skipped.why)})."
        )
    return " ".join(said)


def _past(act: str, text: str) -> str:
    """What was done to them."""
    if act == "group":
        group = visible(clusters.group_name(text))
        return f"put into the group {group}" if group else "now in no group"
    if act in {"label", "unlabel"}:
        labels = visible(clusters.labels_text(clusters.parse_labels(text)))
        return f"labelled {labels}" if act == "label" else f"without the label {labels} now"
    if act == "interval":
        return f"read {clusters.INTERVALS[int(text)]} from now on"
    return _PASTS[act]
