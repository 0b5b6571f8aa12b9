"""The pages of one cluster: its verdict, and everything that this rests on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from dashboard.services import access, audit_logs, downloads, pages
from dashboard.shown.audit_log import proven_of
from dashboard.shown.cluster_evidence import evidence_page
from dashboard.shown.cluster_grants import grants_page
from dashboard.shown.cluster_head import cluster_head, status
from dashboard.shown.cluster_nodes import nodes_page
from dashboard.shown.cluster_object import object_page
from dashboard.shown.cluster_overview import overview_page
from dashboard.views.parts import is_for_part


@require_GET
@vary_on_headers("HX-Request")
def cluster(request: HttpRequest, slug: str) -> HttpResponse:
    """The overview; htmx gets the line that says how polling goes, which all of a cluster's pages
    ask for here, with a token that differs once they would show something else.
    """
    row = pages.row_of(access.visible_to(request.user, slug))
    if not is_for_part(request):
        facts = pages.overview(row)
        page = overview_page(facts, request.GET.dict()) if facts else None
        return render(request, "cluster.html", {"head": cluster_head(row), "page": page})
    return render(request, "includes/cluster_status.html", {"status": status(row)})


@require_GET
def grants(request: HttpRequest, slug: str) -> HttpResponse:
    """Every RBAC grant that reaches kubelets, resolved; as many as the address asks for."""
    row = pages.row_of(access.visible_to(request.user, slug))
    facts = pages.last_read(row)
    page = grants_page(facts, request.GET.dict()) if facts else None
    return render(request, "cluster_grants.html", {"head": cluster_head(row), "page": page})


@require_GET
def nodes(request: HttpRequest, slug: str) -> HttpResponse:
    """The nodes that the address asks for."""
    row = pages.row_of(access.visible_to(request.user, slug))
    facts = pages.nodes_read(row)
    page = nodes_page(facts, request.GET.dict()) if facts else None
    return render(request, "cluster_nodes.html", {"head": cluster_head(row), "page": page})


@require_GET
def evidence(request: HttpRequest, slug: str) -> HttpResponse:
    """What was read of the cluster, of whom, and what came of it."""
    row = pages.row_of(access.visible_to(request.user, slug))
    facts = pages.last_read(row)
    page = evidence_page(facts) if facts else None
    newest = audit_logs.newest(row.cluster, facts.assessment) if facts else None
    context = {
        "head": cluster_head(row),
        "page": page,
        "audit_log": proven_of(newest) if newest else None,
    }
    return render(request, "cluster_evidence.html", context)


@require_GET
def raw_object(request: HttpRequest, slug: str, kind: str, name: str) -> HttpResponse:
    """One object as it was read; there is no page of what the last good read doesn't hold."""
    row = pages.row_of(access.visible_to(request.user, slug))
    snapshot = pages.snapshot_of(row)
    namespace = request.GET.get("namespace", "")
    page = object_page(snapshot, slug, kind, name, namespace) if snapshot else None
    if page is None:
        raise access.NotVisible(name)
    return render(request, "cluster_object.html", {"head": cluster_head(row), "page": page})


@require_GET
def download(request: HttpRequest, slug: str) -> HttpResponse:
    """The last good read as a bundle, which every command of authzviz takes."""
    found = access.visible_to(request.user, slug)
    content = downloads.bundle_of(found, actor=access.person(request.user))
    return HttpResponse(
        content,
        content_type="application/gzip",
        headers={"Content-Disposition": f'attachment; filename="{found.slug}.json.gz"'},
    )
