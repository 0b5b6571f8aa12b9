"""What an address of the fleet page asks for, and the one way to write that as an address."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from authzviz.engine.assessment import Severity, Verdict
from dashboard import asked
from dashboard.services.clusters import MOST_GROUP_LETTERS

UNREAD = "unread"
WORST_FIRST: tuple[str, ...] = (*(str(verdict) for verdict in Verdict), UNREAD)
STALE, TROUBLE, PAUSED, EXPIRING = "stale", "trouble", "paused", "expiring"
ACCEPTED = "accepted"
STATES = (STALE, TROUBLE, PAUSED, EXPIRING, ACCEPTED)
SEVERITIES: tuple[str, ...] = tuple(str(severity) for severity in Severity)

NO_TICKET, QUEUED, OPEN, CLOSED = "none", "queued", "open", "closed"
SENT_UNKNOWN, FAILED = "unknown", "failed"
TICKETS = (NO_TICKET, FAILED, SENT_UNKNOWN, QUEUED, OPEN, CLOSED)
"""Of a cluster's tickets; failed is what the tracker rejects, or had and has no more."""

VERDICT, STATE, SEVERITY, TICKET = "verdict", "state", "severity", "ticket"
GROUP, DISTRIBUTION, VERSION, LABEL = "group", "distribution", "version", "label"
FACETS = (VERDICT, GROUP, LABEL, DISTRIBUTION, VERSION, STATE, SEVERITY, TICKET)
_KNOWN = {VERDICT: WORST_FIRST, STATE: STATES, SEVERITY: SEVERITIES, TICKET: TICKETS}

SORTS = ("name", "verdict", "findings", "version", "nodes", "read")
DEFAULT_SORT = "verdict"
BY_LABEL = f"{LABEL}:"
BYS = (GROUP, VERDICT, DISTRIBUTION, VERSION)
# An address longer than this is nobody's; the labels of one cluster are at most 20.
MOST_CHOICES = 40
_MOST_LETTERS = 200
_LETTERS = {GROUP: MOST_GROUP_LETTERS, LABEL: 130}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for; anything unknown in it falls back to the default.

    `chosen` are pairs of facet and value, in the order of FACETS: of one facet any, and of each
    facet some value has to hold. A label's value is name=value, or just its name. `by` is what rows
    are grouped by, "label:team" for a label. `is_whole` asks for all rows in one page.
    """

    search: str = ""
    chosen: tuple[tuple[str, str], ...] = ()
    sort: str = DEFAULT_SORT
    by: str = ""
    page: int = 1
    is_whole: bool = False

    def values(self, facet: str) -> tuple[str, ...]:
        """What is chosen of that facet."""
        return tuple(value for key, value in self.chosen if key == facet)

    def has(self, facet: str, value: str) -> bool:
        """True where that value is chosen."""
        return (facet, value) in self.chosen

    def toggled(self, facet: str, value: str) -> Wanted:
        """The same with that value chosen, or without it where it was."""
        pair = (facet, value)
        others = [one for one in self.chosen if one != pair]
        chosen = others if len(others) < len(self.chosen) else [*others, pair]
        return self.but(chosen=_in_order(chosen))

    def but(self, **changes: object) -> Wanted:
        """The same with changes; on the first page unless that is said."""
        return dataclasses.replace(self, **{"page": 1, "is_whole": False, **changes})  # type: ignore[arg-type]  # each named as its field

    @property
    def narrows(self) -> bool:
        """True where not every cluster is asked for."""
        return bool(self.search or self.chosen)

    @property
    def view(self) -> str:
        """What it is as a view to keep: the query without a page, "" for the plain fleet."""
        pairs = [("search", self.search)] if self.search else []
        pairs += self.chosen
        if self.sort != DEFAULT_SORT:
            pairs.append(("sort", self.sort))
        if self.by:
            pairs.append(("by", self.by))
        return urlencode(pairs)

    @property
    def link(self) -> str:
        """The query of its address, with its question mark."""
        parts = [self.view]
        if self.page > 1:
            parts.append(f"page={self.page}")
        if self.is_whole:
            parts.append("rows=all")
        return "?" + "&".join(filter(None, parts))


def wanted(query: QueryDict) -> Wanted:
    """What the query of an address asks for."""
    sort, by = query.get("sort", ""), query.get("by", "")
    return Wanted(
        search=" ".join(query.get("search", "").split())[:_MOST_LETTERS],
        chosen=_in_order((facet, value) for facet in FACETS for value in query.getlist(facet)),
        sort=sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
        by=by if by in BYS or (by.startswith(BY_LABEL) and len(by) <= _MOST_LETTERS) else "",
        page=max(1, asked.number(query, "page")),
        is_whole=query.get("rows") == "all",
    )


def of_text(text: str) -> Wanted:
    """What a query as text asks for, with or without its question mark."""
    return wanted(QueryDict(text.removeprefix("?")[:8000]))


def _in_order(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The pairs that mean something, each once, in the one order that they are written in."""
    known = {
        (facet, value)
        for facet, value in pairs
        if value in _KNOWN.get(facet, (value,)) and len(value) <= _LETTERS.get(facet, _MOST_LETTERS)
    }
    return tuple(sorted(known, key=_place)[:MOST_CHOICES])


def _place(pair: tuple[str, str]) -> tuple[int, int, str]:
    facet, value = pair
    known = _KNOWN.get(facet, ())
    return FACETS.index(facet), known.index(value) if value in known else 0, value
