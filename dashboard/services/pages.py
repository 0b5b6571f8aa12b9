"""What the pages show, as values: no page asks the database for more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Min

from authzviz.engine.assessment import Assessment, Verdict
from authzviz.engine.model import Snapshot
from dashboard.models import LIVE, AcceptedRisk, Cluster, CurrentState, VerdictChange
from dashboard.models.cluster import PollState
from dashboard.services import clock, dispatching, facts, risks

# The scheduler asks every five seconds; nobody polls when it has been silent for this long.
SILENT_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One cluster as the fleet page lists it; `current` is None where it was never read.

    `since` is when its verdict became what it is, None where that was not asked for; `accepted` are
    the keys of findings that someone accepted.
    """

    cluster: Cluster
    current: CurrentState | None
    poll_state: PollState
    is_stale: bool
    expires_soon: bool
    since: datetime | None = None
    accepted: frozenset[str] = frozenset()

    @property
    def verdict(self) -> str:
        """The verdict of the last good poll, "" where there was none."""
        return self.current.verdict if self.current else ""

    @property
    def read_at(self) -> datetime | None:
        """When the facts behind the verdict were read."""
        return self.current.read_at if self.current else None

    @property
    def open_severities(self) -> list[str]:
        """The severity of each finding that nobody accepted."""
        found = self.current.findings if self.current else {}
        return [severity for key, severity in found.items() if key not in self.accepted]

    @property
    def error(self) -> str:
        """Why the last poll failed, "" where it didn't."""
        return self.cluster.last_error


@dataclass(frozen=True, slots=True)
class LastKnown:
    """The verdict before the one that can't be told, and until when it was known."""

    verdict: str
    summary: str
    until: datetime


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """All that a cluster's page shows; what was read is None where it never was. `risks` are what
    is accepted, by the finding's key.
    """

    row: FleetRow
    assessment: Assessment | None
    snapshot: Snapshot | None
    reads: tuple[dict[str, Any], ...]
    history: tuple[VerdictChange, ...]
    risks: dict[str, AcceptedRisk]

    @property
    def last_known(self) -> LastKnown | None:
        """What was known before reads were refused; None where it is known now, or never was."""
        if self.row.verdict != Verdict.UNKNOWN or len(self.history) < 2:
            return None
        unknown, before = self.history[:2]
        return LastKnown(before.verdict, before.summary, until=unknown.at)


def cluster_page(cluster: Cluster) -> ClusterPage:
    """The page of a cluster: four queries, and one snapshot unpacked."""
    row = _row(cluster, clock.now())
    current = row.current
    if current:
        current.refresh_from_db(fields=("assessment", "passing", "reads"))
    return ClusterPage(
        row=row,
        assessment=facts.current_assessment(current) if current else None,
        snapshot=facts.current_snapshot(current) if current else None,
        reads=tuple(current.reads) if current else (),
        history=tuple(cluster.verdict_changes.order_by("-pk")[:2]),
        risks=risks.risks_of(cluster),
    )


def row_of(cluster: Cluster, now: datetime | None = None) -> FleetRow:
    """The cluster as the fleet page lists it."""
    return _row(cluster, now or clock.now())


def rows_of(clusters: Iterable[Cluster]) -> tuple[FleetRow, ...]:
    """The clusters as the fleet page lists them, all at the same moment."""
    now = clock.now()
    return tuple(_row(cluster, now) for cluster in clusters)


def poller_silent_since() -> datetime | None:
    """When the scheduler last did its work, if that is too long ago; None where all is well.

    Where it never did: since when the oldest cluster waits for it. All is well where nothing is
    to be read, and while a scheduler that came up with this process may still be starting.
    """
    last = dispatching.last_dispatch()
    long_ago = clock.now() - SILENT_AFTER
    if long_ago < settings.STARTED_AT or (last is not None and last > long_ago):
        return None
    oldest = Cluster.objects.filter(source__in=LIVE).aggregate(at=Min("created_at"))["at"]
    since: datetime | None = oldest and (last or oldest)
    return since if since is not None and since < long_ago else None


def _row(cluster: Cluster, now: datetime) -> FleetRow:
    return FleetRow(
        cluster=cluster,
        current=getattr(cluster, "current", None),
        poll_state=cluster.poll_state(now),
        is_stale=cluster.is_stale(now),
        expires_soon=cluster.expires_soon(now),
    )
