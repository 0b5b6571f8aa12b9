"""What people did, and the same as a file for spreadsheets."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.services import activity, clock, spreadsheet
from dashboard.services.activity import Wanted
from dashboard.shown.activity import activity_page, rows
from dashboard.views.parts import attached

_MOST_LETTERS = 150
_MOST_DIGITS = 18


@require_GET
def acts(request: HttpRequest) -> HttpResponse:
    """What people did, newest first; with &format=csv, the acts row by row as a file."""
    want = _wanted(request.GET)
    if request.GET.get("format") == "csv":
        content = spreadsheet.as_csv(rows(activity.exported(want)))
        return attached(content, f"activity-{clock.now():%Y-%m-%d}.csv")
    page = activity_page(activity.activity(want), want)
    return render(request, "activity.html", {"page": page})


def _wanted(query: QueryDict) -> Wanted:
    """What the address asks for; what can't be meant is left out."""
    return Wanted(
        search=_text(query, "search"),
        person=_text(query, "person"),
        cluster=_text(query, "cluster"),
        action=_text(query, "act"),
        since=_day(query, "from"),
        until=_day(query, "to"),
        batch=_batch(query),
        before=_number(query, "before"),
    )


def _text(query: QueryDict, name: str) -> str:
    return query.get(name, "").replace("\0", "").strip()[:_MOST_LETTERS]


def _day(query: QueryDict, name: str) -> date | None:
    try:
        return date.fromisoformat(query.get(name, ""))
    except ValueError:
        return None


def _batch(query: QueryDict) -> UUID | None:
    try:
        return UUID(query.get("batch", ""))
    except ValueError:
        return None


def _number(query: QueryDict, name: str) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
