"""Whether the web server lives, and whether the whole is ready; for machines, without sign-in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from dashboard.services import clock, dispatching


@login_not_required
@require_GET
def livez(_request: HttpRequest) -> HttpResponse:
    """200 as long as the web server answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_GET
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 with the age of the last dispatch in seconds; 503 where the database doesn't answer."""
    try:
        last = dispatching.last_dispatch()
        now = clock.now()
    except DatabaseError:
        return JsonResponse({"database": "does not answer"}, status=503)
    age = round((now - last).total_seconds(), 1) if last else None
    return JsonResponse({"database": "ok", "last_dispatch_seconds_ago": age})
