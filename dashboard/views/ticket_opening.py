"""Opening tickets: of one cluster by one click or after a look, and of many at once."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from authzviz.reports.ticket import Template
from dashboard import asked
from dashboard.forms import posted
from dashboard.models import Cluster, Tracker, User
from dashboard.services import (
    access,
    fleet_query,
    pages,
    ticket_words,
    tickets,
    tracker_acts,
    trackers,
    undoing,
)
from dashboard.services.clusters import ClusterError
from dashboard.services.tickets import Opened, TicketError
from dashboard.shown.cluster_head import cluster_head
from dashboard.shown.fleet import skipped_words
from dashboard.shown.ticket_form import first_of, open_many_page, open_page, preview_of
from dashboard.tasks import send_tickets
from dashboard.ticket_forms import TemplateForm, TicketForm
from dashboard.views.bulk import chosen_clusters

# What opening many needs of each cluster, of which there may be a thousand.
_NEEDED = ("uuid", "slug", "name")


@require_http_methods(["GET", "HEAD", "POST"])
def open_ticket(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the ticket that the cluster would get, to change it; then open it. One click on the
    cluster's page posts nothing of its text: then it is opened as the tracker's template says.
    """
    cluster = access.editable_by(request.user, slug)
    tracker = _tracker(request)
    if request.method == "POST" and "title" not in request.POST:
        _open(request, cluster, tracker)
        return redirect(cluster)
    form = TicketForm(posted(request)[0], tracker=tracker, text=_made(request, cluster, tracker))
    is_preview = "preview" in request.POST
    is_meant = request.method == "POST" and not is_preview
    if is_meant and form.is_valid() and _open(request, cluster, tracker, form):
        return redirect(cluster)
    if is_preview and "HX-Request" in request.headers:
        return render(request, "ticket/preview.html", {"preview": preview_of(form.text)})
    row = pages.row_of(cluster)
    context = {
        "head": cluster_head(row),
        "page": open_page(row, tracker, tracker_acts.every()),
        "form": form,
        "preview": preview_of(form.text),
    }
    return render(request, "ticket_open.html", context, status=422 if is_meant else 200)


@require_POST
def open_tickets(request: HttpRequest) -> HttpResponse:
    """Show the template that the chosen clusters' tickets would be filled from, for how many, and
    one of them; then, with `confirmed`, open them all.
    """
    user = access.editor(request.user)
    want = fleet_query.of_text(request.POST.get("query", ""))
    try:
        clusters = chosen_clusters(request, user, want, columns=_NEEDED)
    except ClusterError as error:
        messages.error(request, f"No ticket was opened: {error}.")
        return redirect(reverse("fleet") + want.link)
    tracker = _tracker(request)
    usual = ticket_words.template_of(tracker)
    is_typed = "title" in request.POST and "anew" not in request.POST
    form = TemplateForm(
        request.POST if is_typed else None, tracker=tracker, text=(usual.title, usual.body)
    )
    if "confirmed" in request.POST and is_typed and form.is_valid():
        opened = _open_many(request, clusters, tracker, form, user)
        if opened is not None:
            return redirect(f"{reverse('tickets')}?batch={opened.batch}")
    skipped = tickets.would_skip(clusters, tracker)
    first = first_of(clusters, skipped)
    text = _example(request, first, Template(*form.text)) if first else None
    if "preview" in request.POST and "HX-Request" in request.headers:
        return render(request, "ticket/preview.html", {"preview": preview_of(text or form.text)})
    context = {
        "page": open_many_page(clusters, skipped, tracker, tracker_acts.every(), want.view),
        "want": want,
        "form": form,
        "preview": preview_of(text) if text else None,
    }
    return render(request, "tickets_open.html", context, status=422 if form.errors else 200)


def _tracker(request: HttpRequest) -> Tracker:
    """The tracker of the key that is asked for, or the default one. Raises NotVisible."""
    key = asked.number(request.POST if request.method == "POST" else request.GET, "tracker")
    return tracker_acts.one(key) if key else trackers.default()


def _made(request: HttpRequest, cluster: Cluster, tracker: Tracker) -> tuple[str, str]:
    """What the template makes of the cluster; a form that comes back holds its own."""
    if request.method == "POST":
        return "", ""
    return ticket_words.preview(
        cluster,
        tracker,
        page_url=_page_url(request, cluster),
        opened_by=access.person(request.user).get_username(),
    )


def _example(request: HttpRequest, cluster: Cluster, template: Template) -> tuple[str, str]:
    return ticket_words.filled_for(
        cluster.pk,
        template,
        page_url=_page_url(request, cluster),
        opened_by=access.person(request.user).get_username(),
    )


def _page_url(request: HttpRequest, cluster: Cluster) -> str:
    return request.build_absolute_uri(cluster.get_absolute_url())


def _open(
    request: HttpRequest, cluster: Cluster, tracker: Tracker, form: TicketForm | None = None
) -> bool:
    """Open it and say so; False, with the reason in the form or as a message, where that can't
    be.
    """
    title, body = form.changed_text if form else ("", "")
    typed = form.cleaned_data if form else {}
    try:
        ticket = tickets.open_one(
            cluster,
            tracker,
            actor=access.editor(request.user),
            page_url=_page_url(request, cluster),
            title=title,
            body=body,
            labels=typed.get("labels", tracker.labels),
            assignee=typed.get("assignee", tracker.assignee),
            due_on=typed["due_on"] if typed else trackers.due_on(tracker),
        )
    except TicketError as error:
        words = f"No ticket was opened: {error}."
        if form:
            form.add_error(None, words)
        else:
            messages.error(request, words)
        return False
    send_tickets(tracker.pk)
    undo = undoing.offer(ticket.batch) if ticket.batch else ""
    messages.success(request, f"A ticket is queued for {tracker.name}.", extra_tags=undo)
    return True


def _open_many(
    request: HttpRequest,
    clusters: list[Cluster],
    tracker: Tracker,
    form: TemplateForm,
    user: User,
) -> Opened | None:
    title, body = form.changed_text
    # Reversed once: they differ in the slug alone.
    before, after = request.build_absolute_uri(reverse("cluster", args=("slug",))).rsplit("slug", 1)
    try:
        opened = tickets.open_many(
            clusters,
            tracker,
            actor=user,
            page_url_of=lambda cluster: f"{before}{cluster.slug}{after}",
            title_template=title,
            body_template=body,
            labels=form.cleaned_data["labels"],
            assignee=form.cleaned_data["assignee"],
            due_on=form.cleaned_data["due_on"],
        )
    except TicketError as error:
        form.add_error(None, f"No ticket was opened: {error}.")
        return None
    send_tickets(tracker.pk)
    words = f"{len(opened.opened):,} queued for {tracker.name}. {skipped_words(opened.skipped)}"
    messages.success(request, words.strip(), extra_tags=undoing.offer(opened.batch))
    return opened
