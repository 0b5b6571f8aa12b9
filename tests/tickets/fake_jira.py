"""What the two fakes of Jira have in common: issues in memory, and a workflow.

Errors are {"errorMessages": […], "errors": {field: …}} in both. Sources: the pages that
fake_jira_cloud and fake_jira_datacenter cite.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.replay import Asked, Reply

PROJECT, PROJECT_NAME = "OPS", "Operations"
TYPES = {"10001": "Task", "10002": "Bug"}
MOST_LETTERS = 32_767
ALL_PERMISSIONS = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "ADD_COMMENTS",
    "EDIT_OWN_COMMENTS",
)
CATEGORIES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Won't Do": "done"}
RESOLUTION = {
    "required": True,
    "name": "Resolution",
    "hasDefaultValue": False,
    "allowedValues": [{"id": "1", "name": "Won't Do"}, {"id": "2", "name": "Fixed"}],
}


@dataclass
class Step:
    """A transition: from where (empty: from everywhere), to where, what its screen asks for."""

    id: str
    name: str
    to: str
    start: frozenset[str] = frozenset()
    fields: dict[str, Any] = field(default_factory=dict)


SIMPLE = (
    Step("11", "To Do", "To Do"),
    Step("21", "In Progress", "In Progress"),
    Step("41", "Won't Do", "Won't Do"),
    Step("31", "Done", "Done"),
)


@dataclass
class Issue:
    """An issue; comments are [id, author's id, body]."""

    number: int
    fields: dict[str, Any]
    status: str = "To Do"
    is_indexed: bool = True
    resolution: str = ""
    comments: list[list[Any]] = field(default_factory=list)
    project: str = PROJECT

    @property
    def key(self) -> str:
        """As OPS-1."""
        return f"{self.project}-{self.number}"


class Refused(Exception):
    """An answer that is none of the good ones."""

    def __init__(self, status: int, *messages: str, **errors: str) -> None:
        super().__init__(status)
        self.reply = reply(status, {"errorMessages": list(messages), "errors": errors})


def reply(status: int, body: object = None) -> Reply:
    """An answer in JSON, empty where there is no body."""
    sent = b"" if body is None else json.dumps(body).encode()
    return status, {"Content-Type": "application/json;charset=UTF-8"}, sent


class FakeJira:
    """A fake tracker, as tests.tickets.stage.Fake."""

    root: ClassVar[str]
    me: ClassVar[Mapping[str, str]]
    them: ClassVar[Mapping[str, str]]

    def __init__(self) -> None:
        self.search_is_late = False
        self.issues: dict[str, Issue] = {}
        self.moved: dict[str, str] = {}
        self.workflow: tuple[Step, ...] = SIMPLE
        self.permissions = set(ALL_PERMISSIONS)
        self.screen = {"summary", "description", "labels", "assignee", "duedate"}
        self.required: dict[str, str] = {}
        self._numbers = 0
        self.url = ""

    # What differs.

    def is_known(self, asked: Asked) -> bool:
        """Whether the credentials are right."""
        raise NotImplementedError

    def body_problem(self, body: object) -> str:
        """What is wrong with a body, "" for nothing."""
        raise NotImplementedError

    def by_hand(self, text: str) -> object:
        """A body as people leave one behind."""
        raise NotImplementedError

    def routes(self) -> dict[str, Callable[..., Reply]]:
        """By "METHOD path" without the root, {} for a part of the path."""
        return {
            "GET /myself": lambda asked: reply(200, self.me),
            "GET /mypermissions": self.answer_permissions,
            "GET /project/{}": self.answer_project,
            "GET /project/{}/statuses": self.answer_statuses,
            "POST /issue": self.create,
            "GET /issue/{}": lambda asked, key: reply(200, self.shown(self.issue(key))),
            "PUT /issue/{}": self.update,
            "GET /issue/{}/transitions": self.answer_transitions,
            "POST /issue/{}/transitions": self.transition,
            "GET /issue/{}/comment": self.answer_comments,
            "POST /issue/{}/comment": self.add_comment,
            "PUT /issue/{}/comment/{}": self.edit_comment,
        }

    # tests.tickets.stage.Fake

    def act(self, asked: Asked) -> str:
        """Which act it is."""
        method, path = asked.method, asked.path.removeprefix(self.root)
        if path == "/issue" and method == "POST":
            return "create"
        if path.endswith("/transitions") and method == "POST":
            to = {step.id: step.to for step in self.workflow}[asked.json()["transition"]["id"]]
            return "close" if CATEGORIES.get(to) == "done" else "reopen"
        if re.fullmatch(r"/issue/[^/]+", path) and method == "PUT":
            return "update"
        if "/comment" in path and method != "GET":
            return "comment" if method == "POST" else "edit-comment"
        return self.reading(asked, path)

    def reading(self, asked: Asked, path: str) -> str:
        """Which of the acts that change nothing it is."""
        return "find" if path.startswith("/search") else path

    def reply(self, asked: Asked) -> Reply:
        """The answer."""
        if not self.is_known(asked):
            return self.reply_to_strangers(asked)
        path = asked.path.removeprefix(self.root)
        for route, answer in self.routes().items():
            pattern = re.escape(route).replace(r"\{\}", "([^/]+)").replace(r"\ ", " ")
            if found := re.fullmatch(pattern, f"{asked.method} {path}"):
                try:
                    return answer(asked, *found.groups())
                except Refused as refused:
                    return refused.reply
        return reply(404, {"message": "null for uri: " + asked.path, "status-code": 404})

    def reply_to_strangers(self, asked: Asked) -> Reply:
        """What those hear who are not known."""
        return reply(401, {"message": "Client must be authenticated to access this resource."})

    def count(self) -> int:
        """How many issues there are."""
        return len(self.issues)

    def comments(self, id_: str) -> list[str]:
        """The texts of an issue's comments, the oldest first."""
        return [json.dumps(body) for _, _, body in self.issues[id_].comments]

    def say(self, id_: str, text: str) -> None:
        """A comment of somebody else."""
        self._comment(self.issues[id_], self.them, self.by_hand(text))

    def remove(self, id_: str) -> None:
        """Remove an issue."""
        del self.issues[id_]

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Change an issue, as people do."""
        self.issues[id_].fields |= {"summary": title, "description": self.by_hand(body)}

    # The answers.

    def issue(self, key: str) -> Issue:
        """The issue."""
        key = self.moved.get(key, key)
        if key not in self.issues:
            raise Refused(404, "Issue does not exist or you do not have permission to see it.")
        return self.issues[key]

    def shown(self, issue: Issue) -> dict[str, Any]:
        """An issue as it is answered."""
        return {
            "id": str(10_000 + issue.number),
            "key": issue.key,
            "self": f"{self.url}{self.root}/issue/{10_000 + issue.number}",
            "fields": {**issue.fields, "status": status(issue.status)},
        }

    def found(self, jql: str) -> list[Issue]:
        """The issues of a query, the newest first."""
        label = re.search(r'labels = "([^"]*)"', jql)
        of_project = re.search(r'project = "([^"]*)"', jql)
        issues = [one for one in reversed(self.issues.values()) if one.is_indexed]
        if of_project and of_project[1] != PROJECT:
            raise Refused(
                400, f"The value '{of_project[1]}' does not exist for the field 'project'."
            )
        if label:
            issues = [one for one in issues if label[1] in one.fields["labels"]]
        if "statusCategory != Done" in jql:
            issues = [one for one in issues if CATEGORIES.get(one.status) != "done"]
        return issues

    def create(self, asked: Asked) -> Reply:
        """POST /issue"""
        fields = asked.json()["fields"]
        self._refuse_create(fields)
        self._numbers += 1
        labels = fields.get("labels", [])
        kept = {"summary": fields["summary"], "description": fields["description"]}
        kept |= {"labels": labels, "assignee": self.assigned(fields.get("assignee"))}
        issue = Issue(self._numbers, kept, is_indexed=not self.search_is_late)
        self.issues[issue.key] = issue
        shown = self.shown(issue)
        return reply(201, {name: shown[name] for name in ("id", "key", "self")})

    def assigned(self, account: object) -> object:
        """The account that an issue is assigned to, as it is answered."""
        return self.them if account else None

    def _refuse_create(self, fields: Mapping[str, Any]) -> None:
        if "CREATE_ISSUES" not in self.permissions or fields["project"] != {"key": PROJECT}:
            raise Refused(400, project="valid project is required")
        if fields["issuetype"].get("name") not in TYPES.values():
            raise Refused(400, issuetype="Specify a valid issue type")
        for name in fields.keys() - self.screen - {"project", "issuetype"} - self.required.keys():
            said = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            raise Refused(400, **{name: said})
        for name, title in self.required.items():
            if name not in fields:
                raise Refused(400, **{name: f"{title} is required."})
        self._refuse_texts(fields)

    def _refuse_texts(self, fields: Mapping[str, Any]) -> None:
        if not fields["summary"] or len(fields["summary"]) > 255:
            raise Refused(400, summary="Summary must be less than 255 characters.")
        if "\n" in fields["summary"]:
            said = "The summary is invalid because it contains newline characters."
            raise Refused(400, summary=said)
        if problem := self.body_problem(fields["description"]):
            raise Refused(400, description=problem)
        for label in fields.get("labels", []):
            if re.search(r"\s", label):
                said = f"The label '{label}' contains spaces which is invalid."
                raise Refused(400, labels=said)

    def update(self, asked: Asked, key: str) -> Reply:
        """PUT /issue/{key}"""
        issue = self.issue(key)
        fields = asked.json()["fields"]
        self._refuse_texts(fields)
        issue.fields |= fields
        return reply(204)

    def answer_transitions(self, asked: Asked, key: str) -> Reply:
        """GET /issue/{key}/transitions"""
        has_fields = asked.query.get("expand") == "transitions.fields"
        return reply(
            200,
            {
                "expand": "transitions",
                "transitions": [
                    {"id": step.id, "name": step.name, "to": status(step.to)}
                    | ({"fields": step.fields} if has_fields else {})
                    for step in self._steps(self.issue(key))
                ],
            },
        )

    def _steps(self, issue: Issue) -> list[Step]:
        return [step for step in self.workflow if not step.start or issue.status in step.start]

    def transition(self, asked: Asked, key: str) -> Reply:
        """POST /issue/{key}/transitions"""
        issue, body = self.issue(key), asked.json()
        step = next((s for s in self._steps(issue) if s.id == body["transition"]["id"]), None)
        if step is None:
            raise Refused(400, "It seems that you have tried to perform a workflow operation that")
        given = body.get("fields", {})
        for name, about in step.fields.items():
            if about["required"] and name not in given:
                raise Refused(400, **{name: f"{about['name']} is required."})
        issue.status = step.to
        issue.resolution = given.get("resolution", {}).get("name", "")
        return reply(204)

    def answer_comments(self, asked: Asked, key: str) -> Reply:
        """GET /issue/{key}/comment"""
        comments = self.issue(key).comments
        if asked.query.get("orderBy") == "-created":
            comments = comments[::-1]
        start = int(asked.query.get("startAt", 0))
        most = min(int(asked.query.get("maxResults", 50)), 100)
        page = [self._shown_comment(*one) for one in comments[start : start + most]]
        total = len(comments)
        return reply(200, {"startAt": start, "maxResults": most, "total": total, "comments": page})

    def add_comment(self, asked: Asked, key: str) -> Reply:
        """POST /issue/{key}/comment"""
        issue, body = self.issue(key), asked.json()["body"]
        if problem := self.body_problem(body):
            raise Refused(400, comment=problem)
        return reply(201, self._shown_comment(*self._comment(issue, self.me, body)))

    def edit_comment(self, asked: Asked, key: str, comment_id: str) -> Reply:
        """PUT /issue/{key}/comment/{id}"""
        for comment in self.issue(key).comments:
            if comment[0] == comment_id:
                comment[2] = asked.json()["body"]
                return reply(200, self._shown_comment(*comment))
        raise Refused(404, f"Can not find a comment for the id: {comment_id}.")

    def _comment(self, issue: Issue, author: Mapping[str, str], body: object) -> list[Any]:
        self._numbers += 1
        issue.comments.append([str(20_000 + self._numbers), author, body])
        return issue.comments[-1]

    def _shown_comment(self, id_: str, author: Mapping[str, str], body: object) -> dict[str, Any]:
        return {
            "id": id_,
            "author": author,
            "body": body,
            "created": "2026-01-01T00:00:00.000+0000",
        }

    def answer_permissions(self, asked: Asked) -> Reply:
        """GET /mypermissions"""
        if asked.query.get("projectKey") != PROJECT:
            raise Refused(404, "No project could be found with key.")
        has = {
            name: {"key": name, "havePermission": name in self.permissions}
            for name in ALL_PERMISSIONS
        }
        return reply(200, {"permissions": has})

    def answer_project(self, asked: Asked, key: str) -> Reply:
        """GET /project/{key}"""
        if key != PROJECT:
            raise Refused(404, f"No project could be found with key '{key}'.")
        return reply(200, {"id": "10000", "key": PROJECT, "name": PROJECT_NAME})

    def answer_statuses(self, asked: Asked, key: str) -> Reply:
        """GET /project/{key}/statuses"""
        names = dict.fromkeys(step.to for step in self.workflow)
        statuses = [status(name) for name in names]
        return reply(
            200, [{"id": id_, "name": name, "statuses": statuses} for id_, name in TYPES.items()]
        )

    def type_metadata(self) -> list[dict[str, Any]]:
        """The issue types that may be created."""
        return [{"id": id_, "name": name, "subtask": False} for id_, name in TYPES.items()]

    def field_metadata(self) -> list[dict[str, Any]]:
        """The fields of the create screen."""
        shown = {name: name.title() for name in self.screen} | self.required
        needed = {"summary", *self.required}
        return [
            {"fieldId": id_, "name": name, "required": id_ in needed, "hasDefaultValue": False}
            for id_, name in shown.items()
        ]


def status(name: str) -> dict[str, Any]:
    """A status as it is answered."""
    return {"name": name, "statusCategory": {"key": CATEGORIES.get(name, "indeterminate")}}
