"""What can be told of a project in Jira before the first issue goes there, by reading alone.

Sources: developer.atlassian.com/cloud/jira/platform/rest/v3: api-group-myself, -permissions,
-issues ("Get create field metadata"), -projects ("Get all statuses for project");
developer.atlassian.com/server/jira/platform/rest: myself, mypermissions, issue, project
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import TicketRejected
from authzviz.tickets.http import segment
from authzviz.tickets.jira_errors import NAMES
from authzviz.tickets.jira_transitions import chosen, is_open, transitions_of

if TYPE_CHECKING:
    from authzviz.tickets.jira import Project

Search = Callable[[str], tuple[Mapping[str, Any], ...]]

_NEEDED = {
    "BROWSE_PROJECTS": "browse the project",
    "CREATE_ISSUES": "create issues",
    "EDIT_ISSUES": "edit issues",
    "TRANSITION_ISSUES": "transition issues",
    "ADD_COMMENTS": "add comments",
    "EDIT_OWN_COMMENTS": "edit its own comments",
}
_OURS = frozenset({"summary", "description", "project", "issuetype", "labels", "reporter"})
_NEEDED_FIELDS = ("description", "labels")
_MOST = "200"


@dataclass(frozen=True, slots=True)
class Who:
    """The account that the credentials are of."""

    id: str
    name: str


def id_of(person: Mapping[str, Any]) -> str:
    """What an account is known by: Cloud has an account id, Data Center a key and a name."""
    return str(person.get("accountId") or person.get("key") or person["name"])


def who(answer: Mapping[str, Any]) -> Who:
    """What "Get current user" answers."""
    return Who(id_of(answer), str(answer.get("displayName") or id_of(answer)))


def check(api: JsonApi, root: str, project: Project, me: Who, search: Search) -> str:
    """The sentence of Port.check. Raises TicketRejected with what stands in the way."""
    path = f"{root}/project/{segment(project.key)}"
    name = api.read(path, lambda answer: str(answer["name"]))
    _may_all(api, root, project, me)
    type_ = _issue_type(api, root, project)
    _fields_are_known(api, root, project, type_)
    done = api.read(f"{path}/statuses", lambda answer: _done_statuses(answer, type_))
    if not done:
        raise _refused(f"the workflow of {type_.name} has no status of the category Done")
    closing = _closing(api, root, project, type_, search)
    said = closing or "to be closed as " + " or ".join(f"“{one}”" for one in done)
    return f"{me.name} opens {type_.name} in {name} ({project.key}), {said}"


@dataclass(frozen=True, slots=True)
class _IssueType:
    id: str
    name: str


def _refused(words: str) -> TicketRejected:
    return TicketRejected(f"Jira: {words}", is_of_tracker=True)


def _may_all(api: JsonApi, root: str, project: Project, me: Who) -> None:
    query = {"projectKey": project.key, "permissions": ",".join(_NEEDED)}
    has = api.read(f"{root}/mypermissions", lambda answer: dict(answer["permissions"]), query=query)
    missing = [
        words
        for name, words in _NEEDED.items()
        if not (has.get(name) or {}).get("havePermission", False)
    ]
    if missing:
        raise _refused(f"{me.name} may not {', '.join(missing)} in {project.key}")


def _issue_type(api: JsonApi, root: str, project: Project) -> _IssueType:
    path = f"{root}/issue/createmeta/{segment(project.key)}/issuetypes"
    types = api.read(path, lambda answer: _page(answer, "issueTypes"), query={"maxResults": _MOST})
    known = [_IssueType(str(one["id"]), str(one["name"])) for one in types if not one["subtask"]]
    for one in known:
        if project.issue_type == one.id or project.issue_type.casefold() == one.name.casefold():
            return one
    names = ", ".join(one.name for one in known) or "none that may be created"
    raise _refused(f"{project.key} has no issue type {project.issue_type}, only: {names}")


def _page(answer: Any, name: str) -> list[dict[str, Any]]:
    """Cloud has its own word for what Data Center calls values."""
    return list(answer[name] if name in answer else answer["values"])


def _fields_are_known(api: JsonApi, root: str, project: Project, type_: _IssueType) -> None:
    path = f"{root}/issue/createmeta/{segment(project.key)}/issuetypes/{segment(type_.id)}"
    fields = api.read(path, lambda answer: _page(answer, "fields"), query={"maxResults": _MOST})
    missing = set(_NEEDED_FIELDS) - {str(one["fieldId"]) for one in fields}
    if missing:
        names = ", ".join(NAMES[name] for name in sorted(missing))
        raise _refused(f"the create screen of {type_.name} has no field for: {names}")
    unknown = [
        f"{one['name']} ({one['fieldId']})"
        for one in fields
        if one["required"]
        and not one.get("hasDefaultValue")
        and one["fieldId"] not in _OURS
        and one["fieldId"] not in project.fields
    ]
    if unknown:
        raise _refused(
            f"{type_.name} requires {', '.join(unknown)}: give them under “Other fields”"
        )


def _done_statuses(answer: Any, type_: _IssueType) -> tuple[str, ...]:
    statuses = [one["statuses"] for one in answer if str(one["id"]) == type_.id]
    return tuple(str(one["name"]) for one in (statuses or [[]])[0] if not is_open(one))


def _closing(api: JsonApi, root: str, project: Project, type_: _IssueType, search: Search) -> str:
    """What would close an open issue of the project, "" where there is none yet: only an issue
    tells its transitions, and any of the type does.
    """
    jql = f'project = "{project.key}" AND issuetype = {type_.id} AND statusCategory != Done'
    issues = search(f"{jql} ORDER BY created DESC")
    if not issues:
        return ""
    offered = api.read(
        f"{root}/issue/{segment(str(issues[0]['key']))}/transitions",
        transitions_of,
        query={"expand": "transitions.fields"},
    )
    try:
        step = chosen(offered, project.closing, wanted_open=False)
    except TicketRejected as problem:
        return f"but {issues[0]['key']} could not be closed now. {problem.message}"
    return f"closed by “{step.name}”"
