"""The list of all tickets, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from authzviz.engine.assessment import Verdict
from authzviz.engine.phrases import counted
from dashboard.models import Ticket, TicketState, Tracker
from dashboard.models.cluster import is_stale
from dashboard.services import clock, ticket_list, trackers
from dashboard.services.bulk import Done
from dashboard.services.ticket_list import LET_GO, STATES, Progress, TicketList, Wanted
from dashboard.services.ticket_marks import Place, place_of
from dashboard.shown.fleet import skipped_words
from dashboard.shown.listing import Choice, Column, Query, Sides, column, sides
from dashboard.shown.ticket_tag import BY, key_words, site_url, state_word
from dashboard.visible import visible
from dashboard.words import TICKETS, VERDICTS, Word

# Tickets are read back every five minutes; a tracker that says no more for three of these is late.
READ_LATE = timedelta(minutes=15)
COLUMNS = {
    "cluster": "Cluster",
    "state": "Ticket",
    "tracker": "Tracker",
    "opened": "Opened",
    "read": "Read back",
}
LET_GO_WORD = Word(
    "Not followed",
    "unsure",
    "player-pause",
    "authzviz follows it no more; in its tracker it stays as it is.",
)
STATE_WORDS = {**TICKETS, LET_GO: LET_GO_WORD}
_MOST_ERROR_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One ticket. `slug` is "" where its cluster was removed; `site_url` leads into the tracker, ""
    where nothing safe does. `doing` is what is under way or waited for. `is_late` says that the
    tracker told nothing for long.
    """

    pk: int
    name: str
    slug: str
    group: str
    verdict: Word | None
    is_old: bool
    word: Word
    key: str
    title: str
    site_url: str
    place: str
    tracker: int
    by: str
    doing: str
    error: str
    opened_at: datetime
    opened_by: str
    read_at: datetime | None
    reads_back: bool
    is_late: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a tracker takes nothing now, `until` a moment or None; `why` is what it said."""

    pk: int
    name: str
    words: str
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class ProgressShown:
    """How far the tickets of one act are: "412 of 1,000 opened, 3 rejected"."""

    words: str
    total: int
    opened: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class TicketsPage:
    """What tickets.html shows: `matching` tickets found, of them the rows of one page."""

    want: Wanted
    batch: str
    rows: tuple[Row, ...]
    states: tuple[Choice, ...]
    columns: tuple[Column, ...]
    trackers: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, str], ...]
    troubles: tuple[Trouble, ...]
    progress: ProgressShown | None
    is_narrowed: bool
    is_busy: bool
    has_any: bool
    matching: int
    here: str
    file: str
    whole: str
    sides: Sides

    @property
    def tracker(self) -> str:
        """The key of the tracker that is asked for, "" for any."""
        return str(self.want.tracker or "")

    @property
    def token(self) -> str:
        """Stands for all that the page shows; the same while nothing would differ."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def tickets_page(facts: TicketList, want: Wanted) -> TicketsPage:
    """The page, every name in it made visible."""
    now = clock.now()
    query = query_of(want)
    rows = tuple(_row(ticket, now) for ticket in facts.rows)
    troubles = tuple(filter(None, (trouble_of(tracker, now) for tracker in facts.trackers)))
    return TicketsPage(
        want=want,
        batch=str(want.batch or ""),
        rows=rows,
        states=_states(facts, query, want),
        columns=tuple(
            column(key, title, want.sort, lambda sort: query.link(sort=_sort(sort)))
            for key, title in COLUMNS.items()
        ),
        trackers=tuple((str(one.pk), visible(one.name)) for one in facts.trackers),
        groups=tuple((group, visible(group)) for group in facts.groups),
        troubles=troubles,
        progress=_progress(facts.progress),
        is_narrowed=query.link(sort="") != "?",
        is_busy=_is_busy(facts, troubles),
        has_any=facts.has_any,
        matching=facts.matching,
        here=query.link(page=facts.page if facts.page > 1 else ""),
        file=query.link(format="csv"),
        whole=query.link(state=""),
        sides=sides(query, facts.page, has_more=facts.page < facts.pages, of=f" of {facts.pages}"),
    )


def query_of(want: Wanted) -> Query:
    """What is asked for, but for the place in it."""
    return Query(
        (
            ("search", want.search),
            ("state", want.state),
            ("tracker", str(want.tracker or "")),
            ("group", want.group),
            ("batch", str(want.batch or "")),
            ("sort", _sort(want.sort)),
        )
    )


def ticket_lines(every: Iterable[Ticket]) -> Iterator[tuple[str, ...]]:
    """The tickets as lines of a table for spreadsheets, with their heading."""
    yield (
        *("Cluster", "Group", "Verdict", "Tracker", "Ticket", "State", "State there", "Closed by"),
        *("URL", "Opened at", "Opened by", "Read back at", "Failed with"),
    )
    for ticket in every:
        cluster, place = ticket.cluster, place_of(ticket.tracker)
        verdict = _verdict(ticket)
        yield (
            cluster.name if cluster else ticket.cluster_name,
            cluster.group if cluster else "",
            verdict.label if verdict else "",
            *(place.name, ticket.remote_id, _word(ticket, place).label, ticket.remote_state),
            BY.get(ticket.closed_by, "") if ticket.state == TicketState.CLOSED else "",
            site_url(ticket.url, place),
            ticket.opened_at.isoformat(timespec="seconds"),
            ticket.opened_by_name,
            ticket.read_at.isoformat(timespec="seconds") if ticket.read_at else "",
            ticket.error,
        )


def trouble_of(tracker: Tracker, now: datetime) -> Trouble | None:
    """Why the tracker takes nothing now; None where it does."""
    name, said = visible(tracker.name), visible(tracker.last_error)
    if trackers.is_off(tracker):
        words = "is left alone: AUTHZVIZ_SEND_TICKETS is off on this server"
        return Trouble(tracker.pk, name, words, None, "")
    if tracker.is_paused:
        words = "is paused: its tickets wait until it is resumed"
        return Trouble(tracker.pk, name, words, None, "")
    if tracker.wait_until is not None and tracker.wait_until > now:
        return Trouble(tracker.pk, name, "takes no more until", tracker.wait_until, said)
    if tracker.failures:
        return Trouble(tracker.pk, name, "did not answer well when last asked", None, said)
    return None


def doing_words(ticket: Ticket) -> str:
    """What is under way with the ticket, or about to be; "" for nothing."""
    if ticket.state == TicketState.UNKNOWN:
        return "being looked for…"
    if ticket.sending:
        return _SENDING.get(ticket.sending, "being changed…")
    is_there = ticket.state in {TicketState.OPEN, TicketState.CLOSED}
    is_so = (ticket.state == TicketState.OPEN) is ticket.wanted_open
    if ticket.wanted_open is None or is_so or not is_there:
        return ""
    doing = "to be reopened" if ticket.wanted_open else "to be closed"
    if ticket.due_at is not None:
        return doing
    return "" if ticket.error else f"{doing} once its cluster is known again"


def done_words(act: str, done: Done) -> str:
    """What came of an act on tickets: "3 tickets queued again. Skipped 1: eu-1 (nothing failed)."""
    said = f"{counted(len(done.changed), 'ticket')} {_PASTS[act]}."
    return f"{said} {skipped_words(done.skipped)}".strip()


def _row(ticket: Ticket, now: datetime) -> Row:
    cluster, place = ticket.cluster, place_of(ticket.tracker)
    is_late = ticket.read_at is not None and now - ticket.read_at > READ_LATE
    return Row(
        pk=ticket.pk,
        name=visible(cluster.name if cluster else ticket.cluster_name),
        slug=cluster.slug if cluster else "",
        group=visible(cluster.group) if cluster else "",
        verdict=_verdict(ticket),
        is_old=cluster is not None and is_stale(cluster, now),
        word=_word(ticket, place),
        key=key_words(ticket.remote_id) if ticket.remote_id else "",
        title=visible(ticket.remote_title),
        site_url=site_url(ticket.url, place),
        place=visible(place.name),
        tracker=place.pk,
        by=BY.get(ticket.closed_by, "") if ticket.state == TicketState.CLOSED else "",
        doing=doing_words(ticket),
        error=visible(ticket.error[:_MOST_ERROR_LETTERS]),
        opened_at=ticket.opened_at,
        opened_by=visible(ticket.opened_by_name),
        read_at=ticket.read_at,
        reads_back=place.reads_back,
        is_late=is_late and place.reads_back and ticket.is_current,
        is_current=ticket.is_current,
    )


def _word(ticket: Ticket, place: Place) -> Word:
    return state_word(ticket.state, place) if ticket.is_current else LET_GO_WORD


def _verdict(ticket: Ticket) -> Word | None:
    current = getattr(ticket.cluster, "current", None)
    return VERDICTS[Verdict(current.verdict)] if current else None


def _states(facts: TicketList, query: Query, want: Wanted) -> tuple[Choice, ...]:
    """Each state that some ticket is in, and the one that is asked for; asked again, all."""
    return tuple(
        Choice(
            label=STATE_WORDS[state].label,
            number=facts.counts[state],
            link=query.link(state="" if state == want.state else state),
            is_chosen=state == want.state,
            tone=STATE_WORDS[state].tone,
            icon=STATE_WORDS[state].icon,
        )
        for state in STATES
        if facts.counts[state] or state == want.state
    )


def _progress(made: Progress | None) -> ProgressShown | None:
    if made is None:
        return None
    words = f"{made.opened:,} of {made.total:,} opened"
    rest = (
        (made.rejected, "rejected"),
        (made.unknown, "with unknown outcome"),
        (made.taken_back, "not followed any more or taken back"),
        (made.queued, "still queued"),
    )
    words += "".join(f", {number:,} {said}" for number, said in rest if number)
    return ProgressShown(words, made.total, made.opened, made.is_done)


def _is_busy(facts: TicketList, troubles: tuple[Trouble, ...]) -> bool:
    """True where more may be said within seconds."""
    waiting = facts.counts[TicketState.QUEUED] + facts.counts[TicketState.UNKNOWN]
    some_work = len(troubles) < len(facts.trackers)
    return (waiting > 0 and some_work) or any(ticket.sending for ticket in facts.rows)


def _sort(sort: str) -> str:
    """As an address holds it: the usual one has no name."""
    return "" if sort == ticket_list.DEFAULT_SORT else sort


_SENDING = {
    "create": "being opened…",
    "update": "being updated…",
    "comment": "being commented…",
    "close": "being closed…",
    "reopen": "being reopened…",
}
_PASTS = {
    "retry": "queued again",
    "read": "asked about now",
    "close": "to be closed",
    "reopen": "to be reopened",
    "let-go": "not followed any more",
    "take-back": "taken back",
}
