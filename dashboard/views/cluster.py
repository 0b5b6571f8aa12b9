"""The page of one cluster: its verdict, why, and what to do next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from dashboard.services import access, pages
from dashboard.shown.cluster import cluster_page, status
from dashboard.views.parts import template_for


@require_GET
@vary_on_headers("HX-Request")
def cluster(request: HttpRequest, slug: str) -> HttpResponse:
    """The page; htmx gets the line that says how polling goes, and is told to load the page anew
    when that would show something else than what `seen` stands for.
    """
    found = access.visible_to(request.user, slug)
    template = template_for(request, "cluster.html", "status")
    if "#" not in template:
        facts = pages.cluster_page(found)
        context = {"page": cluster_page(facts), "status": status(facts.row)}
        return render(request, template, context)
    line = status(pages.poll_row(found))
    response = render(request, template, {"status": line})
    if request.GET.get("seen", line.token) != line.token:
        response["HX-Refresh"] = "true"
    return response
