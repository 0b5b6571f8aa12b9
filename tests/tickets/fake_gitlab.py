"""A GitLab in memory, with one project.

Modelled on docs.gitlab.com: api/issues, api/notes, api/users, api/projects,
api/personal_access_tokens ("Self-inform"), api/rest/troubleshooting (status codes and what they
say), user/project/quick_actions (carried out where a line begins with one, outside of code).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.replay import TOKEN, Asked, Reply

PROJECT = "platform/clusters"
ROOT = "/api/v4"
ME = {"id": 7, "username": "project_4_bot", "name": "authzviz"}
THEM = {"id": 9, "username": "lennie", "name": "Dr. Luella Kovacek"}
_FENCED = re.compile(r"^(```+|~~~+).*?^\1", re.MULTILINE | re.DOTALL)
_CLOSE = re.compile(r"^/close\b", re.MULTILINE)


@dataclass
class Issue:
    """An issue; notes are as they are answered, the oldest first."""

    iid: int
    fields: dict[str, Any]
    state: str = "opened"
    is_indexed: bool = True
    notes: list[dict[str, Any]] = field(default_factory=list)


class FakeGitLab:
    """A fake tracker, as tests.tickets.stage.Fake."""

    def __init__(self) -> None:
        self.search_is_late = False
        self.issues: dict[str, Issue] = {}
        self.project: dict[str, Any] = {
            "id": 4,
            "name_with_namespace": "Platform / Clusters",
            "issues_enabled": True,
            "issues_access_level": "enabled",
            "archived": False,
            "permissions": {"project_access": {"access_level": 15}, "group_access": None},
        }
        self.token: dict[str, Any] | None = {"scopes": ["api"], "expires_at": "2031-01-01"}
        self._numbers = 0

    def act(self, asked: Asked) -> str:
        """Which act it is."""
        path = asked.path.removeprefix(f"{ROOT}/projects/{PROJECT}")
        if path == "/issues":
            if asked.method == "POST":
                return "create"
            return "read" if "iids[]" in asked.query else "find"
        if "/notes" in path and asked.method != "GET":
            return "comment" if asked.method == "POST" else "edit-comment"
        if asked.method == "PUT":
            return str(asked.json().get("state_event", "update"))
        return path

    def reply(self, asked: Asked) -> Reply:
        """The answer."""
        if asked.headers.get("private-token") != TOKEN:
            return _reply(401, {"message": "401 Unauthorized"})
        path = urlsplit(asked.target).path
        for route, answer in self._routes().items():
            pattern = re.escape(route).replace(r"\{\}", "([^/]+)").replace(r"\ ", " ")
            if found := re.fullmatch(pattern, f"{asked.method} {path}"):
                return answer(asked, *found.groups())
        return _reply(404, {"message": "404 Project Not Found"})

    def _routes(self) -> dict[str, Callable[..., Reply]]:
        project = f"{ROOT}/projects/{PROJECT.replace('/', '%2F')}"
        return {
            f"GET {ROOT}/user": lambda asked: _reply(200, ME),
            f"GET {ROOT}/users": self.users,
            f"GET {ROOT}/personal_access_tokens/self": self.answer_token,
            f"GET {project}": lambda asked: _reply(200, self.project),
            f"GET {project}/issues": self.listed,
            f"POST {project}/issues": self.create,
            f"GET {project}/issues/{{}}": self.one,
            f"PUT {project}/issues/{{}}": self.update,
            f"GET {project}/issues/{{}}/notes": self.notes,
            f"POST {project}/issues/{{}}/notes": self.add_note,
            f"PUT {project}/issues/{{}}/notes/{{}}": self.edit_note,
        }

    def count(self) -> int:
        """How many issues there are."""
        return len(self.issues)

    def comments(self, id_: str) -> list[str]:
        """The texts of an issue's notes, the oldest first, without what GitLab wrote."""
        return [note["body"] for note in self.issues[id_].notes if not note["system"]]

    def say(self, id_: str, text: str) -> None:
        """A note of somebody else."""
        self._note(self.issues[id_], THEM, text)

    def remove(self, id_: str) -> None:
        """Remove an issue."""
        del self.issues[id_]

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Change an issue, as people do, with the line ends of a browser."""
        text = body.replace("\n", "\r\n")
        self.issues[id_].fields |= {"title": title, "description": text}

    def users(self, asked: Asked) -> Reply:
        """GET /users?username="""
        return _reply(200, [THEM] if asked.query["username"] == THEM["username"] else [])

    def answer_token(self, asked: Asked) -> Reply:
        """GET /personal_access_tokens/self"""
        if self.token is None:
            return _reply(404, {"message": "404 Not Found"})
        return _reply(200, self.token)

    def listed(self, asked: Asked) -> Reply:
        """GET /projects/:id/issues"""
        query = parse_qs(urlsplit(asked.target).query)
        found = list(reversed(self.issues.values()))
        if "iids[]" in query:
            found = [one for one in found if str(one.iid) in query["iids[]"]]
        else:
            found = [one for one in found if one.is_indexed]
        if "labels" in query:
            found = [one for one in found if query["labels"][0] in one.fields["labels"]]
        return _reply(200, [_shown(one) for one in found[: int(asked.query.get("per_page", 20))]])

    def create(self, asked: Asked) -> Reply:
        """POST /projects/:id/issues; GitLab leaves out what a guest may not set."""
        fields = asked.json()
        if not fields.get("title") or len(fields["title"]) > 255:
            return _reply(400, {"message": {"title": ["is too long (maximum is 255 characters)"]}})
        if fields.get("assignee_ids", [THEM["id"]]) != [THEM["id"]]:
            return _reply(400, {"error": "assignee_ids is invalid"})
        self._numbers += 1
        kept = {"title": fields["title"], "description": fields["description"]}
        kept["labels"] = fields["labels"].split(",")
        kept["due_date"] = fields.get("due_date")
        kept["assignees"] = [THEM] if "assignee_ids" in fields else []
        issue = Issue(self._numbers, kept, is_indexed=not self.search_is_late)
        self.issues[str(issue.iid)] = issue
        _carry_out(issue, fields["description"])
        return _reply(201, _shown(issue))

    def one(self, asked: Asked, iid: str) -> Reply:
        """GET /projects/:id/issues/:iid"""
        return _reply(200, _shown(self.issues[iid])) if iid in self.issues else _gone()

    def update(self, asked: Asked, iid: str) -> Reply:
        """PUT /projects/:id/issues/:iid"""
        if iid not in self.issues:
            return _gone()
        issue, fields = self.issues[iid], asked.json()
        event = fields.pop("state_event", None)
        if event:
            issue.state = {"close": "closed", "reopen": "opened"}[event]
            self._note(issue, ME, issue.state, is_system=True)
        issue.fields |= fields
        _carry_out(issue, fields.get("description", ""))
        return _reply(200, _shown(issue))

    def notes(self, asked: Asked, iid: str) -> Reply:
        """GET /projects/:id/issues/:iid/notes, the newest first as a rule"""
        if iid not in self.issues:
            return _gone()
        size, page = int(asked.query.get("per_page", 20)), int(asked.query.get("page", 1))
        notes = self.issues[iid].notes[::-1]
        return _reply(200, notes[(page - 1) * size : page * size])

    def add_note(self, asked: Asked, iid: str) -> Reply:
        """POST /projects/:id/issues/:iid/notes"""
        if iid not in self.issues:
            return _gone()
        body = asked.json()["body"]
        _carry_out(self.issues[iid], body)
        return _reply(201, self._note(self.issues[iid], ME, body))

    def edit_note(self, asked: Asked, iid: str, note_id: str) -> Reply:
        """PUT /projects/:id/issues/:iid/notes/:note_id"""
        for note in self.issues[iid].notes if iid in self.issues else ():
            if str(note["id"]) == note_id:
                note["body"] = asked.json()["body"]
                return _reply(200, note)
        return _gone()

    def _note(
        self, issue: Issue, author: dict[str, Any], body: str, *, is_system: bool = False
    ) -> dict[str, Any]:
        self._numbers += 1
        note = {"id": 300 + self._numbers, "body": body, "author": author, "system": is_system}
        issue.notes.append(note)
        return note


def _carry_out(issue: Issue, text: str) -> None:
    if _CLOSE.search(_FENCED.sub("", text)):
        issue.state = "closed"


def _shown(issue: Issue) -> dict[str, Any]:
    url = f"https://gitlab.example.com/{PROJECT}/-/issues/{issue.iid}"
    return {"id": 1000 + issue.iid, "iid": issue.iid, "web_url": url, "state": issue.state} | (
        issue.fields
    )


def _reply(status: int, body: object) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def _gone() -> Reply:
    return _reply(404, {"message": "404 Not found"})
