"""GitLab, gitlab.com and self-managed, by its REST API v4.

Sources: docs.gitlab.com/api/issues, /api/notes, /api/users, /api/projects,
/api/personal_access_tokens; /user/permissions ("Planner"), /user/project/quick_actions;
/administration/settings/user_and_ip_rate_limits (headers of 429)
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import TicketRejected, TrackerError, TrackerLimited
from authzviz.tickets.gitlab_check import check, who
from authzviz.tickets.http import Refusal, TrackerHttp, retry_after, segment, usual_error
from authzviz.tickets.markup_gitlab import without_quick_actions
from authzviz.tickets.port import COMMON_LABEL, Comment, Draft, Field, Remote, Traits
from authzviz.tickets.setup import CA, Kind, Setup
from authzviz.tickets.texts import body_of, link_of, title_of

ROOT = "/api/v4"
_TITLE_LETTERS = 250
_BODY_LETTERS = 60_000
_PER_PAGE, _MOST_PAGES = 100, 20


class GitLab:
    """The issues of one project."""

    def __init__(self, http: TrackerHttp, project: str) -> None:
        self._api = JsonApi(http, meaning)
        self._project = f"{ROOT}/projects/{segment(project)}"
        self._me = ""

    def check(self) -> str:
        """Who this is, which project, and until when the token is good."""
        return check(self._api, ROOT, self._project)

    def find(self, marker: str) -> tuple[Remote, ...]:
        """Every issue of the project with that label, the newest first."""
        query = {
            "labels": marker,
            "state": "all",
            "scope": "all",
            "order_by": "created_at",
            "sort": "desc",
            "per_page": str(_PER_PAGE),
        }
        return self._api.read(f"{self._project}/issues", _remotes, query=query)

    def create(self, draft: Draft, delivery: str) -> Remote:
        """The issue, new."""
        fields: dict[str, Any] = {
            "title": title_of(draft.title, _TITLE_LETTERS),
            "description": _written(draft.body),
            "labels": _labels(draft),
        }
        if draft.due:
            fields["due_date"] = draft.due.isoformat()
        if draft.assignee:
            fields["assignee_ids"] = [self._person(draft.assignee)]
        return self._api.change("POST", f"{self._project}/issues", _remote, fields)

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        """Those of the issues that are there."""
        asked = list(dict.fromkeys(ids))
        if not asked:
            return {}
        query: dict[str, str | list[str]] = {
            "iids[]": asked,
            "state": "all",
            "scope": "all",
            "per_page": str(_PER_PAGE),
        }
        found = self._api.read(f"{self._project}/issues", _remotes, query=query)
        return {remote.id: remote for remote in found}

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        """The issue with another title and description."""
        fields = {"title": title_of(title, _TITLE_LETTERS), "description": _written(body)}
        return self._change(id_, fields)

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """The newest comment of this account with the marker in it."""
        if not self._me:
            self._me = self._api.read(f"{ROOT}/user", who).id
        for page in range(1, _MOST_PAGES + 1):
            notes = self._notes(id_, page)
            for note in notes:
                if note.author == self._me and marker in note.comment.text:
                    return note.comment
            if len(notes) < _PER_PAGE:
                break
        return None

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """A new comment."""
        return self._say("POST", f"{self._path(id_)}/notes", text)

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        """The comment with another text."""
        return self._say("PUT", f"{self._path(id_)}/notes/{segment(comment_id)}", text)

    def close(self, id_: str, delivery: str) -> Remote:
        """The issue, closed."""
        return self._state(id_, "close", wanted_open=False)

    def reopen(self, id_: str, delivery: str) -> Remote:
        """The issue, open again."""
        return self._state(id_, "reopen", wanted_open=True)

    def _path(self, id_: str) -> str:
        return f"{self._project}/issues/{segment(id_)}"

    def _change(self, id_: str, fields: Mapping[str, Any]) -> Remote:
        return self._api.change("PUT", self._path(id_), _remote, fields, is_of_ticket=True)

    def _state(self, id_: str, event: str, *, wanted_open: bool) -> Remote:
        now = self._api.read(self._path(id_), _remote, is_of_ticket=True)
        return now if now.is_open is wanted_open else self._change(id_, {"state_event": event})

    def _say(self, method: str, path: str, text: str) -> Comment:
        body = {"body": _written(text)}
        return self._api.change(method, path, _comment, body, is_of_ticket=True)

    def _notes(self, id_: str, page: int) -> tuple[_Note, ...]:
        query = {
            "order_by": "created_at",
            "sort": "desc",
            "per_page": str(_PER_PAGE),
            "page": str(page),
        }
        return self._api.read(
            f"{self._path(id_)}/notes",
            lambda answer: tuple(map(_note, answer)),
            query=query,
            is_of_ticket=True,
        )

    def _person(self, name: str) -> int:
        name = name.removeprefix("@")
        found = self._api.read(
            f"{ROOT}/users",
            lambda answer: [int(one["id"]) for one in answer],
            query={"username": name},
        )
        if not found:
            raise TicketRejected(f"GitLab knows nobody called @{name}")
        return found[0]


@dataclass(frozen=True, slots=True)
class _Note:
    """A comment and the id of whoever wrote it, "" for what GitLab wrote itself."""

    comment: Comment
    author: str


def meaning(
    refusal: Refusal, host: str, *, is_change: bool, is_of_ticket: bool = False
) -> TrackerError:
    """The error that a refusal of GitLab is; its words are a text, or lists of texts by field."""
    words = _said(refusal.body) or refusal.words
    if refusal.status == 429:
        seconds = refusal.wait_seconds
        if seconds is None:
            seconds = _until(refusal.headers.get("ratelimit-reset", ""))
        return TrackerLimited(f"{host} takes no more for now", wait_seconds=seconds)
    if refusal.status == 404 and "project" in words.lower():
        said = "GitLab has no such project, or hides it from this token"
        return TicketRejected(said, is_of_tracker=True)
    if refusal.status in {400, 409, 422}:
        return TicketRejected(f"GitLab: {words}")
    plain = replace(refusal, words=words)
    return usual_error(plain, host, is_change=is_change, is_of_ticket=is_of_ticket)


def _said(body: str) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(said, dict):
        return ""
    return _words(said.get("error_description") or said.get("message") or said.get("error"))


def _words(said: object) -> str:
    """{"title": ["can't be blank"]} as "title can't be blank"."""
    if isinstance(said, dict):
        return "; ".join(f"{name} {_words(inner)}" for name, inner in said.items())
    if isinstance(said, list):
        return ", ".join(map(_words, said))
    return str(said or "")


def _until(text: str) -> float | None:
    """The seconds until a Unix time, clamped; None where it is none."""
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        return None
    return retry_after(str(max(int(text) - int(time.time()), 0)))


def _written(text: str) -> str:
    return without_quick_actions(body_of(text, _BODY_LETTERS))


def _labels(draft: Draft) -> str:
    """The labels with commas between, which none of them can have."""
    labels = (draft.marker, COMMON_LABEL, *draft.labels)
    plain = (" ".join(label.replace(",", " ").split()) for label in labels)
    return ",".join(dict.fromkeys(label for label in plain if label))


def _remotes(answer: Any) -> tuple[Remote, ...]:
    return tuple(map(_remote, answer))


def _remote(raw: Mapping[str, Any]) -> Remote:
    people = raw.get("assignees") or ()
    if raw["state"] not in {"opened", "closed"}:
        raise ValueError("no state of an issue")
    return Remote(
        str(int(raw["iid"])),
        link_of(raw["web_url"]),
        raw["state"] == "opened",
        str(raw["state"]),
        str(raw["title"]),
        _given(raw["description"]),
        ", ".join(f"@{one['username']}" for one in people),
    )


def _given(text: object) -> str:
    return str(text or "").replace("\r\n", "\n")


def _comment(raw: Mapping[str, Any]) -> Comment:
    return Comment(str(int(raw["id"])), _given(raw["body"]))


def _note(raw: Mapping[str, Any]) -> _Note:
    return _Note(_comment(raw), "" if raw["system"] else str(raw["author"]["id"]))


def _connect(setup: Setup) -> GitLab:
    project = setup.value("project").strip("/")
    if not project:
        raise TicketRejected("project: its path, as group/project, or its id", is_of_tracker=True)
    http = setup.http(setup.value("url"), {"PRIVATE-TOKEN": setup.secret("token")})
    return GitLab(http, project)


KIND = Kind(
    "gitlab",
    "GitLab",
    fields=(
        Field(
            "url",
            "Address",
            "Of gitlab.com or of a GitLab of your own.",
            kind="url",
            default="https://gitlab.com",
        ),
        Field("project", "Project", "Its path, as platform/clusters, or its id."),
        Field(
            "token",
            "Access token",
            "Best one of the project: Settings, Access tokens, role Planner (Reporter before "
            "GitLab 17.7), scope api; GitLab has no smaller scope that may write issues. A "
            "personal one of an account with that role in the project does, too.",
            kind="secret",
        ),
        CA,
    ),
    connect=_connect,
    traits=Traits(
        write_gap=0.3,
        most_per_read=_PER_PAGE,
        title_letters=_TITLE_LETTERS,
        body_letters=_BODY_LETTERS,
    ),
)
