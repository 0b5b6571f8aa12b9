"""Redmine in memory: each answer is one that a real one gave (tests.trackers.redmine_record), with
the texts and states of the issue that is asked for.
"""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.replay import TOKEN, Asked, Reply

RECORDED = Path(__file__).parent / "data" / "redmine" / "answers.json"
PROJECT = "clusters"
_LISTS = {
    "/users/current.json": "account",
    f"/projects/{PROJECT}.json": "project",
    f"/projects/{PROJECT}/memberships.json": "members",
    "/issue_statuses.json": "statuses",
    "/trackers.json": "trackers",
    "/enumerations/issue_priorities.json": "priorities",
}
_LONGEST_SUBJECT = 255


@functools.cache
def recorded() -> dict[str, Any]:
    """Answers by name: request, status, headers, body."""
    found: dict[str, Any] = json.loads(RECORDED.read_text())
    return found


class FakeRedmine:
    """One project. `is_old` answers as Redmine before 5.0 does."""

    search_is_late = False

    def __init__(self) -> None:
        self.issues: dict[int, dict[str, Any]] = {}
        self.journals: dict[int, list[dict[str, Any]]] = {}
        self.allowed: frozenset[int] = frozenset(range(1, 7))
        self.is_old = False
        self._numbers = 0

    def act(self, asked: Asked) -> str:
        """By method, path and what is sent."""
        if asked.method == "GET":
            return self._read_act(asked)
        if asked.method == "POST":
            return "create"
        if asked.path.startswith("/journals/"):
            return "edit-comment"
        sent = asked.json()["issue"]
        if "notes" in sent:
            return "comment"
        if "status_id" in sent:
            return "close" if sent["status_id"] in (5, 6) else "reopen"
        return "update"

    def reply(self, asked: Asked) -> Reply:
        """The answer, after doing what is asked."""
        if asked.headers.get("x-redmine-api-key") != TOKEN:
            return answer("wrong key")
        if asked.method == "GET" and asked.path in _LISTS:
            return answer(_LISTS[asked.path])
        for method, pattern, does in self._routes():
            found = re.fullmatch(pattern, asked.path)
            if method == asked.method and found:
                return does(asked, *map(int, found.groups()))
        return answer("gone")

    def count(self) -> int:
        """How many issues there are."""
        return len(self.issues)

    def comments(self, id_: str) -> list[str]:
        """The notes of an issue, the oldest first."""
        return [one["notes"] for one in self.journals[int(id_)] if one["notes"]]

    def say(self, id_: str, text: str) -> None:
        """A note of somebody else."""
        others = recorded()["with journals"]["body"]["issue"]["journals"][-1]
        self._note(int(id_), text, like=others)

    def remove(self, id_: str) -> None:
        """Remove an issue."""
        del self.issues[int(id_)], self.journals[int(id_)]

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Change an issue, as people do."""
        self.issues[int(id_)].update(subject=title, description=body)

    def _routes(self) -> tuple[tuple[str, str, Callable[..., Reply]], ...]:
        return (
            ("GET", r"/issues\.json", self._list),
            ("GET", r"/issues/([0-9]+)\.json", self._show),
            ("GET", r"/roles/[0-9]+\.json", lambda asked: answer("role")),
            ("POST", rf"/projects/{PROJECT}/issues\.json", self._create),
            ("PUT", r"/issues/([0-9]+)\.json", self._change),
            ("PUT", r"/journals/([0-9]+)\.json", self._change_note),
        )

    def _read_act(self, asked: Asked) -> str:
        if asked.path != "/issues.json":
            return "look"
        return "find" if "subject" in asked.query else "read"

    def _list(self, asked: Asked) -> Reply:
        wanted = asked.query.get("subject", "~")[1:]
        ids = {int(id_) for id_ in asked.query.get("issue_id", "").split(",") if id_}
        found = [
            self._shown(number)
            for number in sorted(self.issues, reverse=True)
            if wanted in self.issues[number]["subject"] and (not ids or number in ids)
        ]
        return answer("found", issues=found, total_count=len(found))

    def _show(self, asked: Asked, number: int) -> Reply:
        if number not in self.issues:
            return answer("gone")
        issue = self._shown(number)
        included = asked.query.get("include", "").split(",")
        if "journals" in included:
            issue["journals"] = self.journals[number]
        if "allowed_statuses" in included and not self.is_old:
            whole = recorded()["with statuses"]["body"]["issue"]["allowed_statuses"]
            issue["allowed_statuses"] = [one for one in whole if one["id"] in self.allowed]
        return answer("with journals", issue=issue)

    def _create(self, asked: Asked) -> Reply:
        sent = asked.json()["issue"]
        if not sent.get("subject"):
            return answer("refused")
        if len(sent["subject"]) > _LONGEST_SUBJECT:
            return answer("too long")
        issue = copy.deepcopy(recorded()["created"]["body"]["issue"])
        issue |= {"id": self._number(), "due_date": sent.get("due_date")}
        if "assigned_to_id" not in sent:
            del issue["assigned_to"]
        for name, of in (("tracker_id", "tracker"), ("priority_id", "priority")):
            if name in sent:
                issue[of]["id"] = sent[name]
        self.issues[issue["id"]], self.journals[issue["id"]] = issue, []
        self._set_texts(issue, sent)
        return answer("created", issue=self._shown(issue["id"]))

    def _change(self, asked: Asked, number: int) -> Reply:
        if number not in self.issues:
            return answer("gone for a change")
        issue, sent = self.issues[number], asked.json()["issue"]
        if len(sent.get("subject", "")) > _LONGEST_SUBJECT:
            return answer("too long")
        self._set_texts(issue, sent)
        if sent.get("status_id") in self.allowed:
            statuses = recorded()["statuses"]["body"]["issue_statuses"]
            (issue["status"],) = (one for one in statuses if one["id"] == sent["status_id"])
        if "notes" in sent:
            self._note(number, sent["notes"])
        return answer("changed")

    def _change_note(self, asked: Asked, id_: int) -> Reply:
        if self.is_old:
            return answer("wrong key")
        for one in (one for some in self.journals.values() for one in some):
            if one["id"] == id_:
                one["notes"] = asked.json()["journal"]["notes"]
                return answer("note changed")
        return answer("no note")

    def _set_texts(self, issue: dict[str, Any], sent: dict[str, Any]) -> None:
        if "subject" in sent:
            issue["subject"] = sent["subject"]
        if "description" in sent:
            # As recorded: a description comes back with the line ends of a form.
            issue["description"] = sent["description"].replace("\n", "\r\n")

    def _note(self, number: int, text: str, like: dict[str, Any] | None = None) -> None:
        shown = recorded()["with journals"]["body"]["issue"]["journals"]
        ours = next(one for one in shown if one["notes"])
        journal = copy.deepcopy(like or ours) | {"id": self._number(), "notes": text}
        self.journals[number].append(journal)

    def _shown(self, number: int) -> dict[str, Any]:
        issue = copy.deepcopy(self.issues[number])
        if self.is_old:
            del issue["status"]["is_closed"]
        return issue

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers


def answer(name: str, **changed: object) -> Reply:
    """What was recorded under that name, with other values for some of its body."""
    found = recorded()[name]
    body = found["body"] if not changed else {**found["body"], **changed}
    return (
        found["status"],
        dict(found["headers"]),
        b"" if body is None else json.dumps(body).encode(),
    )
