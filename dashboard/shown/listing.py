"""Long lists, cut into pages: what an address asks for, and the links that ask for more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from dashboard import asked

ROWS_PER_PAGE = 50
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Query:
    """What the address of a list asks for: a choice by each name, "" for none."""

    values: tuple[tuple[str, str], ...]
    page: int = 1

    def __getitem__(self, name: str) -> str:
        return dict(self.values)[name]

    @property
    def is_narrowed(self) -> bool:
        """True where it asks for less than all."""
        return any(value for _, value in self.values)

    def link(self, **changes: object) -> str:
        """The same list, asked for with these changes, from its first page unless that is named."""
        pairs = {**dict(self.values), **{name: str(value) for name, value in changes.items()}}
        return "?" + urlencode({name: value for name, value in pairs.items() if value})


@dataclass(frozen=True, slots=True)
class Sides:
    """Where a page stands among the others, and the links to its sides, "" where there is none."""

    place: str
    previous: str
    following: str


@dataclass(frozen=True, slots=True)
class Cut(Generic[Row]):
    """One page of a list: its rows, where they stand among `total`, and the links to its sides."""

    rows: tuple[Row, ...]
    first: int
    total: int
    previous: str
    following: str

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1

    @property
    def place(self) -> str:
        """Which rows of how many these are."""
        return f"{self.first:,} to {self.last:,} of {self.total:,}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that narrows the list down, with how many rows it would leave."""

    label: str
    number: int
    link: str
    is_chosen: bool
    tone: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head, with the link that sorts by it."""

    title: str
    link: str
    aria_sort: str


def query_of(query: Mapping[str, str], names: Sequence[str]) -> Query:
    """What an address asks for, of these names; anything else in it counts for nothing."""
    values = tuple((name, asked.text(query, name)) for name in names)
    return Query(values, max(1, asked.number(query, "page")))


def cut(rows: Sequence[Row], query: Query) -> Cut[Row]:
    """The page of the rows that is asked for; a number past the end gives the last one."""
    pages = max(1, -(-len(rows) // ROWS_PER_PAGE))
    page = min(query.page, pages)
    start = (page - 1) * ROWS_PER_PAGE
    return Cut(
        rows=tuple(rows[start : start + ROWS_PER_PAGE]),
        first=start + 1,
        total=len(rows),
        previous=_previous(query, page),
        following=query.link(page=page + 1) if page < pages else "",
    )


def sides(query: Query, page: int, *, has_more: bool, of: str = "") -> Sides:
    """The sides of a page of a list whose rows nobody counts."""
    return Sides(
        place=f"Page {page}{of}",
        previous=_previous(query, page),
        following=query.link(page=page + 1) if has_more else "",
    )


def _previous(query: Query, page: int) -> str:
    """The page before; the first one has no number in its address."""
    return query.link(page=page - 1 if page > 2 else "") if page > 1 else ""


def column(key: str, title: str, sort: str, link: Callable[[str], str]) -> Column:
    """The head of a column that sorts by `key`, where `link` leads; asked again, it sorts the other
    way. `sort` is how rows are sorted now, "-key" backwards.
    """
    is_sorted, is_reversed = sort.removeprefix("-") == key, sort.startswith("-")
    order = "descending" if is_reversed else "ascending"
    turned = f"-{key}" if is_sorted and not is_reversed else key
    return Column(title, link(turned), order if is_sorted else "none")
