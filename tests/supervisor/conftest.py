"""Processes under test, and waiting for what they do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

PATIENCE_SECONDS = 120.0


def eventually(look: Callable[[], T], what: str) -> T:
    """Return what `look` returns as soon as it is true; fails when it never is."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        if time.monotonic() > until:
            pytest.fail(f"never seen: {what}")
        time.sleep(0.02)
    return seen


def is_running(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Rig:
    """A supervisor over stand-ins (tests/supervisor/rig.py)."""

    def __init__(self, directory: Path, *manners: str) -> None:
        self.directory = directory
        self.output = directory / "terminal"
        with self.output.open("w") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.supervisor.rig", str(directory), *manners],
                stdout=terminal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        for name in ("one", "two", "three", "four")[: len(manners)]:
            self.wait_for(f"{name} started")

    def events(self) -> list[str]:
        """Return what the stand-ins wrote, oldest first."""
        file = self.directory / "events"
        return file.read_text().splitlines() if file.exists() else []

    def wait_for(self, event: str, count: int = 1) -> None:
        """Return once an event with that beginning was written so often."""
        eventually(
            lambda: sum(e.startswith(event) for e in self.events()) >= count, f"{event} x{count}"
        )

    def pids(self, name: str) -> list[int]:
        """Return the process ids that a stand-in had, oldest first."""
        begin = f"{name} started "
        return [int(e.removeprefix(begin)) for e in self.events() if e.startswith(begin)]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send the supervisor a signal and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Start supervisors over stand-ins; none outlives the test."""
    rigs: list[Rig] = []

    def start(*manners: str) -> Rig:
        rigs.append(Rig(tmp_path, *manners))
        return rigs[-1]

    yield start
    for started in rigs:
        if started.process.poll() is None:
            started.process.kill()
            started.process.wait()


def environment_of_a_run(folder: Path) -> dict[str, str]:
    """Return the environment of a run with new data in `folder`, any free port, no kubeconfig."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AUTHZVIZ_", "DJANGO_"))}
    for name in ("REDIS_URL", "REDIS_URL_FILE", "DATABASE_URL", "DATABASE_URL_FILE"):
        kept.pop(name, None)
    return {
        **kept,
        "AUTHZVIZ_DATA": str(folder / "data"),
        "PORT": "0",
        "KUBECONFIG": str(folder / "none"),
    }


@pytest.fixture
def own_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a run of its own."""
    return environment_of_a_run(tmp_path)
