"""Jira Data Center, by its REST API 2.

Sources: developer.atlassian.com/server/jira/platform/rest: issue, search, comment;
confluence.atlassian.com/enterprise/using-personal-access-tokens-1026032365.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from authzviz.tickets.jira import (
    CLOSING,
    ISSUE_TYPE,
    MORE_FIELDS,
    PROJECT,
    REOPENING,
    TITLE_LETTERS,
    Jira,
    project_of,
)
from authzviz.tickets.markup_wiki import wiki
from authzviz.tickets.port import Field, Traits
from authzviz.tickets.setup import CA, Kind, Setup
from authzviz.tickets.texts import body_of

_ASKED_FIELDS = "summary,description,status,assignee,labels"
_BODY_LETTERS = 30_000
_MOST_LETTERS = 32_767
_PER_PAGE = 50


class JiraDatacenter(Jira):
    """One project of a Jira of one's own."""

    root = "/rest/api/2"

    def _written(self, text: str) -> object:
        return _fitting(text)

    def _given(self, body: Any) -> str:
        return str(body or "").replace("\r\n", "\n")

    def _search(self, jql: str) -> tuple[Mapping[str, Any], ...]:
        return self._found(jql, _PER_PAGE)

    def _read_many(self, keys: list[str]) -> Iterable[Mapping[str, Any]]:
        quoted = ", ".join(f'"{key}"' for key in keys if key.replace("-", "").isalnum())
        return self._found(f"key in ({quoted})", len(keys)) if quoted else ()

    def _found(self, jql: str, most: int) -> tuple[Mapping[str, Any], ...]:
        """The issues. A key that is no more would make the whole query wrong, were it checked."""
        query = {
            "jql": jql,
            "fields": _ASKED_FIELDS,
            "maxResults": str(most),
            "validateQuery": "false",
        }
        return self._api.read(
            f"{self.root}/search", lambda answer: tuple(answer["issues"]), query=query
        )

    def _assignee(self, name: str) -> Mapping[str, str]:
        return {"name": name}


def _fitting(text: str) -> str:
    """The text in wiki markup, of which Jira takes 32,767 letters: escaped, it is longer."""
    most = _BODY_LETTERS
    while True:
        written = wiki(body_of(text, most))
        if len(written) <= _MOST_LETTERS:
            return written
        most //= 2


def _connect(setup: Setup) -> JiraDatacenter:
    url = setup.value("url")
    http = setup.http(url, {"Authorization": f"Bearer {setup.secret('token')}"})
    return JiraDatacenter(http, url, project_of(setup))


KIND = Kind(
    "jira-datacenter",
    "Jira Data Center",
    fields=(
        Field(
            "url",
            "Address",
            "As https://jira.example.com, with its path where it has one. Jira 8.14 or later.",
            kind="url",
        ),
        Field(
            "token",
            "Personal access token",
            "Made in Jira: your picture at the top, Profile, Personal Access Tokens; best for an "
            "account of its own. In the project the account needs: Browse Projects, Create, Edit "
            "and Transition Issues, Add Comments, Edit Own Comments; for due dates and assignees "
            "also Schedule and Assign Issues.",
            kind="secret",
        ),
        PROJECT,
        ISSUE_TYPE,
        CLOSING,
        REOPENING,
        MORE_FIELDS,
        CA,
    ),
    connect=_connect,
    traits=Traits(
        found_after=60.0,
        write_gap=0.2,
        title_letters=TITLE_LETTERS,
        body_letters=_BODY_LETTERS,
    ),
)
