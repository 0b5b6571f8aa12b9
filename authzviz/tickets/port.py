"""What the product asks of a tracker, whichever it is.

Texts are CommonMark without raw HTML; an adapter whose tracker has another markup translates them.
Names from clusters stand in them as spans of code, so that nothing in them is markup or a mention.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

COMMON_LABEL = "authzviz"
"""On every ticket beside its marker, where the tracker has labels."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket as it is to be. `marker` is "authzviz-<cluster id>", by which it is found again.

    `page` is the URL of the cluster's page here. `assignee` is as the tracker names people, "" for
    nobody.
    """

    marker: str
    title: str
    body: str
    page: str = ""
    labels: tuple[str, ...] = ()
    assignee: str = ""
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """A ticket as the tracker has it. `id` is what its API calls it ("17", "OPS-17").

    `state` is the tracker's own word ("In Progress"). `title` and `body` are as it gives them, to
    tell whether people changed them; body "" where it tells none.
    """

    id: str
    url: str
    is_open: bool
    state: str
    title: str
    body: str = ""
    assignee: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as the tracker has it; `text` to tell whether people changed it."""

    id: str
    text: str


class Port(Protocol):
    """One tracker, with the credentials of one account.

    Every method raises TrackerError: TicketRejected, TrackerUnavailable, TrackerLimited; methods
    that change something also OutcomeUnknown; those for one ticket also TicketGone. `delivery` is
    the same for every try of one change: a webhook or mail carries it, so that its receiver can
    tell a repetition.
    """

    def check(self) -> str:
        """Who these credentials are and where tickets go, in a sentence, having changed nothing."""
        ...

    def find(self, marker: str) -> tuple[Remote, ...]:
        """Every ticket with that marker, open or closed, the newest first."""
        ...

    def create(self, draft: Draft, delivery: str) -> Remote:
        """The ticket, new."""
        ...

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        """Those of these tickets (at most Traits.most_per_read) that are there, by their id."""
        ...

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        """The ticket with another title and body."""
        ...

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """The newest comment of the ticket whose text holds the marker."""
        ...

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """A new comment. `text` holds its marker already."""
        ...

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        """The comment with another text. Raises TicketGone where the comment is not there."""
        ...

    def close(self, id_: str, delivery: str) -> Remote:
        """The ticket, closed as done; closing a closed one changes nothing."""
        ...

    def reopen(self, id_: str, delivery: str) -> Remote:
        """The ticket, open again; reopening an open one changes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Traits:
    """What a kind of tracker can do and how fast.

    `reads_back` where `find`, `read` and `find_comment` see what is there; else (webhook, mail)
    they find nothing, and what may not have arrived is sent again with the same delivery.
    `found_after` is after how many seconds `find` certainly sees what was created. `write_gap` are
    the seconds to leave between changes. `most_per_read` bounds the ids of one `read`. Titles,
    bodies and comments longer than `title_letters` and `body_letters` are cut
    (authzviz.tickets.texts).
    """

    reads_back: bool = True
    found_after: float = 30.0
    write_gap: float = 0.0
    most_per_read: int = 50
    title_letters: int = 250
    body_letters: int = 60_000


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that has to be known of a tracker. `kind` is text, url, secret, pem or choice; a
    secret is sealed and never shown again. `choices` are (value, title).
    """

    name: str
    title: str
    help: str = ""
    kind: str = "text"
    is_required: bool = True
    default: str = ""
    choices: tuple[tuple[str, str], ...] = field(default=())
