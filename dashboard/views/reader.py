"""The pages with the least role, for a cluster of the fleet and for one yet to be added."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.services import access, pages
from dashboard.shown.cluster_head import cluster_head
from dashboard.shown.reader import cluster_reader_page, reader_page


@require_GET
def reader(request: HttpRequest) -> HttpResponse:
    """The role for the version and distribution that are chosen, by default the newest of any."""
    access.person(request.user)
    page = reader_page(request.GET.get("version", ""), request.GET.get("distribution", ""))
    return render(request, "reader.html", {"page": page})


@require_GET
def cluster_reader(request: HttpRequest, slug: str) -> HttpResponse:
    """The role for this cluster's version and distribution, and the recipe for its server."""
    found = access.visible_to(request.user, slug)
    row = pages.row_of(found)
    context = {"head": cluster_head(row), "page": cluster_reader_page(row)}
    return render(request, "cluster_reader.html", context)
