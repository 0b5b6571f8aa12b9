"""`authzviz evidence`: what an audit log proves about the grants that a plan takes away."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from authzviz.commands.common import (
    FAILED,
    FILE,
    load_bundle,
    paint,
    plain_format_option,
    wrong_usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from authzviz.evidence.audit_reading import AuditReader

_BLOCK_BYTES = 1 << 20
_PROGRESS_SECONDS = 0.5
_STDIN = Path("-")


@click.command()
@click.option("--bundle", type=FILE, required=True, metavar="B", help="The bundle of the cluster.")
@click.argument("logs", nargs=-1, required=True, type=FILE, metavar="AUDIT_LOG...")
@click.option(
    "--since",
    default="",
    metavar="TIME",
    help="Pass over what is older, such as 2026-11-24 or 2026-11-24T16:00:00Z: what was seen to"
    " since. UTC, where it names no zone.",
)
@click.option(
    "--fail-on",
    default="none",
    metavar="PROOF,...",
    help="Exit with 1 on these (breaks, too-little, proves-nothing); by default never.",
)
@plain_format_option
def evidence(bundle: Path, logs: tuple[Path, ...], since: str, fail_on: str, format_: str) -> None:
    """Tell who needs the grants that a plan takes away, by the apiservers' audit logs.

    Takes any number of files in any order, plain or gzip, and - for standard input: one JSON event
    or EventList a line, of the level Metadata or above.
    """
    from authzviz import engine
    from authzviz.evidence.audit_reading import reader_for
    from authzviz.reports.evidence_json import evidence_json
    from authzviz.reports.evidence_text import evidence_text

    failing = _failing(fail_on)
    start = _time(since) if since else None
    snapshot = load_bundle(bundle)
    reader = reader_for(snapshot, engine.judge(snapshot), since=start)
    for path in logs:
        _read(reader, path)
    found = reader.result()
    if format_ == "json":
        click.echo(evidence_json(snapshot.name, found))
    else:
        click.echo(evidence_text(snapshot.name, found, paint))
    if found.proof in failing:
        raise Exit(FAILED)


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


def _failing(fail_on: str) -> frozenset[str]:
    from authzviz.evidence.audit import Proof

    if fail_on == "none":
        return frozenset()
    words = [word.strip() for word in fail_on.split(",")]
    unknown = [word for word in words if word not in set(Proof)]
    if unknown:
        raise wrong_usage(f"--fail-on {', '.join(unknown)}: there are {', '.join(Proof)}")
    return frozenset(words)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise wrong_usage(f"--since {text}: give a time such as 2026-11-24T16:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
