"""Where this run lives: what the environment says, the data directory and its lock, the address."""

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CHECKOUT = Path(__file__).resolve().parents[2]
_ADDRESS_PATIENCE_SECONDS = 2.0


class CannotStart(Exception):
    """A reason not to start, in words for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the environment decides. Port 0 means any free one; `public_url` is where people reach
    it through a TLS proxy, if they do; `worker_memory` is in bytes."""

    data: Path
    bind: str
    port: int
    brings_broker: bool
    public_url: str | None
    has_kubeconfig: bool
    worker_memory: int


def read_place(environ: Mapping[str, str]) -> Place:
    """Return the place that these variables describe; an empty one is as good as none.

    Raises CannotStart with the name of the variable.
    """
    data = Path(environ.get("AUTHZVIZ_DATA") or CHECKOUT / "data").expanduser()
    return Place(
        data=Path(os.path.abspath(data)),  # noqa: PTH100 - a symbolic link stays one
        bind=(environ.get("AUTHZVIZ_BIND") or "127.0.0.1").strip("[]"),
        port=_number(environ, "PORT", 8000, 65_535),
        brings_broker=bool(environ.get("REDIS_URL") or environ.get("REDIS_URL_FILE")),
        public_url=_public_url(environ),
        has_kubeconfig=_has_kubeconfig(environ),
        worker_memory=_number(environ, "AUTHZVIZ_WORKER_MEMORY_MB", 1024, 1_000_000) * 1_000_000,
    )


def _number(environ: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and int(text) <= highest):
        raise CannotStart(f"{name} must be a number up to {highest}, not {text!r}.")
    return int(text)


def _public_url(environ: Mapping[str, str]) -> str | None:
    """Return https and the first full name of AUTHZVIZ_ALLOWED_HOSTS where AUTHZVIZ_TLS is on."""
    if environ.get("AUTHZVIZ_TLS", "").lower() not in ("true", "yes", "on", "1"):
        return None
    names = environ.get("AUTHZVIZ_ALLOWED_HOSTS", "").replace(",", " ").split()
    return next((f"https://{name}" for name in names if name[0] not in ".*"), None)


def _has_kubeconfig(environ: Mapping[str, str]) -> bool:
    """Tell whether kubectl would find a kubeconfig: $KUBECONFIG's files, else ~/.kube/config."""
    listed = environ.get("KUBECONFIG")
    default = str(Path(environ.get("HOME", "/")) / ".kube" / "config")
    return any(Path(p).is_file() for p in (listed or default).split(os.pathsep) if p)


def take(data: Path) -> IO[str]:
    """Make the data directory ours and return the lock; it is held while that file is open.

    Raises CannotStart when another supervisor has it, or others could change what is in it.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(data.stat().st_mode) & 0o022:
            raise CannotStart(f"Others may write to {data}: chmod 700 it, or set AUTHZVIZ_DATA.")
        lock = (data / "supervisor.lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"The data directory {data}: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "starting"
        lock.close()
        raise CannotStart(
            f"Another authzviz ({holder}) runs on {data}. End it, or set AUTHZVIZ_DATA."
        ) from None
    return lock


def note_holder(lock: IO[str], url: str) -> None:
    """Write into the lock who holds it, for the one who comes second."""
    lock.truncate(0)
    lock.write(f"process {os.getpid()}, {url}\n")
    lock.flush()


def listen(bind: str, port: int) -> socket.socket:
    """Return the listening socket that the web server will be handed.

    Opened here so that a port in use is known before anything starts, and so that browsers wait
    rather than fail while the web server restarts. Raises CannotStart.
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    until = time.monotonic() + _ADDRESS_PATIENCE_SECONDS
    while True:
        try:
            return socket.create_server((bind, port), family=family, backlog=512)
        except OSError as error:
            # A run that was just killed may not be gone to the last process.
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            raise CannotStart(_why_not(bind, port, error)) from error


def _why_not(bind: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {bind} is in use. Choose another: PORT={port + 1} make run"
    if error.errno == errno.EACCES:
        return f"Port {port} on {bind} is not allowed to you. Choose another: PORT=8000 make run"
    return f"AUTHZVIZ_BIND={bind} PORT={port}: {error.strerror or error}."


def address(listening: socket.socket) -> str:
    """Return the URL under which a browser on this machine finds the socket, without a slash."""
    host, port = listening.getsockname()[:2]
    if host == "0.0.0.0":  # noqa: S104
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(bind: str) -> bool:
    """Tell whether only this machine reaches an address."""
    return bind.startswith("127.") or bind in ("localhost", "::1")
