"""Where the built-in list keeps its tickets: given by whoever has a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from authzviz.tickets.port import Comment, Draft


@dataclass(frozen=True, slots=True)
class Kept:
    """A ticket of the built-in list; `id` is its number. Comments are oldest first."""

    id: str
    marker: str
    title: str
    body: str
    is_open: bool
    assignee: str = ""
    url: str = ""
    comments: tuple[Comment, ...] = ()


class Shelf(Protocol):
    """Tickets by number and by marker. Changing what is not there raises KeyError."""

    def add(self, draft: Draft) -> Kept:
        """The ticket, kept."""
        ...

    def marked(self, marker: str) -> tuple[Kept, ...]:
        """Every ticket with the marker, the newest first."""
        ...

    def get(self, ids: Iterable[str]) -> Mapping[str, Kept]:
        """Those of these tickets that are there."""
        ...

    def change(self, id_: str, *, title: str, body: str) -> Kept:
        """The ticket with another title and body."""
        ...

    def set_open(self, id_: str, *, is_open: bool) -> Kept:
        """The ticket, open or closed."""
        ...

    def add_comment(self, id_: str, text: str) -> Comment:
        """The new comment."""
        ...

    def change_comment(self, id_: str, comment_id: str, text: str) -> Comment:
        """The comment with another text."""
        ...
