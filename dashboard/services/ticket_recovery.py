"""What was sent, and nobody knows whether it arrived: the tracker is asked before it is sent again.

Where a tracker can't tell (a webhook, mail), it is sent again as the same delivery.
"""

from __future__ import annotations

from datetime import timedelta

from authzviz.tickets.port import Remote
from dashboard.models import Ticket, TicketState
from dashboard.services import clock, ticket_queue, ticket_rows
from dashboard.services.ticket_rows import CLOSE, COMMENT, CREATE, REOPEN, UPDATE
from dashboard.services.ticket_steps import Way


def recover(way: Way, ticket: Ticket) -> Ticket | None:
    """The ticket once it is known what came of what was sent, or after that was sent again; None
    where it is not known yet. Raises TrackerError, Changed, LeaseLost.
    """
    if ticket.sending == CREATE and ticket.state != TicketState.UNKNOWN:
        ticket = ticket_rows.left_unknown(way.turn, ticket)
    if not way.turn.traits.reads_back:
        return _send_again(way, ticket, timedelta())
    if ticket.sending == CREATE:
        return _created(way, ticket)
    if ticket.sending == COMMENT:
        return _commented(way, ticket)
    return _changed(way, ticket)


def _created(way: Way, ticket: Ticket) -> Ticket | None:
    found = ticket_rows.not_ours(ticket, way.port.find(ticket.marker))
    new = [one for one in found if one.id not in ticket.found_before]
    # It may have been closed by somebody in the meantime.
    for remote in sorted(new, key=lambda one: not one.is_open):
        return way.opened(ticket, remote, "it was found in the tracker")
    for remote in found:
        if remote.is_open:
            return way.adopted(ticket, remote)
    return _send_again(way, ticket, way.patience)


def _commented(way: Way, ticket: Ticket) -> Ticket | None:
    found = way.port.find_comment(ticket.remote_id, ticket.comment_mark)
    if not ticket.comment_id:
        return way.commented(ticket, found) if found else _send_again(way, ticket, way.patience)
    if found is None:  # people removed it
        return ticket_rows.not_sent(way.turn, ticket, is_comment_due=False)
    if found.text == ticket.comment_text:
        return ticket_rows.not_sent(way.turn, ticket)
    return way.commented(ticket, found)


def _changed(way: Way, ticket: Ticket) -> Ticket | None:
    remote = way.port.read((ticket.remote_id,)).get(ticket.remote_id)
    if remote is None:
        ticket_rows.noted(way.turn, ticket, None)
        return None
    if ticket.sending == UPDATE and remote.body != ticket.written_body:
        return way.updated(ticket, remote)
    if _is_done(ticket, remote):
        return way.closed_or_reopened(ticket, remote)
    return ticket_rows.not_sent(way.turn, ticket)


def _is_done(ticket: Ticket, remote: Remote) -> bool:
    return ticket.sending == (REOPEN if remote.is_open else CLOSE)


def _send_again(way: Way, ticket: Ticket, patience: timedelta) -> Ticket | None:
    """The ticket after the same was sent again; None where it is too early for that."""
    backoff = timedelta(seconds=ticket_queue.backoff_seconds(ticket.attempts))
    now = clock.now()
    at = (ticket.sending_since or now) + max(patience, backoff)
    if now < at:
        soon = at if not patience else min(at, now + ticket_rows.LOOKED_AGAIN)
        ticket_rows.put_off(way.turn, ticket, soon)
        return None
    if ticket.sending == CREATE and not ticket.is_current:
        return way.never_sent(ticket)
    again = {CREATE: way.create, UPDATE: way.update, COMMENT: way.comment, CLOSE: way.close}
    return again.get(ticket.sending, way.reopen)(ticket)
