"""What trackers have is read back: every few minutes, many tickets at once."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from authzviz.tickets.errors import TicketGone, TicketRejected
from authzviz.tickets.port import Port, Remote
from dashboard.models import Ticket, Tracker
from dashboard.services import clock, ticket_queue, ticket_rows
from dashboard.services.ticket_queue import Turn

log = logging.getLogger(__name__)


def read_back(turn: Turn, port: Port) -> None:
    """Read the tracker's tickets, if it is time to: those that were not read since. What is left
    after a while is read with the next turn. Raises TrackerError, LeaseLost.
    """
    due_at = turn.tracker.next_read_at
    began = clock.now()
    if not turn.traits.reads_back or (due_at is not None and due_at > began):
        return
    while not turn.is_over and clock.now() < began + ticket_queue.READING:
        some = _some(turn, due_at or began)
        if not some:
            # Somebody may have asked for another round meanwhile.
            round_ = Tracker.objects.filter(pk=turn.tracker.pk, next_read_at=due_at)
            round_.update(next_read_at=clock.now() + ticket_queue.READ_EVERY)
            return
        try:
            found = port.read(some)
        except (TicketRejected, TicketGone) as error:
            if isinstance(error, TicketRejected) and error.is_of_tracker:
                raise
            log.warning("%d tickets of tracker %s can't be read", len(some), turn.tracker.pk)
            _store(turn, some, None)
        else:
            _store(turn, some, dict(found))


def read_after_changes(turn: Turn) -> None:
    """Have tickets read back soon: what was sent may have set something going in the tracker."""
    soon = clock.now() + ticket_queue.READ_AFTER_CHANGES
    Tracker.objects.filter(pk=turn.tracker.pk, next_read_at__gt=soon).update(next_read_at=soon)


def _some(turn: Turn, since: datetime) -> list[str]:
    """The ids of tickets that were not read since then, at most as many as one read takes."""
    rows = Ticket.objects.filter(
        Q(asked_at=None) | Q(asked_at__lt=since),
        tracker=turn.tracker.pk,
        is_current=True,
        state__in=ticket_queue.READ_BACK,
        sending="",
    ).exclude(remote_id="")
    most = turn.traits.most_per_read
    return list(rows.order_by("pk").values_list("remote_id", flat=True)[:most])


def _store(turn: Turn, ids: list[str], found: dict[str, Remote] | None) -> None:
    """Write down what was read; None where it could not be."""
    with transaction.atomic():
        now = ticket_queue.renew(turn)
        rows = Ticket.objects.filter(tracker=turn.tracker.pk, remote_id__in=ids, sending="")
        if found is None:
            rows.update(asked_at=now)
            return
        ticket_queue.succeeded(turn)
        for row in rows.select_for_update().order_by("pk"):
            remote = found.get(row.remote_id)
            if remote is None:
                ticket_rows.miss(row, turn)
            else:
                ticket_rows.note(row, remote)
            row.save()
