"""The page that holds clusters side by side, and the same as a file for spreadsheets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from dashboard.services import comparing
from dashboard.services.access import person
from dashboard.shown.comparing import compare_page, offer

_MOST_LETTERS = 120


@require_GET
@vary_on_headers("HX-Request")
def compare(request: HttpRequest) -> HttpResponse:
    """The clusters of ?c=slug&c=slug, held against ?baseline=slug; a file with &format=csv.

    htmx gets only the clusters that could be added, those with ?find= in their name.
    """
    user, slugs = person(request.user), request.GET.getlist("c")
    baseline, find = request.GET.get("baseline", ""), _found(request.GET)
    if "HX-Request" in request.headers:
        others = offer(comparing.offered(user, slugs, find), slugs, baseline, find)
        return render(request, "compare.html#offered", {"offer": others})
    chosen = comparing.choose(user, slugs, baseline, find)
    if request.GET.get("format") == "csv" and chosen.is_comparable:
        return _file(comparing.as_csv(chosen))
    page = compare_page(chosen, baseline, find)
    return render(request, "compare.html", {"page": page, "offer": page.offer})


def _found(query: QueryDict) -> str:
    """The part of a name that is looked for; U+0000 is in none, and no database takes it."""
    return query.get("find", "").replace("\0", "").strip()[:_MOST_LETTERS]


def _file(content: bytes) -> HttpResponse:
    name = comparing.csv_name()
    return HttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
