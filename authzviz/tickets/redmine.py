"""Issues in Redmine, its default text formatting or Markdown.

Sources: www.redmine.org/projects/redmine/wiki/Rest_Issues, Rest_IssueJournals, Rest_Memberships,
Rest_IssueStatuses; Redmine 5.0.4, app/controllers/issues_controller.rb, whose answers to these
requests the tests have recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketGone,
    TicketRejected,
    TrackerUnavailable,
)
from authzviz.tickets.http import segment
from authzviz.tickets.markup_textile import textile
from authzviz.tickets.port import Comment, Draft, Field, Remote, Traits
from authzviz.tickets.redmine_project import Project
from authzviz.tickets.setup import CA, Kind, Setup
from authzviz.tickets.texts import body_of, link_of, title_of

_PAGE = 100
# A subject has at most 255 letters, with the marker in brackets before the title.
_TRAITS = Traits(found_after=5.0, most_per_read=_PAGE, title_letters=220, body_letters=30_000)
_MARKER = re.compile(r"authzviz-[0-9A-Za-z]{1,40}")
_PREFIX = re.compile(rf"\[({_MARKER.pattern})\] ?")


class Redmine:
    """The issues of one project."""

    def __init__(
        self, api: JsonApi, url: str, project: Project, format_: Callable[[str], str]
    ) -> None:
        self._api = api
        self._url = url
        self._project = project
        self._format = format_
        self._known_account = 0

    def check(self) -> str:
        """Who these credentials are and which project they reach."""
        account, login = self._api.read("/users/current.json", _account)
        self._known_account = account
        with self._api.sense():
            return f"{login} reaches {self._project.check(account)} on {self._api.host}"

    def find(self, marker: str) -> tuple[Remote, ...]:
        """By the marker in the subject, which Redmine looks for in its database."""
        query = {
            "project_id": self._project.identifier,
            "subject": f"~{marker}",
            "status_id": "*",
            "sort": "id:desc",
            "limit": str(_PAGE),
        }
        found = self._api.read("/issues.json", _issues, query=query)
        return tuple(self._remote(one) for one in found if _marker_in(one["subject"]) == marker)

    def create(self, draft: Draft, delivery: str) -> Remote:
        """The ticket, new; Redmine has no labels."""
        sent: dict[str, object] = {
            "subject": self._subject(draft.marker, draft.title),
            "description": self._text(draft.body),
            **self._project.fields(),
        }
        if draft.assignee:
            sent["assigned_to_id"] = self._project.member(draft.assignee)
        if draft.due:
            sent["due_date"] = draft.due.isoformat()
        path = f"/projects/{segment(self._project.identifier)}/issues.json"
        with _told_by_tracker():
            return self._api.change("POST", path, self._remote_in, {"issue": sent})

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        """Those of these tickets that are there, wherever they were moved."""
        known = sorted({id_ for id_ in ids if re.fullmatch(r"[1-9][0-9]{0,17}", id_)}, key=int)
        if not known:
            return {}
        query = {"issue_id": ",".join(known), "status_id": "*", "limit": str(_PAGE)}
        found = self._api.read("/issues.json", _issues, query=query)
        return {str(one["id"]): self._remote(one) for one in found}

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        """The ticket with another title and body; the marker stays in its subject."""
        issue = self._issue(id_)
        found = _marker_in(issue["subject"]) or next(iter(_MARKER.findall(body)), "")
        sent = {"subject": self._subject(found, title), "description": self._text(body)}
        self._change(id_, sent)
        with _changed():
            return self._remote(self._issue(id_))

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """The newest note of ours: others may quote the marker."""
        ours = [one for one in self._notes(id_) if marker in one.text]
        return ours[-1] if ours else None

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """A new note."""
        self._account()
        self._change(id_, {"notes": self._text(text)})
        with _changed():
            notes = self._notes(id_)
        if not notes:
            raise TicketRejected(f"{self._api.host} lets this account add no notes")
        return notes[-1]

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        """The note with another text. Redmine before 5.0 can't: it gets another note."""
        path = f"/journals/{segment(comment_id)}.json"
        body = {"journal": {"notes": self._text(text)}}
        try:
            self._api.change("PUT", path, _nothing, body, is_of_ticket=True)
        except (TicketGone, TicketRejected) as error:
            if isinstance(error, TicketRejected) and not error.is_of_tracker:
                raise
            if not any(note.id == comment_id for note in self._notes(id_)):
                raise TicketGone("the note is not there any more") from None
            return self.comment(id_, text, delivery)
        with _changed():
            found = [note for note in self._notes(id_) if note.id == comment_id]
        if not found:
            raise TicketGone("the note is not there any more")
        return found[0]

    def close(self, id_: str, delivery: str) -> Remote:
        """The ticket in a status that counts as closed."""
        return self._set_open(id_, is_open=False)

    def reopen(self, id_: str, delivery: str) -> Remote:
        """The ticket in its tracker's first status, or another that is open."""
        return self._set_open(id_, is_open=True)

    def _set_open(self, id_: str, *, is_open: bool) -> Remote:
        issue = self._issue(id_, "allowed_statuses")
        before = self._remote(issue)
        if before.is_open is is_open:
            return before
        with self._api.sense():
            status = self._project.status_for(issue, is_open=is_open)
        self._change(id_, {"status_id": status.id})
        with _changed():
            after = self._remote(self._issue(id_))
        # What its workflow forbids, Redmine leaves out, and answers that all is well.
        if after.is_open is not is_open:
            raise TicketRejected(
                f"{self._api.host} left the ticket in {after.state}: its workflow does not let "
                f"this account set {status.name}"
            )
        return after

    def _account(self) -> int:
        if not self._known_account:
            self._known_account = self._api.read("/users/current.json", _account)[0]
        return self._known_account

    def _notes(self, id_: str) -> list[Comment]:
        """The notes of our account, the oldest first."""
        account = self._account()
        journals = self._issue(id_, "journals").get("journals", [])
        with self._api.sense():
            ours = [one for one in journals if one.get("user", {}).get("id") == account]
            noted = [one for one in ours if one.get("notes")]
            return [Comment(str(one["id"]), str(one["notes"])) for one in sorted(noted, key=_id)]

    def _issue(self, id_: str, include: str = "") -> dict[str, Any]:
        query = {"include": include} if include else None
        return self._api.read(_path(id_), _issue, query=query, is_of_ticket=True)

    def _change(self, id_: str, sent: Mapping[str, object]) -> None:
        with _told_by_tracker():
            self._api.change("PUT", _path(id_), _nothing, {"issue": sent}, is_of_ticket=True)

    def _subject(self, marker: str, title: str) -> str:
        line = title_of(title, _TRAITS.title_letters)
        return f"[{marker}] {line}" if marker else line

    def _text(self, text: str) -> str:
        return self._format(body_of(text, _TRAITS.body_letters))

    def _remote_in(self, found: Any) -> Remote:
        return self._remote(_issue(found))

    def _remote(self, issue: dict[str, Any]) -> Remote:
        with self._api.sense():
            status = self._project.status_of(issue)
            id_ = str(int(issue["id"]))
            return Remote(
                id_,
                link_of(f"{self._url}/issues/{id_}"),
                not status.is_closed,
                status.name,
                _PREFIX.sub("", issue["subject"], count=1),
                str(issue.get("description") or ""),
                str((issue.get("assigned_to") or {}).get("name") or ""),
            )


@contextmanager
def _changed() -> Iterator[None]:
    """What can't be read after a change leaves the change unknown, not undone."""
    try:
        yield
    except TrackerUnavailable as error:
        raise OutcomeUnknown(error.message) from None


@contextmanager
def _told_by_tracker() -> Iterator[None]:
    """Redmine says in `errors` what it does not take."""
    try:
        yield
    except TicketRejected as error:
        said = re.search(r'\{"errors":\[(.*?)\]\}', error.message)
        if said is None:
            raise
        raise TicketRejected(
            f"Redmine: {said[1].strip(chr(34))}", is_of_tracker=error.is_of_tracker
        ) from None


def _marker_in(subject: str) -> str:
    found = _PREFIX.search(subject)
    return found[1] if found else ""


def _path(id_: str) -> str:
    return f"/issues/{segment(id_)}.json"


def _id(found: Any) -> int:
    return int(found["id"])


def _account(found: Any) -> tuple[int, str]:
    return int(found["user"]["id"]), str(found["user"]["login"])


def _issue(found: Any) -> dict[str, Any]:
    issue: dict[str, Any] = found["issue"]
    return {**issue, "id": int(issue["id"]), "subject": str(issue["subject"])}


def _issues(found: Any) -> list[dict[str, Any]]:
    return [_issue({"issue": one}) for one in found["issues"]]


def _nothing(found: Any) -> None:
    """A change is answered with nothing."""


def _connect(setup: Setup) -> Redmine:
    url = setup.value("url").rstrip("/")
    api = JsonApi(setup.http(url, {"X-Redmine-API-Key": setup.secret("key")}))
    project = Project(
        api,
        setup.value("project"),
        tracker=setup.value("tracker"),
        priority=setup.value("priority"),
        closed_status=setup.value("closed_status"),
    )
    is_textile = (setup.value("formatting") or "textile") == "textile"
    return Redmine(api, url, project, textile if is_textile else str)


KIND = Kind(
    "redmine",
    "Redmine",
    fields=(
        Field("url", "Address", "As in a browser, https://host or https://host/path", kind="url"),
        Field("project", "Project", "Its identifier, as in its address: /projects/IDENTIFIER"),
        Field(
            "key",
            "API key",
            'From "My account" of the account that opens tickets, where "Enable REST web service" '
            "is set. Its role needs: view, add and edit own issues, add notes and edit own notes.",
            kind="secret",
        ),
        Field(
            "formatting",
            "Text formatting",
            "As in Redmine's settings.",
            kind="choice",
            default="textile",
            choices=(("textile", "Textile"), ("markdown", "Markdown or CommonMark")),
        ),
        Field("tracker", "Tracker", "As Bug; the project's first otherwise.", is_required=False),
        Field("priority", "Priority", "Redmine's default otherwise.", is_required=False),
        Field(
            "closed_status",
            "Status of closed tickets",
            "The first that counts as closed otherwise.",
            is_required=False,
        ),
        CA,
    ),
    connect=_connect,
    traits=_TRAITS,
)
