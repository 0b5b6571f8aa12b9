"""What a ticket is to say: as a person wrote it, else a template with the cluster's facts."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.tickets.port import Draft
from dashboard.models import CurrentState, Ticket


class NothingToSay(Exception):
    """The cluster, or what was read of it, is gone."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A ticket's title and body, and the comment that tells of its progress."""

    title: str
    body: str
    progress: str


def texts_of(ticket: Ticket) -> Texts:
    """What the ticket is to say now. Raises NothingToSay."""
    state = CurrentState.objects.filter(cluster=ticket.cluster_id).first()
    if ticket.cluster_id is None or state is None:
        raise NothingToSay
    body = ticket.body or state.summary
    if ticket.marker not in body:
        body = f"{body}\n\n`{ticket.marker}`"
    title = ticket.title or f"{ticket.cluster_name}: {state.verdict}"
    return Texts(title, body, f"{state.verdict}\n\n`{ticket.marker}`")


def draft_of(ticket: Ticket, texts: Texts, most_title_letters: int) -> Draft:
    """The ticket as it is to be sent."""
    return Draft(
        marker=ticket.marker,
        title=cut(texts.title, most_title_letters),
        body=texts.body,
        page=ticket.page_url,
        labels=tuple(ticket.labels),
        assignee=ticket.assignee,
        due=ticket.due_on,
    )


def cut(title: str, most: int) -> str:
    """`title` with at most so many letters."""
    return title if len(title) <= most else title[: most - 1] + "…"
