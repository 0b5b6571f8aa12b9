"""Issues in Gitea and Forgejo.

Source: their API reference (each server has it at /api/swagger), "issue"; docs.gitea.com, "API
Usage"; Gitea 1.26, routers/api/v1/repo/issue.go and issue_comment.go.
"""

from __future__ import annotations

import time
from typing import Any

from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import OutcomeUnknown, TicketRejected, TrackerError, TrackerUnavailable
from authzviz.tickets.forge import Forge, Manner, in_words, remote_of
from authzviz.tickets.http import DEADLINE_SECONDS, Refusal, usual_error
from authzviz.tickets.port import COMMON_LABEL, Comment, Draft, Field, Remote, Traits
from authzviz.tickets.setup import CA, Kind, Setup

_TRAITS = Traits(most_per_read=100, body_letters=65_536)
_MANNER = Manner(50, "limit", "created_by")
_COLOUR = "#5b7083"


class Gitea(Forge):
    """The issues of one repository."""

    _known_labels: dict[str, int] | None = None

    def create(self, draft: Draft, delivery: str) -> Remote:
        """Labels go by their numbers: those that are missing are made first. Who waits for the
        outcome has to know when the ticket was sent at the latest: not after a second deadline.
        """
        began = time.monotonic()
        sent: dict[str, object] = {
            "title": self._title(draft.title),
            "body": self._body(draft.body),
        }
        if self._repository().may_push:
            names = dict.fromkeys((draft.marker, COMMON_LABEL, *draft.labels))
            sent["labels"] = [self._label(name) for name in names]
        if draft.assignee:
            sent["assignees"] = [draft.assignee]
        if draft.due:
            # Noon is that day wherever the server shows it.
            sent["due_date"] = f"{draft.due.isoformat()}T12:00:00Z"
        self._in_time(began, DEADLINE_SECONDS)
        return self._api.change("POST", self._issues, remote_of, sent)

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """The newest of ours."""
        self._there(id_)
        return super().find_comment(id_, marker)

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """A new comment."""
        self._there(id_)
        return super().comment(id_, text, delivery)

    def _there(self, id_: str) -> None:
        """Comments of a ticket that is gone are answered with an error of the server (1.26)."""
        with self._of(id_):
            self._api.read(self._issue(id_), remote_of, is_of_ticket=True)

    def _label(self, name: str) -> int:
        labels = self._labels()
        if name not in labels:
            made = {"name": name, "color": _COLOUR}
            try:
                labels[name] = self._api.change("POST", f"{self._path}/labels", _number, made)
            except OutcomeUnknown as error:
                self._known_labels = None  # it may be there now
                raise TrackerUnavailable(error.message) from None
        return labels[name]

    def _labels(self) -> dict[str, int]:
        if self._known_labels is None:
            pages = self._pages(f"{self._path}/labels", _label, {})
            self._known_labels = dict(pages)
        return self._known_labels


def error_of(
    refusal: Refusal, host: str, *, is_change: bool, is_of_ticket: bool = False
) -> TrackerError:
    """What Gitea means: 423 for an archived repository, 403 also for one ticket's own reasons."""
    refusal = in_words(refusal)
    if refusal.status == 423:
        return TicketRejected(f"{host}: the repository is archived", is_of_tracker=True)
    if refusal.status == 403 and is_of_ticket and "scope" not in refusal.words:
        return TicketRejected(f"{host} answered 403: {refusal.words or 'not allowed'}")
    return usual_error(refusal, host, is_change=is_change, is_of_ticket=is_of_ticket)


def _number(found: Any) -> int:
    return int(found["id"])


def _label(found: Any) -> tuple[str, int]:
    return str(found["name"]), _number(found)


def _connect(setup: Setup) -> Gitea:
    url = setup.value("url").rstrip("/").removesuffix("/api/v1")
    headers = {"Authorization": f"token {setup.secret('token')}"}
    api = JsonApi(setup.http(f"{url}/api/v1", headers), error_of)
    return Gitea(api, setup.value("repository"), _MANNER, _TRAITS)


KIND = Kind(
    "gitea",
    "Gitea or Forgejo",
    fields=(
        Field("url", "Address", "Of the server, as in a browser: https://host", kind="url"),
        Field("repository", "Repository", "owner/name"),
        Field(
            "token",
            "Token",
            "With the scopes write:issue, read:repository and read:user. "
            "Its account needs to write to the repository, without which labels are dropped.",
            kind="secret",
        ),
        CA,
    ),
    connect=_connect,
    traits=_TRAITS,
)
