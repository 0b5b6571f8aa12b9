"""The page of one cluster: its verdict, why, and what to do next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from dashboard.services import access, pages
from dashboard.shown.cluster import cluster_page
from dashboard.shown.cluster_head import cluster_head, status
from dashboard.views.parts import is_for_part


@require_GET
@vary_on_headers("HX-Request")
def cluster(request: HttpRequest, slug: str) -> HttpResponse:
    """The overview; htmx gets the line that says how polling goes, which all of a cluster's pages
    ask for here, and is told to load its page anew when that would show something else than what
    `seen` stands for.
    """
    found = access.visible_to(request.user, slug)
    if not is_for_part(request):
        facts = pages.cluster_page(found)
        context = {"head": cluster_head(facts.row), "page": cluster_page(facts)}
        return render(request, "cluster.html", context)
    line = status(pages.row_of(found))
    response = render(request, "includes/cluster_status.html", {"status": line})
    if request.GET.get("seen", line.token) != line.token:
        response["HX-Refresh"] = "true"
    return response
