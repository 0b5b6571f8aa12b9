"""The built-in list's tickets in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import uuid4

from django.db import transaction

from authzviz.tickets.port import Comment, Draft
from authzviz.tickets.shelf import Kept
from dashboard.models import ListedTicket
from dashboard.services import clock

_OUR_LENGTH = 2


class ListedTickets:
    """An authzviz.tickets.shelf.Shelf. Changing what is not there raises KeyError."""

    def add(self, draft: Draft) -> Kept:
        """The ticket, kept."""
        now = clock.now()
        return _kept(
            ListedTicket.objects.create(
                marker=draft.marker,
                title=draft.title,
                body=draft.body,
                labels=list(draft.labels),
                assignee=draft.assignee,
                due_on=draft.due,
                created_at=now,
                changed_at=now,
            )
        )

    def marked(self, marker: str) -> tuple[Kept, ...]:
        """Every ticket with the marker, the newest first."""
        return tuple(map(_kept, ListedTicket.objects.filter(marker=marker)))

    def get(self, ids: Iterable[str]) -> Mapping[str, Kept]:
        """Those of these tickets that are there."""
        keys = [int(id_) for id_ in ids if id_.isdecimal()]
        return {str(row.pk): _kept(row) for row in ListedTicket.objects.filter(pk__in=keys)}

    def change(self, id_: str, *, title: str, body: str) -> Kept:
        """The ticket with another title and body."""
        return self._changed(id_, title=title, body=body)

    def set_open(self, id_: str, *, is_open: bool) -> Kept:
        """The ticket, open or closed."""
        return self._changed(id_, is_open=is_open)

    def add_comment(self, id_: str, text: str) -> Comment:
        """The new comment."""
        comment = Comment(uuid4().hex, text)
        with transaction.atomic():
            row = _locked(id_)
            self._changed(id_, comments=[*row.comments, [comment.id, text]])
        return comment

    def change_comment(self, id_: str, comment_id: str, text: str) -> Comment:
        """The comment with another text."""
        with transaction.atomic():
            row = _locked(id_)
            if comment_id not in {one[0] for one in row.comments}:
                raise KeyError(comment_id)
            changed = [
                [one[0], text, *one[2:]] if one[0] == comment_id else one for one in row.comments
            ]
            self._changed(id_, comments=changed)
        return Comment(comment_id, text)

    def _changed(self, id_: str, **values: object) -> Kept:
        rows = ListedTicket.objects.filter(pk=_key(id_))
        if not rows.update(changed_at=clock.now(), **values):
            raise KeyError(id_)
        return _kept(rows.get())


def _locked(id_: str) -> ListedTicket:
    row = ListedTicket.objects.select_for_update().filter(pk=_key(id_)).first()
    if row is None:
        raise KeyError(id_)
    return row


def _key(id_: str) -> int:
    if not id_.isdecimal():
        raise KeyError(id_)
    return int(id_)


def _kept(row: ListedTicket) -> Kept:
    # Of ours alone: a person may quote what ours is found by.
    comments = tuple(Comment(*one) for one in row.comments if len(one) == _OUR_LENGTH)
    return Kept(
        str(row.pk), row.marker, row.title, row.body, row.is_open, row.assignee, comments=comments
    )
