"""The page that holds clusters side by side, and the same as a file for spreadsheets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from dashboard import asked
from dashboard.services import comparing
from dashboard.services.access import person
from dashboard.shown.comparing import compare_page, offer
from dashboard.views.parts import attached


@require_GET
@vary_on_headers("HX-Request")
def compare(request: HttpRequest) -> HttpResponse:
    """The clusters of ?c=slug&c=slug, held against ?baseline=slug; a file with &format=csv.

    htmx gets only the clusters that could be added, those with ?find= in their name.
    """
    user, slugs = person(request.user), request.GET.getlist("c")
    baseline, find = request.GET.get("baseline", ""), asked.text(request.GET, "find")
    if "HX-Request" in request.headers:
        others = offer(comparing.offered(user, slugs, find), slugs, baseline, find)
        return render(request, "compare.html#offered", {"offer": others})
    chosen = comparing.choose(user, slugs, baseline, find)
    if request.GET.get("format") == "csv" and chosen.is_comparable:
        return attached(comparing.as_csv(chosen), "comparison")
    page = compare_page(chosen, baseline, find)
    return render(request, "compare.html", {"page": page, "offer": page.offer})
