"""What trackers of code forges have in common: GitHub's API and those made after it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from authzviz.net.words import clean
from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import TicketGone, TicketRejected, TrackerUnavailable
from authzviz.tickets.http import Refusal, SentElsewhere, segment
from authzviz.tickets.port import COMMON_LABEL, Comment, Draft, Remote, Traits
from authzviz.tickets.texts import body_of, link_of, title_of

T = TypeVar("T")
_NAME = r"[A-Za-z0-9._-]{1,100}"
_REPOSITORY = re.compile(rf"(?:https://[^/]+/)?({_NAME})/({_NAME}?)(?:\.git)?/?")
# So many are read one by one; more are looked for in the list of ours.
_FEW = 5
_MOST_PAGES = 60
_LONGEST_READ = 30.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How a forge names things: its parameters for the size of a page and for who opened it."""

    page_size: int
    size_parameter: str
    opener_parameter: str


@dataclass(frozen=True, slots=True)
class Repository:
    """What matters of a repository to whoever opens tickets in it."""

    name: str
    has_issues: bool
    is_archived: bool
    may_push: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A ticket, and what the list tells beside it."""

    remote: Remote
    labels: frozenset[str]
    is_change: bool


class Forge:
    """One repository's issues. A subclass says how one is opened."""

    def __init__(self, api: JsonApi, repository: str, manner: Manner, traits: Traits) -> None:
        """Raises TicketRejected where `repository` is none, such as owner/name."""
        found = _REPOSITORY.fullmatch(repository)
        if found is None or {found[1], found[2]} & {".", ".."}:
            raise TicketRejected("Repository: has to be owner/name", is_of_tracker=True)
        self._api = api
        self._manner = manner
        self._traits = traits
        self._path = f"/repos/{segment(found[1])}/{segment(found[2])}"
        self._issues = f"{self._path}/issues"
        self._known_login = ""
        self._known_repository: Repository | None = None

    def check(self) -> str:
        """Who and where, and what these credentials can't do."""
        repository, login = self._repository(), self._login()
        if repository.is_archived:
            raise TicketRejected(f"{repository.name} is archived", is_of_tracker=True)
        if not repository.has_issues:
            raise TicketRejected(f"{repository.name} has its issues turned off", is_of_tracker=True)
        said = f"{login} reaches the issues of {repository.name} on {self._api.host}"
        if repository.may_push:
            return said
        return (
            f"{said}, but may not write to the repository: labels, assignees and due dates are "
            "dropped, and tickets are found again by their text"
        )

    def find(self, marker: str) -> tuple[Remote, ...]:
        """By the label, which lists know at once while a search is late.

        Labels are dropped where the account may not push, and were where it may
        (github.com/octokit/rest.js/issues/479): a ticket of which no answer came is then among the
        newest that the account opened.
        """
        found = tuple(one.remote for one in self._labelled(marker))
        if found:
            return found
        # At the end, where no name is: one may be made like the marker of another cluster.
        end = f"`{marker}`"
        most_pages = 1 if self._repository().may_push else _MOST_PAGES
        ours = self._list({self._manner.opener_parameter: self._login()}, most_pages)
        return tuple(one.remote for one in ours if one.remote.body.rstrip().endswith(end))

    def create(self, draft: Draft, delivery: str) -> Remote:
        """The ticket, new."""
        raise NotImplementedError

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        """From the list where there are many, one by one where it does not have them."""
        began = time.monotonic()
        left = {id_ for id_ in ids if re.fullmatch(r"[1-9][0-9]{0,17}", id_)}
        found: dict[str, Remote] = {}
        if len(left) > _FEW:
            for one in self._list(self._ours()):
                if one.remote.id in left:
                    found[one.remote.id] = one.remote
                    left.discard(one.remote.id)
                if not left:
                    break
        for id_ in sorted(left, key=int):
            self._in_time(began, _LONGEST_READ)
            remote = self._one(id_)
            if remote is not None:
                found[id_] = remote
        return found

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        """The ticket with another title and body."""
        return self._edit(id_, {"title": self._title(title), "body": self._body(body)})

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """The newest of ours: others may quote the marker."""
        login, newest = self._login(), None
        with self._of(id_):
            path = f"{self._issue(id_)}/comments"
            for comment, author in self._pages(path, _said, {}, is_of_ticket=True):
                if author == login and marker in comment.text:
                    newest = comment
        return newest

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """A new comment."""
        path, sent = f"{self._issue(id_)}/comments", {"body": self._body(text)}
        with self._of(id_):
            return self._api.change("POST", path, _said, sent, is_of_ticket=True)[0]

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        """The comment with another text."""
        path, sent = f"{self._issues}/comments/{segment(comment_id)}", {"body": self._body(text)}
        try:
            return self._api.change("PATCH", path, _said, sent, is_of_ticket=True)[0]
        except (TicketGone, SentElsewhere):
            self._repository(anew=True)
            raise TicketGone("the comment is not there any more") from None

    def close(self, id_: str, delivery: str) -> Remote:
        """Closed as done."""
        return self._edit(id_, {"state": "closed"})

    def reopen(self, id_: str, delivery: str) -> Remote:
        """Open again."""
        return self._edit(id_, {"state": "open"})

    def _in_time(self, began: float, seconds: float) -> None:
        """Raises TrackerUnavailable where the tracker is so slow that we may not go on."""
        if time.monotonic() - began > seconds:
            raise TrackerUnavailable(
                f"{self._api.host} is too slow: its answers took {seconds:g} s"
            )

    def _title(self, text: str) -> str:
        return title_of(text, self._traits.title_letters)

    def _body(self, text: str) -> str:
        return body_of(text, self._traits.body_letters)

    def _edit(self, id_: str, sent: Mapping[str, str]) -> Remote:
        with self._of(id_):
            return self._api.change(
                "PATCH", self._issue(id_), remote_of, dict(sent), is_of_ticket=True
            )

    def _issue(self, id_: str) -> str:
        return f"{self._issues}/{segment(id_)}"

    def _login(self) -> str:
        if not self._known_login:
            self._known_login = self._api.read("/user", lambda found: str(found["login"]))
        return self._known_login

    def _repository(self, *, anew: bool = False) -> Repository:
        """Raises TicketRejected, of the tracker, where it is not there or hidden."""
        if self._known_repository is None or anew:
            self._known_repository = self._api.read(self._path, _repository)
        return self._known_repository

    def _ours(self) -> dict[str, str]:
        if self._repository().may_push:
            return {"labels": COMMON_LABEL}
        return {self._manner.opener_parameter: self._login()}

    def _labelled(self, label: str) -> Iterator[Listed]:
        for one in self._list({"labels": label}):
            if label not in one.labels:
                return  # no such label: then some forges give all there are
            yield one

    def _list(self, query: Mapping[str, str], most_pages: int = _MOST_PAGES) -> Iterator[Listed]:
        asked = {"state": "all", **query}
        for one in self._pages(self._issues, _listed, asked, most_pages=most_pages):
            if not one.is_change:
                yield one

    def _pages(
        self,
        path: str,
        shape: Callable[[Any], T],
        query: Mapping[str, str],
        *,
        is_of_ticket: bool = False,
        most_pages: int = _MOST_PAGES,
    ) -> Iterator[T]:
        seen = 0
        size = {self._manner.size_parameter: str(self._manner.page_size)}
        for number in range(1, most_pages + 1):
            page, headers = self._api.read_page(
                path,
                lambda found: [shape(one) for one in found],
                query={**query, **size, "page": str(number)},
                is_of_ticket=is_of_ticket,
            )
            yield from page
            seen += len(page)
            if not page or not _has_more(headers, seen):
                return

    def _one(self, id_: str) -> Remote | None:
        try:
            return self._api.read(self._issue(id_), remote_of, is_of_ticket=True)
        except (TicketGone, SentElsewhere):
            # It may as well be the repository that is gone, or hidden: then nothing is known of it.
            self._repository(anew=True)
            return None

    @contextmanager
    def _of(self, id_: str) -> Iterator[None]:
        """What is not there for a change may be there to be read."""
        try:
            yield
        except (TicketGone, SentElsewhere):
            if self._one(id_) is None:
                raise TicketGone(f"{self._api.host} has no such ticket any more") from None
            raise TicketRejected(
                f"{self._api.host} lets these credentials read the ticket and not change it",
                is_of_tracker=True,
            ) from None


def in_words(refusal: Refusal) -> Refusal:
    """The refusal with what its JSON says: its message, and which fields are wrong."""
    try:
        found = json.loads(refusal.body)
        said = [str(found["message"])]
        said += [_complaint(one) for one in found.get("errors") or ()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return refusal
    return replace(refusal, words=clean(": ".join(filter(None, said))))


def _complaint(found: Any) -> str:
    if not isinstance(found, dict):
        return str(found)
    return str(found.get("message") or f"{found.get('field', '')} {found.get('code', '')}".strip())


def _has_more(headers: Mapping[str, str], seen: int) -> bool:
    total = headers.get("x-total-count", "")
    if re.fullmatch(r"[0-9]{1,12}", total):
        return seen < int(total)
    return 'rel="next"' in headers.get("link", "")


def _repository(found: Any) -> Repository:
    may = found.get("permissions") or {}
    return Repository(
        str(found["full_name"]),
        bool(found["has_issues"]),
        bool(found.get("archived")),
        bool(may.get("push")),
    )


def _listed(found: Any) -> Listed:
    labels = frozenset(str(label["name"]) for label in found.get("labels") or ())
    return Listed(remote_of(found), labels, found.get("pull_request") is not None)


def remote_of(found: Any) -> Remote:
    """A ticket out of a forge's JSON. Raises KeyError, TypeError, ValueError."""
    state = found["state"]
    if state not in {"open", "closed"}:
        raise ValueError(state)
    reason = found.get("state_reason") if state == "closed" else None
    why = str(reason).replace("_", " ") if reason not in {None, "completed"} else ""
    return Remote(
        str(int(found["number"])),
        link_of(found["html_url"]),
        state == "open",
        f"{state}, {why}" if why else state,
        str(found["title"]),
        str(found.get("body") or ""),
        str((found.get("assignee") or {}).get("login") or ""),
    )


def _said(found: Any) -> tuple[Comment, str]:
    comment = Comment(str(int(found["id"])), str(found.get("body") or ""))
    return comment, str((found.get("user") or {}).get("login") or "")
