"""Gitea in memory, as version 1.26 answers.

Source: Gitea 1.26, routers/api/v1/repo/{issue,issue_comment,label}.go and modules/structs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.replay import Asked
from tests.tickets.fake_forge import REPOSITORY, Answer, FakeForge

_CREATE = {"title", "body", "ref", "assignee", "assignees", "due_date", "milestone", "labels"}
_EDIT = {"title", "body", "ref", "assignee", "assignees", "due_date", "milestone", "state"}


class FakeGitea(FakeForge):
    """Gitea, whose labels have to be there before a ticket gets them."""

    prefix = "/api/v1"
    scheme = "token"
    size_parameter = "limit"
    opener_parameter = "created_by"
    most_per_page = 50

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, str] = {}

    def routes(self) -> Iterable[tuple[str, str, Callable[..., Answer]]]:
        """With the labels'."""
        return (
            *super().routes(),
            ("GET", "/labels", self._labels),
            ("POST", "/labels", self._make_label),
        )

    def user(self, login: str) -> dict[str, Any]:
        """An account."""
        return {"id": 7, "login": login, "username": login}

    def described(self) -> dict[str, Any]:
        """The repository."""
        return {
            "full_name": REPOSITORY,
            "has_issues": self.has_issues,
            "archived": self.is_archived,
            "permissions": {"admin": False, "push": self.may_push, "pull": True},
        }

    def issue(self, kept: dict[str, Any]) -> dict[str, Any]:
        """A ticket; there is no reason for a state."""
        people = [self.user(login) for login in kept["assignees"]] or None
        return {
            **{name: kept[name] for name in ("number", "title", "state")},
            "id": 1000 + kept["number"],
            "body": kept["body"] or "",
            "html_url": f"https://gitea.example/{REPOSITORY}/issues/{kept['number']}",
            "user": self.user(kept["login"]),
            "labels": [{"name": name} for name in kept["labels"]],
            "assignee": people[0] if people else None,
            "assignees": people,
            "due_date": kept["due"],
            "pull_request": None,
        }

    def note(self, kept: dict[str, Any]) -> dict[str, Any]:
        """A comment."""
        return {"id": kept["id"], "body": kept["body"], "user": self.user(kept["login"])}

    def labels_of(self, sent: dict[str, Any]) -> list[str]:
        """By their numbers."""
        return [self.known[id_] for id_ in sent.get("labels", [])]

    def labelled(self, kept: list[dict[str, Any]], labels: list[str]) -> list[dict[str, Any]]:
        """Labels that are not known are passed over; where none is, everything is given."""
        wanted = {*labels} & {*self.known.values()}
        return [one for one in kept if wanted & {*one["labels"]}] if wanted else kept

    def _labels(self, asked: Asked) -> Answer:
        return 200, [{"id": id_, "name": name} for id_, name in self.known.items()]

    def _make_label(self, asked: Asked) -> Answer:
        if not self.may_push:
            return 403, {"message": "user should have a permission to write to a repo"}
        sent = asked.json()
        assert sent["color"]
        id_ = int(self.number())
        self.known[id_] = sent["name"]
        return 201, {"id": id_, "name": sent["name"]}

    def _open(self, asked: Asked) -> Answer:
        assert {*asked.json()} <= _CREATE
        return super()._open(asked)

    def _edit(self, asked: Asked, key: str) -> Answer:
        assert {*asked.json()} <= _EDIT
        status, found = super()._edit(asked, key)
        return (201, found) if status == 200 else (status, found)

    def _comments(self, asked: Asked, key: str) -> Answer:
        status, found = super()._comments(asked, key)
        return (500, {"message": ""}) if status == 404 else (status, found)

    def _comment(self, asked: Asked, key: str) -> Answer:
        status, found = super()._comment(asked, key)
        return (500, {"message": ""}) if status == 404 else (status, found)
