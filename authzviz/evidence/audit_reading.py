"""An audit log, as it comes -> what it proves about the grants that a plan takes away.

Source of the log's form: kubernetes v1.37.2 staging k8s.io/apiserver pkg/apis/audit/v1 (types) and
plugin/pkg/audit/log (one JSON object a line).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot
from authzviz.evidence.audit import AuditEvidence
from authzviz.evidence.audit_events import NO_JSON, NotAnEvent, events_of
from authzviz.evidence.audit_files import AuditLogRefused, Lines
from authzviz.evidence.audit_grants import Remaining
from authzviz.evidence.audit_proof import evidence_of
from authzviz.evidence.audit_surroundings import Surroundings
from authzviz.evidence.audit_tally import Tally
from authzviz.evidence.audit_times import Clock, second_of

__all__ = ["CUT_LINE", "AuditLogRefused", "AuditReader", "reader_for"]

CUT_LINE = "cut off: the file ends in the middle of a line"

_SKEW = timedelta(minutes=10)


class AuditReader:
    """Reads the files of a log, one after the other, in any order: `feed` chunks of any size, then
    `end_file`. Plain and gzip files are told apart by themselves.

    What can't be used is counted and raises nothing; AuditLogRefused is raised for archives, for
    files that unpack to far more than a log would, and beyond `max_bytes`: then the reader is of no
    further use. Memory stays within some 60 MiB, whatever is fed.
    """

    def __init__(
        self, tally: Tally, surroundings: Surroundings, *, max_bytes: int | None = None
    ) -> None:
        """Made by `reader_for`."""
        self._tally = tally
        self._surroundings = surroundings
        self._lines = Lines(tally.rejected, max_bytes=max_bytes)
        self._files = 0

    @property
    def bytes_read(self) -> int:
        """How much was read so far, unpacked."""
        return self._lines.bytes_read

    @property
    def events(self) -> int:
        """How many events were read so far."""
        return self._tally.events

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the file."""
        for lines in self._lines.feed(chunk):
            self._add(lines)

    def end_file(self) -> None:
        """Say that the file is whole; what is fed next is another one."""
        self._files += 1
        for lines, is_whole in self._lines.end_file():
            self._add(lines, unread=NO_JSON if is_whole else CUT_LINE)

    def result(self) -> AuditEvidence:
        """What all that was read proves. Every file must have ended."""
        return evidence_of(self._tally, self._surroundings, files=self._files)

    def _add(self, lines: Iterable[bytes], *, unread: str = NO_JSON) -> None:
        add, rejected = self._tally.add, self._tally.rejected
        for line in lines:
            try:
                events = events_of(line)
            except NotAnEvent as problem:
                if line and not line.isspace():
                    why = str(problem)
                    rejected[unread if why == NO_JSON else why] += 1
                continue
            for event in events:
                add(event)


def reader_for(
    snapshot: Snapshot,
    assessment: Assessment,
    *,
    now: datetime | None = None,
    since: datetime | None = None,
    max_bytes: int | None = None,
) -> AuditReader:
    """A reader for the audit log of this cluster. `now` is the time that events can't be later
    than, by default the clock's. Events before `since` are passed over: what was seen to before.
    `max_bytes` caps what the files may hold, unpacked.
    """
    latest = (now or datetime.now(UTC)) + _SKEW
    remaining = Remaining(snapshot, assessment)
    tally = Tally(remaining, Clock(latest), Counter(), since=second_of(since) if since else "")
    surroundings = Surroundings.of(snapshot, assessment, remaining.bindings)
    return AuditReader(tally, surroundings, max_bytes=max_bytes)
