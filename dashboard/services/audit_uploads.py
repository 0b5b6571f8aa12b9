"""Reading audit logs while they are uploaded: only what they prove is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from django.conf import settings

from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot
from authzviz.engine.phrases import counted, listed
from authzviz.evidence.audit import AuditEvidence
from authzviz.evidence.audit_reading import AuditLogRefused, reader_for
from dashboard.models import AuditLogEvidence, Cluster, User
from dashboard.services import audit_logs, pages
from dashboard.services.audit_logs import Given
from dashboard.visible import visible

AT_ONCE = 2
MOST_SECONDS = 1_800.0
_MOST_LETTERS = 80
_PLACES = threading.BoundedSemaphore(AT_ONCE)
_ELSEWHERE = "Read them with authzviz evidence, which has no limit"
BUSY = f"Nothing was read: {AT_ONCE} audit logs are being read already. Try again in a few minutes."
NO_FILE = "Choose at least one file."
UNREAD = "The cluster has not been read yet: there is nothing to hold an audit log against."
TOO_SLOW = f"Nothing was kept: this took longer than {MOST_SECONDS / 60:.0f} minutes. {_ELSEWHERE}."


class UploadRefused(Exception):
    """Nothing was kept, and why; for people."""


class Upload(Protocol):
    """A file as it arrives: its name, and its content, which can be read once."""

    @property
    def name(self) -> str: ...
    @property
    def chunks(self) -> Iterator[bytes]: ...


def too_large() -> str:
    """Why an upload is refused that holds more than the setting allows."""
    return (
        f"Nothing was read: this server takes at most {settings.AUDIT_LOG_MB:,} MiB of audit logs "
        f"at once, unpacked. {_ELSEWHERE}."
    )


def most_bytes() -> int:
    """How much one upload may hold."""
    return int(settings.AUDIT_LOG_MB) * 2**20


def take(cluster: Cluster, uploads: Iterable[Upload], *, actor: User) -> AuditLogEvidence:
    """What the logs prove about the cluster's grants of today, kept. Raises UploadRefused."""
    with _a_place() as is_free:
        if not is_free:
            raise UploadRefused(BUSY)
        facts = pages.last_read(pages.row_of(cluster))
        if facts is None:
            raise UploadRefused(UNREAD)
        evidence, given = _read(uploads, facts.snapshot, facts.assessment)
    if evidence.reach.events == 0:
        raise UploadRefused(_nothing_in_it(evidence))
    return audit_logs.store(cluster, evidence, given, assessment=facts.assessment, actor=actor)


def _read(
    uploads: Iterable[Upload], snapshot: Snapshot, assessment: Assessment
) -> tuple[AuditEvidence, Given]:
    reader = reader_for(snapshot, assessment, max_bytes=most_bytes())
    until = time.monotonic() + MOST_SECONDS
    names, size = [], 0
    for upload in uploads:
        before = size
        try:
            for chunk in upload.chunks:
                size += len(chunk)
                if time.monotonic() > until:
                    raise UploadRefused(TOO_SLOW)
                reader.feed(chunk)
            reader.end_file()
        except AuditLogRefused as error:
            raise UploadRefused(f"Nothing was kept. {_shown(upload.name)}: {error}.") from error
        if upload.name or size > before:
            names.append(upload.name)
    if not names:
        raise UploadRefused(NO_FILE)
    return reader.result(), Given(tuple(names), size)


def _nothing_in_it(evidence: AuditEvidence) -> str:
    why = [f"{counted(number, 'line')} {reason}" for reason, number in evidence.reach.rejected]
    return f"Nothing was kept: no audit event is in it{': ' if why else ''}{listed(why)}."


def _shown(name: str) -> str:
    cut = visible(name[:_MOST_LETTERS])
    return f"{cut}…" if len(name) > _MOST_LETTERS else cut or "A file"


@contextmanager
def _a_place() -> Iterator[bool]:
    """Whether one more may be read; never waits, as waiting holds a thread, too."""
    is_free = _PLACES.acquire(blocking=False)
    try:
        yield is_free
    finally:
        if is_free:
            _PLACES.release()
