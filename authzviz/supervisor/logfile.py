"""Log files that programs write to themselves, kept below a cap."""

import os
import shutil
from pathlib import Path
from typing import IO

CAP_BYTES = 5_000_000


def open_log(path: Path) -> IO[bytes]:
    """Return the log opened for appending. Programs write to it without a pipe through us:
    none of them can block, or die of SIGPIPE, because the supervisor is busy or gone."""
    return path.open("ab", buffering=0)


def cap(path: Path) -> None:
    """Move what a log above the cap holds to `<name>.1`; its program goes on writing to it.

    Copied and cut, as the program holds the file open. What is written in between is lost.
    """
    try:
        if path.stat().st_size > CAP_BYTES:
            shutil.copyfile(path, path.with_name(path.name + ".1"))
            os.truncate(path, 0)
    except FileNotFoundError:
        return


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines that are not empty; none when there is no such file."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 20_000))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
