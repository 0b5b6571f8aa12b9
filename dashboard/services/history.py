"""What happened to a cluster and to the fleet, newest first: queries whose number never grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q

from authzviz.engine.assessment import Verdict
from authzviz.engine.diff import Change
from dashboard.models import AuditEvent, Cluster, CurrentState, StoredSnapshot, User, VerdictChange
from dashboard.services import access, changes

SNAPSHOTS_PER_PAGE = 25
FLEET_ROWS_PER_PAGE = 50
MOST_VERDICTS = 40
MOST_ACTS = 50
MOST_CHOICES = 100
LAST_FLEET_PAGE = 100
Choice = tuple[int, datetime]
"""A snapshot to choose for a comparison: its key, and when it was read first."""


@dataclass(frozen=True, slots=True)
class Span:
    """A verdict, which holds from `change.at`; `until` is None for the one that holds now.

    `is_rejudged` where the facts were the same as before: authzviz itself judged otherwise, or
    nodes differed in what the snapshot doesn't keep.
    """

    change: VerdictChange
    until: datetime | None
    is_rejudged: bool


@dataclass(frozen=True, slots=True)
class ClusterHistory:
    """One page of a cluster's history, each list newest first.

    `known_until` is the last good read: what holds since then, nobody knows.
    `spans` are the verdicts over all time, at most MOST_VERDICTS; `earlier_verdicts` were more.
    `shown` is the key of the snapshot on the page of a cluster that came as a bundle, which may not
    be the newest; None for others. `older` is the snapshot before the last of this page. The page's
    time is from `since` until before `until`, each None where it has no end; `has_more_acts` where
    people did more in it than is listed.
    """

    cluster: Cluster
    known_until: datetime
    spans: tuple[Span, ...]
    earlier_verdicts: int
    snapshots: tuple[StoredSnapshot, ...]
    older: StoredSnapshot | None
    shown: int | None
    acts: tuple[AuditEvent, ...]
    has_more_acts: bool
    since: datetime | None
    until: datetime | None
    page: int
    total: int
    choices: tuple[Choice, ...]

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // SNAPSHOTS_PER_PAGE))

    def is_in_time(self, at: datetime) -> bool:
        """True where `at` is in the time of this page."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two snapshots of a cluster, the earlier one first. `changes` is None where one of them can't
    be read any more.
    """

    cluster: Cluster
    before: StoredSnapshot
    after: StoredSnapshot
    verdicts: tuple[str, str]
    changes: tuple[Change, ...] | None
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class FleetHistory:
    """One page of all changes of verdicts, newest first.

    `is_cut` on the last page that is served, where there are older changes still.
    """

    rows: tuple[VerdictChange, ...]
    page: int
    has_more: bool
    is_cut: bool
    is_empty: bool


def cluster_history(cluster: Cluster, page: int) -> ClusterHistory:
    """The history of a cluster: seven queries, eight for a bundle, and nothing unpacked. A page
    past the end is the last one.
    """
    total = cluster.snapshots.count()
    page = min(max(page, 1), max(1, -(-total // SNAPSHOTS_PER_PAGE)))
    start = (page - 1) * SNAPSHOTS_PER_PAGE
    newest_first = cluster.snapshots.defer("bundle").order_by("-first_seen_at", "-pk")
    # One newer tells where the time of this page ends, one older what its last one changed from.
    found = list(newest_first[max(0, start - 1) : start + SNAPSHOTS_PER_PAGE + 1])
    until = found.pop(0).first_seen_at if start else None
    older = found.pop() if len(found) > SNAPSHOTS_PER_PAGE else None
    since = found[-1].first_seen_at if older else None
    acts = _acts(cluster, since, until)
    spans, earlier = _spans(cluster)
    return ClusterHistory(
        cluster=cluster,
        known_until=_known_until(cluster, spans),
        spans=spans,
        earlier_verdicts=earlier,
        snapshots=tuple(found),
        older=older,
        shown=_shown(cluster),
        acts=tuple(acts[:MOST_ACTS]),
        has_more_acts=len(acts) > MOST_ACTS,
        since=since,
        until=until,
        page=page,
        total=total,
        choices=_choices(cluster),
    )


def comparison(cluster: Cluster, one: int, other: int) -> Comparison:
    """What changed between two snapshots of this cluster, in whichever order they are given.

    Two bundles are unpacked. Raises NotVisible where the cluster has no such snapshot.
    """
    found = list(cluster.snapshots.filter(pk__in={one, other}).order_by("first_seen_at", "pk"))
    if {snapshot.pk for snapshot in found} != {one, other}:
        raise access.NotVisible("snapshot")
    before, after = found[0], found[-1]
    spans = _spans(cluster)[0]
    verdicts = (verdict_of(before, spans), verdict_of(after, spans))
    return Comparison(
        cluster=cluster,
        before=before,
        after=after,
        verdicts=verdicts,
        changes=changes.between(before, after, _known(verdicts)) if before != after else (),
        choices=_choices(cluster),
    )


def verdict_of(snapshot: StoredSnapshot, spans: tuple[Span, ...]) -> str:
    """The verdict of the snapshot as it was judged last; "" where that is not known any more."""
    own = [span for span in spans if span.change.snapshot_id == snapshot.pk]
    held = [span for span in spans if span.change.at <= snapshot.first_seen_at]
    return next((span.change.verdict for span in (*own, *held)), "")


def fleet_history(
    user: User | AnonymousUser, *, search: str, verdict: str, page: int
) -> FleetHistory:
    """The changes of verdicts of all clusters that `user` may see: two queries.

    `search` is part of a cluster's name or of its group's; `verdict` what it became, or was.
    """
    clusters = access.visible_clusters(user)
    if search:
        wanted = clusters.filter(Q(name__icontains=search) | Q(group__icontains=search))
        found = VerdictChange.objects.filter(cluster__in=wanted)
    else:
        # Asked row by row, so that a database goes along its index of times and stops after a page.
        own = clusters.filter(pk=OuterRef("cluster_id"))
        found = VerdictChange.objects.filter(Exists(own))
    if verdict:
        found = found.filter(verdict=verdict)
    page = min(max(page, 1), LAST_FLEET_PAGE)
    start = (page - 1) * FLEET_ROWS_PER_PAGE
    newest_first = found.select_related("cluster").order_by("-at", "-pk")
    rows = list(newest_first[start : start + FLEET_ROWS_PER_PAGE + 1])
    return FleetHistory(
        rows=tuple(rows[:FLEET_ROWS_PER_PAGE]),
        page=page,
        has_more=len(rows) > FLEET_ROWS_PER_PAGE and page < LAST_FLEET_PAGE,
        is_cut=len(rows) > FLEET_ROWS_PER_PAGE and page == LAST_FLEET_PAGE,
        is_empty=not rows and not access.visible_clusters(user).exists(),
    )


def _shown(cluster: Cluster) -> int | None:
    """The snapshot that stands for a cluster that came as a bundle; others show the newest."""
    if not cluster.is_bundle:
        return None
    found = CurrentState.objects.filter(cluster=cluster).values_list("snapshot_id", flat=True)
    return found.first()


def _known_until(cluster: Cluster, spans: tuple[Span, ...]) -> datetime:
    newest = spans[0].change.at if spans else None
    known = [at for at in (cluster.last_success_at, newest) if at is not None]
    return max(known, default=cluster.created_at)


def _known(verdicts: tuple[str, str]) -> tuple[Verdict, Verdict] | None:
    known = {str(verdict) for verdict in Verdict}
    if not known.issuperset(verdicts):
        return None
    return Verdict(verdicts[0]), Verdict(verdicts[1])


def _choices(cluster: Cluster) -> tuple[Choice, ...]:
    # An index holds both: not one of the rows, which are long, is read.
    found = cluster.snapshots.order_by("-first_seen_at", "-pk").values_list("pk", "first_seen_at")
    return tuple(found[:MOST_CHOICES])


def _acts(cluster: Cluster, since: datetime | None, until: datetime | None) -> list[AuditEvent]:
    found = AuditEvent.objects.filter(cluster=cluster)
    if since is not None:
        found = found.filter(at__gte=since)
    if until is not None:
        found = found.filter(at__lt=until)
    return list(found.order_by("-at", "-pk")[: MOST_ACTS + 1])


def _spans(cluster: Cluster) -> tuple[tuple[Span, ...], int]:
    """The verdicts and how long each held, newest first, and how many earlier are left out."""
    noted = list(cluster.verdict_changes.order_by("-at", "-pk")[:MOST_VERDICTS])
    # Only where there are more than one page of them are they counted.
    count = cluster.verdict_changes.count() if len(noted) == MOST_VERDICTS else len(noted)
    until: datetime | None = None
    spans = []
    for change, before in zip_longest(noted, noted[1:]):
        spans.append(Span(change, until, _is_rejudged(change, before)))
        until = change.at
    return tuple(spans), count - len(noted)


def _is_rejudged(change: VerdictChange, before: VerdictChange | None) -> bool:
    return (
        before is not None
        and change.snapshot_id is not None
        and change.snapshot_id == before.snapshot_id
    )
