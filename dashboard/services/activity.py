"""What people did, newest first, acts on many clusters as one: queries whose number never grows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Value, Window
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, RowNumber

from dashboard.models import AuditEvent, Cluster, User
from dashboard.services import undoing

PER_PAGE = 50
NAMED = 3
LOOKED_THROUGH = 100_000
MOST_EXPORTED = 10_000
MOST_PEOPLE = 200
COMMAND_LINE = "command line"
_NEWEST_FIRST = ("-at", "-pk")
_SHOWN = (
    *("at", "actor_name", "action", "about", "detail", "batch", "cluster__slug", "cluster__name"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which acts are asked for: all of them by default. `before` is the key of the act that ended
    the page before; `cluster` a slug or a name; the days are in UTC, both included.
    """

    search: str = ""
    person: str = ""
    cluster: str = ""
    action: str = ""
    since: date | None = None
    until: date | None = None
    batch: UUID | None = None
    before: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What one act did of one kind: to how many, the first few of them, and what all of them became
    where that is the same, else "".
    """

    action: str
    count: int
    first: tuple[AuditEvent, ...]
    became: str


@dataclass(frozen=True, slots=True)
class Done:
    """One act of a person. `last` is the last row of it, `can_be_undone` by whoever may change."""

    last: AuditEvent
    parts: tuple[Part, ...]
    can_be_undone: bool
    was_undone: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """One page of what people did. `following` is the `before` of the next page, 0 on the last one;
    `searched_back_to` is set where only the later acts were searched so far. `people` are those to
    choose from.
    """

    done: tuple[Done, ...]
    following: int
    searched_back_to: datetime | None
    people: tuple[str, ...]
    cluster: Cluster | None


def activity(want: Wanted) -> Activity:
    """One page; at most nine queries, each along an index."""
    cluster = _cluster(want)
    found, floor = _searched(_filtered(want, cluster), want)
    last = list(_folded(found, want, cluster).select_related("cluster")[: PER_PAGE + 1])
    page = last[:PER_PAGE]
    following = page[-1].pk if len(last) > PER_PAGE else floor.pk if floor else 0
    is_looked_on = bool(floor) and len(last) <= PER_PAGE
    return Activity(
        done=tuple(_done(page, is_folded=want.batch is None)),
        following=following,
        searched_back_to=floor.at if floor and is_looked_on else None,
        people=_people(),
        cluster=cluster,
    )


def exported(want: Wanted) -> QuerySet[AuditEvent]:
    """The acts row by row, at most MOST_EXPORTED of them, the newest first."""
    found, _ = _searched(_filtered(want, _cluster(want)), want)
    return found.order_by(*_NEWEST_FIRST)[:MOST_EXPORTED]


def _cluster(want: Wanted) -> Cluster | None:
    if not want.cluster:
        return None
    named = Cluster.objects.filter(Q(slug=want.cluster) | Q(name=want.cluster))
    return named.only("slug", "name").order_by("pk").first()


def _filtered(want: Wanted, cluster: Cluster | None) -> QuerySet[AuditEvent]:
    found = AuditEvent.objects.all()
    if want.person:
        found = found.filter(actor_name=want.person)
    if want.cluster:
        found = found.filter(cluster=cluster) if cluster else found.none()
    if want.action:
        found = found.filter(action=want.action)
    if want.batch:
        found = found.filter(batch=want.batch)
    if want.since:
        found = found.filter(at__gte=_midnight(want.since))
    if want.until and want.until < date.max:
        found = found.filter(at__lt=_midnight(want.until + timedelta(days=1)))
    return found


def _searched(
    found: QuerySet[AuditEvent], want: Wanted
) -> tuple[QuerySet[AuditEvent], AuditEvent | None]:
    """What is left to show of it, and the last act that was looked at where the search goes on."""
    if want.before:
        end = AuditEvent.objects.filter(pk=want.before).only("at").first()
        found = found.filter(_is_before(end)) if end else found
    if not want.search:
        return found, None
    # No index finds a part of a name: so many rows are read, and the page says how far it came.
    rest = found.order_by(*_NEWEST_FIRST).only("at")
    ends = list(rest[LOOKED_THROUGH - 1 : LOOKED_THROUGH + 1])
    found = found.filter(_is_called(want.search))
    if len(ends) < 2:
        return found, None
    return found.filter(~_is_before(ends[0]), at__gte=ends[0].at), ends[0]


def _is_before(end: AuditEvent) -> Q:
    return Q(at__lte=end.at) & (Q(at__lt=end.at) | Q(pk__lt=end.pk))


def _folded(
    found: QuerySet[AuditEvent], want: Wanted, cluster: Cluster | None
) -> QuerySet[AuditEvent]:
    """The last row of each act among what is found."""
    if want.batch is None:
        found = found.filter(Q(batch=None) | ~Exists(_later(want, cluster)))
    return found.only(*_SHOWN).order_by(*_NEWEST_FIRST)


def _later(want: Wanted, cluster: Cluster | None) -> QuerySet[AuditEvent]:
    """What is found of the same act after a row; a person is the same in all of an act."""
    later = AuditEvent.objects.filter(batch=OuterRef("batch"), pk__gt=OuterRef("pk")).order_by()
    # Asked of a value and not of the column: SQLite would go along the index of the cluster or of
    # the action, which holds thousands, and not along that of the act.
    if cluster:
        later = later.alias(its=Coalesce("cluster_id", 0)).filter(its=cluster.pk)
    if want.action:
        later = later.alias(kind=Coalesce("action", Value(""))).filter(kind=want.action)
    if want.search:
        later = later.filter(_is_called(want.search))
    return later


def _is_called(search: str) -> Q:
    return Q(about__icontains=search) | Q(actor_name__icontains=search)


def _done(page: Sequence[AuditEvent], *, is_folded: bool) -> Iterator[Done]:
    batches = {event.batch for event in page if event.batch is not None and is_folded}
    parts = _parts(batches)
    offered, undone = undoing.offers(batches)
    for event in page:
        own = parts.get(event.batch) if event.batch else None
        alone = (Part(event.action, 1, (event,), ""),)
        yield Done(
            last=event,
            parts=tuple(own or alone),
            can_be_undone=event.batch in offered,
            was_undone=event.batch in undone,
        )


def _parts(batches: set[UUID]) -> dict[UUID, list[Part]]:
    """What the acts did by kind: two queries, which read the first few rows of each in full."""
    if not batches:
        return {}
    every = AuditEvent.objects.filter(batch__in=batches).order_by()
    became = KT("detail__to")
    kinds = every.values_list("batch", "action").annotate(
        count=Count("pk"), low=Min(became), high=Max(became)
    )
    told = {(batch, action): values for batch, action, *values in kinds}
    number = Window(RowNumber(), partition_by=[F("batch"), F("action")], order_by="pk")
    first = every.annotate(number=number).filter(number__lte=NAMED).values("pk")
    rows = AuditEvent.objects.filter(pk__in=first).select_related("cluster").only(*_SHOWN)
    grouped: dict[tuple[UUID, str], list[AuditEvent]] = {}
    for event in rows.order_by("pk"):
        if event.batch is not None:
            grouped.setdefault((event.batch, event.action), []).append(event)
    parts: dict[UUID, list[Part]] = {}
    for (batch, action), events in grouped.items():
        count, low, high = told[batch, action]
        same = events[0].detail["to"] if low is not None and low == high else ""
        parts.setdefault(batch, []).append(Part(action, count, tuple(events), same))
    return parts


def _people() -> tuple[str, ...]:
    names = User.objects.order_by("username").values_list("username", flat=True)[:MOST_PEOPLE]
    return (*names, COMMAND_LINE)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
