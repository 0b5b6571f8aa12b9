"""A real Gitea on loopback, over HTTPS, with what is in its repositories seen as people see it."""

from __future__ import annotations

import http.client
import json
import os
import pwd
import re
import secrets
import ssl
import subprocess
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lab.pki import Authority
from tests.lab.process import LabError, Process, free_port, is_port_clash
from tests.trackers.gitea_build import GITEA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_START_SECONDS = 60
_TIMEOUT_SECONDS = 30
OWNER, PRODUCT, PERSON = "platform", "authzviz", "robin"
# What a token needs to make, find, change, close and label issues and to name who does it.
SCOPES = ("read:repository", "read:user", "write:issue")
# https://docs.gitea.com/administration/config-cheat-sheet
_SETTINGS = """\
APP_NAME = Gitea
RUN_MODE = prod
RUN_USER = {user}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = {folder}

[server]
PROTOCOL = https
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = {url}/
CERT_FILE = {folder}/server.crt
KEY_FILE = {folder}/server.key
STATIC_ROOT_PATH = {static}
OFFLINE_MODE = true
DISABLE_SSH = true

[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
SQLITE_JOURNAL_MODE = WAL

[security]
INSTALL_LOCK = true
INTERNAL_TOKEN = {internal_token}
SECRET_KEY = {secret_key}
PASSWORD_HASH_ALGO = pbkdf2_v1
MIN_PASSWORD_LENGTH = 8

[service]
DISABLE_REGISTRATION = true

[oauth2]
ENABLED = false

[session]
PROVIDER = memory

[log]
MODE = console
LEVEL = Warn

[cron]
ENABLED = false

[cron.update_checker]
ENABLED = false

[mailer]
ENABLED = false

[actions]
ENABLED = false

[packages]
ENABLED = false
"""


class GiteaError(Exception):
    """Gitea answered with a status that the caller did not expect."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of the running Gitea; what is done here is done by a person, not the product."""

    gitea: Gitea
    name: str

    @property
    def path(self) -> str:
        """Owner and name, as in its address."""
        return f"{OWNER}/{self.name}"

    def issues(self) -> list[dict[str, Any]]:
        """Return every issue as Gitea's API shows it, open and closed, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            page = len(found) // 50 + 1
            query = f"?state=all&type=issues&limit=50&page={page}"
            found += (issues := self._request("GET", f"/issues{query}"))
            if len(issues) < 50:
                return sorted(found, key=lambda issue: issue["number"])

    def issue(self, number: int) -> dict[str, Any]:
        issue: dict[str, Any] = self._request("GET", f"/issues/{number}")
        return issue

    def comments(self, number: int) -> list[dict[str, Any]]:
        """Return the comments of an issue, oldest first."""
        comments: list[dict[str, Any]] = self._request("GET", f"/issues/{number}/comments")
        return comments

    def create_by_hand(self, title: str, body: str = "") -> int:
        """Return the number of the new issue."""
        issue = self._request("POST", "/issues", {"title": title, "body": body})
        return int(issue["number"])

    def close_by_hand(self, number: int) -> None:
        self.edit_by_hand(number, state="closed")

    def reopen_by_hand(self, number: int) -> None:
        self.edit_by_hand(number, state="open")

    def edit_by_hand(self, number: int, **fields: object) -> None:
        """Change fields of EditIssueOption: title, body, state, assignees, due_date."""
        self._request("PATCH", f"/issues/{number}", fields)

    def comment_by_hand(self, number: int, text: str) -> None:
        self._request("POST", f"/issues/{number}/comments", {"body": text})

    def archive(self) -> None:
        """Make it read-only, as its owner may."""
        path = f"/api/v1/repos/{self.path}"
        self.gitea.request("PATCH", path, {"archived": True}, token=self.gitea.admin_token)

    def remove(self, number: int) -> None:
        """Remove an issue and its comments, as only the repository's owner may."""
        path = f"/api/v1/repos/{self.path}/issues/{number}"
        self.gitea.request("DELETE", path, token=self.gitea.admin_token)

    def _request(self, method: str, path: str, body: object = None) -> Any:
        whole = f"/api/v1/repos/{self.path}{path}"
        return self.gitea.request(method, whole, body, token=self.gitea.person_token)


class Gitea:
    """A Gitea with its data in `folder`: its own certificate, an owner, the product and a person.

    `authority` is the PEM of what its certificate is trusted by, `token` the product's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._program = GITEA.binary()
        authority = Authority("gitea-ca")
        self.authority = authority.certificate
        self._trust = ssl.create_default_context(cadata=self.authority)
        server = authority.server("gitea")
        (folder / "server.crt").write_text(server.certificate)
        (folder / "server.key").write_text(server.key)
        self._secrets = {"internal_token": _secret(), "secret_key": _secret()}
        self._password = _secret()
        self._port = 0
        self._process: Process | None = None
        self.admin_token = self.token = self.person_token = ""

    def set_up(self) -> None:
        """Start it and make its users."""
        self._start()
        self.admin_token = self._make_owner()
        self.token = self._make_user(PRODUCT, SCOPES)
        self.person_token = self._make_user(PERSON, SCOPES)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def repository(self, name: str, *, permission: str = "write") -> Repository:
        """Return a new, empty repository; the person may write to it, the product what is said."""
        body = {"name": name, "private": True}
        self.request("POST", "/api/v1/user/repos", body, token=self.admin_token)
        for user, may in ((PRODUCT, permission), (PERSON, "write")):
            path = f"/api/v1/repos/{OWNER}/{name}/collaborators/{user}"
            self.request("PUT", path, {"permission": may}, token=self.admin_token)
        return Repository(self, name)

    def make_token(self, *scopes: str) -> str:
        """Return another token of the product's user, with these scopes."""
        return self._make_token(PRODUCT, scopes)

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        if self._process:
            self._process.stop()

    def restart(self) -> None:
        """Start it anew on the same data and port, where it isn't running."""
        if not (self._process and self._process.is_running()):
            self._wait(self._launch())

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = "",
        password: tuple[str, str] | None = None,
    ) -> Any:
        """Return the parsed answer, None for an empty one; raise GiteaError where it isn't 2xx."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"token {token}"
        if password:
            headers["Authorization"] = f"Basic {b64encode(':'.join(password).encode()).decode()}"
        content = b"" if body is None else json.dumps(body).encode()
        status, _, answer = self.exchange(method, path, headers, content)
        if not 200 <= status < 300:
            raise GiteaError(f"{method} {path}: {status} {answer.decode(errors='replace')}")
        return json.loads(answer) if answer else None

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body of the answer, as they are."""
        connection = http.client.HTTPSConnection(
            self.address, timeout=_TIMEOUT_SECONDS, context=self._trust
        )
        try:
            connection.request(method, target, body, dict(headers))
            with connection.getresponse() as response:
                return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def _start(self) -> None:
        while True:
            self._port = free_port()
            self._write_settings()
            process = self._launch()
            try:
                return self._wait(process)
            except LabError:
                if not is_port_clash(process):
                    raise

    def _write_settings(self) -> None:
        text = _SETTINGS.format(
            user=pwd.getpwuid(os.getuid()).pw_name,
            folder=self.folder,
            port=self._port,
            url=self.url,
            static=self._program.parent,
            **self._secrets,
        )
        (self.folder / "app.ini").write_text(text)

    def _launch(self) -> Process:
        log = self.folder / "gitea.log"
        web = Process("gitea", self._command("web"), directory=self.folder, log=log)
        self._process = web
        return web

    def _wait(self, process: Process) -> None:
        process.wait_until(self._is_healthy, "answer on /api/healthz", seconds=_START_SECONDS)

    def _is_healthy(self) -> bool:
        try:
            self.request("GET", "/api/healthz")
        except (OSError, http.client.HTTPException, GiteaError):
            return False
        return True

    def _command(self, *arguments: str) -> list[str | Path]:
        return [self._program, "--config", self.folder / "app.ini", *arguments]

    def _make_owner(self) -> str:
        """Return the token of an administrator, whom only the command line can make."""
        who = ["--username", OWNER, "--email", f"{OWNER}@example.org", "--password", self._password]
        token = ["--access-token", "--access-token-name", "lab", "--access-token-scopes", "all"]
        ended = subprocess.run(
            self._command("admin", "user", "create", "--admin", *who, *token),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r"Access token was successfully created\.\.\. (\w+)", ended.stdout)
        if not found:
            raise LabError(f"gitea admin user create: {ended.stdout}{ended.stderr}")
        return found[1]

    def _make_user(self, name: str, scopes: Sequence[str]) -> str:
        body = {
            "username": name,
            "email": f"{name}@example.org",
            "password": self._password,
            "must_change_password": False,
        }
        self.request("POST", "/api/v1/admin/users", body, token=self.admin_token)
        return self._make_token(name, scopes)

    def _make_token(self, user: str, scopes: Sequence[str]) -> str:
        body = {"name": secrets.token_hex(4), "scopes": list(scopes)}
        path = f"/api/v1/users/{user}/tokens"
        return str(self.request("POST", path, body, password=(user, self._password))["sha1"])


@contextmanager
def running_gitea(folder: Path) -> Iterator[Gitea]:
    """A Gitea of its own with its data in `folder`, ended with all it started."""
    gitea = Gitea(folder)
    try:
        gitea.set_up()
        yield gitea
    finally:
        gitea.kill()


def _secret() -> str:
    return secrets.token_hex(24)
