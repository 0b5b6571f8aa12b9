"""What audit logs prove about a cluster's grants: upload them, read what came of it."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from authzviz.engine.phrases import counted
from dashboard import asked
from dashboard.models import AuditLogEvidence, Cluster
from dashboard.services import access, audit, audit_logs, audit_uploads, pages, undoing
from dashboard.services.audit_logs import AuditLogError
from dashboard.services.audit_uploads import UploadRefused
from dashboard.shown.audit_log import audit_log_page
from dashboard.shown.cluster_head import cluster_head
from dashboard.streaming import CutOff, StreamedForm

MOST_UPLOADS = 20


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def audit_log(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the newest audit log proves, or that of ?upload=NUMBER; take others.

    Who may do that is asked before anything is read, and the token is checked behind this, before
    any file is: how a form is read has to be said before anything reads it.
    """
    cluster = access.visible_to(request.user, slug)
    form = StreamedForm(request)
    if request.method == "POST":
        access.editor(request.user)
        request.upload_handlers = [form]
    return _audit_log(request, cluster, form)


@require_POST
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take an upload away, and back to the page."""
    cluster = access.editable_by(request.user, slug)
    row = audit_logs.upload_of(cluster, pk)
    if row is None:
        raise access.NotVisible("audit log")
    try:
        with audit.together() as batch:
            audit_logs.remove(row, actor=access.editor(request.user))
    except AuditLogError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, "Removed.", extra_tags=undoing.offer(batch))
    return redirect("cluster_audit_log", slug=slug)


@csrf_protect
def _audit_log(request: HttpRequest, cluster: Cluster, form: StreamedForm) -> HttpResponse:
    if request.method != "POST":
        return _page(request, cluster)
    try:
        refusal = _taken(request, cluster, form)
    except CutOff:
        # Nobody reads this: whoever uploaded it is gone.
        return HttpResponse(status=400)
    if refusal:
        form.drain()
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"refusal": refusal}, status=422 if refusal else 200)
    if refusal:
        return _page(request, cluster, refusal)
    return redirect("cluster_audit_log", slug=cluster.slug)


def _taken(request: HttpRequest, cluster: Cluster, form: StreamedForm) -> str:
    """Why the upload is refused; "" where what it proves is kept now."""
    actor = access.editor(request.user)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if int(length) > audit_uploads.most_bytes():
        return audit_uploads.too_large()
    try:
        with audit.together() as batch:
            row = audit_uploads.take(cluster, form.files(), actor=actor)
    except UploadRefused as error:
        return str(error)
    words = f"{counted(len(row.files), 'file')} read. Nothing of the log itself is kept."
    messages.success(request, words, extra_tags=undoing.offer(batch))
    return ""


def _page(request: HttpRequest, cluster: Cluster, refusal: str = "") -> HttpResponse:
    row = pages.row_of(cluster)
    uploads = audit_logs.uploads_of(cluster).defer("evidence")
    chosen = _chosen(request, cluster)
    standing = None
    if chosen is not None:
        standing = audit_logs.standing_of(chosen, audit_logs.current_assessment(cluster))
    context = {
        "head": cluster_head(row),
        "page": audit_log_page(standing, uploads[:MOST_UPLOADS], uploads.count()),
        "refusal": refusal,
        "most": settings.AUDIT_LOG_MB,
        "most_bytes": audit_uploads.most_bytes(),
        "command": f"authzviz evidence --bundle {cluster.slug}.json.gz audit*.log*",
        "here": reverse("cluster_audit_log", args=(cluster.slug,)),
    }
    status = 422 if refusal else 200
    return render(request, "cluster_audit_log.html", context, status=status)


def _chosen(request: HttpRequest, cluster: Cluster) -> AuditLogEvidence | None:
    """The upload that the address asks for, else the newest; None where there is none."""
    if "upload" not in request.GET:
        return audit_logs.uploads_of(cluster).first()
    row = audit_logs.upload_of(cluster, asked.number(request.GET, "upload"))
    if row is None:
        raise access.NotVisible("audit log")
    return row
