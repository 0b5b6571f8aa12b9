"""Audit logs as the command line takes them: files, standard input, progress on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from authzviz.commands.common import wrong_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from authzviz.engine.assessment import Assessment
    from authzviz.engine.model import Snapshot
    from authzviz.evidence.audit import AuditEvidence
    from authzviz.evidence.audit_reading import AuditReader

_BLOCK_BYTES = 1 << 20
_PROGRESS_SECONDS = 0.5
_STDIN = Path("-")

since_option = click.option(
    "--since",
    default="",
    metavar="TIME",
    help="Pass over what is older, such as 2026-11-24 or 2026-11-24T16:00:00Z: what was seen to"
    " since. UTC, where it names no zone.",
)


def read_logs(
    snapshot: Snapshot, assessment: Assessment, logs: Sequence[Path], since: str
) -> AuditEvidence:
    """What the files prove about the cluster's grants; `since` is a time, or "". Exits with 2 where
    one can't be read as a log.
    """
    from authzviz.evidence.audit_reading import reader_for

    reader = reader_for(snapshot, assessment, since=_time(since) if since else None)
    for path in logs:
        _read(reader, path)
    return reader.result()


def _read(reader: AuditReader, path: Path) -> None:
    """Feed the file; exits with 2 where it can't be read as a log."""
    from authzviz.evidence.audit_reading import AuditLogRefused

    progress = _Progress(reader, path) if sys.stderr.isatty() else None
    try:
        with _opened(path) as file, progress.shown() if progress else nullcontext():
            while block := file.read(_BLOCK_BYTES):
                reader.feed(block)
                if progress:
                    progress.show()
            reader.end_file()
    except AuditLogRefused as error:
        raise wrong_usage(f"{path}: {error}") from None
    except OSError as error:
        raise wrong_usage(f"{path} can't be read: {error.strerror}") from None


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    if path == _STDIN:
        return nullcontext(sys.stdin.buffer)
    return path.open("rb")


class _Progress:
    """How far a file is read, in one line of the terminal."""

    def __init__(self, reader: AuditReader, path: Path) -> None:
        from authzviz.reports.printable import printable

        self._reader, self._name = reader, printable(path.name)
        self._start_bytes, self._start = reader.bytes_read, time.monotonic()
        self._next = self._start + _PROGRESS_SECONDS

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Take the line away at the end."""
        try:
            yield
        finally:
            click.echo("\r\x1b[K", nl=False, err=True)

    def show(self) -> None:
        """Show it anew, at most twice a second."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _PROGRESS_SECONDS
        read = (self._reader.bytes_read - self._start_bytes) / 1e6
        speed = read / (now - self._start)
        events = self._reader.events
        click.echo(
            f"\r\x1b[K{self._name}: {read:,.0f} MB, {speed:,.0f} MB/s; {events:,} events",
            nl=False,
            err=True,
        )


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise wrong_usage(f"--since {text}: give a time such as 2026-11-24T16:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
