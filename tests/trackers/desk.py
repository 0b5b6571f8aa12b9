"""A running site with a real tracker: what people do there, and what became of tickets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.trackers.gitea import Repository

if TYPE_CHECKING:
    from tests.replay import Replay
    from tests.supervisor.sites import RunningSite
    from tests.supervisor.visitor import Page, Visitor
    from tests.trackers.gitea import Gitea
    from tests.trackers.redmine import Project, RepositoryView


@dataclass(frozen=True, slots=True)
class Desk:
    """An admin at the site, and the repository that they added as a tracker, `tracker` its key."""

    site: RunningSite
    visitor: Visitor
    repository: Repository | RepositoryView
    tracker: str

    @property
    def gitea(self) -> Gitea:
        """The Gitea that the repository is in."""
        assert isinstance(self.repository, Repository)
        return self.repository.gitea

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
    tracker = _add(
        visitor,
        "gitea",
        its_url=through.url if through else gitea.url,
        its_repository=repository.path,
        its_token=gitea.token,
        its_ca=through.ca if through else gitea.authority,
    )
    return Desk(site, visitor, repository, tracker)


def open_desk_in_redmine(site: RunningSite, visitor: Visitor, project: Project) -> Desk:
    """The same with a project of Redmine."""
    redmine = project.redmine
    tracker = _add(
        visitor,
        "redmine",
        its_url=redmine.url,
        its_project=project.identifier,
        its_key=redmine.key,
        its_formatting="markdown",
        its_ca=redmine.authority,
    )
    return Desk(site, visitor, project.as_repository(), tracker)


def _add(visitor: Visitor, kind: str, **fields: str) -> str:
    added = visitor.post(f"/trackers/add/{kind}/", name=kind.title(), **fields)
    assert added.status == 302, added.text
    return added.location.strip("/").split("/")[-1]
