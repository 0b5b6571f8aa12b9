"""A real Redmine on loopback, over HTTPS, with what is in its projects seen as people see it."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.go import cache_directory
from tests.lab.pki import Authority
from tests.lab.process import LabError, Process, free_port, is_port_clash
from tests.replay import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SCRIPT = Path(__file__).parents[2] / "scripts" / "redmine"
_START_SECONDS = 90
_TIMEOUT_SECONDS = 60
OWNER, PRODUCT, PERSON = "owner", "authzviz", "robin"
VERSION = "5.0.4"
CLOSED = 5


def build() -> Path:
    """Where Redmine lies with an empty database; takes a minute the first time, then nothing."""
    built = cache_directory() / f"redmine-{VERSION}"
    # Its output tells what to install where that can't be done here.
    subprocess.run([_SCRIPT, built], check=True)
    return built


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of Redmine; `body` is None where it has none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class RedmineError(Exception):
    """Redmine answered with a status that the caller did not expect."""


class Redmine:
    """A Redmine with its data in `folder`: its own certificate, an owner, the product, a person.

    `authority` is the PEM of what its certificate is trusted by, `key` the product's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(build() / "app", folder / "app", symlinks=True)
        accounts = json.loads((folder / "app" / "accounts.json").read_text())
        self._users: dict[str, dict[str, Any]] = accounts["users"]
        self._roles: dict[str, int] = accounts["roles"]
        authority = Authority("redmine-ca")
        self.authority = authority.certificate
        self._trust = ssl.create_default_context(cadata=self.authority)
        server = authority.server("redmine")
        (folder / "server.crt").write_text(server.certificate)
        (folder / "server.key").write_text(server.key)
        self._port = 0
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def key(self) -> str:
        """The product's API key."""
        return self.key_of(PRODUCT)

    def key_of(self, user: str) -> str:
        """The API key of that user."""
        return str(self._users[user]["key"])

    def id_of(self, user: str) -> int:
        """The number of that user."""
        return int(self._users[user]["id"])

    def start(self) -> None:
        """Serve it with Puma."""
        while True:
            self._port = free_port()
            process = self._launch()
            try:
                return process.wait_until(self._is_up, "answer", seconds=_START_SECONDS)
            except LabError:
                if not is_port_clash(process):
                    raise

    def stop(self) -> None:
        """End it with all it started."""
        if self._process:
            self._process.stop()

    def project(self, identifier: str) -> Project:
        """A new project, in which the product opens issues and the person may do everything."""
        made = {"name": identifier, "identifier": identifier, "is_public": False}
        whole = {**made, "enabled_module_names": ["issue_tracking"], "tracker_ids": [1, 2, 3]}
        self.request("POST", "/projects.json", {"project": whole}, user=OWNER)
        for user, role in ((PRODUCT, "product"), (PERSON, "person")):
            membership = {"user_id": self.id_of(user), "role_ids": [self._roles[role]]}
            path = f"/projects/{identifier}/memberships.json"
            self.request("POST", path, {"membership": membership}, user=OWNER)
        return Project(self, identifier)

    def request(self, method: str, path: str, body: object = None, *, user: str) -> Any:
        """The parsed answer, None for an empty one; raises RedmineError where it isn't 2xx."""
        answer = self.answer(method, path, body, key=self.key_of(user))
        if not 200 <= answer.status < 300:
            raise RedmineError(f"{method} {path}: {answer.status} {answer.body}")
        return answer.body

    def answer(self, method: str, path: str, body: object = None, *, key: str) -> Answered:
        """Whatever Redmine answers."""
        content = b"" if body is None else json.dumps(body).encode()
        status, headers, text = self.forward(method, path, content, key=key)
        return Answered(status, headers, json.loads(text) if text.strip() else None)

    def forward(self, method: str, path: str, body: bytes, *, key: str) -> Reply:
        """Whatever Redmine answers, as it is."""
        headers = {"Content-Type": "application/json", "X-Redmine-API-Key": key}
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS, context=self._trust
        )
        try:
            connection.request(method, path, body or None, headers)
            with connection.getresponse() as response:
                return response.status, _kept(response), response.read()
        finally:
            connection.close()

    def _launch(self) -> Process:
        certificate = f"key={self.folder / 'server.key'}&cert={self.folder / 'server.crt'}"
        bound = f"ssl://127.0.0.1:{self._port}?{certificate}"
        puma = ["bundle", "exec", "puma", "-e", "production", "-t", "1:4", "-b", bound, "config.ru"]
        app, log = self.folder / "app", self.folder / "redmine.log"
        process = Process(
            "redmine", puma, directory=app, log=log, environment={"RAILS_ENV": "production"}
        )
        self._process = process
        return process

    def _is_up(self) -> bool:
        try:
            return self.answer("GET", "/users/current.json", key=self.key).status == 200
        except (OSError, http.client.HTTPException):
            return False


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the running Redmine; what is done here is done by a person, not the product."""

    redmine: Redmine
    identifier: str

    def issues(self) -> list[dict[str, Any]]:
        """Every issue, open and closed, oldest first (at most 100)."""
        query = f"project_id={self.identifier}&status_id=*&sort=id&limit=100"
        found: list[dict[str, Any]] = self._ask("GET", f"/issues.json?{query}")["issues"]
        return found

    def notes(self, number: int) -> list[dict[str, Any]]:
        """The notes of an issue, oldest first."""
        issue = self._ask("GET", f"/issues/{number}.json?include=journals")["issue"]
        return [one for one in issue["journals"] if one["notes"]]

    def edit_by_hand(self, number: int, **fields: object) -> None:
        """Change fields of an issue: subject, description, status_id, notes."""
        self._ask("PUT", f"/issues/{number}.json", {"issue": fields})

    def as_repository(self) -> RepositoryView:
        """The same in the words of Gitea's API, for tests that run on either."""
        return RepositoryView(self)

    def remove(self, number: int) -> None:
        """Delete an issue, as its owner may."""
        self.redmine.request("DELETE", f"/issues/{number}.json", user=OWNER)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return self.redmine.request(method, path, body, user=PERSON)


@dataclass(frozen=True, slots=True)
class RepositoryView:
    """A project whose issues are shown as Gitea's API shows its own, the marker as a label."""

    project: Project

    def issues(self) -> list[dict[str, Any]]:
        """Every issue, oldest first."""
        return [self._shown(one) for one in self.project.issues()]

    def comments(self, number: int) -> list[dict[str, Any]]:
        """The notes of an issue, oldest first."""
        return [{"body": one["notes"]} for one in self.project.notes(number)]

    def close_by_hand(self, number: int) -> None:
        """Set the first status that is closed."""
        self.project.edit_by_hand(number, status_id=CLOSED)

    def _shown(self, issue: dict[str, Any]) -> dict[str, Any]:
        marker, _, title = issue["subject"].removeprefix("[").partition("] ")
        return {
            "number": issue["id"],
            "title": title,
            "body": issue["description"],
            "labels": [{"name": marker}],
            "state": "closed" if issue["status"]["is_closed"] else "open",
            "html_url": f"{self.project.redmine.url}/issues/{issue['id']}",
        }


def _kept(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name: text for name, text in response.headers.items() if name == "Content-Type"}


@contextmanager
def running_redmine(folder: Path) -> Iterator[Redmine]:
    """A Redmine of its own with its data in `folder`, ended with all it started."""
    redmine = Redmine(folder)
    try:
        redmine.start()
        yield redmine
    finally:
        redmine.stop()


if __name__ == "__main__":
    print(build())
