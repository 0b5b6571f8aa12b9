"""Whether the web server lives, and whether the whole is ready; for machines, without sign-in."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from dashboard.services import clock, dispatching, ticket_queue


@login_not_required
@require_GET
def livez(_request: HttpRequest) -> HttpResponse:
    """200 as long as the web server answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_GET
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 with the seconds since the last dispatch, and since when a ticket is due that could have
    been sent; 503 where the database doesn't answer.
    """
    try:
        last, due = dispatching.last_dispatch(), ticket_queue.longest_due()
    except DatabaseError:
        return JsonResponse({"database": "does not answer"}, status=503)
    return JsonResponse(
        {
            "database": "ok",
            "last_dispatch_seconds_ago": _seconds_since(last),
            "longest_due_ticket_seconds": _seconds_since(due),
        }
    )


def _seconds_since(moment: datetime | None) -> float | None:
    return round((clock.now() - moment).total_seconds(), 1) if moment else None
