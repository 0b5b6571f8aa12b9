"""What is said beside the forms that open tickets: previews, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from authzviz.reports.ticket import EXPLAINED
from authzviz.tickets.document import Block
from dashboard.models import Cluster, TicketState, Tracker
from dashboard.services import clock
from dashboard.services.bulk import Skipped
from dashboard.services.pages import FleetRow
from dashboard.shown.document import blocks_of
from dashboard.shown.ticket_tag import TicketTag, ticket_tag
from dashboard.shown.tickets import Trouble, trouble_of
from dashboard.visible import visible

_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """A ticket as its tracker will show it, about."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class OpenPage:
    """What stands beside the form of one ticket. `existing` is the ticket that is in the way; it
    can't be opened where there is one, or where nothing was read.
    """

    slug: str
    tracker: str
    place: str
    trackers: tuple[tuple[str, str], ...]
    existing: TicketTag | None
    is_read: bool
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Left:
    """Clusters that get no ticket, all for the same reason: some names, and how many more."""

    why: str
    number: int
    names: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class OpenManyPage:
    """What stands beside the form of many tickets. `example` is the first cluster that gets one, ""
    where none does; `slugs` are all that were chosen.
    """

    number: int
    slugs: str
    query: str
    tracker: str
    place: str
    trackers: tuple[tuple[str, str], ...]
    left: tuple[Left, ...]
    example: str
    trouble: Trouble | None
    placeholders: tuple[tuple[str, str, bool], ...]


def preview_of(text: tuple[str, str]) -> Preview:
    """The text as it is shown."""
    return Preview(visible(text[0]), blocks_of(text[1]))


def open_page(row: FleetRow, tracker: Tracker, every: Iterable[Tracker]) -> OpenPage:
    """What there is to say about a ticket of the cluster in the tracker."""
    here = (mark for mark in row.tickets if mark.place.pk == tracker.pk)
    existing = next((mark for mark in here if mark.state != TicketState.GONE), None)
    return OpenPage(
        slug=row.cluster.slug,
        tracker=str(tracker.pk),
        place=visible(tracker.name),
        trackers=_choices(every),
        existing=ticket_tag(existing) if existing else None,
        is_read=row.current is not None,
        trouble=trouble_of(tracker, clock.now()),
    )


def open_many_page(
    clusters: Sequence[Cluster],
    skipped: Sequence[Skipped],
    tracker: Tracker,
    every: Iterable[Tracker],
    query: str,
) -> OpenManyPage:
    """What there is to say about tickets of these clusters in the tracker."""
    example = first_of(clusters, skipped)
    return OpenManyPage(
        number=len(clusters) - sum(len(one.names) for one in skipped),
        slugs=" ".join(cluster.slug for cluster in clusters),
        query=query,
        tracker=str(tracker.pk),
        place=visible(tracker.name),
        trackers=_choices(every),
        left=tuple(map(_left, skipped)),
        example=visible(example.name) if example else "",
        trouble=trouble_of(tracker, clock.now()),
        placeholders=EXPLAINED,
    )


def first_of(clusters: Sequence[Cluster], skipped: Sequence[Skipped]) -> Cluster | None:
    """The first cluster that gets a ticket; None where none does."""
    names = {name for one in skipped for name in one.names}
    return next((cluster for cluster in clusters if cluster.name not in names), None)


def _left(skipped: Skipped) -> Left:
    names = tuple(visible(name) for name in skipped.names[:_MOST_NAMES])
    number = len(skipped.names)
    return Left(visible(skipped.why), number, names, number - len(names))


def _choices(every: Iterable[Tracker]) -> tuple[tuple[str, str], ...]:
    return tuple((str(one.pk), visible(one.name)) for one in every)
