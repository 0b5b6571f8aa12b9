"""What one project of Redmine has: trackers, priorities, statuses and people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import TicketRejected
from authzviz.tickets.http import segment

_PAGE = 100
_MOST_PAGES = 50
_NEEDED = (
    ("see issues", ("view_issues",)),
    ("add issues", ("add_issues",)),
    ("edit its issues", ("edit_issues", "edit_own_issues")),
    ("add notes", ("add_issue_notes",)),
    ("edit its notes", ("edit_issue_notes", "edit_own_issue_notes")),
)


@dataclass(frozen=True, slots=True)
class Status:
    """A status of issues."""

    id: int
    name: str
    is_closed: bool


@dataclass(frozen=True, slots=True)
class _Named:
    """Anything with an id and a name."""

    id: int
    name: str


class Project:
    """One project; what people told of it by name or id is looked up once."""

    def __init__(
        self, api: JsonApi, identifier: str, *, tracker: str, priority: str, closed_status: str
    ) -> None:
        """Raises TicketRejected where there is no identifier."""
        if not identifier:
            raise TicketRejected("Project: has to be its identifier", is_of_tracker=True)
        self.identifier = identifier
        self._api = api
        self._tracker = tracker
        self._priority = priority
        self._closed_status = closed_status
        self._known_statuses: tuple[Status, ...] = ()
        self._known_fields: dict[str, object] | None = None

    def check(self, account: int) -> str:
        """The project's name. Raises TicketRejected where something told of it is not there."""
        id_, name = self._api.read(self._path(".json"), _project)
        self.fields()
        if self._closed_status:
            self._named_closed()
        elif not any(one.is_closed for one in self._statuses()):
            raise TicketRejected("Redmine has no status that is closed", is_of_tracker=True)
        missing = self._missing_rights(id_)
        if missing:
            raise TicketRejected(
                f"this account may not {', '.join(missing)} in {name}", is_of_tracker=True
            )
        return name

    def fields(self) -> dict[str, object]:
        """What every new issue gets of what people told."""
        if self._known_fields is None:
            fields: dict[str, object] = {}
            if self._tracker:
                there = self._api.read(
                    self._path(".json"), _trackers, query={"include": "trackers"}
                )
                fields["tracker_id"] = _chosen("Tracker", self._tracker, there)
            if self._priority:
                there = self._api.read("/enumerations/issue_priorities.json", _priorities)
                fields["priority_id"] = _chosen("Priority", self._priority, there)
            self._known_fields = fields
        return self._known_fields

    def member(self, name: str) -> int:
        """The id of a member, by the name that Redmine shows or by number.

        Raises TicketRejected where there is none: logins are told to administrators alone.
        """
        path, members = self._path("/memberships.json"), list[_Named]()
        for page in range(_MOST_PAGES):
            query = {"limit": str(_PAGE), "offset": str(page * _PAGE)}
            found, total = self._api.read(path, _members, query=query)
            members += found
            if not found or (page + 1) * _PAGE >= total:
                break
        return _chosen("Assignee", name, members, is_of_tracker=False)

    def status_of(self, issue: dict[str, Any]) -> Status:
        """The issue's status. Redmine before 5.0 does not say there whether it is closed."""
        status = issue["status"]
        if "is_closed" in status:
            return _status(status)
        id_ = int(status["id"])
        known = [one for one in self._statuses() if one.id == id_]
        return known[0] if known else Status(id_, str(status["name"]), is_closed=False)

    def status_for(self, issue: dict[str, Any], *, is_open: bool) -> Status:
        """What to set to close or reopen the issue. Raises TicketRejected."""
        # Redmine before 5.0 does not tell what its workflow allows.
        allowed = tuple(map(_status, issue.get("allowed_statuses") or ())) or self._statuses()
        fitting = [one for one in allowed if one.is_closed is not is_open]
        wanted = self._first(issue) if is_open else self._named_closed()
        chosen = [one for one in fitting if one.id == wanted] if wanted else []
        if not is_open and wanted and not chosen:
            fitting = []
        if not fitting:
            state = "open" if is_open else "closed"
            raise TicketRejected(f"Redmine's workflow lets this account set no {state} status")
        return (chosen or fitting)[0]

    def _named_closed(self) -> int:
        if not self._closed_status:
            return 0
        closed = [_Named(one.id, one.name) for one in self._statuses() if one.is_closed]
        return _chosen("Status of closed tickets", self._closed_status, closed)

    def _first(self, issue: dict[str, Any]) -> int:
        defaults = self._api.read("/trackers.json", _default_statuses)
        return defaults.get(int(issue["tracker"]["id"]), 0)

    def _statuses(self) -> tuple[Status, ...]:
        if not self._known_statuses:
            self._known_statuses = self._api.read("/issue_statuses.json", _statuses)
        return self._known_statuses

    def _missing_rights(self, project: int) -> list[str]:
        query = {"include": "memberships"}
        is_admin, roles = self._api.read(
            "/users/current.json", lambda found: _roles(found, project), query=query
        )
        if is_admin:
            return []
        rights: set[str] = set()
        for role in roles:
            rights |= self._api.read(f"/roles/{role}.json", _rights)
        return [what for what, either in _NEEDED if not rights & {*either}]

    def _path(self, rest: str) -> str:
        return f"/projects/{segment(self.identifier)}{rest}"


def _chosen(what: str, told: str, there: list[_Named], *, is_of_tracker: bool = True) -> int:
    """The id of the one that is told by id or name, whatever its case."""
    for one in there:
        if told == str(one.id) or told.casefold() == one.name.casefold():
            return one.id
    names = ", ".join(one.name for one in there[:10]) or "nothing"
    raise TicketRejected(
        f"{what}: Redmine has no {told[:100]} here, but {names}", is_of_tracker=is_of_tracker
    )


def _named(found: Any) -> _Named:
    return _Named(int(found["id"]), str(found["name"]))


def _status(found: Any) -> Status:
    return Status(int(found["id"]), str(found["name"]), bool(found["is_closed"]))


def _statuses(found: Any) -> tuple[Status, ...]:
    return tuple(_status(one) for one in found["issue_statuses"])


def _project(found: Any) -> tuple[int, str]:
    return int(found["project"]["id"]), str(found["project"]["name"])


def _trackers(found: Any) -> list[_Named]:
    return [_named(one) for one in found["project"]["trackers"]]


def _priorities(found: Any) -> list[_Named]:
    return [_named(one) for one in found["issue_priorities"]]


def _default_statuses(found: Any) -> dict[int, int]:
    trackers = found["trackers"]
    return {int(one["id"]): int(one["default_status"]["id"]) for one in trackers}


def _members(found: Any) -> tuple[list[_Named], int]:
    people = [one.get("user") or one.get("group") for one in found["memberships"]]
    return [_named(one) for one in people if one], int(found["total_count"])


def _roles(found: Any, project: int) -> tuple[bool, list[int]]:
    user = found["user"]
    its = [one for one in user.get("memberships", []) if one["project"]["id"] == project]
    return bool(user.get("admin")), [int(role["id"]) for one in its for role in one["roles"]]


def _rights(found: Any) -> set[str]:
    return {str(one) for one in found["role"]["permissions"]}
