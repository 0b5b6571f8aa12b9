"""A site of Jira Cloud in memory.

Modelled on developer.atlassian.com/cloud/jira/platform/rest/v3: api-group-issues (create, edit,
transitions, bulk fetch, create metadata), -issue-search ("Search for issues using JQL enhanced
search"), -issue-comments, -user-search, -permissions, -projects, -myself, -server-info; and on
jira.atlassian.com/browse/JRACLOUD-93811: wrong credentials are nobody's, who may ask some things
all the same. Bodies are checked against the schema of Atlassian's document format (npm
@atlaskit/adf-schema 57.7.22, Apache-2.0).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

from jsonschema import Draft4Validator

from tests.replay import TOKEN, Asked, Reply
from tests.tickets.fake_jira import MOST_LETTERS, FakeJira, reply

EMAIL = "authzviz@example.org"
SCHEMA = Path(__file__).parents[1] / "data" / "schemas" / "adf-57.7.22.json"
ADF = Draft4Validator(json.loads(SCHEMA.read_text()))
_FOR_STRANGERS = ("/search/jql", "/issue/", "/serverInfo")


class FakeJiraCloud(FakeJira):
    """A fake tracker; two issues to a page of what is found."""

    root = "/rest/api/3"
    me = {"accountId": "5b10ac8d82e05b22cc7d4ef5", "displayName": "authzviz"}
    them = {"accountId": "5b10a2844c20165700ede21g", "displayName": "Mia Krystof"}
    page_size = 2

    def __init__(self) -> None:
        super().__init__()
        self.people = [self.them | {"emailAddress": "mia@example.org"}]

    def is_known(self, asked: Asked) -> bool:
        """Basic authentication with the token."""
        pair = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
        return asked.headers.get("authorization") == f"Basic {pair}"

    def reply_to_strangers(self, asked: Asked) -> Reply:
        """What nobody in particular may see: no issues."""
        path = asked.path.removeprefix(self.root)
        if path == "/search/jql":
            return reply(200, {"issues": [], "isLast": True})
        if path.startswith("/issue/") and path != "/issue/bulkfetch":
            said = "Issue does not exist or you do not have permission to see it."
            return reply(404, {"errorMessages": [said], "errors": {}})
        return super().reply_to_strangers(asked)

    def body_problem(self, body: object) -> str:
        """Whether it is a document within the limit."""
        if not ADF.is_valid(body):
            return (
                "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
            )
        return "CONTENT_LIMIT_EXCEEDED" if len(json.dumps(body)) > 10 * MOST_LETTERS else ""

    def by_hand(self, text: str) -> object:
        """A paragraph with the number that the editor gives it."""
        content = [{"type": "text", "text": text}]
        paragraph = {"type": "paragraph", "attrs": {"localId": "1a2b"}, "content": content}
        return {"type": "doc", "version": 1, "content": [paragraph]}

    def routes(self) -> dict[str, Callable[..., Reply]]:
        """Those of the Cloud, too."""
        return {
            "GET /issue/createmeta/{}/issuetypes": lambda asked, key: reply(
                200, {"issueTypes": self.type_metadata(), "total": 2}
            ),
            "GET /issue/createmeta/{}/issuetypes/{}": lambda asked, key, type_: reply(
                200, {"fields": self.field_metadata(), "total": 2}
            ),
            "GET /search/jql": self.search,
            "GET /search": lambda asked: reply(
                410, {"errorMessages": ["The requested API has been removed."], "errors": {}}
            ),
            "POST /issue/bulkfetch": self.fetch,
            "GET /user/assignable/search": self.search_people,
            "GET /serverInfo": lambda asked: reply(200, {"baseUrl": "https://ops.example.net"}),
            **super().routes(),
        }

    def reading(self, asked: Asked, path: str) -> str:
        """Bulk fetch is how tickets are read."""
        return "read" if path == "/issue/bulkfetch" else super().reading(asked, path)

    def search(self, asked: Asked) -> Reply:
        """GET /search/jql; without fields there are only ids."""
        found = self.found(asked.query["jql"])
        start = int(asked.query.get("nextPageToken", "t0")[1:])
        page, rest = found[start : start + self.page_size], found[start + self.page_size :]
        shown = [self.shown(one) for one in page]
        if "status" not in asked.query.get("fields", ""):
            shown = [{"id": one["id"]} for one in shown]
        token = {"nextPageToken": f"t{start + self.page_size}"} if rest else {}
        return reply(200, {"issues": shown, "isLast": not rest, **token})

    def fetch(self, asked: Asked) -> Reply:
        """POST /issue/bulkfetch, at most 100; what is not there is not told of."""
        keys = asked.json()["issueIdsOrKeys"]
        if len(keys) > 100:
            return reply(400, {"errorMessages": ["Too many issues requested."], "errors": {}})
        issues = [self.issues[key] for key in keys if key in self.issues]
        return reply(200, {"issues": [self.shown(one) for one in issues], "issueErrors": []})

    def search_people(self, asked: Asked) -> Reply:
        """GET /user/assignable/search"""
        query = asked.query["query"].casefold()
        return reply(200, [one for one in self.people if query in json.dumps(one).casefold()])
