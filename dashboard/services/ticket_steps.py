"""The steps of one ticket to where it is to be: opened, its body and comment told, open or closed.

A step asks the tracker one thing, or has it do one thing, and writes down what came of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

from authzviz.tickets.errors import TicketGone, TicketRejected, TrackerError
from authzviz.tickets.http import DEADLINE_SECONDS
from authzviz.tickets.port import Comment, Port, Remote
from dashboard.models import Ticket, TicketState
from dashboard.services import clock, ticket_following, ticket_rows, ticket_words
from dashboard.services.ticket_queue import Turn, fit
from dashboard.services.ticket_rows import CLOSE, COMMENT, CREATE, REOPEN, UPDATE
from dashboard.services.ticket_words import NothingToSay

_T = TypeVar("_T")
_OPEN = TicketState.OPEN.value
_ENDED = (TicketState.REJECTED.value, TicketState.GONE.value)
_MOST_BEFORE = 50


def pause(seconds: float) -> None:
    """Leave the tracker alone for so long."""
    time.sleep(seconds)


@dataclass(slots=True)
class Way:
    """One ticket's way, in one turn. `sent` is the change that is under way, `is_again` whether it
    was sent before; `left` are the changes that the tracker refused. `remote` is the ticket as it
    was read at the beginning.
    """

    turn: Turn
    port: Port
    sent: str = ""
    is_again: bool = False
    is_opening: bool = False
    remote: Remote | None = None
    left: set[str] = field(default_factory=set)

    @property
    def keeps_sending(self) -> bool:
        """True where what was sent before may have been done, though nothing was just now."""
        return not self.sent or (self.is_again and not self.turn.traits.reads_back)

    @property
    def patience(self) -> timedelta:
        """After how long what was sent, and is not found, was certainly not done."""
        # An adapter may have to look things up before it sends what matters.
        return timedelta(seconds=self.turn.traits.found_after + 3 * DEADLINE_SECONDS)

    def begin_again(self) -> None:
        """Decide anew: the row is another than was thought."""
        self.sent, self.is_again, self.is_opening, self.remote = "", False, False, None

    def step(self, ticket: Ticket) -> Ticket | None:
        """The ticket after its next step; None where it is left, for now or for good.

        Raises TrackerError, Changed, LeaseLost.
        """
        if not ticket.is_current or ticket.state in _ENDED:
            return self._settled(ticket)
        if not ticket.remote_id:
            return self._open(ticket)
        if self.remote is None and self.turn.traits.reads_back:
            return self.look(ticket)
        if ticket.seen != ticket.told and self._is_told(ticket):
            return self._filled(ticket)
        change = self._next(ticket)
        return getattr(self, change)(ticket) if change else self._settled(ticket)

    def refused(self, ticket: Ticket, error: TrackerError) -> Ticket | None:
        """The ticket after the tracker refused what was sent."""
        self.left.add(self.sent)
        row = ticket_rows.refused(self.turn, ticket, error)
        self.sent, self.is_again = "", False
        return row if row.remote_id else None

    def look(self, ticket: Ticket) -> Ticket | None:
        """The ticket as the tracker has it now; None where it is not there."""
        self.remote = self.port.read((ticket.remote_id,)).get(ticket.remote_id)
        row = ticket_rows.noted(self.turn, ticket, self.remote)
        return row if self.remote else None

    def create(self, ticket: Ticket, **values: object) -> Ticket | None:
        """The ticket, opened."""
        try:
            seen = _seen(ticket)
            texts = ticket_words.texts_of(ticket)
        except NothingToSay:
            return self.never_sent(ticket)
        draft = ticket_words.draft_of(ticket, texts)
        told = {"seen": seen, "told": seen, "progress": texts.progress}
        ticket, remote = self._sent(
            ticket,
            CREATE,
            lambda delivery: self.port.create(draft, delivery),
            is_body_due=False,
            # It was opened too late: why it is closed is told before.
            is_comment_due=ticket.wanted_open is False,
            **told,
            **values,
        )
        return self.opened(ticket, remote)

    def opened(self, ticket: Ticket, remote: Remote, words: str = "") -> Ticket:
        """The ticket, which the tracker has."""

        def apply(row: Ticket) -> None:
            # What keeps nothing may give no id.
            row.remote_id = fit(remote.id, 200) or str(ticket.delivery)
            row.written_title, row.written_body = remote.title, remote.body
            ticket_rows.fill(row, remote)

        self.remote = remote
        return self._done(ticket, "opened", words, apply)

    def adopted(self, ticket: Ticket, remote: Remote) -> Ticket:
        """The ticket, which was in the tracker before: what it says is left as it is, and what
        there is to say becomes a comment.
        """

        def apply(row: Ticket) -> None:
            row.remote_id = fit(remote.id, 200)
            row.written_title = row.written_body = row.told = ""
            row.seen = _seen(row)
            ticket_rows.fill(row, remote)

        self.remote = remote
        return self._done(ticket, "adopted", "it was in the tracker already", apply)

    def never_sent(self, ticket: Ticket) -> Ticket | None:
        """Leave a ticket that is not to be opened any more."""
        self.sent = CREATE
        return self.refused(
            ticket, TrackerError("its cluster was removed, or it is not followed any more")
        )

    def update(self, ticket: Ticket) -> Ticket | None:
        """The ticket with its body filled anew, unless people changed it."""
        try:
            texts = ticket_words.texts_of(ticket)
        except NothingToSay:
            return ticket_rows.changed(self.turn, ticket, is_body_due=False)
        title = texts.title
        if self.remote is not None:
            if self.remote.body not in ("", ticket.written_body):
                return ticket_rows.changed(self.turn, ticket, is_body_due=False)
            if self.remote.title != ticket.written_title:
                title = self.remote.title
        ticket, remote = self._sent(
            ticket,
            UPDATE,
            lambda delivery: self.port.update(
                ticket.remote_id, title=title, body=texts.body, delivery=delivery
            ),
        )
        return self.updated(ticket, remote)

    def updated(self, ticket: Ticket, remote: Remote) -> Ticket:
        """The ticket, which has its new body."""

        def apply(row: Ticket) -> None:
            row.written_title, row.written_body = remote.title, remote.body
            row.remote_title = fit(remote.title, 1_000)
            row.is_body_due = False
            ticket_rows.note(row, remote)

        return self._done(ticket, "updated", "", apply)

    def comment(self, ticket: Ticket) -> Ticket | None:
        """The ticket with its progress in our comment: edited where it is still as we wrote it,
        else a new one.
        """
        if ticket.comment_id and self.turn.traits.reads_back and not ticket.sending:
            found = self.port.find_comment(ticket.remote_id, ticket.comment_mark)
            known = Comment(ticket.comment_id, ticket.comment_text)
            if found != known:
                ticket = ticket_rows.changed(self.turn, ticket, comment_id="", comment_text="")
        if ticket.comment_id and self.turn.traits.reads_back:
            return self._edit_comment(ticket)
        mark = ticket.comment_mark if ticket.sending else f"{ticket.marker}-{uuid4().hex[:8]}"
        text = _marked(ticket, mark)
        ticket, comment = self._sent(
            ticket,
            COMMENT,
            lambda delivery: self.port.comment(ticket.remote_id, text, delivery),
            comment_mark=mark,
            comment_id="",
        )
        return self.commented(ticket, comment)

    def commented(self, ticket: Ticket, comment: Comment) -> Ticket:
        """The ticket, which has our comment."""

        def apply(row: Ticket) -> None:
            row.comment_id, row.comment_text = fit(comment.id, 200), comment.text
            row.is_comment_due = row.progress != ticket.progress

        return self._done(ticket, "commented", "", apply)

    def close(self, ticket: Ticket) -> Ticket | None:
        """The ticket, closed."""
        return self._open_or_close(ticket, CLOSE, self.port.close)

    def reopen(self, ticket: Ticket) -> Ticket | None:
        """The ticket, open again."""
        return self._open_or_close(ticket, REOPEN, self.port.reopen)

    def closed_or_reopened(self, ticket: Ticket, remote: Remote) -> Ticket:
        """The ticket, which is as it was wanted."""
        self.remote = remote
        what = "reopened" if remote.is_open else "closed"

        def apply(row: Ticket) -> None:
            ticket_rows.closed_or_reopened(row, remote)

        return self._done(ticket, what, "", apply)

    def _open(self, ticket: Ticket) -> Ticket | None:
        self.is_opening = True
        since = ticket_rows.other_is_sent_since(ticket)
        until = since and since + self.patience
        if until and until > clock.now():  # one that was let go may be on its way to the tracker
            ticket_rows.put_off(self.turn, ticket, until)
            return None
        found = self.port.find(ticket.marker)
        self.is_opening = False
        free = [one for one in ticket_rows.not_ours(ticket, found) if one.is_open]
        if free:
            return self.adopted(ticket, free[0])
        return self.create(ticket, found_before=[one.id for one in found[:_MOST_BEFORE]])

    def _edit_comment(self, ticket: Ticket) -> Ticket | None:
        text = _marked(ticket, ticket.comment_mark)
        try:
            ticket, comment = self._sent(
                ticket,
                COMMENT,
                lambda delivery: self.port.edit_comment(
                    ticket.remote_id, ticket.comment_id, text, delivery
                ),
            )
        except TicketGone:  # the comment, as far as is known
            self.sent = ""
            return ticket_rows.not_sent(self.turn, ticket, comment_id="", comment_text="")
        return self.commented(ticket, comment)

    def _open_or_close(
        self, ticket: Ticket, change: str, call: Callable[[str, str], Remote]
    ) -> Ticket | None:
        def checked(delivery: str) -> Remote:
            remote = call(ticket.remote_id, delivery)
            if remote.is_open is not (change == REOPEN):
                state = "open" if remote.is_open else "closed"
                raise TicketRejected(f"the tracker took it, and left the ticket {state}")
            return remote

        return self.closed_or_reopened(*self._sent(ticket, change, checked))

    def _next(self, ticket: Ticket) -> str:
        """The change that comes next, "" for none. Progress is told before it is closed."""
        is_open = ticket.state == _OPEN
        is_free = not ticket_following.is_held(ticket)
        wanted = (
            (REOPEN, ticket.wanted_open is True and not is_open and is_free),
            (UPDATE, ticket.is_body_due and is_open),
            (COMMENT, ticket.is_comment_due and is_open),
            (CLOSE, ticket.wanted_open is False and is_open and is_free),
        )
        return next((name for name, holds in wanted if holds and name not in self.left), "")

    def _is_told(self, ticket: Ticket) -> bool:
        return ticket.cluster_id is not None and (
            ticket.state == _OPEN or ticket.wanted_open is True
        )

    def _filled(self, ticket: Ticket) -> Ticket:
        """The ticket with what its body and its comment are to tell by now."""
        try:
            progress = ticket_words.texts_of(ticket).progress
        except NothingToSay:
            return ticket_rows.changed(self.turn, ticket, told=ticket.seen)
        is_body_old = ticket.seen[:32] != ticket.told[:32] and not ticket.body
        is_adopted = not ticket.told
        return ticket_rows.changed(
            self.turn,
            ticket,
            told=ticket.seen,
            progress=progress,
            is_body_due=ticket.is_body_due or (is_body_old and not is_adopted),
            is_comment_due=ticket.is_comment_due or is_adopted or progress != ticket.progress,
        )

    def _sent(
        self, ticket: Ticket, change: str, call: Callable[[str], _T], **values: object
    ) -> tuple[Ticket, _T]:
        """What the tracker gave back for the change, which was written down before."""
        self._leave_gap()
        is_again = bool(ticket.sending)
        ticket = ticket_rows.intend(self.turn, ticket, change, **values)
        self.sent, self.is_again = change, is_again
        return ticket, call(str(ticket.delivery))

    def _leave_gap(self) -> None:
        if self.turn.changed_at is not None and self.turn.traits.write_gap:
            since = (clock.now() - self.turn.changed_at).total_seconds()
            if 0 <= since < self.turn.traits.write_gap:
                pause(self.turn.traits.write_gap - since)

    def _done(
        self, ticket: Ticket, what: str, words: str, apply: Callable[[Ticket], None]
    ) -> Ticket:
        row = ticket_rows.done(self.turn, ticket, what, words, apply=apply)
        self.sent, self.is_again = "", False
        return row

    def _settled(self, ticket: Ticket) -> Ticket | None:
        ticket_rows.settle(self.turn, ticket, keeps_error=bool(self.left))
        return None


def _seen(ticket: Ticket) -> str:
    """What its texts are made from by now."""
    digest = ticket_following.digest_of(ticket.cluster_id or 0)
    return ticket_following.seen_by(digest, is_reached=ticket.is_reached)


def _marked(ticket: Ticket, mark: str) -> str:
    """The progress with a mark of its own, by which this comment is found and no other."""
    return mark.join(ticket.progress.rsplit(ticket.marker, 1))
