"""When the events of a log were, and when there were none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

HOLE = timedelta(minutes=15)
"""A kubelet begins its watches anew after at most ten minutes, and renews its Lease every ten
seconds: this long without an event of any of them means that a file is missing."""

_OLDEST = datetime(2017, 1, 1, tzinfo=UTC)
_MAX_HOURS = 50_000
_MINUTE = timedelta(minutes=1)
_SECONDS = frozenset(f":{number:02}" for number in range(60))


class Times:
    """The first and last moment, to the second, and each minute in which something was."""

    def __init__(self) -> None:
        self.first = self.last = ""
        self._minutes: dict[str, int] = {}
        self._minute = ""

    def add(self, second: str) -> None:
        """Take a moment as "2026-11-24T16:04:39", in UTC."""
        if not self.first or second < self.first:
            self.first = second
        if second > self.last:
            self.last = second
        if second[:16] != self._minute:
            self._minute = second[:16]
            hour = second[:13]
            if hour in self._minutes or len(self._minutes) < _MAX_HOURS:
                self._minutes[hour] = self._minutes.get(hour, 0) | 1 << int(second[14:16])

    def holes(self) -> list[tuple[datetime, datetime]]:
        """Where nothing was for longer than HOLE, from the last minute before to the first after,
        in order.
        """
        found: list[tuple[datetime, datetime]] = []
        before: datetime | None = None
        for hour in sorted(self._minutes):
            start, bits = moment(f"{hour}:00:00"), self._minutes[hour]
            for number in range(60):
                if bits >> number & 1:
                    at = start + number * _MINUTE
                    if before is not None and at - before > HOLE:
                        found.append((before, at))
                    before = at
        return found


class Clock:
    """Timestamps of events -> moments to the second, in UTC, as text that sorts."""

    def __init__(self, latest: datetime) -> None:
        """`latest` is the last moment that an event may be from."""
        self._latest, self._oldest = second_of(latest), second_of(_OLDEST)
        self._known_minute = ""

    def second_of(self, stamp: str) -> str:
        """The moment of "2026-11-24T16:04:39.799906Z"; "" where it is none."""
        if stamp[:16] == self._known_minute and stamp[16:19] in _SECONDS and stamp[-1] == "Z":
            return stamp[:19]
        try:
            at = datetime.fromisoformat(stamp)
        except ValueError:
            return ""
        if at.tzinfo is None:
            return ""
        try:
            second = second_of(at)
        except OverflowError:
            return ""
        if stamp.endswith("Z"):
            self._known_minute = stamp[:16]
        return second

    def is_possible(self, second: str) -> bool:
        """True where an apiserver may have written an event then: neither yet to come, nor before
        there was an audit log.
        """
        return self._oldest <= second <= self._latest


def second_of(at: datetime) -> str:
    """The moment as text that sorts, to the second and in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds")[:19]


def moment(second: str) -> datetime:
    """The moment as a value."""
    return datetime.fromisoformat(second).replace(tzinfo=UTC)
