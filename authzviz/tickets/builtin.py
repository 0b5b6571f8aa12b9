"""The built-in list: for teams without a tracker, and for the first ten minutes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from authzviz.tickets.errors import TicketGone
from authzviz.tickets.port import Comment, Draft, Remote, Traits
from authzviz.tickets.setup import Kind, Setup
from authzviz.tickets.shelf import Kept, Shelf

_GONE = "the list has no such ticket any more"


class BuiltinList:
    """The list of this server; nothing leaves it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def check(self) -> str:
        """What there is to say: nothing can be wrong with it."""
        return "tickets are kept on this server"

    def find(self, marker: str) -> tuple[Remote, ...]:
        """Every ticket with that marker, the newest first."""
        return tuple(map(_remote, self._shelf.marked(marker)))

    def create(self, draft: Draft, delivery: str) -> Remote:
        """The ticket, new."""
        return _remote(self._shelf.add(draft))

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        """Those of these tickets that are there."""
        return {id_: _remote(kept) for id_, kept in self._shelf.get(ids).items()}

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        """The ticket with another title and body."""
        try:
            return _remote(self._shelf.change(id_, title=title, body=body))
        except KeyError:
            raise TicketGone(_GONE) from None

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """The newest comment with the marker in it."""
        kept = self._shelf.get((id_,)).get(id_)
        if kept is None:
            raise TicketGone(_GONE)
        marked = (one for one in reversed(kept.comments) if marker in one.text)
        return next(marked, None)

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """A new comment."""
        try:
            return self._shelf.add_comment(id_, text)
        except KeyError:
            raise TicketGone(_GONE) from None

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        """The comment with another text."""
        try:
            return self._shelf.change_comment(id_, comment_id, text)
        except KeyError:
            raise TicketGone(_GONE) from None

    def close(self, id_: str, delivery: str) -> Remote:
        """The ticket, closed."""
        return self._opened(id_, is_open=False)

    def reopen(self, id_: str, delivery: str) -> Remote:
        """The ticket, open again."""
        return self._opened(id_, is_open=True)

    def _opened(self, id_: str, *, is_open: bool) -> Remote:
        try:
            return _remote(self._shelf.set_open(id_, is_open=is_open))
        except KeyError:
            raise TicketGone(_GONE) from None


def _remote(kept: Kept) -> Remote:
    state = "open" if kept.is_open else "closed"
    return Remote(kept.id, kept.url, kept.is_open, state, kept.title, kept.body, kept.assignee)


def _connect(setup: Setup) -> BuiltinList:
    return BuiltinList(setup.shelf)


KIND = Kind(
    "builtin",
    "Built-in list",
    fields=(),
    connect=_connect,
    traits=Traits(found_after=0.0, most_per_read=500),
)
