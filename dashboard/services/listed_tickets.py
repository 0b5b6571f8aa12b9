"""What people do with tickets of the built-in list, which no other program shows."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

from django.db import transaction

from dashboard.models import ListedTicket, Ticket, TicketEvent, User
from dashboard.services import audit, clock, trackers
from dashboard.services.tickets import TicketError

COMMENTED, CHANGED = "ticket commented", "ticket changed"
MOST_COMMENT_LETTERS, MOST_COMMENTS = 10_000, 200


def comment(ticket: Ticket, text: str, actor: User) -> None:
    """Add a person's comment. Raises TicketError where it can't have one, or has too many."""
    with transaction.atomic():
        row = _locked(ticket)
        if len(row.comments) >= MOST_COMMENTS:
            raise TicketError(f"it has {MOST_COMMENTS} comments already", ticket)
        name, now = actor.get_username(), clock.now()
        row.comments = [*row.comments, [uuid4().hex, text, name, now.isoformat()]]
        row.changed_at = now
        row.save(update_fields=("comments", "changed_at"))
        _tell(COMMENTED, "noted", ticket, actor)


def change(ticket: Ticket, assignee: str, due_on: date | None, actor: User) -> None:
    """Say who does it and until when; nothing where that is so already. Raises TicketError where
    the ticket is not in the built-in list.
    """
    with transaction.atomic():
        row = _locked(ticket)
        if (row.assignee, row.due_on) == (assignee, due_on):
            return
        row.assignee, row.due_on, row.changed_at = assignee, due_on, clock.now()
        row.save(update_fields=("assignee", "due_on", "changed_at"))
        # Until the list is read back.
        Ticket.objects.filter(pk=ticket.pk).update(
            assignee=assignee, remote_assignee=assignee, due_on=due_on
        )
        words = f"assigned to {assignee}" if assignee else "assigned to nobody"
        words += f", due {due_on:%Y-%m-%d}" if due_on else ", no due date"
        _tell(CHANGED, "changed", ticket, actor, words)


def _locked(ticket: Ticket) -> ListedTicket:
    is_here = ticket.tracker.kind == trackers.BUILTIN and ticket.remote_id.isdecimal()
    rows = ListedTicket.objects.select_for_update()
    row = rows.filter(pk=int(ticket.remote_id)).first() if is_here else None
    if row is None:
        raise TicketError("it is not in the built-in list", ticket)
    return row


def _tell(action: str, what: str, ticket: Ticket, actor: User, words: str = "") -> None:
    audit.record(
        action,
        actor=actor,
        cluster=ticket.cluster,
        about=ticket.cluster_name,
        tracker=ticket.tracker.name,
        ticket=ticket.pk,
    )
    TicketEvent.objects.create(
        ticket=ticket, at=clock.now(), what=what, words=words, by_name=actor.get_username()
    )
