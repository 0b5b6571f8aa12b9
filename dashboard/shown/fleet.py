"""The fleet page in words: counts that filter, rows found, sorted and cut into pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from authzviz.engine.assessment import Verdict
from dashboard.models.cluster import PollState
from dashboard.services.pages import FleetRow as Facts
from dashboard.shown.cluster_head import STATES, label_words
from dashboard.visible import visible
from dashboard.words import DISTRIBUTIONS, VERDICTS, Word

ROWS_PER_PAGE = 100
UNREAD = "unread"
TROUBLE = "trouble"
UNREAD_WORD = Word("Not read yet", "unsure", "clock", "No read has come to its end yet.")
TROUBLE_WORD = Word("Can't be read", "warning", "cloud-off", "The last read failed.")
# The sample fleet's fresh cluster, at which its story is told.
OUTAGE = "eu-5"
ELDERS = ("eu-1", "eu-2", "eu-3", "eu-4")
WORST_FIRST = (*Verdict, UNREAD)


@dataclass(frozen=True, slots=True)
class Row:
    """One cluster as a row. Node counts are None where they could not be read."""

    slug: str
    name: str
    labels: tuple[str, ...]
    verdict: str
    word: Word
    possible: tuple[str, ...]
    summary: str
    version: str
    distribution: str
    nodes_ready: int | None
    nodes_total: int | None
    missing: int
    read_at: datetime | None
    is_recorded: bool
    is_sample: bool
    is_bundle: bool
    is_stale: bool
    is_busy: bool
    expires_soon: bool
    state: str
    error: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many clusters have a verdict; `link` shows just these, or all again when chosen."""

    word: Word
    number: int
    link: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column to sort by; `link` sorts by it, or the other way round."""

    title: str
    link: str
    aria_sort: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for; anything unknown in it falls back to the default."""

    search: str = ""
    verdict: str = ""
    sort: str = "verdict"
    page: int = 1

    def link(self, **changes: str | int) -> str:
        """The address of the same with changes; the first page unless that is said."""
        values: dict[str, str | int] = {
            "search": self.search,
            "verdict": self.verdict,
            "sort": self.sort if self.sort != "verdict" else "",
        }
        return "?" + urlencode({k: v for k, v in {**values, **changes}.items() if v})


@dataclass(frozen=True, slots=True)
class FleetPage:
    """What fleet.html shows: `total` clusters, of them `found`, of them the rows of one page.

    `recorded` are those of the sample fleet. `outage` is the slug of its refused cluster, "" where
    it isn't there; `story` is the query that compares it with its elders.
    """

    wanted: Wanted
    rows: tuple[Row, ...]
    counts: tuple[Count, ...]
    columns: tuple[Column, ...]
    total: int
    found: int
    recorded: int
    outage: str
    story: str
    busy: int
    first: int
    previous: str
    following: str

    @property
    def here(self) -> str:
        """The address of this very page, to ask for it again."""
        return self.wanted.link(page=self.wanted.page if self.wanted.page > 1 else "")

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1


SORTS: dict[str, tuple[str, Callable[[Row], tuple[object, ...]]]] = {
    "name": ("Cluster", lambda row: (row.name.casefold(),)),
    "verdict": ("Verdict", lambda row: (WORST_FIRST.index(row.verdict), row.name.casefold())),
    "version": ("Version", lambda row: (_version(row.version), row.name.casefold())),
    "nodes": ("Nodes ready", lambda row: (_share_ready(row), row.name.casefold())),
    "read": ("Read", lambda row: (row.read_at is not None, row.read_at or 0, row.name)),
}


def wanted(query: dict[str, str]) -> Wanted:
    """What the query of an address asks for."""
    sort = query.get("sort", "verdict")
    page = query.get("page", "1")
    verdict = query.get("verdict", "")
    return Wanted(
        search=query.get("search", "").strip()[:200],
        verdict=verdict if verdict in (*WORST_FIRST, TROUBLE) else "",
        sort=sort if sort.removeprefix("-") in SORTS else "verdict",
        page=int(page) if page.isdecimal() and len(page) < 7 and int(page) > 0 else 1,
    )


def fleet_page(facts: tuple[Facts, ...], want: Wanted) -> FleetPage:
    """The page that is wanted; a page number past the end gives the last page."""
    rows = [_row(fact) for fact in facts]
    found = [row for row in rows if _matches(row, want)]
    found.sort(key=SORTS[want.sort.removeprefix("-")][1], reverse=want.sort.startswith("-"))
    pages = max(1, -(-len(found) // ROWS_PER_PAGE))
    page = min(want.page, pages)
    start = (page - 1) * ROWS_PER_PAGE
    samples = {row.name: row.slug for row in rows if row.is_sample}
    told = [samples[name] for name in (*ELDERS, OUTAGE) if name in samples]
    return FleetPage(
        wanted=want,
        rows=tuple(found[start : start + ROWS_PER_PAGE]),
        counts=_counts(rows, want),
        columns=tuple(_column(key, want) for key in SORTS),
        total=len(rows),
        found=len(found),
        recorded=sum(row.is_sample for row in rows),
        outage=samples.get(OUTAGE, ""),
        story="?" + urlencode([("c", slug) for slug in told]),
        busy=sum(row.is_busy for row in rows),
        first=start + 1,
        previous=want.link(page=page - 1) if page > 1 else "",
        following=want.link(page=page + 1) if page < pages else "",
    )


def _row(fact: Facts) -> Row:
    cluster, current = fact.cluster, fact.current
    verdict = fact.verdict or UNREAD
    key = current.distribution if current else ""
    return Row(
        slug=cluster.slug,
        name=visible(cluster.name),
        labels=label_words(cluster.labels),
        verdict=verdict,
        word=UNREAD_WORD if verdict == UNREAD else VERDICTS[Verdict(verdict)],
        possible=tuple(current.possible) if current and len(current.possible) > 1 else (),
        summary=visible(current.summary) if current else "",
        version=visible(current.version) if current else "",
        # Said on the cluster's own page; here it would stand in every other row.
        distribution="" if key == "unknown" else DISTRIBUTIONS.get(key, key),
        nodes_ready=current.nodes_ready if current else None,
        nodes_total=current.nodes_total if current else None,
        missing=current.missing_count if current else 0,
        read_at=fact.read_at,
        is_recorded=cluster.is_recorded,
        is_sample=cluster.is_sample,
        is_bundle=cluster.is_bundle,
        is_stale=fact.is_stale,
        is_busy=fact.poll_state in {PollState.READING, PollState.QUEUED},
        expires_soon=fact.expires_soon,
        state=STATES[fact.poll_state],
        error=visible(fact.error),
    )


def _matches(row: Row, want: Wanted) -> bool:
    if want.verdict == TROUBLE and not row.error:
        return False
    if want.verdict not in {"", TROUBLE, row.verdict}:
        return False
    text = " ".join((row.name, *row.labels, row.version, row.distribution)).casefold()
    return all(part in text for part in want.search.casefold().split())


def _counts(rows: list[Row], want: Wanted) -> tuple[Count, ...]:
    numbers = Counter(row.verdict for row in rows)
    numbers[TROUBLE] = sum(bool(row.error) for row in rows)
    words = {**{str(key): word for key, word in VERDICTS.items()}, UNREAD: UNREAD_WORD}
    words[TROUBLE] = TROUBLE_WORD
    return tuple(
        Count(
            word=word,
            number=numbers[key],
            link=want.link(verdict="" if want.verdict == key else key),
            is_chosen=want.verdict == key,
        )
        for key, word in words.items()
        if numbers[key] or want.verdict == key
    )


def _column(key: str, want: Wanted) -> Column:
    current, is_reversed = want.sort.removeprefix("-"), want.sort.startswith("-")
    order = "descending" if is_reversed else "ascending"
    turned = f"-{key}" if current == key and not is_reversed else key
    return Column(
        title=SORTS[key][0],
        link=want.link(sort=turned),
        aria_sort=order if current == key else "none",
    )


def _version(text: str) -> tuple[int, ...]:
    """The numbers of v1.28.15-eks-1 that count for its order: 1, 28, 15."""
    plain = text.lstrip("v").split("-")[0].split("+")[0]
    return tuple(int(part) if part.isdecimal() else 0 for part in plain.split("."))


def _share_ready(row: Row) -> float:
    if row.nodes_total is None or row.nodes_ready is None:
        return 2
    return row.nodes_ready / row.nodes_total if row.nodes_total else 1
