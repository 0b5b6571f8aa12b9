"""What people did, and the same as a file for spreadsheets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard import asked
from dashboard.services import activity, spreadsheet
from dashboard.services.activity import Wanted
from dashboard.shown.activity import activity_page, rows
from dashboard.views.parts import attached


@require_GET
def acts(request: HttpRequest) -> HttpResponse:
    """What people did, newest first; with &format=csv, the acts row by row as a file."""
    want = _wanted(request.GET)
    if request.GET.get("format") == "csv":
        return attached(spreadsheet.as_csv(rows(activity.exported(want))), "activity")
    page = activity_page(activity.activity(want), want)
    return render(request, "activity.html", {"page": page})


def _wanted(query: QueryDict) -> Wanted:
    """What the address asks for; what can't be meant is left out."""
    return Wanted(
        search=asked.text(query, "search"),
        person=asked.text(query, "person"),
        cluster=asked.text(query, "cluster"),
        action=asked.text(query, "act"),
        since=asked.day(query, "from"),
        until=asked.day(query, "to"),
        batch=asked.uuid(query, "batch"),
        before=asked.number(query, "before"),
    )
