"""Accepting what a cluster's findings leave possible, and taking that back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateformat import format as formatted
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard import asked
from dashboard.accepting import RiskForm
from dashboard.forms import posted
from dashboard.models import Cluster
from dashboard.services import access, audit, pages, risks, spreadsheet, undoing
from dashboard.services import risk_list as listing
from dashboard.services.risk_list import Wanted
from dashboard.services.risks import RiskError, Standing
from dashboard.shown.cluster_head import cluster_head
from dashboard.shown.risk_list import risk_lines, risks_page
from dashboard.shown.risks import accept_page
from dashboard.views.parts import attached


@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the finding of ?finding=KEY and ask why it is accepted and until when; then do it."""
    cluster = access.editable_by(request.user, slug)
    standing = risks.standing_of(cluster, request.GET.get("finding", ""))
    form = RiskForm(posted(request)[0], severity=standing.finding.severity.value)
    if request.method == "POST" and form.is_valid() and _accept(request, form, cluster, standing):
        return redirect(cluster)
    context = {
        "head": cluster_head(pages.row_of(cluster)),
        "page": accept_page(standing),
        "form": form,
    }
    return render(request, "risk_accept.html", context, status=422 if form.errors else 200)


@require_GET
def risk_list(request: HttpRequest) -> HttpResponse:
    """Everything that is accepted in the fleet; a file with &format=csv."""
    user, query = access.person(request.user), request.GET
    want = Wanted(
        search=asked.text(query, "search"),
        severity=query.get("severity", ""),
        when=query.get("when", ""),
        page=asked.number(query, "page"),
    )
    if query.get("format") == "csv":
        content = spreadsheet.as_csv(risk_lines(listing.exported(user, want)))
        return attached(content, "accepted-risks")
    page = risks_page(listing.listed(user, want), want)
    return render(request, "risks.html", {"page": page})


@require_POST
def withdraw(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take back what was accepted, and back to the cluster's page."""
    cluster = access.editable_by(request.user, slug)
    risk = risks.risk_of(cluster, pk)
    try:
        with audit.together() as batch:
            risks.withdraw(risk, actor=access.editor(request.user))
    except RiskError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        words = "Withdrawn: the finding is open again."
        messages.success(request, words, extra_tags=undoing.offer(batch))
    return redirect(cluster)


def _accept(request: HttpRequest, form: RiskForm, cluster: Cluster, standing: Standing) -> bool:
    """Accept the finding; False, with the reason in the form, where that can't be."""
    reason, until = form.cleaned_data["reason"], form.cleaned_data["last_day"]
    try:
        with audit.together() as batch:
            risks.accept(
                cluster,
                standing.key,
                reason=reason,
                until=until,
                actor=access.editor(request.user),
            )
    except RiskError as error:
        form.add_error(None, f"Nothing was accepted: {error}.")
        return False
    words = f"Accepted until {formatted(until, 'j M Y')}."
    messages.success(request, words, extra_tags=undoing.offer(batch))
    return True
