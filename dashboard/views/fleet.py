"""The fleet page: every cluster with its verdict, live; the same as a file, and its saved views."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from dashboard.forms import OwnClusterForm
from dashboard.services import (
    access,
    clusters,
    fleet_export,
    fleet_query,
    local_kubeconfig,
    own_cluster,
    pages,
    saved_views,
)
from dashboard.services import fleet as fleet_service
from dashboard.services.access import person
from dashboard.shown.fleet import fleet_page
from dashboard.views.parts import attached, template_for


@require_GET
@vary_on_headers("HX-Request")
def fleet(request: HttpRequest) -> HttpResponse:
    """Every cluster that this person may see; htmx gets only what filters change, and nothing
    where that would show what `seen` stands for.
    """
    user = person(request.user)
    found = fleet_service.find(user, fleet_query.wanted(request.GET))
    page = fleet_page(found, saved_views.every())
    silent_since = pages.poller_silent_since()
    token = page.token(silent_since)
    template = template_for(request, "fleet.html", "clusters")
    if "#" in template and request.GET.get("seen") == token:
        return HttpResponse(status=204)
    context = {
        "page": page,
        "token": token,
        "silent_since": silent_since,
        "intervals": clusters.INTERVALS.items(),
        "contexts": [] if page.total else local_kubeconfig.choices(user),
        "own_cluster": None if page.total else own_cluster.offer(user),
        "own_form": OwnClusterForm(),
        "local_problem": "" if page.total else local_kubeconfig.problem(user),
    }
    return render(request, template, context)


@require_GET
def fleet_csv(request: HttpRequest) -> HttpResponse:
    """All clusters that the address finds, as a file for spreadsheets."""
    content = fleet_export.as_csv(person(request.user), fleet_query.wanted(request.GET))
    return attached(content, "fleet")


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep what the fleet page shows under a name, for everybody."""
    user = access.editor(request.user)
    text = request.POST.get("query", "")
    try:
        view = saved_views.save(request.POST.get("name", ""), text, actor=user)
    except saved_views.ViewError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{view.name} is kept as a view, for everybody.")
    return redirect(reverse("fleet") + fleet_query.of_text(text).link)


@require_http_methods(["GET", "HEAD", "POST"])
def remove_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether to forget a view, and do it."""
    user = access.editor(request.user)
    view = saved_views.view(pk)
    if request.method != "POST":
        link = fleet_query.of_text(view.query).link
        return render(request, "view_remove.html", {"view": view, "link": link})
    saved_views.remove(view, actor=user)
    messages.success(request, f"The view {view.name} is gone; its clusters are as they were.")
    return redirect("fleet")
