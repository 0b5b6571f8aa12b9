"""The tickets of clusters as the clusters' own pages and rows show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet

from dashboard.models import Cluster, Ticket, Tracker
from dashboard.services import trackers

ATTRIBUTE = "current_tickets"
"""Where a cluster that was asked for with its tickets (with_tickets) has them."""
_HEAVY = (
    *("title", "body", "written_title", "written_body", "progress", "comment_text", "wording"),
    *("remote_title", "page_url", "labels"),
)
_HEAVY_OF_TRACKER = ("credentials", "title_template", "body_template", "labels")


class Place(NamedTuple):
    """The tracker of a ticket: `site` is the URL that people told of it, "" where it has none."""

    pk: int
    name: str
    kind: str
    site: str = ""

    @property
    def reads_back(self) -> bool:
        """False where nothing can be read there: then a state is what we sent, not what is."""
        return trackers.traits_of(self.kind).reads_back


@dataclass(frozen=True, slots=True)
class TicketMark:
    """One current ticket of a cluster. `key` is what the tracker calls it, "" while it is not known
    to be there; `url` is as the tracker gave it, and may lead anywhere.
    """

    pk: int
    state: str
    key: str
    closed_by: str
    is_sending: bool
    place: Place
    url: str = ""
    read_at: datetime | None = None


def place_of(tracker: Tracker) -> Place:
    """The tracker as its tickets show it."""
    return Place(tracker.pk, tracker.name, tracker.kind, str(tracker.values.get("url", "")))


def mark_of(ticket: Ticket) -> TicketMark:
    """The ticket as its cluster shows it."""
    return TicketMark(
        pk=ticket.pk,
        state=ticket.state,
        key=ticket.remote_id,
        closed_by=ticket.closed_by,
        is_sending=bool(ticket.sending),
        place=place_of(ticket.tracker),
        url=ticket.url,
        read_at=ticket.read_at,
    )


def with_tickets(clusters: QuerySet[Cluster]) -> QuerySet[Cluster]:
    """Each with its current tickets, which `marks_of` gives; one query more."""
    later = (*_HEAVY, *(f"tracker__{name}" for name in _HEAVY_OF_TRACKER))
    current = Ticket.objects.filter(is_current=True).select_related("tracker").defer(*later)
    return clusters.prefetch_related(
        Prefetch("tickets", current.order_by("tracker__name"), to_attr=ATTRIBUTE)
    )


def marks_of(cluster: Cluster) -> tuple[TicketMark, ...]:
    """The current tickets of a cluster that was asked for with them; none for any other."""
    return tuple(mark_of(ticket) for ticket in vars(cluster).get(ATTRIBUTE, ()))


def marks_by_cluster(clusters: Iterable[int] | None = None) -> dict[int, tuple[TicketMark, ...]]:
    """The current tickets of these clusters, or of all, without what leads into trackers: one
    query. Clusters without any are not in it.
    """
    current = Ticket.objects.filter(is_current=True, cluster__isnull=False)
    if clusters is not None:
        current = current.filter(cluster__in=clusters)
    columns = ("cluster_id", "pk", "state", "remote_id", "closed_by", "sending")
    rows = current.order_by("tracker__name").values_list(
        *columns, "tracker_id", "tracker__name", "tracker__kind"
    )
    found: dict[int, list[TicketMark]] = defaultdict(list)
    for cluster, pk, state, key, closed_by, sending, *tracker in rows:
        found[cluster].append(TicketMark(pk, state, key, closed_by, bool(sending), Place(*tracker)))
    return {cluster: tuple(marks) for cluster, marks in found.items()}
