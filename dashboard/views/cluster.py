"""The page of one cluster: its verdict, why, and what to do next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from dashboard.services import access, pages
from dashboard.shown.cluster import cluster_page
from dashboard.views.parts import template_for


@require_GET
@vary_on_headers("HX-Request")
def cluster(request: HttpRequest, slug: str) -> HttpResponse:
    """The page; htmx gets the line that says how polling goes, and is told to load the page anew
    when that would show something else than what `seen` stands for.
    """
    page = cluster_page(pages.cluster_page(access.visible_to(request.user, slug)))
    template = template_for(request, "cluster.html", "status")
    response = render(request, template, {"page": page})
    seen = request.GET.get("seen")
    if "#" in template and seen and seen != page.token:
        response["HX-Refresh"] = "true"
    return response
