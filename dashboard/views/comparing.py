"""The page that holds clusters side by side, and the same as a file for spreadsheets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.services import comparing
from dashboard.services.access import person
from dashboard.shown.comparing import compare_page


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """The clusters of ?c=slug&c=slug, held against ?baseline=slug; a file with &format=csv."""
    baseline = request.GET.get("baseline", "")
    chosen = comparing.choose(person(request.user), request.GET.getlist("c"), baseline)
    if request.GET.get("format") == "csv" and chosen.is_comparable:
        return _file(comparing.as_csv(chosen))
    return render(request, "compare.html", {"page": compare_page(chosen, baseline)})


def _file(content: bytes) -> HttpResponse:
    name = comparing.csv_name()
    return HttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
