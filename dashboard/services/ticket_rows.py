"""What is written down of a ticket's way: what is about to be sent, and what came of it.

Each in a transaction of its own that renews the queue's lease, under which alone it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import Max

from authzviz.tickets.errors import TrackerError
from authzviz.tickets.port import Remote
from dashboard.models import Ticket, TicketEvent, TicketState
from dashboard.services import clock, ticket_queue
from dashboard.services.ticket_following import PEOPLE, PRODUCT
from dashboard.services.ticket_queue import Turn, fit

CREATE, UPDATE, COMMENT, CLOSE, REOPEN = "create", "update", "comment", "close", "reopen"
LOOKED_AGAIN = timedelta(seconds=10)
MISSING_FOR = timedelta(minutes=1)
_OPEN, _CLOSED = TicketState.OPEN.value, TicketState.CLOSED.value


class Changed(Exception):
    """The ticket is not what was decided upon any more: decide anew, or leave it if it is gone."""


def intend(turn: Turn, ticket: Ticket, change: str, **values: object) -> Ticket:
    """The ticket with that change written down as being sent. The delivery stays where the same
    was sent before and nobody knows whether it arrived. Raises Changed, LeaseLost.
    """
    with transaction.atomic():
        now = ticket_queue.renew(turn, is_sending=True)
        row = _locked(ticket)
        if row.revision != ticket.revision:
            raise Changed
        is_again = row.sending == change and row.delivery is not None
        row.delivery = row.delivery if is_again else uuid4()
        row.attempts += 1
        row.sending, row.sending_since = change, now
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    turn.changed_at = now
    return row


def done(
    turn: Turn, ticket: Ticket, what: str, words: str = "", *, apply: Callable[[Ticket], None]
) -> Ticket:
    """The ticket after what was sent had its effect; `apply` writes down which."""
    with _result(turn, ticket, has_answered=True) as row:
        by_name = row.wanted_by if what in ("closed", "reopened") else ""
        _end_sending(row)
        row.attempts = 0
        row.error, row.error_at = "", None
        apply(row)
        _tell(row, what, words, by_name)
    turn.changed_at = clock.now()
    return row


def undone(turn: Turn, ticket: Ticket, error: TrackerError, *, keeps_sending: bool) -> None:
    """Write down that nothing was done: the ticket is tried again later, and the tracker waits."""
    with _result(turn, ticket) as row:
        if not row.sending:
            row.attempts += 1
        if not keeps_sending:
            _end_sending(row)
            if row.state == TicketState.UNKNOWN:
                row.state = TicketState.QUEUED.value
        _put_off(row, error)
    ticket_queue.failed(turn, error)


def unknown(turn: Turn, ticket: Ticket, error: TrackerError) -> None:
    """Write down that nobody knows whether it was done: it is looked up before anything else."""
    with _result(turn, ticket) as row:
        if row.sending == CREATE and row.state != TicketState.UNKNOWN:
            row.state = TicketState.UNKNOWN.value
            _tell(row, "unknown", ticket_queue.words_of(error))
        row.error, row.error_at = ticket_queue.words_of(error), clock.now()
        row.due_at = row.error_at + LOOKED_AGAIN
    ticket_queue.failed(turn, error)


def refused(turn: Turn, ticket: Ticket, error: TrackerError) -> Ticket:
    """The ticket after the tracker refused what was sent, as it will again: it stays as it is."""
    with _result(turn, ticket) as row:
        change = row.sending or CREATE
        _end_sending(row)
        row.attempts = 0
        row.error, row.error_at = ticket_queue.words_of(error), clock.now()
        if change == CREATE:
            row.state, row.due_at = TicketState.REJECTED.value, None
        row.is_body_due = row.is_body_due and change != UPDATE
        row.is_comment_due = row.is_comment_due and change != COMMENT
        _tell(row, "refused", f"{change}: {row.error}")
    return row


def put_off(turn: Turn, ticket: Ticket, until: datetime) -> None:
    """Have the ticket looked at again then."""
    changed(turn, ticket, due_at=until)


def noted(turn: Turn, ticket: Ticket, remote: Remote | None) -> Ticket:
    """The ticket after it was looked for in the tracker, where None says that it is not there."""
    with _result(turn, ticket, has_answered=True) as row:
        if remote is None:
            miss(row, turn)
        else:
            note(row, remote)
    return row


def missed(turn: Turn, ticket: Ticket) -> bool:
    """Write down that the tracker knows no such ticket; False for one that it never had."""
    with _result(turn, ticket) as row:
        if not row.remote_id:
            return False
        _end_sending(row)
        miss(row, turn)
    return True


def changed(turn: Turn, ticket: Ticket, **values: object) -> Ticket:
    """The ticket with these columns."""
    with _result(turn, ticket) as row:
        for name, value in values.items():
            setattr(row, name, value)
    return row


def not_sent(turn: Turn, ticket: Ticket, **values: object) -> Ticket:
    """The ticket, of which what was sent had no effect; with these columns."""
    with _result(turn, ticket) as row:
        _end_sending(row)
        for name, value in values.items():
            setattr(row, name, value)
    return row


def left_unknown(turn: Turn, ticket: Ticket) -> Ticket:
    """The ticket, whose worker was lost while it was on its way."""
    with _result(turn, ticket) as row:
        row.state = TicketState.UNKNOWN.value
        _tell(row, "unknown", "the worker was lost while it was sent")
    return row


def other_is_sent_since(ticket: Ticket) -> datetime | None:
    """Since when another ticket of the same cluster has been on its way to the same tracker."""
    others = Ticket.objects.filter(tracker=ticket.tracker_id, marker=ticket.marker)
    others = others.exclude(pk=ticket.pk).filter(sending=CREATE)
    since: datetime | None = others.aggregate(since=Max("sending_since"))["since"]
    return since


def not_ours(ticket: Ticket, found: Iterable[Remote]) -> list[Remote]:
    """Those that no other row of ours is for, of this cluster or, as people can put any label on a
    ticket, of another.
    """
    found = list(found)
    rows = Ticket.objects.filter(tracker=ticket.tracker_id).exclude(pk=ticket.pk)
    taken = set(
        rows.filter(remote_id__in=[one.id for one in found]).values_list("remote_id", flat=True)
    )
    return [one for one in found if one.id not in taken]


def settle(turn: Turn, ticket: Ticket, *, keeps_error: bool = False) -> None:
    """Have nobody come back to the ticket, unless something else is wanted of it by now."""
    with transaction.atomic():
        ticket_queue.renew(turn)
        rows = Ticket.objects.filter(pk=ticket.pk, revision=ticket.revision, sending="")
        rows.update(due_at=None, attempts=0)
        if not keeps_error:
            rows.exclude(state=TicketState.REJECTED).update(error="", error_at=None)


def note(row: Ticket, remote: Remote) -> None:
    """Write into the row what the tracker has, and tell what people changed there."""
    changes = [] if row.read_at is None else list(_changes(row, remote))
    now = clock.now()
    is_back, was_open = row.state == TicketState.GONE, row.state == _OPEN
    if row.wanted_open is remote.is_open:
        row.wanted_open, row.wanted_by = None, ""
    if is_back or was_open is not remote.is_open:
        closed_by = (is_back and row.closed_by) or PEOPLE
        row.closed_by = "" if remote.is_open else closed_by
        is_told = row.seen == row.told or not remote.is_open
        if not is_told or (is_back and row.wanted_open is not None):
            row.due_at = row.due_at or now
    fill(row, remote)
    if changes:
        _tell(row, "seen", "; ".join(changes))


def fill(row: Ticket, remote: Remote) -> None:
    """Write into the row what the tracker has of it."""
    now = clock.now()
    row.remote_id = row.remote_id or fit(remote.id, 200)
    if remote.url.startswith(("https://", "http://")):
        row.url = fit(remote.url, 1_000)
    row.state = _OPEN if remote.is_open else _CLOSED
    row.remote_state = fit(remote.state, 100)
    row.remote_title = fit(remote.title, 1_000)
    row.remote_assignee = fit(remote.assignee, 200)
    row.read_at = row.asked_at = now
    row.missing_since = None


def miss(row: Ticket, turn: Turn) -> None:
    """Write into the row that it was not there: gone, once that holds for a while."""
    now = clock.now()
    row.asked_at = now
    row.missing_since = row.missing_since or now
    if row.state != TicketState.GONE and now - row.missing_since >= missing_for(turn):
        row.state, row.due_at = TicketState.GONE.value, None
        if row.wanted_by:
            row.wanted_open, row.wanted_by = None, ""
        _end_sending(row)
        _tell(row, "gone", "the tracker has it no more, or hides it")
    elif row.due_at is not None:
        row.due_at = row.missing_since + missing_for(turn)


def missing_for(turn: Turn) -> timedelta:
    """How long a ticket has to be missing until it counts as gone."""
    return max(MISSING_FOR, timedelta(seconds=turn.traits.found_after))


def closed_or_reopened(row: Ticket, remote: Remote) -> None:
    """Write into the row that the tracker did what was wanted."""
    by = PEOPLE if row.wanted_by else PRODUCT
    row.closed_by = "" if remote.is_open else by
    fill(row, remote)
    row.wanted_open, row.wanted_by = None, ""
    if by == PRODUCT and row.is_reached is remote.is_open:
        row.wanted_open = not remote.is_open  # the cluster changed while this was on its way


def _changes(row: Ticket, remote: Remote) -> Iterator[str]:
    state = f" ({remote.state})" if remote.state else ""
    if row.state == TicketState.GONE:
        yield "it is there again"
    elif (row.state == _OPEN) is not remote.is_open:
        yield ("reopened" if remote.is_open else "closed") + state
    elif row.remote_state != fit(remote.state, 100):
        yield f"its state is {remote.state}"
    if row.remote_title != fit(remote.title, 1_000):
        yield f"its title is {remote.title}"
    if row.remote_assignee != fit(remote.assignee, 200):
        yield f"given to {remote.assignee}" if remote.assignee else "given to nobody"


def _put_off(row: Ticket, error: TrackerError) -> None:
    words = ticket_queue.words_of(error)
    if row.error != words:
        _tell(row, "failed", words)
    now = clock.now()
    row.error, row.error_at = words, now
    row.due_at = now + timedelta(seconds=ticket_queue.backoff_seconds(row.attempts))


def _end_sending(row: Ticket) -> None:
    row.sending, row.sending_since, row.delivery = "", None, None


def _tell(row: Ticket, what: str, words: str, by_name: str = "") -> None:
    TicketEvent.objects.create(
        ticket=row,
        at=clock.now(),
        what=what,
        words=fit(words, 1_000),
        by_name=by_name,
    )


@contextmanager
def _result(turn: Turn, ticket: Ticket, *, has_answered: bool = False) -> Iterator[Ticket]:
    """The row as it is now, to be changed and then stored. Raises Changed, LeaseLost."""
    with transaction.atomic():
        if has_answered:
            ticket_queue.succeeded(turn)
        else:
            ticket_queue.renew(turn)
        row = _locked(ticket)
        yield row
        row.save()


def _locked(ticket: Ticket) -> Ticket:
    row = Ticket.objects.select_for_update().filter(pk=ticket.pk).first()
    if row is None:
        raise Changed
    return row
