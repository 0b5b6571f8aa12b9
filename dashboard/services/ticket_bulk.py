"""One act on a ticket, or on many of them: told and undone as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction

from dashboard.models import Ticket, User
from dashboard.services import audit, tickets
from dashboard.services.bulk import Done, Skipped
from dashboard.services.tickets import TicketError

READ = "read"


def act(name: str, every: Sequence[Ticket], *, actor: User) -> Done:
    """Do that to each of the tickets where it can be done. Raises TicketError for no such act."""
    if name == READ:
        return _read(every)
    if name not in ACTS:
        raise TicketError("there is no such act")
    changed = []
    skipped: dict[str, list[str]] = {}
    with transaction.atomic(), audit.together() as batch:
        # As workers do: the tracker before its tickets, and these in one order.
        tickets.hold_queues({ticket.tracker_id for ticket in every})
        for ticket in sorted(every, key=lambda one: one.pk or 0):
            key, title = ticket.pk, ticket.cluster_name
            try:
                ACTS[name](ticket, actor)
            except TicketError as error:
                skipped.setdefault(str(error), []).append(title)
            else:
                changed.append(key)
    return Done(
        changed=tuple(changed),
        skipped=tuple(Skipped(why, tuple(names)) for why, names in skipped.items()),
        batch=batch,
    )


def _read(every: Sequence[Ticket]) -> Done:
    """Nothing is changed by it, so nothing is written down."""
    with audit.together() as batch:
        for tracker in {ticket.tracker for ticket in every}:
            tickets.read_soon(tracker)
    return Done(tuple(ticket.pk for ticket in every), (), batch)


ACTS: dict[str, Callable[[Ticket, User], None]] = {
    "retry": tickets.retry,
    "close": lambda ticket, actor: tickets.set_open(ticket, False, actor),
    "reopen": lambda ticket, actor: tickets.set_open(ticket, True, actor),
    "take-back": tickets.take_back,
    "let-go": tickets.let_go,
}
"""What may be done with tickets beside reading them back; each raises TicketError where one stays
as it is.
"""
