"""What the pages show, as values: no page asks the database for more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Min

from authzviz.engine.assessment import Assessment, Verdict
from authzviz.engine.classes import examples_of
from authzviz.engine.model import Snapshot
from dashboard.models import LIVE, AcceptedRisk, Cluster, CurrentState, VerdictChange
from dashboard.models.cluster import PollState
from dashboard.services import clock, dispatching, facts, risks, ticket_marks
from dashboard.services.facts import Passing
from dashboard.services.ticket_marks import TicketMark

# The scheduler asks every five seconds; nobody polls when it has been silent for this long.
SILENT_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class PlanMark:
    """How far the running plan of a cluster is. `phase` is "" where every step is done; `revision`
    differs whenever the plan's page would show something else.
    """

    phase: str
    done: int
    total: int
    has_changed_ground: bool
    revision: int


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One cluster as the fleet page lists it; `current` is None where it was never read.

    `since` is when its verdict became what it is, None where that was not asked for; `accepted` are
    the keys of findings that someone accepted. `plan` is None where none runs; `tickets` are those
    that are followed.
    """

    cluster: Cluster
    current: CurrentState | None
    poll_state: PollState
    is_stale: bool
    expires_soon: bool
    since: datetime | None = None
    accepted: frozenset[str] = frozenset()
    plan: PlanMark | None = None
    tickets: tuple[TicketMark, ...] = ()

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
class Overview:
    """The verdict of the last good read with its reasons, and what was known before it. `risks` are
    what is accepted, by the finding's key.
    """

    row: FleetRow
    assessment: Assessment
    history: tuple[VerdictChange, ...]
    risks: dict[str, AcceptedRisk]

    @property
    def last_known(self) -> LastKnown | None:
        """What was known before reads were refused; None where it is known now, or never was."""
        if self.assessment.verdict is not Verdict.UNKNOWN or len(self.history) < 2:
            return None
        unknown, before = self.history[:2]
        return LastKnown(before.verdict, before.summary, until=unknown.at)


@dataclass(frozen=True, slots=True)
class NodesRead:
    """The nodes of the last good read; `path_of` is the number of each one's path, by name."""

    row: FleetRow
    assessment: Assessment
    passing: Passing
    path_of: dict[str, int]

    @property
    def has_paths(self) -> bool:
        """True where not all nodes go the same way."""
        return sum(path.nodes > 0 for path in self.assessment.paths) > 1


@dataclass(frozen=True, slots=True)
class LastRead:
    """All of the last good read, as it was read and as it was judged.

    `requests_at` is when the signing requests were read, which not every read asks for; None where
    they were not.
    """

    row: FleetRow
    assessment: Assessment
    snapshot: Snapshot
    reads: tuple[dict[str, Any], ...]
    clock_skew_seconds: float | None
    requests_at: datetime | None


def overview(row: FleetRow) -> Overview | None:
    """What the overview shows, in three queries; None where nothing was ever read."""
    if row.current is None:
        return None
    row.current.refresh_from_db(fields=("assessment",))
    history = tuple(row.cluster.verdict_changes.order_by("-pk")[:2])
    assessment = facts.current_assessment(row.current)
    return Overview(row, assessment, history, risks.risks_of(row.cluster))


def nodes_read(row: FleetRow) -> NodesRead | None:
    """What the page of nodes shows, in a query or two; None where nothing was ever read."""
    current = row.current
    if current is None:
        return None
    current.refresh_from_db(fields=("assessment", "passing"))
    assessment, passing = facts.current_assessment(current), facts.current_passing(current)
    return NodesRead(row, assessment, passing, _path_of(current, assessment, passing))


def last_read(row: FleetRow) -> LastRead | None:
    """All that was read, unpacked, in two queries; None where nothing ever was."""
    current = row.current
    if current is None:
        return None
    current.refresh_from_db(fields=("assessment", "passing", "reads", "remembered"))
    return LastRead(
        row=row,
        assessment=facts.current_assessment(current),
        snapshot=facts.current_snapshot(current),
        reads=tuple(current.reads),
        clock_skew_seconds=current.clock_skew_seconds,
        requests_at=facts.requests_read_at(current),
    )


def snapshot_of(row: FleetRow) -> Snapshot | None:
    """The last good read as it was read, in two queries; None where nothing ever was."""
    if row.current is None:
        return None
    row.current.refresh_from_db(fields=("passing",))
    return facts.current_snapshot(row.current)


def _path_of(current: CurrentState, assessment: Assessment, passing: Passing) -> dict[str, int]:
    """The number of each node's path. A path names its first hundred nodes: what none names is of
    the one path that has more, and only where several have is RBAC looked at again.
    """
    paths = list(enumerate(assessment.paths, start=1))
    named = {name: number for number, path in paths for name in path.names}
    longer = [number for number, path in paths if path.nodes > len(path.names)]
    names = [node.name for node in passing.nodes.value or ()]
    if len(longer) <= 1:
        rest = longer[0] if longer else 0
        return {name: named.get(name, rest) for name in names}
    numbers = {path.example: number for number, path in paths}
    examples = examples_of(facts.current_snapshot(current))
    return {name: numbers.get(examples[name], 0) for name in names}


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
        plan=_plan_mark(cluster),
        tickets=ticket_marks.marks_of(cluster),
    )


def _plan_mark(cluster: Cluster) -> PlanMark | None:
    told = vars(cluster)  # only where it was asked for (access.with_running_plan)
    if told.get("plan_phase") is None:
        return None
    return PlanMark(
        phase=told["plan_phase"],
        done=told["plan_done"],
        total=told["plan_total"],
        has_changed_ground=bool(told["plan_ground"]),
        revision=told["plan_revision"],
    )
