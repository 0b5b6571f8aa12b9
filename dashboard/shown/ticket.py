"""One ticket in words: what is known of it, what was done about it, and what can be done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from authzviz.engine.assessment import Verdict
from authzviz.tickets.document import Block
from dashboard.models import ListedTicket, Ticket, TicketEvent, TicketState
from dashboard.models.cluster import is_stale
from dashboard.services import clock, trackers
from dashboard.services.ticket_list import Details
from dashboard.services.ticket_marks import Place, place_of
from dashboard.shown.document import blocks_of
from dashboard.shown.ticket_tag import key_words, site_url, state_word
from dashboard.shown.tickets import LET_GO_WORD, READ_LATE, Trouble, doing_words, trouble_of
from dashboard.visible import made_visible, visible
from dashboard.words import VERDICTS, Word

_STAYS_OPEN = (
    "The cluster is at its target, and was when this was opened or reopened: close it when you are "
    "done. authzviz closes it only after the cluster fell back and got there again."
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may be done with the ticket, and what comes of it."""

    name: str
    title: str
    icon: str
    means: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done about the ticket; `by` is "" for authzviz."""

    at: datetime
    word: Word
    words: str
    by: str


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as blocks of its text; `by` whom, "" for authzviz."""

    id: str
    blocks: tuple[Block, ...]
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TicketPage:
    """What ticket.html shows. `sentence` says how it is, `todo` what a person can do about it.

    `blocks` are its text as the tracker has it, or as it is to be sent where `is_to_be_sent`.
    `comments` are all of them, oldest first, where the ticket `is_ours`, else our one.
    """

    pk: int
    slug: str
    cluster: str
    verdict: Word | None
    is_old: bool
    word: Word
    heading: str
    place: str
    tracker: int
    is_ours: bool
    site_url: str
    shown_url: str
    sentence: str
    since: datetime | None
    todo: str
    error: str
    error_at: datetime | None
    doing: str
    trouble: Trouble | None
    title: str
    blocks: tuple[Block, ...]
    is_to_be_sent: bool
    comments: tuple[Comment, ...]
    facts: tuple[tuple[str, str], ...]
    assignee: str
    due_on: date | None
    opened_at: datetime
    opened_by: str
    read_at: datetime | None
    reads_back: bool
    is_late: bool
    is_busy: bool
    events: tuple[Event, ...]
    acts: tuple[Act, ...]

    @property
    def token(self) -> str:
        """Stands for all that the page shows, but for a text that is still to be sent; the same
        while nothing else would differ.
        """
        told = replace(self, title="", blocks=()) if self.is_to_be_sent else self
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def ticket_page(
    ticket: Ticket, details: Details, planned: tuple[str, str] = ("", "")
) -> TicketPage:
    """The page, every name in it made visible; `planned` are the title and body that are to be
    sent.
    """
    now, listed = clock.now(), details.listed
    cluster, place = ticket.cluster, place_of(ticket.tracker)
    told = _told(ticket, place)
    title, body, is_to_be_sent = _text(ticket, listed, planned)
    current = getattr(cluster, "current", None)
    is_ours = listed is not None
    link = site_url(ticket.url, place)
    is_late = ticket.read_at is not None and now - ticket.read_at > READ_LATE
    return TicketPage(
        pk=ticket.pk,
        slug=cluster.slug if cluster else "",
        cluster=visible(cluster.name if cluster else ticket.cluster_name),
        verdict=VERDICTS[Verdict(current.verdict)] if current else None,
        is_old=cluster is not None and is_stale(cluster, now),
        word=state_word(ticket.state, place) if ticket.is_current else LET_GO_WORD,
        heading=f"Ticket {key_words(ticket.remote_id)}" if ticket.remote_id else "Ticket",
        place=visible(place.name),
        tracker=place.pk,
        is_ours=is_ours,
        site_url=link,
        shown_url="" if link else visible(ticket.url),
        sentence=told.sentence,
        since=told.since,
        todo=told.todo,
        error=visible(ticket.error),
        error_at=ticket.error_at,
        doing=doing_words(ticket),
        trouble=trouble_of(ticket.tracker, now) if _waits(ticket) else None,
        title=visible(title),
        blocks=blocks_of(body),
        is_to_be_sent=is_to_be_sent,
        comments=_comments(ticket, listed),
        facts=_facts(ticket, listed),
        assignee=listed.assignee if listed else ticket.assignee,
        due_on=listed.due_on if listed else ticket.due_on,
        opened_at=ticket.opened_at,
        opened_by=visible(ticket.opened_by_name),
        read_at=ticket.read_at,
        reads_back=place.reads_back,
        is_late=is_late and place.reads_back and ticket.is_current,
        is_busy=bool(ticket.sending) or (ticket.is_current and ticket.due_at is not None),
        events=tuple(_event(event) for event in details.events),
        acts=_acts(ticket, place),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    sentence: str
    todo: str = ""
    since: datetime | None = None


def _told(ticket: Ticket, place: Place) -> _Told:
    name = visible(place.name)
    if not ticket.is_current:
        return _Told(f"authzviz follows it no more. In {name} it stays as it is.")
    if ticket.state == TicketState.QUEUED and ticket.sending:
        return _Told(f"Being opened in {name} since", since=ticket.sending_since)
    if ticket.state in {TicketState.OPEN, TicketState.CLOSED} and not place.reads_back:
        return _Told(
            f"Sent to {name}, and taken. What became of it there is not known: it can't be asked."
        )
    if ticket.state == TicketState.UNKNOWN and not place.reads_back:
        return _Told(
            f"It was sent to {name}, and no answer came: it may be there or not. {name} can't be "
            "asked: it is sent again, with the same id, until that is taken.",
            "Nothing has to be done. Where it comes twice, it comes with the same id.",
        )
    return _TOLD.get(ticket.state, _other)(ticket, name)


def _queued(ticket: Ticket, name: str) -> _Told:
    return _Told(
        f"It is to be opened in {name}: a worker sends it, nobody has to do anything. Asked for",
        since=ticket.opened_at,
    )


def _unknown(ticket: Ticket, name: str) -> _Told:
    sent, until = ticket.sending_since, _looked_for_until(ticket)
    if sent is None or until is None:
        return _Told(f"It was sent to {name}, and no answer came: it may be there or not.")
    return _Told(
        f"It was sent to {name} at {sent:%H:%M:%S} UTC, and no answer came: it may be there or "
        f"not. {name} is asked for its marker {ticket.marker} at least until {until:%H:%M:%S} UTC; "
        "only if it is not there by then, it is sent again.",
        "Nothing has to be done. If you see it in the tracker, leave it: its marker is known.",
    )


def _looked_for_until(ticket: Ticket) -> datetime | None:
    seconds = trackers.traits_of(ticket.tracker.kind).found_after
    return ticket.sending_since + timedelta(seconds=seconds) if ticket.sending_since else None


def _open(ticket: Ticket, name: str) -> _Told:
    if ticket.tracker.kind == trackers.BUILTIN:
        return _Told(f"Open in {name}, which this server keeps: this page is the ticket.")
    there = visible(ticket.remote_state)
    as_there = f", there called {there}" if there and there.lower() != "open" else ""
    is_at_target = ticket.is_reached and ticket.wanted_open is None
    todo = _STAYS_OPEN if is_at_target else ""
    return _Told(f"Open in {name}{as_there}, as of", todo, since=ticket.read_at)


def _closed(ticket: Ticket, name: str) -> _Told:
    if ticket.closed_by == "product":
        return _Told(
            f"Closed in {name} by authzviz: two reads in a row found the cluster at the target. "
            "It opens again should the cluster fall back."
        )
    if ticket.closed_by == "people":
        return _Told(f"Closed in {name} by people. authzviz leaves it closed.")
    return _Told(f"Closed in {name}, as of", since=ticket.read_at)


def _rejected(_ticket: Ticket, name: str) -> _Told:
    return _Told(
        f"{name} does not take it. Nothing is there.",
        "Put right what it says, in the tracker or in its settings here; then try again.",
    )


def _gone(ticket: Ticket, name: str) -> _Told:
    key = key_words(ticket.remote_id)
    return _Told(
        f"{name} has no ticket {key} any more, or hides it from the account that authzviz has "
        "there. It may have been removed or moved.",
        "Stop following it, or open another from the cluster's page: that takes its place.",
    )


def _other(ticket: Ticket, name: str) -> _Told:
    return _Told(f"In {name}: {visible(ticket.state)}.")


_TOLD = {
    TicketState.QUEUED.value: _queued,
    TicketState.UNKNOWN.value: _unknown,
    TicketState.OPEN.value: _open,
    TicketState.CLOSED.value: _closed,
    TicketState.REJECTED.value: _rejected,
    TicketState.GONE.value: _gone,
}


def _waits(ticket: Ticket) -> bool:
    return ticket.is_current and (
        ticket.due_at is not None or ticket.state in {TicketState.QUEUED, TicketState.UNKNOWN}
    )


def _text(
    ticket: Ticket, listed: ListedTicket | None, planned: tuple[str, str]
) -> tuple[str, str, bool]:
    """Title and body as they are there, or are to be; True for the latter."""
    if listed is not None:
        return listed.title, listed.body, False
    if ticket.written_body:
        return ticket.remote_title or ticket.written_title, ticket.written_body, False
    title, body = planned
    return ticket.title or title or ticket.remote_title, ticket.body or body, True


def _comments(ticket: Ticket, listed: ListedTicket | None) -> tuple[Comment, ...]:
    if listed is not None:
        return tuple(_comment(*map(str, one)) for one in listed.comments)
    return (Comment("ours", blocks_of(ticket.comment_text)),) if ticket.comment_text else ()


def _comment(key: str, text: str, by: str = "", at: str = "") -> Comment:
    return Comment(key, blocks_of(text), visible(by), datetime.fromisoformat(at) if at else None)


def _facts(ticket: Ticket, listed: ListedTicket | None) -> tuple[tuple[str, str], ...]:
    row: Any = listed or ticket
    assignee = listed.assignee if listed else ticket.remote_assignee or ticket.assignee
    pairs = (
        ("Assigned to", assignee),
        ("Labels", ", ".join(map(str, row.labels))),
        ("State there", ticket.remote_state if listed is None else ""),
        ("Marker", ticket.marker),
    )
    return made_visible(tuple(pair for pair in pairs if pair[1]))


def _event(event: TicketEvent) -> Event:
    word = _EVENTS.get(event.what) or Word(visible(event.what), "unsure", "info-circle")
    return Event(event.at, word, visible(event.words), visible(event.by_name))


def _acts(ticket: Ticket, place: Place) -> tuple[Act, ...]:
    """What there is to do with a ticket that is so."""
    if not ticket.is_current:
        return ()
    is_there = ticket.state in {TicketState.OPEN, TicketState.CLOSED}
    is_unsent = ticket.state in {TicketState.QUEUED, TicketState.REJECTED}
    is_failed = ticket.state == TicketState.REJECTED or (
        bool(ticket.error) and ticket.state != TicketState.GONE
    )
    offered = {
        "retry": is_failed,
        "close": ticket.state == TicketState.OPEN and ticket.wanted_open is not False,
        "reopen": ticket.state == TicketState.CLOSED and ticket.wanted_open is not True,
        "read": is_there and place.reads_back and place.kind != trackers.BUILTIN,
        "take-back": is_unsent and not ticket.remote_id and not ticket.sending,
        "let-go": not is_unsent,
    }
    return tuple(ACTS[name] for name, is_offered in offered.items() if is_offered)


ACTS = {
    act.name: act
    for act in (
        Act("retry", "Try again", "refresh", "It is sent as soon as the tracker takes it."),
        Act("close", "Close it", "check", "In the tracker; it stays so until somebody reopens it."),
        Act("reopen", "Reopen it", "circle", "In the tracker."),
        Act("read", "Read back now", "eye", "Ask the tracker how it is."),
        Act("take-back", "Take back", "x", "Nothing was sent: it is as if nobody had asked."),
        Act(
            "let-go",
            "Stop following",
            "player-pause",
            "authzviz follows it no more; in the tracker it stays as it is.",
        ),
    )
}
_EVENTS = {
    "opened": Word("Opened", "plain", "plus"),
    "adopted": Word("Found and taken over", "plain", "link"),
    "updated": Word("Text updated", "plain", "refresh"),
    "commented": Word("Progress told", "plain", "info-circle"),
    "closed": Word("Closed", "good", "check"),
    "reopened": Word("Reopened", "plain", "circle"),
    "refused": Word("Rejected", "critical", "circle-x"),
    "failed": Word("Failed", "warning", "alert-triangle"),
    "unknown": Word("Outcome unknown", "warning", "question-mark"),
    "gone": Word("Gone", "warning", "ban"),
    "noted": Word("Commented", "plain", "user"),
    "changed": Word("Changed", "plain", "user"),
    "seen": Word("Changed there", "plain", "eye"),
}
