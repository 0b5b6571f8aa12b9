"""GitHub in memory: what it is asked and what it answers is checked against GitHub's own schemas.

Source: docs.github.com/en/rest, and the description in data/github.json.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.replay import Asked, Reply
from tests.tickets.fake_forge import REPOSITORY, Answer, FakeForge

_DESCRIBED = Path(__file__).parent / "data" / "github.json"


class FakeGitHub(FakeForge):
    """github.com, or GitHub Enterprise Server under /api/v3.

    What the schemas have against a request of ours fails the test that made it.
    """

    prefix = "/api/v3"
    scheme = "Bearer"
    size_parameter = "per_page"
    opener_parameter = "creator"

    def __init__(self) -> None:
        super().__init__()
        self.scopes = ""

    def reply(self, asked: Asked) -> Reply:
        """Of a classic token its scopes are told."""
        status, headers, body = super().reply(asked)
        told = {"X-OAuth-Scopes": self.scopes} if self.scopes else {}
        return status, {**headers, **told}, body

    def answer(self, asked: Asked, path: str) -> Answer:
        """The answer, after looking whether the request may be made so."""
        assert asked.headers["x-github-api-version"] == "2022-11-28"
        assert asked.headers["accept"] == "application/vnd.github+json"
        operation = operation_of(asked.method, path)
        assert not (complaints := complaints_of(operation, asked)), complaints
        status, found = super().answer(asked, path)
        if status < 300:
            assert status == operation["status"]
            validator(json.dumps(operation["answer"])).validate(found)
        return status, found

    def user(self, login: str) -> dict[str, Any]:
        """Out of the example of the account that asks."""
        return {**example("GET", "/user"), "login": login}

    def described(self) -> dict[str, Any]:
        """Out of the example of a repository."""
        shown = example("GET", "/repos/{owner}/{repo}")
        for other in ("source", "parent", "template_repository"):
            shown.pop(other, None)  # optional, and short of what the schema wants of them
        return {
            **shown,
            "language": None,  # which the schema wants and GitHub's example lacks
            "full_name": REPOSITORY,
            "has_issues": self.has_issues,
            "archived": self.is_archived,
            "permissions": {"admin": False, "push": self.may_push, "pull": True},
        }

    def issue(self, kept: dict[str, Any]) -> dict[str, Any]:
        """Out of the example of a new issue."""
        shown = example("POST", "/repos/{owner}/{repo}/issues")
        label = shown["labels"][0]
        people = [{**shown["user"], "login": login} for login in kept["assignees"]]
        if not kept.get("is_change"):
            del shown["pull_request"]  # it is in GitHub's example of an issue
        return {
            **shown,
            **{name: kept[name] for name in ("number", "title", "body", "state")},
            "state_reason": kept["reason"],
            "user": {**shown["user"], "login": kept["login"]},
            "html_url": f"https://github.com/{REPOSITORY}/issues/{kept['number']}",
            "labels": [{**label, "name": name} for name in kept["labels"]],
            "assignee": people[0] if people else None,
            "assignees": people,
        }

    def note(self, kept: dict[str, Any]) -> dict[str, Any]:
        """Out of the example of a new comment."""
        shown = example("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments")
        user = {**shown["user"], "login": kept["login"]}
        return {**shown, "id": kept["id"], "body": kept["body"], "user": user}

    def labels_of(self, sent: dict[str, Any]) -> list[str]:
        """As sent: labels that are not known are made."""
        return list(sent.get("labels", []))


@functools.cache
def described() -> dict[str, Any]:
    """What is kept of the published description."""
    found: dict[str, Any] = json.loads(_DESCRIBED.read_text())
    return found


def example(method: str, path: str) -> dict[str, Any]:
    """GitHub's own example of that answer, a copy."""
    found: dict[str, Any] = json.loads(
        json.dumps(described()["operations"][f"{method} {path}"]["example"])
    )
    return found


def operation_of(method: str, path: str) -> dict[str, Any]:
    """The operation that is asked for. Fails where GitHub has none such, or we keep none."""
    for name, operation in described()["operations"].items():
        its, template = name.split(" ")
        pattern = re.sub(r"\{\w+\}", r"[^/]+", template)
        if its == method and re.fullmatch(pattern, path):
            return dict(operation)
    raise AssertionError(f"GitHub has no {method} {path}")


@functools.cache
def validator(schema: str) -> Draft202012Validator:
    """What checks against a schema of the description."""
    return Draft202012Validator(
        {**json.loads(schema), "components": described()["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def complaints_of(operation: dict[str, Any], asked: Asked) -> list[str]:
    """What is wrong with a request; also what GitHub would not know, and so pass over."""
    said = [f"no parameter {name}" for name in asked.query if name not in operation["query"]]
    body = operation["body"]
    if body is None:
        return [*said, *(["no body expected"] if asked.body else [])]
    sent = asked.json()
    said += [f"no field {name}" for name in sent if name not in body["properties"]]
    return [*said, *(error.message for error in validator(json.dumps(body)).iter_errors(sent))]
