"""A real Redmine before its adapter, with the faults that a stage switches on."""

from __future__ import annotations

from tests.replay import TOKEN, Asked, Reply
from tests.tickets.fake_redmine import FakeRedmine
from tests.tickets.stage import Fake
from tests.trackers.redmine import Project


class RealRedmine(Fake):
    """Passes on to a project of a real one what it is asked, with the product's key for TOKEN."""

    search_is_late = False

    def __init__(self, project: Project) -> None:
        self._project = project
        self._redmine = project.redmine
        self._as_fake = FakeRedmine()

    def act(self, asked: Asked) -> str:
        """As for the fake."""
        return self._as_fake.act(asked)

    def reply(self, asked: Asked) -> Reply:
        """What Redmine answers."""
        key = asked.headers.get("x-redmine-api-key", "")
        return self._redmine.forward(
            asked.method, asked.target, asked.body, key=self._redmine.key if key == TOKEN else key
        )

    def count(self) -> int:
        """How many issues there are."""
        return len(self._project.issues())

    def comments(self, id_: str) -> list[str]:
        """The notes of an issue, the oldest first."""
        return [str(one["notes"]) for one in self._project.notes(int(id_))]

    def say(self, id_: str, text: str) -> None:
        """A note of a person."""
        self._project.edit_by_hand(int(id_), notes=text)

    def remove(self, id_: str) -> None:
        """Remove an issue, as its owner does."""
        self._project.remove(int(id_))

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Change an issue, as a person does."""
        self._project.edit_by_hand(int(id_), subject=title, description=body)
