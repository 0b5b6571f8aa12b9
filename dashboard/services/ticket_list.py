"""The tickets of all trackers as a list: which are open, where, and which failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, Count, F, IntegerField, OrderBy, Q, QuerySet, Value, When

from dashboard.models import ListedTicket, Ticket, TicketEvent, TicketState, Tracker, User
from dashboard.services import access, trackers

PER_PAGE = 50
MOST_AT_ONCE = 1000
MOST_EXPORTED = 10_000
LET_GO = "let-go"
STATES = (
    *(TicketState.REJECTED.value, TicketState.UNKNOWN.value, TicketState.GONE.value),
    *(TicketState.QUEUED.value, TicketState.OPEN.value, TicketState.CLOSED.value),
    LET_GO,
)
"""What a ticket may be listed as, what needs a person first; followed no more comes last."""
SORTS = ("state", "cluster", "tracker", "opened", "read")
DEFAULT_SORT = "state"
MOST_EVENTS = 100
_MOST_GROUPS = 100
_NOT_OF_ROWS = (
    *("body", "written_body", "progress", "comment_text", "labels"),
    *("cluster__credentials", "cluster__labels", "cluster__apiserver_urls"),
    *("tracker__credentials", "tracker__body_template", "tracker__labels"),
    *(f"cluster__current__{name}" for name in access.UNPACKED_LATER),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets are asked for; all that are followed by default.

    `search` is part of a cluster's name, of what a tracker calls a ticket, its title, or who opened
    it. `tracker` is a key, 0 for any. `batch` marks what was opened by one act.
    """

    search: str = ""
    state: str = ""
    tracker: int = 0
    group: str = ""
    batch: UUID | None = None
    sort: str = DEFAULT_SORT
    page: int = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the tickets of one act are. `opened` are known to have been in their tracker;
    `taken_back` are those that nobody wants any more.
    """

    total: int
    opened: int
    rejected: int
    unknown: int
    queued: int
    taken_back: int

    @property
    def is_done(self) -> bool:
        """True where nothing is to be sent any more, whatever came of it."""
        return not self.queued and not self.unknown


@dataclass(frozen=True, slots=True)
class TicketList:
    """One page: `counts` are by STATES whatever state is asked for, `matching` of that one.

    `has_any` is false where there is no ticket at all.
    """

    rows: tuple[Ticket, ...]
    counts: Counter[str]
    matching: int
    page: int
    pages: int
    trackers: tuple[Tracker, ...]
    groups: tuple[str, ...]
    progress: Progress | None
    has_any: bool


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of one ticket beside its row: the newest MOST_EVENTS things that were done with
    it, and its row in the built-in list, None where it is in another tracker or not there.
    """

    events: tuple[TicketEvent, ...]
    listed: ListedTicket | None


class NothingChosen(Exception):
    """Nothing can be done with what was chosen; the message is for people."""


def listed(user: User | AnonymousUser, want: Wanted) -> TicketList:
    """One page; a number past the end gives the last one. Four queries, five of one act's."""
    every = _found(user, want)
    counts = _counts(every)
    matching = counts[want.state] if want.state else sum(counts.values()) - counts[LET_GO]
    pages = max(1, -(-matching // PER_PAGE))
    page = min(max(want.page, 1), pages)
    start = (page - 1) * PER_PAGE
    rows = _ordered(_in_state(every, want.state), want.sort)[start : start + PER_PAGE]
    is_narrowed = bool(want.search or want.tracker or want.group or want.batch)
    return TicketList(
        rows=tuple(rows),
        counts=counts,
        matching=matching,
        page=page,
        pages=pages,
        trackers=tuple(Tracker.objects.defer("credentials", "body_template")),
        groups=_groups(user),
        progress=progress_of(user, want.batch) if want.batch else None,
        has_any=bool(counts) or (is_narrowed and access.visible_tickets(user).exists()),
    )


def exported(user: User | AnonymousUser, want: Wanted) -> tuple[Ticket, ...]:
    """All pages of it, at most MOST_EXPORTED rows: one query."""
    every = _in_state(_found(user, want), want.state)
    return tuple(_ordered(every, want.sort)[:MOST_EXPORTED])


def progress_of(user: User | AnonymousUser, batch: UUID) -> Progress:
    """How far the tickets of that act are; one query."""
    made = access.visible_tickets(user).filter(batch=batch)
    counts = _counts(made)
    in_tracker = (TicketState.OPEN, TicketState.CLOSED, TicketState.GONE)
    return Progress(
        total=sum(counts.values()),
        opened=sum(counts[state] for state in in_tracker),
        rejected=counts[TicketState.REJECTED],
        unknown=counts[TicketState.UNKNOWN],
        queued=counts[TicketState.QUEUED],
        taken_back=counts[LET_GO],
    )


def details_of(ticket: Ticket) -> Details:
    """What is known of the ticket; a query, or two in the built-in list."""
    listed = None
    if ticket.tracker.kind == trackers.BUILTIN and ticket.remote_id.isdecimal():
        listed = ListedTicket.objects.filter(pk=int(ticket.remote_id)).first()
    return Details(tuple(ticket.events.all()[:MOST_EVENTS]), listed)


def chosen(user: User, keys: Sequence[int]) -> list[Ticket]:
    """Those tickets that are there and followed. Raises NothingChosen where there are none, or too
    many.
    """
    if len(keys) > MOST_AT_ONCE:
        raise NothingChosen(f"at most {MOST_AT_ONCE} tickets are changed at once")
    return _some(access.visible_tickets(user).filter(pk__in=keys))


def found(user: User, want: Wanted) -> list[Ticket]:
    """All tickets that `want` finds, on whatever page; raises NothingChosen as `chosen` does."""
    every = _in_state(_found(user, want), want.state)
    if every.count() > MOST_AT_ONCE:
        raise NothingChosen(f"at most {MOST_AT_ONCE} tickets are changed at once")
    return _some(every)


def _some(tickets: QuerySet[Ticket]) -> list[Ticket]:
    rows = tickets.filter(is_current=True).select_related("cluster", "tracker")
    some = list(rows.defer("cluster__credentials").order_by("cluster_name", "pk"))
    if not some:
        raise NothingChosen("no ticket is ticked")
    return some


def _found(user: User | AnonymousUser, want: Wanted) -> QuerySet[Ticket]:
    tickets = access.visible_tickets(user)
    if want.search:
        text = want.search.removeprefix("#") or want.search
        fields = ("cluster_name", "cluster__name", "remote_id", "remote_title", "title")
        asked = Q(opened_by_name__icontains=text)
        for field in fields:
            asked |= Q(**{f"{field}__icontains": text})
        tickets = tickets.filter(asked)
    if want.tracker:
        tickets = tickets.filter(tracker=want.tracker)
    if want.group:
        tickets = tickets.filter(cluster__group=want.group)
    if want.batch:
        tickets = tickets.filter(batch=want.batch)
    return tickets


def _in_state(tickets: QuerySet[Ticket], state: str) -> QuerySet[Ticket]:
    if state == LET_GO:
        return tickets.filter(is_current=False)
    current = tickets.filter(is_current=True)
    return current.filter(state=state) if state else current


def _counts(tickets: QuerySet[Ticket]) -> Counter[str]:
    numbers = tickets.order_by().values_list("is_current", "state").annotate(number=Count("pk"))
    counts: Counter[str] = Counter()
    for is_current, state, number in numbers:
        counts[state if is_current else LET_GO] += number
    return counts


def _ordered(tickets: QuerySet[Ticket], sort: str) -> QuerySet[Ticket]:
    name, is_reversed = sort.removeprefix("-"), sort.startswith("-")
    rank: Case = Case(
        *(When(state=state, then=Value(place)) for place, state in enumerate(STATES)),
        default=Value(len(STATES)),
        output_field=IntegerField(),
    )
    keys: dict[str, Case | F] = {
        "state": rank,
        "cluster": F("cluster_name"),
        "tracker": F("tracker__name"),
        # What is newest stands first, until asked the other way.
        "opened": F("opened_at"),
        "read": F("read_at"),
    }
    is_down = is_reversed is not (name in {"opened", "read"})
    order = OrderBy(keys[name], descending=is_down, nulls_last=True)
    rows = tickets.select_related("tracker", "cluster__current").defer(*_NOT_OF_ROWS)
    return rows.order_by(order, "-opened_at", "-pk")


def _groups(user: User | AnonymousUser) -> tuple[str, ...]:
    clusters = access.visible_clusters(user).exclude(group="")
    return tuple(
        clusters.order_by("group").values_list("group", flat=True).distinct()[:_MOST_GROUPS]
    )
