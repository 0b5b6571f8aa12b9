"""What Jira Cloud and Jira Data Center have in common."""

from __future__ import annotations

import contextlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from authzviz.tickets import jira_check
from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketGone,
    TicketRejected,
    TrackerError,
    TrackerUnavailable,
)
from authzviz.tickets.http import TrackerHttp, segment
from authzviz.tickets.jira_errors import meaning
from authzviz.tickets.jira_transitions import Transition, chosen, is_open, transitions_of
from authzviz.tickets.port import COMMON_LABEL, Comment, Draft, Field, Remote
from authzviz.tickets.setup import Setup
from authzviz.tickets.texts import title_of

TITLE_LETTERS = 250
_ASKED_FIELDS = "summary,description,status,assignee,labels"
_COMMENTS_PER_PAGE, _MOST_COMMENT_PAGES = 100, 20
_PROJECT_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,49}")
_ISSUE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}-[0-9]{1,18}")
_MOST_STEPS = 5

PROJECT = Field("project", "Project key", "The short one in front of issue numbers, as OPS.")
ISSUE_TYPE = Field(
    "issue_type", "Issue type", "By its name, as the project has it.", default="Task"
)
CLOSING = Field(
    "closing",
    "Closing transitions",
    "Their names, separated by commas, where the workflow has several ways to a done status or "
    "needs several steps. Empty: whichever leads to a status of the category Done.",
    is_required=False,
)
REOPENING = Field(
    "reopening",
    "Reopening transitions",
    "Their names, separated by commas. Empty: whichever leads out of the category Done.",
    is_required=False,
)
MORE_FIELDS = Field(
    "fields",
    "Other fields",
    "JSON, for fields that the project requires, as Jira's API takes them: "
    '{"customfield_10010": {"value": "Platform"}, "priority": {"name": "High"}}',
    is_required=False,
)


@dataclass(frozen=True, slots=True)
class Project:
    """Where issues go; `fields` are given to each beside ours."""

    key: str
    issue_type: str
    closing: tuple[str, ...] = ()
    reopening: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


def project_of(setup: Setup) -> Project:
    """What was told of the project. Raises TicketRejected where it can't be used."""
    key = setup.value("project").upper()
    if _PROJECT_KEY.fullmatch(key) is None:
        said = "project key: letters, digits and _ in front of issue numbers, as OPS"
        raise TicketRejected(said, is_of_tracker=True)
    return Project(
        key,
        setup.value("issue_type") or ISSUE_TYPE.default,
        _names(setup.value("closing")),
        _names(setup.value("reopening")),
        _more_fields(setup.value("fields")),
    )


class Jira(ABC):
    """One project of a Jira, by the API whose beginning is `root`."""

    root: ClassVar[str]

    def __init__(self, http: TrackerHttp, site: str, project: Project) -> None:
        self._api = JsonApi(http, meaning)
        self._site = site.rstrip("/")
        self._project = project
        self._who: jira_check.Who | None = None

    # What differs between the two.

    @abstractmethod
    def _written(self, text: str) -> object:
        """CommonMark as a body that the server takes."""

    @abstractmethod
    def _given(self, body: Any) -> str:
        """A body as the server gives it, to compare with another."""

    @abstractmethod
    def _search(self, jql: str) -> tuple[Mapping[str, Any], ...]:
        """The issues."""

    @abstractmethod
    def _read_many(self, keys: list[str]) -> Iterable[Mapping[str, Any]]:
        """Those of the issues that are found at once."""

    @abstractmethod
    def _assignee(self, name: str) -> Mapping[str, str]:
        """The account as a field takes it."""

    # The port.

    def check(self) -> str:
        """Who this is, where issues go and what will close them."""
        with self._api.sense():
            return jira_check.check(self._api, self.root, self._project, self._me(), self._search)

    def find(self, marker: str) -> tuple[Remote, ...]:
        """Every issue of the project with that label, the newest first."""
        jql = f"project = {_quoted(self._project.key)} AND labels = {_quoted(marker)}"
        found = self._search(f"{jql} ORDER BY created DESC")
        if not found:
            self._me()  # an account that is not known may search, and finds nothing
        with self._api.sense():
            return tuple(map(self._remote, found))

    def create(self, draft: Draft, delivery: str) -> Remote:
        """The issue, new."""
        title, body = title_of(draft.title, TITLE_LETTERS), self._written(draft.body)
        fields = self._fields(draft) | {"summary": title, "description": body}
        key = self._api.change(
            "POST", f"{self.root}/issue", lambda answer: _key(answer["key"]), {"fields": fields}
        )
        try:
            return self._read_one(key)
        except TrackerError:  # it is there, whatever can't be read now
            url = ""
            with contextlib.suppress(TrackerError):
                url = self._url(key)
            return Remote(key, url, True, "", title, self._given(body))

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        """Those of the issues that are there, also those that moved to another project."""
        asked = list(dict.fromkeys(ids))
        if not asked:
            return {}
        raw = self._read_many(asked)
        with self._api.sense():
            found = {remote.id: remote for remote in map(self._remote, raw)}
        for id_ in asked:
            if id_ not in found:
                with contextlib.suppress(TicketGone):
                    found[id_] = replace(self._read_one(id_), id=id_)
        return {id_: found[id_] for id_ in asked if id_ in found}

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        """The issue with another title and body."""
        fields = {"summary": title_of(title, TITLE_LETTERS), "description": self._written(body)}
        self._change_issue("PUT", id_, "", {"fields": fields})
        return self._after_change(id_)

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """The newest comment of this account with the marker in it."""
        mine = self._me().id
        for page in range(_MOST_COMMENT_PAGES):
            comments, total = self._comments(id_, page * _COMMENTS_PER_PAGE)
            with self._api.sense():
                for raw in comments:
                    is_mine = jira_check.id_of(raw["author"]) == mine
                    if is_mine and marker in self._given(raw["body"]):
                        return self._comment(raw)
            if (page + 1) * _COMMENTS_PER_PAGE >= total:
                break
        return None

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """A new comment."""
        return self._say("POST", id_, "/comment", text)

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        """The comment with another text."""
        return self._say("PUT", id_, f"/comment/{segment(comment_id)}", text)

    def close(self, id_: str, delivery: str) -> Remote:
        """The issue in a status of the category Done."""
        return self._move(id_, self._project.closing, wanted_open=False)

    def reopen(self, id_: str, delivery: str) -> Remote:
        """The issue in a status of another category."""
        return self._move(id_, self._project.reopening, wanted_open=True)

    # How it is done.

    def _me(self) -> jira_check.Who:
        if self._who is None:
            self._who = self._api.read(f"{self.root}/myself", jira_check.who)
        return self._who

    def _fields(self, draft: Draft) -> dict[str, Any]:
        project = self._project
        type_ = "id" if project.issue_type.isdigit() else "name"
        fields: dict[str, Any] = {
            **project.fields,
            "project": {"key": project.key},
            "issuetype": {type_: project.issue_type},
            "labels": _labels(draft),
        }
        if draft.due:
            fields["duedate"] = draft.due.isoformat()
        if draft.assignee:
            with self._api.sense():
                fields["assignee"] = self._assignee(draft.assignee)
        return fields

    def _path(self, id_: str) -> str:
        return f"{self.root}/issue/{segment(id_)}"

    def _url(self, key: str) -> str:
        return f"{self._site}/browse/{segment(key)}"

    def _read_one(self, id_: str) -> Remote:
        with self._of_issue():
            return self._api.read(
                self._path(id_), self._remote, query={"fields": _ASKED_FIELDS}, is_of_ticket=True
            )

    def _after_change(self, id_: str) -> Remote:
        try:
            return replace(self._read_one(id_), id=id_)
        except TrackerUnavailable as error:
            raise OutcomeUnknown(error.message) from None

    def _change_issue(self, method: str, id_: str, path: str, body: object) -> None:
        with self._of_issue():
            self._api.change(
                method, self._path(id_) + path, lambda _: None, body, is_of_ticket=True
            )

    @contextlib.contextmanager
    def _of_issue(self) -> Iterator[None]:
        """Credentials that Jira no longer knows see no issue either: that is not its end."""
        try:
            yield
        except TicketGone:
            self._me()
            raise

    def _remote(self, raw: Mapping[str, Any]) -> Remote:
        fields, key = raw["fields"], _key(raw["key"])
        assignee = fields.get("assignee") or {}
        return Remote(
            key,
            self._url(key),
            is_open(fields["status"]),
            str(fields["status"]["name"]),
            str(fields["summary"]),
            self._given(fields.get("description")),
            str(assignee.get("displayName") or ""),
        )

    def _comments(self, id_: str, start: int) -> tuple[list[Mapping[str, Any]], int]:
        query = {
            "orderBy": "-created",
            "startAt": str(start),
            "maxResults": str(_COMMENTS_PER_PAGE),
        }
        with self._of_issue():
            return self._api.read(
                f"{self._path(id_)}/comment",
                lambda answer: (list(answer["comments"]), int(answer["total"])),
                query=query,
                is_of_ticket=True,
            )

    def _comment(self, raw: Mapping[str, Any]) -> Comment:
        return Comment(str(raw["id"]), self._given(raw["body"]))

    def _say(self, method: str, id_: str, path: str, text: str) -> Comment:
        with self._of_issue():
            return self._api.change(
                method,
                self._path(id_) + path,
                self._comment,
                {"body": self._written(text)},
                is_of_ticket=True,
            )

    def _move(self, id_: str, names: tuple[str, ...], *, wanted_open: bool) -> Remote:
        now = replace(self._read_one(id_), id=id_)
        for _ in range(min(len(names), _MOST_STEPS) or 1):
            if now.is_open is wanted_open:
                return now
            step = chosen(self._transitions(id_), names, wanted_open=wanted_open)
            self._change_issue("POST", id_, "/transitions", step.request())
            names = tuple(name for name in names if not step.is_called(name))
            now = self._after_change(id_)
        if now.is_open is not wanted_open:
            raise TicketRejected(f"Jira: the issue is “{now.state}” after the transitions told of")
        return now

    def _transitions(self, id_: str) -> tuple[Transition, ...]:
        with self._of_issue():
            return self._api.read(
                f"{self._path(id_)}/transitions",
                transitions_of,
                query={"expand": "transitions.fields"},
                is_of_ticket=True,
            )


def _key(found: object) -> str:
    """An issue's key. Raises ValueError for anything else."""
    if not isinstance(found, str) or _ISSUE_KEY.fullmatch(found) is None:
        raise ValueError("no key of an issue")
    return found


def _quoted(text: str) -> str:
    """A text in JQL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _labels(draft: Draft) -> list[str]:
    """The labels, none of which has spaces: Jira takes no others."""
    labels = (draft.marker, COMMON_LABEL, *draft.labels)
    return list(dict.fromkeys("-".join(label.split()) for label in labels if label.strip()))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _more_fields(text: str) -> Mapping[str, Any]:
    if not text:
        return {}
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        said = 'other fields: a JSON object, as {"customfield_10010": {"value": "Platform"}}'
        raise TicketRejected(said, is_of_tracker=True)
    return fields
