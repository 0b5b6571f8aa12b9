"""The page that thinks a change through: what it would do to kubelets, as a link."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.services import access, whatif
from dashboard.shown.cluster_head import cluster_head
from dashboard.shown.whatif import whatif_page
from dashboard.shown.whatif_form import asked_of


@require_GET
def cluster_whatif(request: HttpRequest, slug: str) -> HttpResponse:
    """The change of ?modes=&plugins=&drop=&bind=&take=&add=&version= and what would come of it;
    422 for one that can't be made.
    """
    cluster = access.visible_to(request.user, slug)
    foreseen = whatif.foresee(cluster, asked_of(request.GET))
    context = {"head": cluster_head(foreseen.row), "page": whatif_page(foreseen, request.GET)}
    status = 422 if foreseen.error else 200
    return render(request, "cluster_whatif.html", context, status=status)
