"""A Jira Data Center in memory.

Modelled on developer.atlassian.com/server/jira/platform/rest: issue (create, edit, transitions,
comment, createmeta by project and type), search, mypermissions, myself, project; and on
confluence.atlassian.com/enterprise/using-personal-access-tokens-1026032365.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.replay import TOKEN, Asked, Reply
from tests.tickets.fake_jira import MOST_LETTERS, FakeJira, Refused, reply


class FakeJiraDatacenter(FakeJira):
    """A fake tracker."""

    root = "/rest/api/2"
    me = {"key": "JIRAUSER10100", "name": "authzviz", "displayName": "authzviz"}
    them = {"key": "JIRAUSER10000", "name": "mia", "displayName": "Mia Krystof"}

    def is_known(self, asked: Asked) -> bool:
        """A personal access token."""
        return asked.headers.get("authorization") == f"Bearer {TOKEN}"

    def body_problem(self, body: object) -> str:
        """Whether it is text within the limit."""
        if not isinstance(body, str):
            return "Operation value must be a string"
        if len(body) > MOST_LETTERS:
            return (
                "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
            )
        return ""

    def by_hand(self, text: str) -> object:
        """Text with the line ends of a browser."""
        return text.replace("\n", "\r\n")

    def assigned(self, account: object) -> object:
        """Only who there is."""
        if account not in (None, {"name": "mia"}):
            raise Refused(400, assignee=f"User '{account}' does not exist.")
        return super().assigned(account)

    def routes(self) -> dict[str, Callable[..., Reply]]:
        """Those of the Data Center, too."""
        return {
            "GET /issue/createmeta/{}/issuetypes": lambda asked, key: reply(
                200, {"values": self.type_metadata(), "isLast": True}
            ),
            "GET /issue/createmeta/{}/issuetypes/{}": lambda asked, key, type_: reply(
                200, {"values": self.field_metadata(), "isLast": True}
            ),
            "GET /search": self.search,
            **super().routes(),
        }

    def reading(self, asked: Asked, path: str) -> str:
        """Tickets are read by their keys."""
        is_read = path == "/search" and asked.query["jql"].startswith("key in")
        return "read" if is_read else super().reading(asked, path)

    def search(self, asked: Asked) -> Reply:
        """GET /search; a query that is checked may name no issue that is not there."""
        jql = asked.query["jql"]
        keys = re.findall(r'"([A-Z]+-[0-9]+)"', jql)
        gone = [key for key in keys if key not in self.issues]
        if gone and asked.query.get("validateQuery") != "false":
            raise Refused(400, f"An issue with key '{gone[0]}' does not exist for field 'key'.")
        found = [self.issues[key] for key in keys if key in self.issues]
        issues = found if jql.startswith("key in") else self.found(jql)
        most = int(asked.query.get("maxResults", 50))
        shown = [self.shown(one) for one in issues[:most]]
        return reply(200, {"startAt": 0, "maxResults": most, "total": len(issues), "issues": shown})
