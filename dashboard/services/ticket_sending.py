"""One worker's turn with one tracker: its due tickets one after another, each step by step.

A ticket's row says what is to be; nothing is remembered beside it. What is about to be sent is
committed before, and where no answer came, or the worker was killed, the tracker is asked whether
it was done before it is sent again. No transaction is open while the network is waited for.
"""

from __future__ import annotations

import logging

from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketGone,
    TicketRejected,
    TrackerError,
    TrackerUnavailable,
)
from authzviz.tickets.port import Port
from dashboard.models import Ticket
from dashboard.services import (
    clock,
    ticket_queue,
    ticket_reading,
    ticket_recovery,
    ticket_rows,
    trackers,
)
from dashboard.services.sealing import SealError
from dashboard.services.ticket_queue import LeaseLost, Turn
from dashboard.services.ticket_rows import Changed
from dashboard.services.ticket_steps import Way

log = logging.getLogger(__name__)

# More than it takes to open one, tell of it and close it.
_MOST_STEPS = 12
_OUR_OWN = "It failed for a reason of our own; the worker's log has it."


def work(tracker_id: int) -> bool:
    """Go through the tracker's queue, if nobody else does, for at most about 25 s; True where there
    is more to do at once. Safe to run twice, and to be killed at any point.
    """
    turn = ticket_queue.claim(tracker_id)
    if turn is None:
        return False
    try:
        port = _connected(turn)
        if port is not None:
            _go_through(turn, port)
        return ticket_queue.release(turn)
    except LeaseLost:
        log.info("the queue of tracker %s is another's now, or paused", tracker_id)
        ticket_queue.give_back(turn)
        return False


def _connected(turn: Turn) -> Port | None:
    """The way to the tracker, once its tickets were read back; None where it has to wait."""
    try:
        port = trackers.connect(turn.tracker, turn.answers_until)
        ticket_reading.read_back(turn, port)
    except LeaseLost:
        raise
    except TrackerError as error:
        ticket_queue.failed(turn, error)
    except SealError as error:
        ticket_queue.failed(turn, TrackerError(str(error)))
    except Exception:  # whatever it is, the lease has to end and the page to say so
        log.exception("tracker %s could not be read back", turn.tracker.pk)
        ticket_queue.failed(turn, TrackerError(_OUR_OWN))
    else:
        return port
    return None


def _go_through(turn: Turn, port: Port) -> None:
    has_sent = False
    while not turn.is_over:
        ticket = _next(turn)
        if ticket is None:
            if has_sent:
                ticket_reading.read_after_changes(turn)
            return
        has_sent = True
        if not _bring(Way(turn, port), ticket):
            return


def _next(turn: Turn) -> Ticket | None:
    due = Ticket.objects.filter(tracker=turn.tracker.pk, due_at__lte=clock.now())
    return due.order_by("due_at", "pk").first()


def _bring(way: Way, ticket: Ticket) -> bool:
    """Bring the ticket to where it is to be; False where the tracker is to be left alone."""
    at: Ticket | None = ticket
    for _ in range(_MOST_STEPS):
        if at is None or way.turn.is_cut_short:
            return True
        try:
            at = ticket_recovery.recover(way, at) if at.sending else way.step(at)
        except Changed:
            way.begin_again()
            at = Ticket.objects.filter(pk=ticket.pk).first()
        except LeaseLost:
            raise
        except TrackerError as error:
            at, goes_on = _failed(way, ticket, error)
            if not goes_on:
                return False
        except Exception:  # whatever it is, the ticket has to say so
            log.exception("ticket %s could not be brought on", ticket.pk)
            what = OutcomeUnknown if way.sent else TrackerUnavailable
            return _failed(way, ticket, what(_OUR_OWN))[1]
    ticket_rows.put_off(way.turn, ticket, clock.now() + ticket_rows.LOOKED_AGAIN)
    return True


def _failed(way: Way, ticket: Ticket, error: TrackerError) -> tuple[Ticket | None, bool]:
    """The ticket where it can go on, and whether the tracker can."""
    try:
        if isinstance(error, OutcomeUnknown) and way.sent:
            ticket_rows.unknown(way.turn, ticket, error)
            return None, False
        if isinstance(error, TicketGone) and ticket_rows.missed(way.turn, ticket):
            return None, True
        is_its_own = isinstance(error, TicketRejected) and not error.is_of_tracker
        if is_its_own and (way.sent or way.is_opening):
            return way.refused(ticket, error), True
        ticket_rows.undone(way.turn, ticket, error, keeps_sending=way.keeps_sending)
    except Changed:  # it was removed meanwhile
        return None, True
    return None, False
