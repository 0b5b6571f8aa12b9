"""The history pages in words: a cluster's timeline, two snapshots compared, the fleet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from authzviz.engine.differences import About, Change
from authzviz.engine.phrases import age, counted
from dashboard.models import AuditEvent, StoredSnapshot, VerdictChange
from dashboard.picture.steps import Step
from dashboard.services import audit
from dashboard.services.history import (
    ClusterHistory,
    Comparison,
    FleetHistory,
    Span,
)
from dashboard.shown import acts
from dashboard.shown.listing import Query, Sides, sides
from dashboard.visible import made_visible, visible
from dashboard.words import VERDICTS, Word

CHANGES_SHOWN = 5
MOST_COMPARED = 400
# A verdict is noted with the read that it comes from.
SAME_READ = timedelta(minutes=2)
NO_WORD = Word("not known", "unsure", "question-mark")
WORDS = {str(verdict): word for verdict, word in VERDICTS.items()}
ABOUT = {
    About.VERSION: Word("Version", "", "tag"),
    About.APISERVER: Word("Apiservers", "", "server"),
    About.BINDING: Word("Bindings to kubelets", "", "key"),
    About.ROLE: Word("Roles of kubelets", "", "key"),
    About.OTHER_RBAC: Word("Other RBAC", "", "users"),
    About.NODES: Word("Nodes", "", "server-2"),
    About.READ: Word("What can be read", "", "eye"),
}


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A verdict and how long it held: "3 days". `at` is when it was first seen."""

    key: int
    word: Word
    summary: str
    at: datetime
    until: datetime | None
    lasted: str
    is_rejudged: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: a changed snapshot, a verdict judged anew, or what someone did.

    `changes` are the first of what changed; None where that is not worked out yet. `compare` links
    to all of it. `is_shown` where the cluster's page shows this snapshot and not the newest.
    """

    kind: str
    at: datetime
    title: str
    verdict: VerdictRow | None = None
    before: Word | None = None
    changes: tuple[Change, ...] | None = ()
    left_out: int = 0
    compare: str = ""
    compare_with_newest: str = ""
    is_first: bool = False
    is_shown: bool = False
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """A snapshot to choose for a comparison; `label` is when it was read first."""

    key: int
    at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """What cluster_history.html shows."""

    slug: str
    name: str
    is_recorded: bool
    known_until: datetime
    verdicts: tuple[VerdictRow, ...]
    earlier_verdicts: int
    steps: tuple[Step, ...]
    entries: tuple[Entry, ...]
    has_more_acts: bool
    total: int
    sides: Sides
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """Changes of one kind under their heading."""

    word: Word
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """What cluster_changes.html shows; `groups` is None where a snapshot can't be read any more."""

    slug: str
    name: str
    before: Option
    after: Option
    apart: str
    words: tuple[Word, Word]
    is_same: bool
    groups: tuple[ChangeGroup, ...] | None
    left_out: int
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One change of a verdict in the fleet; `before` is None for a first read."""

    slug: str
    name: str
    at: datetime
    before: Word | None
    word: Word
    summary: str


@dataclass(frozen=True, slots=True)
class FleetHistoryPage:
    """What history.html shows."""

    rows: tuple[FleetRow, ...]
    search: str
    verdict: str
    choices: tuple[tuple[str, str], ...]
    sides: Sides
    is_cut: bool
    is_empty: bool


def history_page(facts: ClusterHistory) -> HistoryPage:
    """The page of a cluster's history, every name in it made visible."""
    rows = tuple(_verdict_row(span, facts.known_until) for span in facts.spans)
    entries = [
        *_snapshots(facts, rows),
        *_alone(facts, rows),
        *(_act(event) for event in facts.acts),
    ]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    return HistoryPage(
        slug=facts.cluster.slug,
        name=visible(facts.cluster.name),
        is_recorded=facts.cluster.is_recorded,
        known_until=facts.known_until,
        steps=_steps(rows, facts.known_until),
        verdicts=rows,
        earlier_verdicts=facts.earlier_verdicts,
        entries=tuple(entries),
        has_more_acts=facts.has_more_acts,
        total=facts.total,
        sides=sides(
            Query(()),
            facts.page,
            has_more=facts.page < facts.pages,
            of=f" of {facts.pages}",
        ),
        options=_options(facts.choices),
    )


def comparison_page(facts: Comparison) -> ComparisonPage:
    """Two snapshots in words, grouped by what changed."""
    changes = made_visible(facts.changes) or ()
    shown = [one for one in changes if one.about is not About.VERDICT][:MOST_COMPARED]
    groups: dict[About, list[Change]] = {}
    for one in shown:
        groups.setdefault(one.about, []).append(one)
    before, after = facts.before, facts.after
    old, new = (WORDS.get(verdict, NO_WORD) for verdict in facts.verdicts)
    return ComparisonPage(
        slug=facts.cluster.slug,
        name=visible(facts.cluster.name),
        before=_option(before.pk, before.first_seen_at),
        after=_option(after.pk, after.first_seen_at),
        apart=age((after.first_seen_at - before.first_seen_at).total_seconds()),
        words=(old, new),
        is_same=before.pk == after.pk,
        groups=None
        if facts.changes is None
        else tuple(ChangeGroup(ABOUT[about], tuple(these)) for about, these in groups.items()),
        left_out=max(0, len(changes) - MOST_COMPARED),
        options=_options(facts.choices),
    )


def fleet_history_page(facts: FleetHistory, search: str, verdict: str) -> FleetHistoryPage:
    """The fleet's changes of verdicts, newest first."""
    query = Query((("search", search), ("verdict", verdict)))
    return FleetHistoryPage(
        rows=tuple(_fleet_row(change) for change in facts.rows),
        search=search,
        verdict=verdict,
        choices=tuple((key, word.label) for key, word in WORDS.items()),
        sides=sides(query, facts.page, has_more=facts.has_more),
        is_cut=facts.is_cut,
        is_empty=facts.is_empty,
    )


def _fleet_row(change: VerdictChange) -> FleetRow:
    return FleetRow(
        slug=change.cluster.slug,
        name=visible(change.cluster.name),
        at=change.at,
        before=WORDS.get(change.previous, NO_WORD) if change.previous else None,
        word=WORDS.get(change.verdict, NO_WORD),
        summary=visible(change.summary),
    )


def _options(choices: tuple[tuple[int, datetime], ...]) -> tuple[Option, ...]:
    return tuple(_option(key, at) for key, at in choices)


def _option(key: int, at: datetime) -> Option:
    return Option(key, at, f"{at:%Y-%m-%d %H:%M} UTC")


def _verdict_row(span: Span, known_until: datetime) -> VerdictRow:
    change = span.change
    return VerdictRow(
        key=change.pk,
        word=WORDS.get(change.verdict, NO_WORD),
        summary=visible(change.summary),
        at=change.at,
        until=span.until,
        lasted=age(((span.until or known_until) - change.at).total_seconds()),
        is_rejudged=span.is_rejudged,
    )


def _steps(rows: tuple[VerdictRow, ...], known_until: datetime) -> tuple[Step, ...]:
    """The verdicts as steps of the chart, none where there was but one."""
    if len(rows) < 2:
        return ()
    return tuple(
        Step(
            word=row.word,
            since=row.at,
            until=row.until or known_until,
            href=f"#verdict-{row.key}",
            title=f"{row.word.label} for {row.lasted}, from {row.at:%Y-%m-%d %H:%M} UTC",
        )
        for row in reversed(rows)
    )


def _snapshots(facts: ClusterHistory, rows: tuple[VerdictRow, ...]) -> list[Entry]:
    """Each snapshot as an entry, with what changed since the one before and what that made of the
    verdict.
    """
    newest = facts.choices[0][0] if facts.choices else 0
    places = _by_snapshot(facts)
    befores = (*facts.snapshots[1:], facts.older)
    return [
        replace(
            _snapshot(stored, before, rows, places.get(stored.pk), newest),
            is_shown=stored.pk == facts.shown != newest,
        )
        for stored, before in zip(facts.snapshots, befores, strict=False)
    ]


def _snapshot(
    stored: StoredSnapshot,
    before: StoredSnapshot | None,
    rows: tuple[VerdictRow, ...],
    place: int | None,
    newest: int,
) -> Entry:
    changes = None if stored.changes is None else tuple(_change(one) for one in stored.changes)
    shown = None if changes is None else changes[:CHANGES_SHOWN]
    title = "First snapshot"
    if before is not None:
        title = f"{counted(len(changes), 'change')}" if changes else "Changed"
    return Entry(
        kind="snapshot",
        at=stored.first_seen_at,
        title=title,
        verdict=None if place is None else rows[place],
        before=None if place is None or place + 1 >= len(rows) else rows[place + 1].word,
        changes=shown,
        left_out=len(changes or ()) - len(shown or ()),
        compare=f"?from={before.pk}&to={stored.pk}" if before else "",
        compare_with_newest=f"?from={stored.pk}&to={newest}" if stored.pk != newest else "",
        is_first=before is None,
    )


def _change(stored: dict[str, str]) -> Change:
    """A change as it was stored, made visible; what kind it was matters to no entry."""
    about = About(stored["about"]) if stored["about"] in ABOUT else About.READ
    return Change(about, visible(stored["words"]), visible(stored["means"]))


def _by_snapshot(facts: ClusterHistory) -> dict[int, int]:
    """The place of the verdict that came with each snapshot, by the snapshot's key."""
    read_at = {stored.pk: stored.first_seen_at for stored in facts.snapshots}
    return {
        key: place
        for place, span in enumerate(facts.spans)
        if (key := span.change.snapshot_id) in read_at
        and abs(span.change.at - read_at[key]) <= SAME_READ
    }


def _alone(facts: ClusterHistory, rows: tuple[VerdictRow, ...]) -> list[Entry]:
    """Verdicts of this page's time that came with no snapshot of it."""
    told = set(_by_snapshot(facts).values())
    return [
        Entry(
            kind="verdict",
            at=row.at,
            title="Judged anew" if row.is_rejudged else "Verdict changed",
            verdict=row,
            before=rows[place + 1].word if place + 1 < len(rows) else None,
        )
        for place, row in enumerate(rows)
        if place not in told and facts.is_in_time(row.at)
    ]


def _act(event: AuditEvent) -> Entry:
    """What someone did, with what it was before and is since where that is known."""
    words = acts.act_of(event.action).words.replace("the recording {}", "this recording")
    words = words.replace("{}", "this cluster")
    is_undoing = audit.UNDOES in event.detail
    return Entry(
        kind="act",
        at=event.at,
        title=f"{visible(event.actor_name)} {words}{' (undo)' if is_undoing else ''}",
        details=acts.details(event),
    )
