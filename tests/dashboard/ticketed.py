"""Trackers and tickets as rows, for whoever shows them; nothing is sent."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from dashboard.models import Cluster, ListedTicket, Ticket, TicketState, Tracker
from dashboard.services import trackers
from dashboard.services.tickets import marker_of

SITE = "https://git.example"


def forge(name: str = "Forge", **fields: Any) -> Tracker:
    """A tracker of some server; its kind has no adapter here."""
    values = {"kind": "forge", "values": {"url": SITE}, "created_at": timezone.now(), **fields}
    return Tracker.objects.get_or_create(name=name, defaults=values)[0]


def ticket_of(
    cluster: Cluster,
    state: TicketState = TicketState.OPEN,
    tracker: Tracker | None = None,
    **fields: Any,
) -> Ticket:
    """The cluster's ticket, of that state; what is there has a number and a URL."""
    now, tracker = timezone.now(), tracker or forge()
    values: dict[str, Any] = {
        "cluster_name": cluster.name,
        "marker": marker_of(cluster),
        "state": state.value,
        "opened_at": now,
        "opened_by_name": "maria",
    }
    if state in {TicketState.OPEN, TicketState.CLOSED, TicketState.GONE}:
        number = str(cluster.pk + 100)
        url = f"{SITE}/team/clusters/issues/{number}"
        values |= {"remote_id": number, "url": url, "remote_state": state.value, "read_at": now}
    return Ticket.objects.create(cluster=cluster, tracker=tracker, **{**values, **fields})


def listed_ticket(cluster: Cluster, **fields: Any) -> Ticket:
    """The cluster's ticket in the built-in list; `fields` are of its row there."""
    now = timezone.now()
    values = {"title": "The way", "body": "Do it.", "created_at": now, "changed_at": now, **fields}
    row = ListedTicket.objects.create(marker=marker_of(cluster), **values)
    return ticket_of(cluster, tracker=trackers.builtin(), remote_id=str(row.pk), url="")
