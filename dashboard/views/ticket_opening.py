"""Opening tickets: of one cluster by one click."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard import asked
from dashboard.models import Cluster, Tracker
from dashboard.services import access, tickets, tracker_acts, trackers, undoing
from dashboard.services.tickets import TicketError


@require_POST
def open_ticket(request: HttpRequest, slug: str) -> HttpResponse:
    """Open the cluster's ticket in the tracker of that key, or in the default one, as its template
    says; and back to the cluster.
    """
    cluster = access.editable_by(request.user, slug)
    key = asked.number(request.POST, "tracker")
    tracker = tracker_acts.one(key) if key else trackers.default()
    _open(request, cluster, tracker)
    return redirect(cluster)


def _open(request: HttpRequest, cluster: Cluster, tracker: Tracker) -> bool:
    try:
        ticket = tickets.open_one(
            cluster,
            tracker,
            actor=access.editor(request.user),
            page_url=request.build_absolute_uri(cluster.get_absolute_url()),
            labels=tracker.labels,
            assignee=tracker.assignee,
            due_on=trackers.due_on(tracker),
        )
    except TicketError as error:
        messages.error(request, f"No ticket was opened: {error}.")
        return False
    batch = undoing.offer(ticket.batch) if ticket.batch else ""
    messages.success(request, f"A ticket is queued for {tracker.name}.", extra_tags=batch)
    return True
