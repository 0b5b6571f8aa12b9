"""The fleet: which clusters an address asks for, how many there are of each kind, and their rows.

One query of tuples holds what filtering, counting, sorting and grouping need of every cluster; only
the rows of one page are loaded in full. Neither depends on how many clusters there are.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from django.contrib.auth.models import AnonymousUser
from django.db.models import OuterRef, Subquery, TextField
from django.db.models.functions import Cast

from authzviz.engine.assessment import Severity
from dashboard.models import Source, TicketState, User, VerdictChange
from dashboard.models.cluster import expires_soon, is_stale
from dashboard.services import access, clock, pages, risks, ticket_marks
from dashboard.services import fleet_query as query
from dashboard.services.fleet_query import Wanted
from dashboard.services.pages import FleetRow
from dashboard.services.ticket_marks import TicketMark
from dashboard.words import DISTRIBUTIONS

ROWS_PER_PAGE = 50
# What no page asks for at once.
MOST_AT_ONCE = 1000
_COLUMNS = (
    *("pk", "slug", "name", "group", "source", "is_paused", "interval_seconds"),
    *(
        "last_success_at",
        "last_error",
        "credentials_expire_at",
        "current__verdict",
        "current__version",
        "current__distribution",
    ),
    *("current__nodes_total", "current__nodes_ready"),
    # As text: of a thousand rows Django would take long to make dicts of them.
    *(Cast("labels", TextField()), Cast("current__findings", TextField())),
)
_HEAVY = (
    *("current__assessment", "current__passing", "current__reads", "current__remembered"),
    "credentials",
)
_SEVERITIES = tuple(Severity)
_TICKETS = {
    TicketState.QUEUED.value: query.QUEUED,
    TicketState.UNKNOWN.value: query.SENT_UNKNOWN,
    TicketState.OPEN.value: query.OPEN,
    TicketState.CLOSED.value: query.CLOSED,
}
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Lean(NamedTuple):
    """What every row of the fleet is found, counted and sorted by; as _COLUMNS name it.

    `accepted` are the keys of findings that someone accepted, `tickets` those that are followed.
    """

    pk: int
    slug: str
    name: str
    group: str
    source: str
    is_paused: bool
    interval_seconds: int
    last_success_at: datetime | None
    last_error: str
    credentials_expire_at: datetime | None
    verdict: str | None
    version: str | None
    distribution: str | None
    nodes_total: int | None
    nodes_ready: int | None
    labels: dict[str, str]
    findings: dict[str, str]
    accepted: frozenset[str]
    tickets: tuple[TicketMark, ...]

    @property
    def open_severities(self) -> list[str]:
        """The severity of each finding that nobody accepted."""
        return [severity for key, severity in self.findings.items() if key not in self.accepted]

    @property
    def is_sample(self) -> bool:
        """True for a recording of the sample fleet."""
        return self.source == Source.RECORDING


@dataclass(frozen=True, slots=True)
class Heading:
    """Rows that share what they are grouped by: that value, how many, and of which verdicts."""

    value: str
    number: int
    verdicts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one page under their heading, None where rows aren't grouped."""

    heading: Heading | None
    is_continued: bool
    rows: tuple[FleetRow, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What an address asks for: `total` clusters, of them `number` found, of them one page.

    `counts` say for each facet, and for each label as "label:name", how many clusters each of its
    values would find with all that is chosen otherwise. `samples` are slugs by name.
    """

    want: Wanted
    total: int
    number: int
    counts: dict[str, Counter[str]]
    parts: tuple[Part, ...]
    first: int
    pages: int
    samples: dict[str, str]


def find(user: User | AnonymousUser, want: Wanted) -> Found:
    """The page that is wanted; a page number past the end gives the last page. Four queries."""
    every = _lean(user)
    now = clock.now()
    found, counts = _matching(every, want, now)
    found = _sorted(found, want)
    size = MOST_AT_ONCE if want.is_whole else ROWS_PER_PAGE
    number_of_pages = max(1, -(-len(found) // size))
    page = min(want.page, number_of_pages)
    start = (page - 1) * size
    return Found(
        want=want.but(page=page, is_whole=want.is_whole),
        total=len(every),
        number=len(found),
        counts=counts,
        parts=tuple(_parts(user, found, want, slice(start, start + size))),
        first=start + 1,
        pages=number_of_pages,
        samples={lean.name: lean.slug for lean in every if lean.is_sample},
    )


def found_by(user: User | AnonymousUser, want: Wanted) -> list[Lean]:
    """All clusters that are wanted, on whatever page, in their order."""
    found, _ = _matching(_lean(user), want, clock.now())
    return _sorted(found, want)


def rows(user: User | AnonymousUser, some: Sequence[Lean]) -> list[FleetRow]:
    """Those clusters in full, in that order; one query."""
    since = VerdictChange.objects.filter(cluster=OuterRef("pk")).order_by("-pk").values("at")[:1]
    chosen = access.visible_clusters(user).filter(pk__in=[lean.pk for lean in some])
    marked = access.with_running_plan(chosen)
    full = marked.select_related("current").defer(*_HEAVY).annotate(since=Subquery(since))
    known = {cluster.pk: cluster for cluster in full}
    now = clock.now()
    return [
        replace(
            pages.row_of(cluster, now),
            since=cluster.since,
            accepted=lean.accepted,
            tickets=lean.tickets,
        )
        for lean in some
        if (cluster := known.get(lean.pk)) is not None
    ]


@lru_cache(maxsize=10_000)
def natural(text: str) -> tuple[Any, ...]:
    """The text for sorting as people count: team-2 before team-10."""
    parts: list[Any] = re.split(r"([0-9]+)", text.casefold())
    # Only by their place: other scripts have digits, too, that a text may begin with.
    parts[1::2] = [int(part) for part in parts[1::2]]
    return tuple(parts), text


@lru_cache(maxsize=1000)
def minor_of(version: str) -> str:
    """1.28 of v1.28.15-eks-1, "" where there is no version."""
    return ".".join(map(str, version_key(version)[:2])) if version else ""


def _lean(user: User | AnonymousUser) -> list[Lean]:
    found = access.visible_clusters(user).order_by()
    accepted = risks.accepted_keys(risks.standing())
    tickets = ticket_marks.marks_by_cluster()
    none: frozenset[str] = frozenset()
    return [
        Lean._make(
            (
                *row,
                _decode(labels),
                _decode(findings or "{}"),
                accepted.get(row[0], none),
                tickets.get(row[0], ()),
            )
        )
        for *row, labels, findings in found.values_list(*_COLUMNS)
    ]


def _facets(lean: Lean, now: datetime) -> dict[str, tuple[str, ...]]:
    """The values that the cluster has of each facet; each label is one of its own."""
    found = {
        query.VERDICT: (lean.verdict or query.UNREAD,),
        query.GROUP: (lean.group,),
        query.STATE: tuple(_states(lean, now)),
        query.SEVERITY: tuple(set(lean.open_severities)),
        query.TICKET: tuple({_TICKETS.get(one.state, query.FAILED) for one in lean.tickets})
        or (query.NO_TICKET,),
    }
    if lean.distribution:
        found[query.DISTRIBUTION] = (lean.distribution,)
    if lean.version:
        found[query.VERSION] = (minor_of(lean.version),)
    for name, value in lean.labels.items():
        found[query.BY_LABEL + name] = (value,)
    return found


def _states(lean: Lean, now: datetime) -> Iterator[str]:
    if is_stale(lean, now):
        yield query.STALE
    if lean.last_error:
        yield query.TROUBLE
    if lean.is_paused:
        yield query.PAUSED
    if expires_soon(lean, now):
        yield query.EXPIRING
    if lean.accepted:
        yield query.ACCEPTED


def _matching(
    every: list[Lean], want: Wanted, now: datetime
) -> tuple[list[Lean], dict[str, Counter[str]]]:
    """The clusters that are wanted, and how many each value of each facet would find."""
    chosen = _chosen(want)
    words = want.search.casefold().split()
    seen: dict[str, list[str]] = defaultdict(list)
    found = []
    for lean in every:
        if words and not _holds(lean, words):
            continue
        values = _facets(lean, now)
        failing = [facet for facet in chosen if chosen[facet].isdisjoint(values.get(facet, ()))]
        if not failing:
            found.append(lean)
        if len(failing) > 1:
            continue
        # What fails for one facet only would be found if that facet were chosen otherwise.
        for facet in failing or values:
            seen[facet] += values.get(facet, ())
    return found, defaultdict(Counter, {facet: Counter(values) for facet, values in seen.items()})


def _chosen(want: Wanted) -> dict[str, set[str]]:
    chosen: dict[str, set[str]] = defaultdict(set)
    for facet, value in want.chosen:
        if facet == query.LABEL:
            name, _, labelled = value.partition("=")
            chosen[query.BY_LABEL + name].add(labelled)
        else:
            chosen[facet].add(value)
    return chosen


def _holds(lean: Lean, words: list[str]) -> bool:
    labels = " ".join(f"{name}={value}" for name, value in lean.labels.items())
    distribution = DISTRIBUTIONS.get(lean.distribution or "", lean.distribution)
    parts = (lean.name, lean.group, labels, lean.version, distribution)
    text = "\n".join(filter(None, parts)).casefold()
    return all(word in text for word in words)


def _sorted(found: list[Lean], want: Wanted) -> list[Lean]:
    key = _SORTS[want.sort.removeprefix("-")]
    found = sorted(found, key=lambda lean: natural(lean.name))
    found.sort(key=key, reverse=want.sort.startswith("-"))
    if want.by:
        found.sort(key=lambda lean: _place(value_of(lean, want.by), want.by))
    return found


def value_of(lean: Lean, by: str) -> str:
    """What the cluster is grouped by, "" where it has none of it; a label as it is chosen."""
    if by.startswith(query.BY_LABEL):
        name = by.removeprefix(query.BY_LABEL)
        value = lean.labels.get(name, "")
        # A label without a value is one nevertheless, and another than one that says its own name.
        return f"{name}={value}" if value else name if name in lean.labels else ""
    if by == query.VERDICT:
        return lean.verdict or query.UNREAD
    if by == query.VERSION:
        return minor_of(lean.version or "")
    return (lean.group if by == query.GROUP else lean.distribution) or ""


def _place(value: str, by: str) -> tuple[Any, ...]:
    """What is none of it comes last."""
    if by == query.VERDICT:
        return (query.WORST_FIRST.index(value),)
    if by == query.VERSION:
        return not value, version_key(value)
    return not value, natural(value)


def _parts(
    user: User | AnonymousUser, found: list[Lean], want: Wanted, shown: slice
) -> Iterator[Part]:
    """The rows of one page, cut where their heading changes."""
    full = rows(user, found[shown])
    if not want.by:
        yield Part(None, is_continued=False, rows=tuple(full))
        return
    values = {lean.pk: value_of(lean, want.by) for lean in found}
    headings: dict[str, Counter[str]] = defaultdict(Counter)
    for lean in found:
        headings[values[lean.pk]][lean.verdict or query.UNREAD] += 1
    before = values[found[shown.start - 1].pk] if shown.start else None
    under: dict[str, list[FleetRow]] = defaultdict(list)
    for row in full:
        under[values[row.cluster.pk]].append(row)
    for value, some in under.items():
        counted = headings[value]
        heading = Heading(value, counted.total(), dict(counted))
        yield Part(heading, is_continued=value == before, rows=tuple(some))


@lru_cache(maxsize=1000)
def version_key(version: str) -> tuple[int, ...]:
    """The numbers of v1.28.15-eks-1 that count for its order: 1, 28, 15."""
    plain = version.lstrip("v").split("-")[0].split("+")[0]
    return tuple(int(part) if part.isdecimal() else 0 for part in plain.split("."))


def _share_ready(lean: Lean) -> float:
    if lean.nodes_total is None or lean.nodes_ready is None:
        return 2
    return lean.nodes_ready / lean.nodes_total if lean.nodes_total else 1


def severities(found: Iterable[str]) -> tuple[int, ...]:
    """How many findings there are of each severity, the worst first."""
    counted = Counter(found)
    return tuple(counted[severity] for severity in _SEVERITIES)


_SORTS: dict[str, Callable[[Lean], Any]] = {
    "name": lambda lean: natural(lean.name),
    "verdict": lambda lean: query.WORST_FIRST.index(lean.verdict or query.UNREAD),
    "findings": lambda lean: tuple(-number for number in severities(lean.open_severities)),
    "version": lambda lean: version_key(lean.version or ""),
    "nodes": _share_ready,
    "read": lambda lean: (lean.last_success_at is not None, lean.last_success_at or 0),
}
