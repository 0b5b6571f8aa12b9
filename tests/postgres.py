"""A PostgreSQL for tests alone: Debian's program, a throw-away cluster in a temporary folder.

Nothing of the system's PostgreSQL is started or touched. It listens on a Unix socket only, in a
folder of its owner alone, and needs no password there.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.lab.process import LabError, Process

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = Path("/usr/lib/postgresql")
_START_SECONDS, _STOP_SECONDS = 60, 20
_USER = "authzviz"
# It may be lost with the machine: nothing has to reach the disk.
_UNSAFE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@contextmanager
def open_postgres() -> Iterator[str]:
    """Yield the DATABASE_URL of a fresh cluster, which ends and is removed afterwards."""
    programs = _programs()
    # Short, as a socket's path may have 107 letters.
    with tempfile.TemporaryDirectory(prefix="authzviz-pg-") as name:
        directory = Path(name)
        if os.geteuid() == 0:
            owner = _unprivileged()
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        _make_cluster(programs, directory)
        with _server(programs, directory):
            yield f"postgres://{_USER}@/postgres?host={directory}"


def _programs() -> Path:
    """The folder of the newest version's programs; LabError says what to install."""
    found = sorted(_PROGRAMS.glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        raise LabError("PostgreSQL is needed: apt-get install postgresql")
    return found[-1]


def _unprivileged() -> pwd.struct_passwd:
    """Who runs it when we are root, as whom it refuses to run."""
    with suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def _as_its_owner(command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    owner = _unprivileged()
    ids = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    # Changing the user forgets that the kernel is to end it with us.
    return ["setpriv", *ids, "--pdeathsig=QUIT", *command]


def _make_cluster(programs: Path, directory: Path) -> None:
    command = [
        str(programs / "initdb"),
        f"--pgdata={directory / 'data'}",
        f"--username={_USER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    made = subprocess.run(
        _as_its_owner(command), cwd=directory, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise LabError(f"initdb ended with {made.returncode}:\n{made.stdout}{made.stderr}")


@contextmanager
def _server(programs: Path, directory: Path) -> Iterator[None]:
    command = [
        str(programs / "postgres"),
        "-D",
        str(directory / "data"),
        "-k",
        str(directory),
        "-h",
        "",
        *(word for setting in _UNSAFE for word in ("-c", setting)),
    ]
    log = directory / "log"
    with Process("postgres", _as_its_owner(command), directory=directory, log=log) as server:
        server.wait_until(
            lambda: _answers(directory), "answer on its socket", seconds=_START_SECONDS
        )
        try:
            yield
        finally:
            # In order, unlike the rest of the lab: killed, it leaves shared memory behind.
            os.kill(server.pid, signal.SIGINT)
            with suppress(LabError):
                server.wait_until(lambda: not server.is_running(), "end", seconds=_STOP_SECONDS)


def _answers(directory: Path) -> bool:
    try:
        psycopg.connect(host=str(directory), user=_USER, dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
