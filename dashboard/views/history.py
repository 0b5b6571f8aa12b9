"""What happened: to one cluster, between two of its snapshots, and to the fleet."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from authzviz.engine.assessment import Verdict
from dashboard import asked
from dashboard.services import access, history, pages
from dashboard.shown.cluster_head import cluster_head
from dashboard.shown.history import comparison_page, fleet_history_page, history_page


@require_GET
def cluster_history(request: HttpRequest, slug: str) -> HttpResponse:
    """The timeline of a cluster; with ?from= and ?to=, what changed between these snapshots."""
    cluster = access.visible_to(request.user, slug)
    head = cluster_head(pages.row_of(cluster))
    if "from" in request.GET or "to" in request.GET:
        pair = (asked.number(request.GET, "from"), asked.number(request.GET, "to"))
        page = comparison_page(history.comparison(cluster, *pair))
        return render(request, "cluster_changes.html", {"head": head, "page": page})
    facts = history.cluster_history(cluster, asked.number(request.GET, "page"))
    context = {"head": head, "page": history_page(facts)}
    return render(request, "cluster_history.html", context)


@require_GET
def fleet_history(request: HttpRequest) -> HttpResponse:
    """Every change of a verdict in the fleet, newest first."""
    user = access.person(request.user)
    search, verdict = asked.text(request.GET, "search"), request.GET.get("verdict", "")
    verdict = verdict if verdict in set(Verdict) else ""
    page = asked.number(request.GET, "page")
    facts = history.fleet_history(user, search=search, verdict=verdict, page=page)
    return render(request, "history.html", {"page": fleet_history_page(facts, search, verdict)})
