"""The built-in list's tickets in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from authzviz.tickets.port import Comment, Draft
from authzviz.tickets.shelf import Kept


class MemoryShelf:
    """An authzviz.tickets.shelf.Shelf."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self._numbers = 0

    def add(self, draft: Draft) -> Kept:
        """The ticket, kept."""
        id_ = self._number()
        return self._put(Kept(id_, draft.marker, draft.title, draft.body, True, draft.assignee))

    def marked(self, marker: str) -> tuple[Kept, ...]:
        """Every ticket with the marker, the newest first."""
        return tuple(one for one in reversed(self.kept.values()) if one.marker == marker)

    def get(self, ids: Iterable[str]) -> Mapping[str, Kept]:
        """Those of these tickets that are there."""
        return {id_: self.kept[id_] for id_ in ids if id_ in self.kept}

    def change(self, id_: str, *, title: str, body: str) -> Kept:
        """The ticket with another title and body."""
        return self._put(replace(self.kept[id_], title=title, body=body))

    def set_open(self, id_: str, *, is_open: bool) -> Kept:
        """The ticket, open or closed."""
        return self._put(replace(self.kept[id_], is_open=is_open))

    def add_comment(self, id_: str, text: str) -> Comment:
        """The new comment."""
        comment = Comment(self._number(), text)
        self._put(replace(self.kept[id_], comments=(*self.kept[id_].comments, comment)))
        return comment

    def change_comment(self, id_: str, comment_id: str, text: str) -> Comment:
        """The comment with another text."""
        kept = self.kept[id_]
        if comment_id not in {one.id for one in kept.comments}:
            raise KeyError(comment_id)
        changed = Comment(comment_id, text)
        comments = tuple(changed if one.id == comment_id else one for one in kept.comments)
        self._put(replace(kept, comments=comments))
        return changed

    def _number(self) -> str:
        self._numbers += 1
        return str(self._numbers)

    def _put(self, kept: Kept) -> Kept:
        self.kept[kept.id] = kept
        return kept
