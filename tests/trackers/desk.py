"""A running site with Gitea as its tracker: what people do there, and what became of tickets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.replay import Replay
    from tests.supervisor.sites import RunningSite
    from tests.supervisor.visitor import Page, Visitor
    from tests.trackers.gitea import Repository


@dataclass(frozen=True, slots=True)
class Desk:
    """An admin at the site, and the repository that they added as a tracker, `tracker` its key."""

    site: RunningSite
    visitor: Visitor
    repository: Repository
    tracker: str

    def click(self, slug: str) -> Page:
        """The answer to the one click on a cluster's page."""
        return self.visitor.post(f"/clusters/{slug}/ticket/", tracker=self.tracker)

    def act(self, ticket: object, act: str) -> Page:
        """The answer to an act on a ticket's page."""
        return self.visitor.post(f"/tickets/{ticket}/act/", act=act)

    def tickets(self, columns: str, where: str = "1") -> list[tuple[object, ...]]:
        """Columns of the tickets that the site has in this tracker."""
        return self.site.query(
            f"SELECT {columns} FROM dashboard_ticket"  # noqa: S608  our own words
            f" WHERE tracker_id = ? AND {where} ORDER BY id",
            self.tracker,
        )

    def markers(self) -> Counter[str]:
        """How many issues in the tracker carry each marker, whoever made them."""
        labels = [[label["name"] for label in each["labels"]] for each in self.repository.issues()]
        return Counter(name for names in labels for name in names if name.startswith("authzviz-"))


def open_desk(
    site: RunningSite, visitor: Visitor, repository: Repository, *, through: Replay | None = None
) -> Desk:
    """Add the repository as a tracker, on the page for that; `through` is a server before it."""
    gitea = repository.gitea
    added = visitor.post(
        "/trackers/add/gitea/",
        name="Gitea",
        its_url=through.url if through else gitea.url,
        its_repository=repository.path,
        its_token=gitea.token,
        its_ca=through.ca if through else gitea.authority,
    )
    assert added.status == 302, added.text
    return Desk(site, visitor, repository, added.location.strip("/").split("/")[-1])
