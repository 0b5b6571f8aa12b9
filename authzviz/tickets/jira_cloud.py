"""Jira Cloud, by its REST API v3.

Sources: developer.atlassian.com/cloud/jira/platform/rest/v3: api-group-issues, -issue-search,
-issue-comments, -user-search; support.atlassian.com/atlassian-account/docs/
manage-api-tokens-for-your-atlassian-account (tokens with scopes and where they work)
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

from authzviz.tickets import markup_adf
from authzviz.tickets.errors import OutcomeUnknown, TicketRejected, TrackerUnavailable
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
from authzviz.tickets.port import Field, Traits
from authzviz.tickets.setup import Kind, Setup
from authzviz.tickets.texts import body_of

_ASKED_FIELDS = ["summary", "description", "status", "assignee", "labels"]
_BODY_LETTERS = 30_000
_PER_PAGE, _MOST_PAGES = 50, 10
_GATEWAY = "api.atlassian.com"
_ACCOUNT_ID = re.compile(r"[0-9a-f]{24}|[0-9]{5,8}:[0-9a-f-]{36}")


class JiraCloud(Jira):
    """One project of a site at Atlassian.

    Searching may be minutes behind; what an issue is now is asked of the issue itself.
    """

    root = "/rest/api/3"

    def _written(self, text: str) -> object:
        return markup_adf.adf(body_of(text, _BODY_LETTERS))

    def _given(self, body: Any) -> str:
        return markup_adf.as_text(body)

    def _url(self, key: str) -> str:
        if f"//{_GATEWAY}/" in self._site:  # where tokens with scopes work; people go elsewhere
            self._site = self._api.read(
                f"{self.root}/serverInfo", lambda answer: str(answer["baseUrl"]).rstrip("/")
            )
        return super()._url(key)

    def _search(self, jql: str) -> tuple[Mapping[str, Any], ...]:
        issues: list[Mapping[str, Any]] = []
        query = {"jql": jql, "fields": ",".join(_ASKED_FIELDS), "maxResults": str(_PER_PAGE)}
        for _ in range(_MOST_PAGES):
            page, token = self._api.read(f"{self.root}/search/jql", _page, query=query)
            issues += page
            if not token:
                break
            query["nextPageToken"] = token
        return tuple(issues)

    def _read_many(self, keys: list[str]) -> Iterable[Mapping[str, Any]]:
        try:
            return self._api.change(
                "POST",
                f"{self.root}/issue/bulkfetch",
                lambda answer: list(answer["issues"]),
                {"issueIdsOrKeys": keys, "fields": _ASKED_FIELDS},
            )
        except OutcomeUnknown as error:  # it is a POST that changes nothing
            raise TrackerUnavailable(error.message) from None

    def _assignee(self, name: str) -> Mapping[str, str]:
        if _ACCOUNT_ID.fullmatch(name):
            return {"accountId": name}
        people = self._api.read(
            f"{self.root}/user/assignable/search",
            list[Mapping[str, Any]],
            query={"project": self._project.key, "query": name, "maxResults": "50"},
        )
        exact = [one for one in people if _is_called(one, name)] or people
        if len(exact) == 1:
            return {"accountId": str(exact[0]["accountId"])}
        many = "nobody" if not exact else f"{len(exact)} people"
        raise TicketRejected(
            f"Jira: {many} of that name can be assigned in {self._project.key}: {name}"
        )


def _page(answer: Any) -> tuple[list[Mapping[str, Any]], str]:
    return list(answer["issues"]), str(answer.get("nextPageToken") or "")


def _is_called(person: Mapping[str, Any], name: str) -> bool:
    known = {str(person.get(key) or "").casefold() for key in ("emailAddress", "displayName")}
    return name.casefold() in known


def _connect(setup: Setup) -> JiraCloud:
    pair = f"{setup.value('email')}:{setup.secret('token')}"
    basic = base64.b64encode(pair.encode()).decode()
    url = setup.value("url")
    http = setup.http(url, {"Authorization": f"Basic {basic}"}, also_secret=(basic,))
    return JiraCloud(http, url, project_of(setup))


KIND = Kind(
    "jira-cloud",
    "Jira Cloud",
    fields=(
        Field(
            "url",
            "Site",
            "As https://your-team.atlassian.net. For a token with scopes it is "
            "https://api.atlassian.com/ex/jira/<cloud id> instead; the cloud id stands at "
            "https://your-team.atlassian.net/_edge/tenant_info.",
            kind="url",
        ),
        Field("email", "E-mail", "Of the Atlassian account that the token belongs to."),
        Field(
            "token",
            "API token",
            "Made at https://id.atlassian.com/manage-profile/security/api-tokens, best for an "
            "account of its own. Scopes, where it has some: read:jira-work, write:jira-work, "
            "read:jira-user. In the project the account needs: Browse projects, Create, Edit and "
            "Transition issues, Add comments, Edit own comments; for due dates and assignees also "
            "Schedule and Assign issues.",
            kind="secret",
        ),
        PROJECT,
        ISSUE_TYPE,
        CLOSING,
        REOPENING,
        MORE_FIELDS,
    ),
    connect=_connect,
    traits=Traits(
        found_after=120.0,
        write_gap=0.2,
        title_letters=TITLE_LETTERS,
        body_letters=_BODY_LETTERS,
    ),
)
