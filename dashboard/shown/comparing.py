"""A comparison in words: columns with their links, rows that differ, rows that don't, causes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.assessment import Verdict
from authzviz.engine.compared import Cause, Cell, Row
from authzviz.engine.phrases import counted
from dashboard.services.comparing import FEWEST, MOST, MOST_OFFERED, Chosen
from dashboard.services.pages import FleetRow
from dashboard.shown.cluster_head import STATES
from dashboard.shown.fleet_filters import UNREAD_WORD
from dashboard.shown.whatif_form import query_of
from dashboard.shown.whatif_presets import NODE_FIRST
from dashboard.visible import made_visible, visible
from dashboard.words import DISTRIBUTIONS, VERDICTS, Word

# How bad what a cause tells is; all others are for information.
_TONES = {
    "unbound": ("critical", "circle-x"),
    "refused": ("critical", "circle-x"),
    "always-allow": ("critical", "lock-open"),
    "by-name": ("warning", "arrows-split-2"),
    "apiservers-differ": ("warning", "arrows-split-2"),
    "rbac-alone": ("warning", "key"),
    "undone": ("warning", "alert-triangle"),
    "no-node-restriction": ("caution", "shield-half"),
    "unread": ("unsure", "question-mark"),
}
_MENDED_BY_NODE = frozenset({"unbound", "by-name", "always-allow", "rbac-alone"})
_FOR_INFORMATION = ("unsure", "info-circle")
_SHOWN_UNKNOWN = 10
_FIT = 5


@dataclass(frozen=True, slots=True)
class Column:
    """One cluster: where it is, how old what is known of it is, and what can be done with it."""

    slug: str
    name: str
    is_read: bool
    read_at: datetime | None
    is_sample: bool
    is_stale: bool
    state: str
    error: str
    is_baseline: bool
    baseline_link: str
    without_link: str


@dataclass(frozen=True, slots=True)
class CellShown:
    """A cell as the page shows it; `word` where it is a verdict. `is_read` is False in the column
    of a cluster that was never read.
    """

    text: str
    detail: str = ""
    is_different: bool = False
    is_unknown: bool = False
    is_read: bool = True
    word: Word | None = None


@dataclass(frozen=True, slots=True)
class RowShown:
    """A row that differs, with a cell for each column."""

    title: str
    note: str
    cells: tuple[CellShown, ...]


@dataclass(frozen=True, slots=True)
class GroupShown:
    """Rows that belong together, those that differ only; `left_out` more are not listed."""

    title: str
    rows: tuple[RowShown, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class SameRow:
    """A row that is alike in all clusters that were read, or known of none."""

    group: str
    title: str
    note: str
    text: str
    detail: str
    is_untold: bool


@dataclass(frozen=True, slots=True)
class CauseShown:
    """A cause with its tone, and the clusters it holds for as (slug, name).

    `whatif` is the query of the change that mends it, "" where there is none for all.
    """

    title: str
    detail: str
    remedy: str
    tone: str
    icon: str
    clusters: tuple[tuple[str, str], ...]
    whatif: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A cluster that could be added, and the link that adds it."""

    name: str
    link: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Clusters that could be added, those with `find` in their name; `has_more` where these are
    only the first. `chosen` and `baseline` are what the search for others keeps.
    """

    rows: tuple[Offered, ...]
    find: str
    chosen: tuple[str, ...]
    baseline: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class ComparePage:
    """What compare.html shows; without `groups` where there is nothing to compare."""

    columns: tuple[Column, ...]
    groups: tuple[GroupShown, ...]
    same: tuple[SameRow, ...]
    causes: tuple[CauseShown, ...]
    baseline: str
    no_baseline_link: str
    csv_link: str
    notes: tuple[str, ...]
    offer: Offer
    is_comparable: bool
    unread: int

    @property
    def differing(self) -> int:
        """How many rows differ, or can't be told to be alike."""
        return sum(len(group.rows) for group in self.groups)

    @property
    def heading(self) -> str:
        """What the table is."""
        if len(self.columns) - self.unread < FEWEST:
            return "Too few of them were read to compare"
        return "What differs" if self.differing else "Nothing differs"

    @property
    def folded(self) -> str:
        """What is folded away, and how much of it."""
        untold = sum(row.is_untold for row in self.same)
        alike = len(self.same) - untold
        where = "in those that were read" if self.unread else "in all"
        parts = [f"{counted(alike, 'row')} alike {where}"] if alike else []
        parts += [f"{counted(untold, 'row')} known of none"] if untold else []
        return ", ".join(parts)

    @property
    def is_small(self) -> bool:
        """True where all columns fit side by side on a usual screen."""
        return len(self.columns) <= _FIT

    @property
    def is_full(self) -> bool:
        """True where no more clusters can be added."""
        return len(self.columns) >= MOST


def offer(found: tuple[tuple[str, str], ...], slugs: list[str], baseline: str, find: str) -> Offer:
    """What could be added to these clusters, each with the link that adds it."""
    rows = (Offered(visible(name), link([*slugs, slug], baseline)) for slug, name in found)
    return Offer(tuple(rows), find, tuple(slugs), baseline, len(found) == MOST_OFFERED)


def compare_page(chosen: Chosen, baseline: str, find: str = "") -> ComparePage:
    """The page, every name in it made visible; `baseline` and `find` are what the address asks
    for.
    """
    groups = made_visible(chosen.comparison.groups) if chosen.comparison.names else ()
    slugs = [row.cluster.slug for row in chosen.rows]
    rows = [(group.title, row) for group in groups for row in group.rows]
    return ComparePage(
        columns=tuple(_column(row, slugs, chosen.baseline) for row in chosen.rows),
        groups=tuple(
            GroupShown(group.title, tuple(_differing(group.rows, chosen)), group.left_out)
            for group in groups
        ),
        same=tuple(_same(title, row) for title, row in rows if row.is_same or row.is_untold),
        causes=tuple(_cause(cause, chosen) for cause in chosen.comparison.causes),
        baseline=visible(chosen.comparison.baseline or ""),
        no_baseline_link=link(slugs),
        csv_link=link(slugs, chosen.baseline, format="csv"),
        notes=tuple(_notes(chosen, baseline)),
        offer=offer(chosen.offered, slugs, chosen.baseline, find),
        is_comparable=chosen.is_comparable,
        unread=sum(row.current is None for row in chosen.rows),
    )


def link(slugs: list[str], baseline: str = "", **more: str) -> str:
    """The query that compares those clusters: a page has a hundred of them.

    Nothing of it needs quoting: slugs are letters, digits and dashes, all else are words of ours.
    """
    held = [f"baseline={baseline}"] if baseline in slugs else []
    words = [f"{name}={word}" for name, word in more.items()]
    return "?" + "&".join([*(f"c={slug}" for slug in slugs), *held, *words])


def _column(row: FleetRow, slugs: list[str], baseline: str) -> Column:
    cluster = row.cluster
    others = [slug for slug in slugs if slug != cluster.slug]
    return Column(
        slug=cluster.slug,
        name=visible(cluster.name),
        is_read=row.current is not None,
        read_at=row.read_at,
        is_sample=cluster.is_sample,
        is_stale=row.is_stale,
        state=STATES[row.poll_state],
        error=visible(row.error),
        is_baseline=cluster.slug == baseline,
        baseline_link=link(slugs, cluster.slug),
        without_link=link(others, baseline),
    )


def _differing(rows: tuple[Row, ...], chosen: Chosen) -> Iterator[RowShown]:
    for row in rows:
        if not (row.is_same or row.is_untold):
            yield RowShown(row.title, row.note, tuple(_cells(row, chosen)))


def _cells(row: Row, chosen: Chosen) -> Iterator[CellShown]:
    told = iter(row.cells)
    for column in chosen.rows:
        if column.current is None:
            yield CellShown(UNREAD_WORD.label, is_read=False)
        else:
            yield _cell(row.id, next(told))


def _cell(row: str, cell: Cell) -> CellShown:
    word = VERDICTS[Verdict(cell.text)] if row == "verdict" else None
    text = _in_words(row, cell.text)
    return CellShown(text, cell.detail, cell.is_different, cell.is_unknown, word=word)


def _in_words(row: str, text: str) -> str:
    if row == "verdict":
        return VERDICTS[Verdict(text)].label
    return DISTRIBUTIONS.get(text, text) if row == "distribution" else text


def _same(group: str, row: Row) -> SameRow:
    first = row.cells[0]
    details = {cell.detail for cell in row.cells}
    return SameRow(
        group=group,
        title=row.title,
        note=row.note,
        text=_in_words(row.id, first.text),
        detail=first.detail if len(details) == 1 else "",
        is_untold=row.is_untold,
    )


def _cause(cause: Cause, chosen: Chosen) -> CauseShown:
    tone, icon = _TONES.get(cause.id, _FOR_INFORMATION)
    return CauseShown(
        title=visible(cause.title),
        detail=visible(cause.detail),
        remedy=visible(cause.remedy),
        tone=tone,
        icon=icon,
        clusters=tuple(
            (row.cluster.slug, visible(row.cluster.name))
            for row in chosen.rows
            if row.cluster.name in cause.clusters
        ),
        whatif=query_of(NODE_FIRST) if cause.id in _MENDED_BY_NODE else "",
    )


def _notes(chosen: Chosen, baseline: str) -> Iterator[str]:
    """What of the address could not be done, in sentences."""
    if chosen.unknown:
        shown = [visible(slug[:80]) for slug in chosen.unknown[:_SHOWN_UNKNOWN]]
        more = len(chosen.unknown) - len(shown)
        rest = f" and {more} more" if more else ""
        others = " The others are compared." if chosen.is_comparable else ""
        yield f"Not in the fleet: {', '.join(shown)}{rest}.{others}"
    if chosen.left_out:
        yield (
            f"At most {MOST} clusters are compared at once: these are the first {MOST},"
            f" {chosen.left_out} more are left out."
        )
    if baseline and not chosen.baseline:
        yield (
            "The baseline of this link is not among these clusters: each is held against what"
            " most have."
        )
    elif baseline and chosen.is_comparable and chosen.comparison.baseline is None:
        yield "The baseline was not read yet: each is held against what most have."
    if not chosen.is_comparable:
        yield f"Choose at least {FEWEST} clusters to compare, and at most {MOST}."
