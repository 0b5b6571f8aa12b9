"""Processes that never outlive the lab: ended by their id, and by the kernel when the lab dies."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT = 20_000


class LabError(Exception):
    """Something of the lab did not come up; the message holds the tail of its log."""


class Process:
    """One running program in a session of its own, its output in a file.

    The kernel kills it when the thread that started it ends, however that happens: start it from a
    thread that lives as long as the lab.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        directory: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        parent = os.getpid()
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._popen = subprocess.Popen(
                command,
                cwd=directory,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509  only the child can ask
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def is_running(self) -> bool:
        return self._popen.poll() is None

    @property
    def exit_status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._popen.poll()

    def log_text(self) -> str:
        """Return what this run wrote, without that of an earlier process with the same file."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def stop(self) -> None:
        """Kill it and what it started. There is nothing worth a graceful end in a lab."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def wait_until(self, condition: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Return when the condition holds; raise LabError when it doesn't in time, or never can."""
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.is_running():
                raise LabError(f"{self.name} ended before {what}:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: no {what} in {seconds:g} s:\n{self._tail()}")
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _tail(self) -> str:
        """Return the last lines, of those that differ in nothing but their time only the last."""
        lines = {line.partition("] ")[2] or line: line for line in self.log_text().splitlines()}
        return "\n".join([*lines.values()][-15:])


def is_port_clash(process: Process) -> bool:
    return not process.is_running() and "address already in use" in process.log_text()


def free_port() -> int:
    """Return a loopback port that nothing listens on.

    It lies below the kernel's ephemeral ports: a client that retries against a stopped server there
    could otherwise be given that very port as its own, and connect to itself.
    """
    highest = int(_EPHEMERAL.read_text().split()[0]) - 1
    while True:
        port = _LOWEST_PORT + secrets.randbelow(max(highest - _LOWEST_PORT, 1_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _die_with(parent: int) -> None:
    """Runs in the child between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)
