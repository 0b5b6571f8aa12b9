"""What can be told of a project in GitLab before the first issue goes there, by reading alone.

Sources: docs.gitlab.com/api/users ("Get the current user"), /api/projects ("Get a single
project"), /api/personal_access_tokens ("Self-inform"), /user/permissions
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import TicketGone, TicketRejected

_PLANNER = 15
"""The least role whose labels, assignees and due dates GitLab does not leave out."""


@dataclass(frozen=True, slots=True)
class Who:
    """The account that the token is of."""

    id: str
    name: str


def who(answer: Mapping[str, Any]) -> Who:
    """What "Get the current user" answers."""
    return Who(str(answer["id"]), str(answer["username"]))


@dataclass(frozen=True, slots=True)
class _Project:
    """`level` is the role's number, None where GitLab tells none (an administrator, a parent)."""

    name: str
    has_issues: bool
    is_archived: bool
    level: int | None


@dataclass(frozen=True, slots=True)
class _Token:
    scopes: tuple[str, ...]
    until: str


def check(api: JsonApi, root: str, project_path: str) -> str:
    """The sentence of Port.check. Raises TicketRejected with what stands in the way."""
    me = api.read(f"{root}/user", who)
    project = api.read(project_path, _project)
    token = _token(api, root)
    problem = _problem(me, project, token)
    if problem:
        raise TicketRejected(f"GitLab: {problem}", is_of_tracker=True)
    until = f"; the token is good until {token.until}" if token and token.until else ""
    return f"@{me.name} opens issues in {project.name}{until}"


def _problem(me: Who, project: _Project, token: _Token | None) -> str:
    if token and token.scopes and "api" not in token.scopes and "granular" not in token.scopes:
        return f"the token has the scope {', '.join(token.scopes)} and needs api"
    if project.is_archived:
        return f"{project.name} is archived"
    if not project.has_issues:
        return f"{project.name} has no issues: turn them on in its settings"
    if project.level is not None and project.level < _PLANNER:
        return f"@{me.name} needs the role Planner or Reporter in {project.name}, to set labels"
    return ""


def _project(answer: Mapping[str, Any]) -> _Project:
    access = answer.get("permissions") or {}
    given = (access.get("project_access"), access.get("group_access"))
    levels = [int(one["access_level"]) for one in given if one]
    has_issues = answer.get("issues_access_level", "enabled") != "disabled"
    return _Project(
        str(answer["name_with_namespace"]),
        has_issues and answer.get("issues_enabled", True),
        bool(answer.get("archived")),
        max(levels, default=None),
    )


def _token(api: JsonApi, root: str) -> _Token | None:
    """What GitLab tells of the token; None where it tells nothing, as of other credentials."""
    try:
        return api.read(
            f"{root}/personal_access_tokens/self",
            lambda answer: _Token(
                tuple(map(str, answer["scopes"])), str(answer.get("expires_at") or "")
            ),
            is_of_ticket=True,
        )
    except (TicketGone, TicketRejected):
        return None
