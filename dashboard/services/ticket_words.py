"""What tickets say: templates filled with what is known of their cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urljoin

from django.urls import reverse

from authzviz.engine.assessment import Verdict
from authzviz.reports.ticket import DEFAULT_TEMPLATE, Facts, Template, filled, marked, progress
from authzviz.tickets.port import Draft
from dashboard.models import Cluster, Ticket, Tracker, VerdictChange
from dashboard.nul import without
from dashboard.services import facts as stored
from dashboard.services import plans, risks
from dashboard.services.pages import row_of
from dashboard.services.tickets import marker_of

_MOST_KEPT = 200


class NothingToSay(Exception):
    """The cluster is gone, and with it what there was to say."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A ticket's title and body, and the comment that tells how far the cluster is."""

    title: str
    body: str
    progress: str


def facts_of(cluster_id: int, page_url: str = "") -> Facts:
    """What is known of the cluster now, its running plan or the one of today's facts included.
    About 40 ms where none runs. `page_url` is the address of its page as people reach it.

    Raises NothingToSay.
    """
    cluster = Cluster.objects.select_related("current__snapshot").filter(pk=cluster_id).first()
    if cluster is None:
        raise NothingToSay
    known = Facts(
        cluster=cluster.name,
        marker=marker_of(cluster),
        group=cluster.group,
        page=_address(page_url, cluster.get_absolute_url()),
        plan_page=_address(page_url, reverse("cluster_plan", args=(cluster.slug,))),
        runbook=_address(page_url, reverse("plan_download", args=(cluster.slug, "markdown"))),
        is_recorded=cluster.is_recorded,
    )
    row = row_of(cluster)
    now = plans.plan_now(row)
    if row.current is None or now is None:
        return known
    assessment = stored.current_assessment(row.current)
    found = risks.split(assessment, risks.risks_of(cluster))
    return replace(
        known,
        assessment=assessment,
        plan=now.plan,
        progress=now.progress if now.started else None,
        accepted=frozenset(standing.key for standing in found.accepted),
        read_at=row.current.read_at,
        since=cluster.verdict_changes.values_list("at", flat=True).first(),
        is_old=row.is_stale,
        # One that is opened now.
        stays_open=assessment.verdict is Verdict.NODE_AUTHORIZER,
    )


def preview(
    cluster: Cluster, tracker: Tracker, *, page_url: str = "", opened_by: str = ""
) -> tuple[str, str]:
    """Title and body of the ticket that the cluster would get in the tracker."""
    return filled_for(cluster.pk, template_of(tracker), page_url=page_url, opened_by=opened_by)


def filled_for(
    cluster_id: int, template: Template, *, page_url: str, opened_by: str
) -> tuple[str, str]:
    """Title and body that the template makes of the cluster now. Raises NothingToSay."""
    return filled(template, replace(facts_of(cluster_id, page_url), opened_by=opened_by))


def template_of(tracker: Tracker) -> Template:
    """What the tracker's tickets begin with: its own template, or the product's."""
    return Template(
        tracker.title_template or DEFAULT_TEMPLATE.title,
        tracker.body_template or DEFAULT_TEMPLATE.body,
    )


def texts_of(ticket: Ticket) -> Texts:
    """What the ticket is to say now: as a person wrote it, else filled from its click's wording or
    its tracker's template. Raises NothingToSay.

    Keeps with the ticket, the first time, which findings there were.
    """
    if ticket.cluster_id is None:
        raise NothingToSay
    known = replace(
        facts_of(ticket.cluster_id, ticket.page_url),
        marker=ticket.marker,
        opened_by=ticket.opened_by_name,
        was_there=_was_there(ticket),
        closes=ticket.is_reached,
        stays_open=ticket.is_reached and (ticket.wanted_open is not False or ticket.wanted_by > ""),
    )
    known = replace(known, before=_findings_before(ticket, known))
    title, body = filled(wording_of(ticket), known)
    return Texts(
        ticket.title or title,
        marked(ticket.body, ticket.marker) if ticket.body else body,
        progress(known),
    )


def draft_of(ticket: Ticket, texts: Texts) -> Draft:
    """The ticket as it is to be sent; what is too long for its tracker is cut by its adapter."""
    return Draft(
        marker=ticket.marker,
        title=texts.title,
        body=texts.body,
        page=ticket.page_url,
        labels=tuple(ticket.labels),
        assignee=ticket.assignee,
        due=ticket.due_on,
    )


def wording_of(ticket: Ticket) -> Template:
    """What the ticket is filled from: its click's wording, else its tracker's template."""
    usual, own = template_of(ticket.tracker), ticket.wording
    return Template(own.title or usual.title, own.body or usual.body) if own else usual


def _address(page_url: str, path: str) -> str:
    return urljoin(page_url, path) if page_url else ""


def _was_there(ticket: Ticket) -> bool:
    """True where the cluster was at the target since the ticket was opened."""
    changes = VerdictChange.objects.filter(cluster=ticket.cluster_id, at__gte=ticket.opened_at)
    return changes.filter(verdict=Verdict.NODE_AUTHORIZER.value).exists()


def _findings_before(ticket: Ticket, known: Facts) -> dict[str, str]:
    if ticket.opened_findings is None:
        found = list(known.open.items())[:_MOST_KEPT]
        ticket.opened_findings = {key: str(without(f.title)) for key, f in found}
        tickets = Ticket.objects.filter(pk=ticket.pk, opened_findings__isnull=True)
        tickets.update(opened_findings=ticket.opened_findings)
    return dict(ticket.opened_findings)
