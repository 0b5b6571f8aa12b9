"""The whole product under its supervisor, as a person runs it."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.supervisor.conftest import PATIENCE_SECONDS, eventually, is_running

# What a program's command line holds and no other's does.
WORDS = {"broker": "-server", "worker": "worker", "scheduler": "beat", "web": "gunicorn"}


class RunningSite:
    """A supervisor with all its programs, and its page's address."""

    def __init__(self, environment: dict[str, str], terminal: Path) -> None:
        self.environment = environment
        self.data = Path(environment["AUTHZVIZ_DATA"])
        self._terminal = terminal
        with terminal.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "authzviz.supervisor"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def lines(self) -> list[str]:
        """Return what the terminal shows."""
        return self._terminal.read_text().splitlines()

    def sign_in_link(self) -> str:
        """Return the link once it stands in the terminal."""

        def link() -> str:
            assert self.process.poll() is None, self.lines()
            begin = "sign-in link: "
            links = [line for line in self.lines() if line.startswith(begin)]
            return links[0].removeprefix(begin) if links else ""

        return eventually(link, "a sign-in link")

    def pid(self, program: str) -> int:
        """Return the process of a program, waiting for it if it is about to start."""

        def found() -> int:
            pids = [p for p in children(self.process.pid) if WORDS[program] in command_line(p)]
            return pids[0] if pids else 0

        return eventually(found, f"a running {program}")

    def pids(self) -> list[int]:
        """Return every process of the site but the supervisor's."""
        found = children(self.process.pid)
        for pid in found:
            found += children(pid)
        return found

    def query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Return rows of the site's database."""
        with closing(sqlite3.connect(self.data / "authzviz.sqlite3", timeout=20)) as database:
            return database.execute(sql, values).fetchall()

    def change(self, sql: str, *values: object) -> None:
        """Change rows of the site's database."""
        with closing(sqlite3.connect(self.data / "authzviz.sqlite3", timeout=20)) as database:
            database.execute(sql, values)
            database.commit()

    def run(self, *arguments: str) -> str:
        """Return what a module prints that runs in this site's environment."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env={**self.environment, "DJANGO_SETTINGS_MODULE": "authzviz.settings"},
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_SECONDS,
        ).stdout.strip()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send the supervisor a signal and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running(environment: dict[str, str], terminal: Path) -> Iterator[RunningSite]:
    """A site until the block ends, whatever happens in it."""
    site = RunningSite(environment, terminal)
    try:
        yield site
    finally:
        if site.process.poll() is None:
            site.end()


def children(pid: int) -> list[int]:
    """Return the child processes of a process."""
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def command_line(pid: int) -> str:
    """Return the arguments of a process, joined by spaces; nothing for one that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def none_runs(pids: list[int]) -> None:
    """Return once none of these processes is left."""
    eventually(lambda: not any(map(is_running, pids)), f"the end of {pids}")


def kill(pid: int) -> None:
    """Kill a process as the kernel does when memory runs out."""
    os.kill(pid, signal.SIGKILL)
