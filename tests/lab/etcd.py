"""One etcd for all clusters of a lab: each has a key prefix of its own."""

from __future__ import annotations

import http.client
import shutil
import subprocess
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Self

from tests.lab.process import LabError, Process, free_port, is_port_clash

if TYPE_CHECKING:
    from pathlib import Path

_START_SECONDS = 30
_QUOTA_BYTES = 4 << 30


class Etcd:
    """A running etcd with its data in `directory`; `url` is where clients reach it."""

    def __init__(self, directory: Path) -> None:
        self.url = ""
        self._directory = directory
        self.process = self._start()

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> Process:
        while True:
            process = self._launch(free_port(), free_port())
            try:
                process.wait_until(self._is_healthy, "answer on /health", seconds=_START_SECONDS)
            except BaseException as error:
                process.stop()
                if not (isinstance(error, LabError) and is_port_clash(process)):
                    raise
            else:
                return process

    def _launch(self, port: int, peer_port: int) -> Process:
        self.url = f"http://127.0.0.1:{port}"
        peer = f"http://127.0.0.1:{peer_port}"
        command = [
            etcd_program(),
            f"--data-dir={self._directory / 'etcd'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            f"--quota-backend-bytes={_QUOTA_BYTES}",
            *_unsafe_flags(),
        ]
        log = self._directory / "etcd.log"
        return Process("etcd", command, directory=self._directory, log=log)

    def _is_healthy(self) -> bool:
        address = self.url.removeprefix("http://")
        try:
            with closing(http.client.HTTPConnection(address, timeout=5)) as connection:
                connection.request("GET", "/health")
                return b'"true"' in connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False


def etcd_program() -> str:
    """Return the path of etcd; raise LabError with what to install where there is none."""
    found = shutil.which("etcd")
    if found is None:
        raise LabError("the lab needs etcd: apt-get install etcd-server")
    return found


@cache
def _unsafe_flags() -> tuple[str, ...]:
    """A lab's data may be lost with the machine: later etcds (3.5) need not wait for the disk."""
    text = subprocess.run([etcd_program(), "--help"], capture_output=True, text=True, check=False)
    return ("--unsafe-no-fsync",) if "unsafe-no-fsync" in text.stdout + text.stderr else ()
