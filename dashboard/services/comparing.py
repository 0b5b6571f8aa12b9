"""Clusters side by side: those that were asked for, and what the engine makes of them together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser

from authzviz.engine.compared import Cell, Comparison
from authzviz.engine.comparison import compare
from dashboard.models import User
from dashboard.services import access, facts, pages, spreadsheet
from dashboard.services.pages import FleetRow
from dashboard.visible import made_visible

FEWEST, MOST = 2, 20
MOST_OFFERED = 30
_MOST_LOOKED_UP = 100
NOT_READ = "not read yet"
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,80}")
_HEAVY = ("credentials", "current__remembered", "current__reads")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The clusters of one comparison, in the order asked for.

    `comparison` holds those that were read, by name; `unknown` are slugs that are no cluster,
    `left_out` how many clusters were too many, `offered` others that could be added.
    """

    rows: tuple[FleetRow, ...]
    baseline: str
    comparison: Comparison
    unknown: tuple[str, ...]
    left_out: int
    offered: tuple[tuple[str, str], ...]

    @property
    def is_comparable(self) -> bool:
        """True where there is more than one cluster to hold against another."""
        return len(self.rows) >= FEWEST


def choose(
    user: User | AnonymousUser, slugs: Sequence[str], baseline: str = "", find: str = ""
) -> Chosen:
    """The comparison of those clusters that `user` may see; two queries, whatever their number.

    Of the others those are offered whose name holds `find`.
    """
    every = list(dict.fromkeys(slugs))
    wanted = every[:_MOST_LOOKED_UP]
    visible_ones = access.visible_clusters(user)
    possible = [slug for slug in wanted if _SLUG.fullmatch(slug)]
    query = visible_ones.filter(slug__in=possible).select_related("current__snapshot")
    found = {cluster.slug: cluster for cluster in query.defer(*_HEAVY)}
    known = [slug for slug in wanted if slug in found]
    rows = pages.rows_of(found[slug] for slug in known[:MOST])
    named = {row.cluster.slug: row.cluster.name for row in rows}
    return Chosen(
        rows=rows,
        baseline=baseline if baseline in named else "",
        comparison=_compared(rows, named.get(baseline)),
        unknown=tuple(slug for slug in wanted if slug not in found),
        left_out=max(0, len(known) - MOST) + len(every) - len(wanted),
        offered=offered(user, known, find),
    )


def offered(
    user: User | AnonymousUser, slugs: Sequence[str], find: str
) -> tuple[tuple[str, str], ...]:
    """Slug and name of clusters beside these, by name, with `find` in it; the first of them."""
    others = access.visible_clusters(user).exclude(slug__in=slugs[:_MOST_LOOKED_UP])
    if find:
        others = others.filter(name__icontains=find)
    return tuple(others.order_by("name").values_list("slug", "name")[:MOST_OFFERED])


def _compared(rows: tuple[FleetRow, ...], baseline: str | None) -> Comparison:
    return compare(
        [
            (
                row.cluster.name,
                facts.lean_snapshot(row.current),
                facts.current_assessment(row.current),
            )
            for row in rows
            if row.current is not None
        ],
        baseline,
    )


def as_csv(chosen: Chosen) -> bytes:
    """The comparison as a table for spreadsheets: a line per row, a column per cluster."""
    return spreadsheet.as_csv(_lines(chosen))


def _lines(chosen: Chosen) -> Iterator[list[str]]:
    clusters = [row.cluster for row in chosen.rows]
    comparison = made_visible(chosen.comparison)
    yield ["Group", "What", "Alike", *(cluster.name for cluster in clusters)]
    yield ["Read", "Read at", "", *(_read_at(row) for row in chosen.rows)]
    for cause in chosen.comparison.causes:
        holds = ["yes" if cluster.name in cause.clusters else "" for cluster in clusters]
        words = " ".join(filter(None, (cause.title, cause.detail, cause.remedy)))
        yield ["Likely cause", words, "", *holds]
    for group in comparison.groups:
        for row in group.rows:
            what = f"{row.title} ({row.note})" if row.note else row.title
            alike = "not known" if row.is_untold else "yes" if row.is_same else "no"
            yield [group.title, what, alike, *_cells(chosen, row.cells)]


def _cells(chosen: Chosen, cells: tuple[Cell, ...]) -> Iterator[str]:
    """The cells' words; those of clusters that were not read say so."""
    told = iter(cells)
    for row in chosen.rows:
        if row.current is None:
            yield NOT_READ
        else:
            cell = next(told)
            words = f"{cell.text} ({cell.detail})" if cell.detail else cell.text
            yield f"≠ {words}" if cell.is_different else words


def _read_at(row: FleetRow) -> str:
    return row.read_at.isoformat(timespec="seconds") if row.read_at else NOT_READ
