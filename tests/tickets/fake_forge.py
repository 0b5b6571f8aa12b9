"""A forge in memory: what GitHub and Gitea answer alike. What they don't is in files of theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from tests.replay import TOKEN, Asked, Reply

REPOSITORY = "ops/fleet"
ROBOT, ANN = "authzviz-robot", "ann"
_TIME = "2026-11-24T10:00:00Z"

Answer = tuple[int, Any]


class FakeForge:
    """One repository, the account whose token is TOKEN, and another person."""

    prefix = ""
    scheme = ""
    size_parameter = ""
    opener_parameter = ""
    most_per_page = 100

    def __init__(self) -> None:
        self.search_is_late = False
        self.has_issues = True
        self.is_archived = False
        self.may_push = True
        self.is_hidden = False
        self.moved: set[str] = set()
        self.issues: dict[str, dict[str, Any]] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self._last = 0

    def act(self, asked: Asked) -> str:
        """By method and path; closing, reopening and updating by what is sent."""
        path = self._path(asked)
        if asked.method == "POST":
            kinds = {"/issues": "create", "/comments": "comment", "/labels": "label"}
            return kinds.get(path[path.rfind("/") :], "")
        if asked.method != "PATCH":
            return "find" if "labels" in asked.query else "read"
        if "/issues/comments/" in path:
            return "edit-comment"
        sent = asked.json()
        if "state" in sent:
            return "close" if sent["state"] == "closed" else "reopen"
        return "update"

    def reply(self, asked: Asked) -> Reply:
        """The answer; every one is JSON."""
        headers = {"Content-Type": "application/json"}
        if asked.headers.get("authorization") != f"{self.scheme} {TOKEN}":
            return 401, headers, b'{"message":"Bad credentials"}'
        path = self._path(asked)
        status, found = self.answer(asked, path)
        if isinstance(found, list):
            found, paging = self._page(asked, found)
            headers |= paging
        if status == 301:
            headers["Location"] = "https://api.github.com/repositories/7/issues/7"
        return status, headers, json.dumps(found).encode()

    def answer(self, asked: Asked, path: str) -> Answer:
        """Status and JSON."""
        if path == "/user":
            return 200, self.user(ROBOT)
        mine = f"/repos/{REPOSITORY}"
        if self.is_hidden or not path.startswith(mine):
            return self.missing()
        for method, pattern, do in self.routes():
            found = re.fullmatch(pattern, path.removeprefix(mine))
            if found and method == asked.method:
                return do(asked, *found.groups())
        return self.missing()

    def routes(self) -> Iterable[tuple[str, str, Callable[..., Answer]]]:
        """Method, path within the repository, and what answers."""
        return (
            ("GET", "", self._repository),
            ("GET", "/issues", self._list),
            ("POST", "/issues", self._open),
            ("GET", r"/issues/(\d+)", self._one),
            ("PATCH", r"/issues/(\d+)", self._edit),
            ("GET", r"/issues/(\d+)/comments", self._comments),
            ("POST", r"/issues/(\d+)/comments", self._comment),
            ("PATCH", r"/issues/comments/(\d+)", self._edit_comment),
        )

    def count(self) -> int:
        """How many tickets there are."""
        return len(self.issues)

    def comments(self, id_: str) -> list[str]:
        """The texts of a ticket's comments, the oldest first."""
        return [one["body"] for one in self.notes.values() if one["issue"] == id_]

    def say(self, id_: str, text: str) -> None:
        """A comment of somebody else."""
        self.add_note(id_, text, ANN)

    def remove(self, id_: str) -> None:
        """Remove a ticket with its comments."""
        del self.issues[id_]
        self.notes = {key: one for key, one in self.notes.items() if one["issue"] != id_}

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Change a ticket."""
        self.issues[id_].update(title=title, body=body)

    def missing(self) -> Answer:
        """What is said of what is not there."""
        return 404, {"message": "Not Found"}

    def user(self, login: str) -> dict[str, Any]:
        """An account."""
        raise NotImplementedError

    def described(self) -> dict[str, Any]:
        """The repository."""
        raise NotImplementedError

    def issue(self, kept: dict[str, Any]) -> dict[str, Any]:
        """A ticket as it is answered."""
        raise NotImplementedError

    def note(self, kept: dict[str, Any]) -> dict[str, Any]:
        """A comment as it is answered."""
        raise NotImplementedError

    def labels_of(self, sent: dict[str, Any]) -> list[str]:
        """The names of the labels that a new ticket gets."""
        raise NotImplementedError

    def add_note(self, id_: str, text: str, login: str) -> dict[str, Any]:
        """A comment, kept."""
        key = self.number()
        self.notes[key] = {"id": int(key), "issue": id_, "body": text, "login": login}
        return self.notes[key]

    def number(self) -> str:
        """The next."""
        self._last += 1
        return str(self._last)

    def _path(self, asked: Asked) -> str:
        assert asked.path.startswith(self.prefix), asked.path
        return asked.path.removeprefix(self.prefix)

    def _page(self, asked: Asked, found: list[Any]) -> tuple[list[Any], dict[str, str]]:
        size = min(int(asked.query.get(self.size_parameter, 30)), self.most_per_page)
        number = int(asked.query.get("page", 1))
        page = found[(number - 1) * size : number * size]
        if number * size >= len(found):
            return page, {}
        following = urlencode({**asked.query, "page": number + 1})
        return page, {"Link": f'<https://next.example/?{following}>; rel="next"'}

    def _repository(self, asked: Asked) -> Answer:
        return 200, self.described()

    def _list(self, asked: Asked) -> Answer:
        query = asked.query
        kept = [
            one
            for one in reversed(self.issues.values())
            if query.get(self.opener_parameter, one["login"]) == one["login"]
            and query.get("state", "open") in {"all", one["state"]}
        ]
        if "labels" in query:
            kept = self.labelled(kept, query["labels"].split(","))
        return 200, [self.issue(one) for one in kept]

    def labelled(self, kept: list[dict[str, Any]], labels: list[str]) -> list[dict[str, Any]]:
        """Those that have all of these labels."""
        return [one for one in kept if {*labels} <= {*one["labels"]}]

    def _open(self, asked: Asked) -> Answer:
        sent = asked.json()
        key = self.number()
        self.issues[key] = {
            "number": int(key),
            "title": sent["title"],
            "body": sent.get("body"),
            "labels": self.labels_of(sent) if self.may_push else [],
            "assignees": sent.get("assignees", []) if self.may_push else [],
            "due": sent.get("due_date"),
            "state": "open",
            "reason": None,
            "login": ROBOT,
        }
        return 201, self.issue(self.issues[key])

    def _one(self, asked: Asked, key: str) -> Answer:
        if key in self.moved:
            return 301, {"message": "Moved Permanently"}
        return (200, self.issue(self.issues[key])) if key in self.issues else self.missing()

    def _edit(self, asked: Asked, key: str) -> Answer:
        if key not in self.issues or key in self.moved:
            return self._one(asked, key)
        sent, kept = asked.json(), self.issues[key]
        if "state" in sent and sent["state"] != kept["state"]:
            kept["reason"] = sent.get("state_reason")
        kept.update({name: sent[name] for name in ("title", "body", "state") if name in sent})
        return 200, self.issue(kept)

    def _comments(self, asked: Asked, key: str) -> Answer:
        if key not in self.issues:
            return self.missing()
        return 200, [self.note(one) for one in self.notes.values() if one["issue"] == key]

    def _comment(self, asked: Asked, key: str) -> Answer:
        if key not in self.issues:
            return self.missing()
        return 201, self.note(self.add_note(key, asked.json()["body"], ROBOT))

    def _edit_comment(self, asked: Asked, key: str) -> Answer:
        if key not in self.notes:
            return self.missing()
        self.notes[key]["body"] = asked.json()["body"]
        return 200, self.note(self.notes[key])
