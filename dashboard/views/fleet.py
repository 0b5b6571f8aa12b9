"""The fleet page: every cluster with its verdict, live."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from dashboard.forms import OwnClusterForm
from dashboard.services import local_kubeconfig, own_cluster, pages
from dashboard.services.access import person
from dashboard.shown.fleet import fleet_page, wanted
from dashboard.views.parts import template_for


@require_GET
@vary_on_headers("HX-Request")
def fleet(request: HttpRequest) -> HttpResponse:
    """Every cluster that this person may see; htmx gets only the counts and the table."""
    user = person(request.user)
    page = fleet_page(pages.fleet_rows(user), wanted(request.GET.dict()))
    context = {
        "page": page,
        "silent_since": pages.poller_silent_since(),
        "contexts": [] if page.total else local_kubeconfig.choices(user),
        "own_cluster": None if page.total else own_cluster.offer(user),
        "own_form": OwnClusterForm(),
        "local_problem": "" if page.total else local_kubeconfig.problem(user),
    }
    return render(request, template_for(request, "fleet.html", "clusters"), context)
