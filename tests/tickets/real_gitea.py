"""The real Gitea on the contract's stage: what stands before it passes requests on, so that the
faults of the stage can be put on any of them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from authzviz.tickets.registry import KINDS
from tests.replay import TOKEN
from tests.tickets.stage import Stage
from tests.trackers.passing import pass_on

if TYPE_CHECKING:
    from tests.replay import Asked, Reply
    from tests.trackers.gitea import Repository

_ISSUES = re.compile(r"/issues(?P<one>/\d+)?(?P<comments>/comments)?(/\d+)?$")


class RealGitea:
    """A repository of the real Gitea. Whether a search is late is for Gitea to say."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    @property
    def search_is_late(self) -> bool:
        """Never said."""
        return False

    @search_is_late.setter
    def search_is_late(self, value: bool) -> None:
        pytest.skip("a real search is late when it pleases")

    def act(self, asked: Asked) -> str:
        """Which act it is."""
        found = _ISSUES.search(asked.path)
        if not found:
            return "other"
        if asked.method == "POST":
            return "comment" if found["comments"] else "create"
        if asked.method == "PATCH":
            states = {"closed": "close", "open": "reopen", "": "update"}
            return "edit-comment" if found["comments"] else states[asked.json().get("state", "")]
        return "read" if found["one"] else "find"

    def reply(self, asked: Asked) -> Reply:
        """What Gitea answers. It knows the product by another token, whatever is told of TOKEN."""
        gitea = self._repository.gitea
        known = asked.headers["authorization"].replace(TOKEN, gitea.token)
        return pass_on(gitea, replace(asked, headers={**asked.headers, "authorization": known}))

    def count(self) -> int:
        """How many issues there are."""
        return len(self._repository.issues())

    def comments(self, id_: str) -> list[str]:
        """The texts of an issue's comments, the oldest first."""
        return [one["body"] for one in self._repository.comments(int(id_))]

    def say(self, id_: str, text: str) -> None:
        """A comment of somebody else."""
        self._repository.comment_by_hand(int(id_), text)

    def remove(self, id_: str) -> None:
        """Remove an issue."""
        self._repository.remove(int(id_))

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Change an issue, as people do."""
        self._repository.edit_by_hand(int(id_), title=title, body=body)


def real_gitea(repository: Repository) -> Stage:
    """The stage, with an empty repository."""
    values = {"url": "{url}", "repository": repository.path}
    return Stage(KINDS["gitea"], RealGitea(repository), values, {"token": TOKEN})
