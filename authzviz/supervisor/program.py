"""What is run: a program as a value, and how its process starts so that it cannot outlive us."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec a child must not import.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """A program to keep running, or to run once.

    `drain_seconds` is how long it may take to end after SIGTERM. Above `memory_limit` (bytes,
    resident) it is asked to end and started again. `before_restart` is called with the number of
    quick failures in a row.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str | None = None
    drain_seconds: float = 5.0
    memory_limit: int | None = None
    pass_fds: tuple[int, ...] = ()
    before_restart: Callable[[int], None] | None = None


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends, however it ends.

    `parent` is the process id of that parent: it may have died before this was said. Linux only;
    elsewhere a killed supervisor leaves its children behind.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def spawn(
    program: Program, *, stdout: IO[bytes], stderr: IO[bytes] | int = subprocess.STDOUT
) -> subprocess.Popen[bytes]:
    """Start the program in a session of its own, so that Ctrl-C reaches only the supervisor.

    Raises OSError when it cannot be started.
    """
    parent = os.getpid()
    return subprocess.Popen(
        program.argv,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=program.directory,
        env={**os.environ, **program.environment},
        pass_fds=program.pass_fds,
        start_new_session=True,
        # Safe here: there is one thread, so no lock can be held across the fork.
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever it started; nothing happens when all are gone."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        return


def how_it_ended(returncode: int) -> str:
    """Return words for an exit status as subprocess gives it: `SIGKILL`, `exit status 1`."""
    if returncode < 0:
        return signal.Signals(-returncode).name
    return f"exit status {returncode}"


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 where it can't be told (gone, or no /proc)."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:  # noqa: PTH123
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
