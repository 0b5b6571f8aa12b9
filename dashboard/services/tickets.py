"""What people do with tickets. Each act is a change of rows, with its audit row in the same
transaction; a worker brings the tracker there (ticket_sending), at once or when it can.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef

from authzviz.engine.assessment import Verdict
from authzviz.reports.ticket import MOST_TITLE_LETTERS
from authzviz.tickets.document import MAX_LETTERS
from dashboard.models import (
    Cluster,
    CurrentState,
    Ticket,
    TicketEvent,
    TicketState,
    Tracker,
    User,
    Wording,
)
from dashboard.services import audit, clock, many_rows, trackers
from dashboard.services.bulk import Skipped

OPENED, TAKEN_BACK, LET_GO = "ticket opened", "ticket taken back", "ticket let go"
RETRIED, CLOSED, REOPENED = "ticket retried", "ticket closed", "ticket reopened"
MOST_LABELS, MOST_LABEL_LETTERS, MOST_NAME_LETTERS = 20, 100, 200
MOST_EVENTS, EVENTS_KEPT = 200, timedelta(days=365)
_BEING_OPENED = timedelta(hours=1)
_NOTHING_SENT = (TicketState.QUEUED.value, TicketState.REJECTED.value)
_THERE = (TicketState.OPEN.value, TicketState.CLOSED.value)
_NOT_READ = "it was not read yet: there is nothing to write"


class TicketError(Exception):
    """What was asked for can't be done; the message is for people. `ticket` is the one in the way,
    if one is.
    """

    def __init__(self, message: str, ticket: Ticket | None = None) -> None:
        super().__init__(message)
        self.ticket = ticket


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening many: `opened` are keys of tickets; `batch` marks the act."""

    opened: tuple[int, ...]
    skipped: tuple[Skipped, ...]
    batch: UUID


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a new ticket begins with, beside its cluster."""

    actor: User
    labels: list[str]
    assignee: str
    due_on: date | None
    wording: Wording | None
    title: str = ""
    body: str = ""


def marker_of(cluster: Cluster) -> str:
    """By what the cluster's tickets are found again in every tracker."""
    return f"authzviz-{cluster.uuid.hex[:12]}"


def open_one(
    cluster: Cluster,
    tracker: Tracker,
    *,
    actor: User,
    page_url: str,
    title: str = "",
    body: str = "",
    labels: Iterable[str] = (),
    assignee: str = "",
    due_on: date | None = None,
) -> Ticket:
    """The cluster's ticket in the tracker, which a worker opens. Where title or body is "", the
    tracker's template is filled for it.

    Raises TicketError where it has one there, was never read, or the tracker is paused.
    """
    _refuse_paused(tracker)
    wanted = _Wanted(
        actor, _labels(labels), _name(assignee), due_on, None, _title(title), _body(body)
    )
    state = _states([cluster]).get(cluster.pk)
    if state is None:
        raise TicketError(_NOT_READ)
    try:
        with transaction.atomic(), audit.together() as batch:
            _give_up_gone(tracker, [cluster.pk])
            existing = _current(tracker, [cluster.pk]).get(cluster.pk)
            if existing is not None:
                raise TicketError(_in_the_way(existing), existing)
            ticket = _new(tracker, wanted, batch)
            for name, value in _of(cluster, page_url, state).items():
                setattr(ticket, name, value)
            ticket.save(force_insert=True)
            _record(OPENED, ticket, actor)
    except IntegrityError:  # the other of two clicks was first
        existing = _current(tracker, [cluster.pk]).get(cluster.pk)
        if existing is None:
            raise
        raise TicketError(_in_the_way(existing), existing) from None
    return ticket


def open_many(
    clusters: Sequence[Cluster],
    tracker: Tracker,
    *,
    actor: User,
    page_url_of: Callable[[Cluster], str],
    title_template: str,
    body_template: str,
    labels: Iterable[str],
    assignee: str,
    due_on: date | None,
) -> Opened:
    """A ticket for each of the clusters that can have one, all from these templates; those that
    have one already are skipped. A handful of queries. Raises TicketError where the tracker is
    paused.
    """
    _refuse_paused(tracker)
    keys = [cluster.pk for cluster in clusters]
    states = _states(clusters)
    with transaction.atomic(), audit.together() as batch:
        _give_up_gone(tracker, keys)
        existing = _current(tracker, keys)
        wording = Wording.objects.create(
            title=_title(title_template), body=_body(body_template), created_at=clock.now()
        )
        wanted = _Wanted(actor, _labels(labels), _name(assignee), due_on, wording)
        new = (
            _of(cluster, page_url_of(cluster), states[cluster.pk])
            for cluster in clusters
            if cluster.pk in states and cluster.pk not in existing
        )
        # Another click may be opening some of them at this moment: those it has.
        many_rows.insert(_new(tracker, wanted, batch), new)
        opened = dict(Ticket.objects.filter(batch=batch).values_list("cluster_id", "pk"))
        audit.record_many(
            OPENED,
            [
                (cluster, {"tracker": tracker.name, "ticket": opened[cluster.pk]})
                for cluster in clusters
                if cluster.pk in opened
            ],
            actor=actor,
        )
    left = [cluster for cluster in clusters if cluster.pk not in opened]
    return Opened(tuple(opened.values()), _skipped(left, states, existing), batch)


def would_skip(clusters: Sequence[Cluster], tracker: Tracker) -> tuple[Skipped, ...]:
    """Those of the clusters that `open_many` would leave out now; two queries."""
    states = _states(clusters)
    found = _current(tracker, [cluster.pk for cluster in clusters])
    existing = {key: one for key, one in found.items() if one.state != TicketState.GONE}
    left = [one for one in clusters if one.pk not in states or one.pk in existing]
    return _skipped(left, states, existing)


def retry(ticket: Ticket, actor: User) -> None:
    """Try again at once what was refused, failed or waits. Where the tracker asked to be left
    alone for a while, it is left alone. Raises TicketError where there is nothing to try.
    """
    with transaction.atomic():
        hold_queues([ticket.tracker_id])
        row = _locked(ticket)
        if row.state == TicketState.GONE or not row.is_current:
            raise TicketError("there is nothing to try again: open a new one", row)
        if row.state in _THERE and not (row.error or row.due_at):
            raise TicketError("nothing of it failed", row)
        state = TicketState.QUEUED if row.state == TicketState.REJECTED else TicketState(row.state)
        _change(row, state=state.value, error="", error_at=None, due_at=clock.now())
        _wake(row.tracker_id)
        _record(RETRIED, row, actor)


def take_back(ticket: Ticket, actor: User) -> None:
    """Remove a ticket of which nothing was sent. Raises TicketError where something was, or may
    have been.
    """
    with transaction.atomic():
        row = _locked(ticket)
        if row.state not in _NOTHING_SENT or row.remote_id or row.sending:
            raise TicketError("it was sent already, or is being sent: close it instead", row)
        _record(TAKEN_BACK, row, actor)
        row.delete()


def let_go(ticket: Ticket, actor: User) -> None:
    """Follow the ticket no more; what is in the tracker stays as it is, and the cluster can get
    another. Raises TicketError where it is let go already.
    """
    with transaction.atomic():
        row = _locked(ticket)
        if not row.is_current:
            raise TicketError("it is not followed any more", row)
        _change(row, is_current=False, due_at=None, wanted_open=None, wanted_by="")
        _record(LET_GO, row, actor)


def set_open(ticket: Ticket, is_open: bool, actor: User) -> None:
    """Close or reopen the ticket in its tracker. Raises TicketError where it is not there, or is
    so already.
    """
    with transaction.atomic():
        hold_queues([ticket.tracker_id])
        row = _locked(ticket)
        if not row.is_current:
            raise TicketError("it is let go: nothing is sent for it any more", row)
        if row.state not in _THERE:
            raise TicketError("it is not in the tracker, as far as is known", row)
        wanted = row.wanted_open
        if (row.state == TicketState.OPEN) is is_open and wanted in (None, is_open):
            raise TicketError("it is open already" if is_open else "it is closed already", row)
        _change(row, wanted_open=is_open, wanted_by=actor.get_username(), due_at=clock.now())
        _wake(row.tracker_id)
        _record(REOPENED if is_open else CLOSED, row, actor)


def hold_queues(tracker_ids: Collection[int]) -> None:
    """Keep workers from writing of these trackers until the transaction around it ends: who locks
    a tracker after its tickets waits for a worker that waits for them.
    """
    locked = Tracker.objects.select_for_update().filter(pk__in=tracker_ids).order_by("pk")
    list(locked.values_list("pk", flat=True))


def read_soon(tracker: Tracker) -> None:
    """Have the tracker's tickets read back with the next turn of its worker."""
    Tracker.objects.filter(pk=tracker.pk).update(next_read_at=clock.now(), queued_until=None)


def clean_up() -> None:
    """Remove what was told of tickets long ago, and wordings of which no ticket is left."""
    TicketEvent.objects.filter(at__lt=clock.now() - EVENTS_KEPT).delete()
    many = TicketEvent.objects.order_by().values("ticket").annotate(number=Count("pk"))
    for key in many.filter(number__gt=MOST_EVENTS).values_list("ticket", flat=True):
        last = TicketEvent.objects.filter(ticket=key).values_list("pk", flat=True)
        TicketEvent.objects.filter(ticket=key, pk__lt=last[MOST_EVENTS - 1]).delete()
    is_used = Exists(Ticket.objects.filter(wording=OuterRef("pk")))
    Wording.objects.filter(~is_used, created_at__lt=clock.now() - _BEING_OPENED).delete()


def _refuse_paused(tracker: Tracker) -> None:
    if trackers.is_off(tracker):
        raise TicketError("this server sends no tickets: AUTHZVIZ_SEND_TICKETS is off")
    if tracker.is_paused:
        raise TicketError(f"{tracker.name} is paused: resume it first")


def _states(clusters: Sequence[Cluster]) -> dict[int, tuple[str, datetime]]:
    """What each cluster's verdict is, and when it was read; nothing for those never read."""
    states = CurrentState.objects.filter(cluster__in=[cluster.pk for cluster in clusters])
    rows = states.values_list("cluster_id", "verdict", "read_at")
    return {key: (verdict, read_at) for key, verdict, read_at in rows}


def _current(tracker: Tracker, keys: Sequence[int]) -> dict[int, Ticket]:
    """The tickets that these clusters have in the tracker, by the clusters' keys."""
    found = tracker.tickets.filter(is_current=True, cluster__in=keys)
    some = found.only("cluster_id", "cluster_name", "state", "tracker_id", "remote_id", "url")
    return {ticket.cluster_id: ticket for ticket in some if ticket.cluster_id is not None}


def _give_up_gone(tracker: Tracker, keys: Sequence[int]) -> None:
    """What is gone from the tracker is in nobody's way."""
    gone = tracker.tickets.filter(is_current=True, cluster__in=keys, state=TicketState.GONE.value)
    gone.update(is_current=False, due_at=None, revision=F("revision") + 1)


def _new(tracker: Tracker, wanted: _Wanted, batch: UUID) -> Ticket:
    """A ticket of no cluster yet."""
    now = clock.now()
    return Ticket(
        tracker=tracker,
        batch=batch,
        opened_at=now,
        opened_by=wanted.actor,
        opened_by_name=wanted.actor.get_username(),
        wording=wanted.wording,
        title=wanted.title,
        body=wanted.body,
        labels=wanted.labels,
        assignee=wanted.assignee,
        due_on=wanted.due_on,
        due_at=now,
    )


def _of(cluster: Cluster, page_url: str, state: tuple[str, datetime]) -> dict[str, Any]:
    """The columns of a new ticket that are of its cluster."""
    verdict, read_at = state
    return {
        "cluster_id": cluster.pk,
        "cluster_name": cluster.name,
        "marker": marker_of(cluster),
        "page_url": page_url[:500],
        # Who opens one for a cluster that is there already wants it open.
        "is_reached": verdict == Verdict.NODE_AUTHORIZER,
        "counted_read_at": read_at,
    }


def _in_the_way(ticket: Ticket) -> str:
    name = f" ({ticket.remote_id})" if ticket.remote_id else ""
    if ticket.state == TicketState.CLOSED:
        return f"its ticket there{name} is closed: reopen it, or stop following it first"
    return f"it has a ticket there already{name}"


def _skipped(
    left: Iterable[Cluster], states: Mapping[int, object], existing: Mapping[int, Ticket]
) -> tuple[Skipped, ...]:
    skipped: dict[str, list[str]] = {}
    for cluster in left:
        why = _why_skipped(cluster, states, existing)
        skipped.setdefault(why, []).append(cluster.name)
    return tuple(Skipped(why, tuple(names)) for why, names in skipped.items())


def _why_skipped(
    cluster: Cluster, states: Mapping[int, object], existing: Mapping[int, Ticket]
) -> str:
    if cluster.pk not in states:
        return _NOT_READ
    ticket = existing.get(cluster.pk)
    if ticket is not None and ticket.state == TicketState.CLOSED:
        return "its ticket there is closed: reopen it, or stop following it first"
    return "it has a ticket there already"


def _locked(ticket: Ticket) -> Ticket:
    row = Ticket.objects.select_for_update().filter(pk=ticket.pk).first()
    if row is None:
        raise TicketError("it was removed since")
    return row


def _change(row: Ticket, **values: Any) -> None:
    Ticket.objects.filter(pk=row.pk).update(revision=F("revision") + 1, **values)


def _wake(tracker_id: int) -> None:
    """End a wait that we chose ourselves, so that a person's wish is tried at once."""
    rows = Tracker.objects.filter(pk=tracker_id)
    rows.filter(is_wait_asked=False).update(wait_until=None)
    rows.update(queued_until=None)


def _record(action: str, row: Ticket, actor: User) -> None:
    audit.record(
        action,
        actor=actor,
        cluster=row.cluster,
        about=row.cluster_name,
        tracker=row.tracker.name,
        ticket=row.pk,
    )


def _title(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:MOST_TITLE_LETTERS]


def _body(text: str) -> str:
    text = text.replace("\0", "").replace("\r\n", "\n").strip()
    if len(text) > MAX_LETTERS:
        raise TicketError(f"the text is longer than {MAX_LETTERS:,} letters")
    return text


def _name(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:MOST_NAME_LETTERS]


def _labels(labels: Iterable[str]) -> list[str]:
    names = dict.fromkeys(name for label in labels if (name := _name(label)))
    if len(names) > MOST_LABELS or any(len(name) > MOST_LABEL_LETTERS for name in names):
        raise TicketError(
            f"a ticket has at most {MOST_LABELS} labels of at most {MOST_LABEL_LETTERS} letters"
        )
    return list(names)
