"""A fleet of any size with its past, as real clusters would have left it in the database.

What is current is real: the sample fleet's recordings with fifty nodes each, in several versions,
judged and stored by the product. Of the past only the rows are: no page unpacks its bundles.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, transaction

from authzviz.engine import judge
from authzviz.engine.diff import difference
from authzviz.engine.finding_keys import keyed
from authzviz.engine.model import Lease, Node, Ready, Snapshot
from authzviz.kube import bundle
from authzviz.plans.making import plan_of
from authzviz.plans.plan import PLANS_VERSION, Plan
from dashboard.models import (
    AcceptedRisk,
    AuditEvent,
    Cluster,
    CurrentState,
    Heartbeat,
    StartedPlan,
    StoredSnapshot,
    Ticket,
    TicketState,
    VerdictChange,
)
from dashboard.services import clock, facts, following, judging, samples, trackers
from dashboard.services.tickets import marker_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from authzviz.engine.assessment import Finding

CHANGES, NODES = 100, 50
_GROUPS = ("Europe", "North America", "Asia", "Lab", "")
_VERSIONS = ("v1.28.15", "v1.31.14", "v1.34.3", "v1.37.2")
# A hundred of them are five months.
_APART = timedelta(hours=36)
# A verdict holds for some changes of the facts: most of them leave it alone.
_HELD = 3
_ACTS = ("cluster added", "cluster renamed", "cluster polled", "cluster paused", "cluster resumed")
_ACTS_EACH = 20
_STATES = (TicketState.OPEN, TicketState.OPEN, TicketState.CLOSED, TicketState.REJECTED)
_PAST_BUNDLE = bytes(500)
_AT_ONCE = 100
Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Kind:
    """What clusters of one kind have in common: their rows, which the product itself has made, and
    what changed since they were of the kind before.
    """

    stored: StoredSnapshot
    state: CurrentState
    findings: dict[str, Finding]
    plan: Plan
    changes: list[dict[str, str]]


def slug(number: int) -> str:
    """The slug, and name, of the cluster with that number; the first is 0."""
    return f"cluster-{number:04}"


def fill(count: int, *, first: int = 0, changes: int = CHANGES, nodes: int = NODES) -> None:
    """Add that many clusters, numbered from `first`, each with as many changes in its past."""
    now = clock.now()
    with transaction.atomic():
        kinds = _kinds(now, nodes)
        for start in range(first, first + count, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, first + count))
            _add(numbers, kinds, changes, now)
        Heartbeat.objects.update_or_create(name="dispatch", defaults={"at": now})


def _kinds(now: datetime, nodes: int) -> list[Kind]:
    recorded = [bundle.load(path) for path in sorted(samples.DIRECTORY.glob("*.json.gz"))]
    grown = [
        _grown(snapshot, version, nodes, now) for version in _VERSIONS for snapshot in recorded
    ]
    return [
        _kind(before, snapshot) for before, snapshot in zip(grown[-1:] + grown, grown, strict=False)
    ]


def _grown(snapshot: Snapshot, version: str, count: int, now: datetime) -> Snapshot:
    """The recording as read now, of that version and with that many nodes like its first."""
    known = snapshot.nodes.value or ()
    model = known[0] if known else Node("", Ready.FALSE)
    names = [f"worker-{number:02}" for number in range(1, count + 1)]
    nodes = tuple(dataclasses.replace(model, name=name, kubelet_version=version) for name in names)
    leases = tuple(Lease(name, now) for name in names) if known else ()
    return dataclasses.replace(
        snapshot,
        read_at=now,
        server_time=now,
        version=dataclasses.replace(snapshot.version, value=version),
        nodes=dataclasses.replace(snapshot.nodes, value=nodes),
        leases=dataclasses.replace(snapshot.leases, value=leases),
    )


def _kind(before: Snapshot, snapshot: Snapshot) -> Kind:
    assessment = judge(snapshot)
    with transaction.atomic():
        cluster = _cluster(0, "kind", snapshot.read_at)
        cluster.save()
        state = judging.store(cluster, snapshot, assessment)
        transaction.set_rollback(True)
    changes = [
        {"about": str(one.about), "words": one.words, "means": one.means}
        for one in difference(before, snapshot)
    ]
    plan = plan_of(snapshot, assessment)
    return Kind(state.snapshot, state, keyed(assessment), plan, changes)


def _add(numbers: Iterable[int], kinds: list[Kind], changes: int, now: datetime) -> None:
    clusters = Cluster.objects.bulk_create(
        [_cluster(number, slug(number), now) for number in numbers]
    )
    for number, cluster in zip(numbers, clusters, strict=True):
        _add_past(number, cluster, kinds, changes, now)
    tracker = trackers.builtin()
    Ticket.objects.bulk_create(
        _ticket(cluster, tracker.pk, _STATES[number // 2 % len(_STATES)], now)
        for number, cluster in zip(numbers, clusters, strict=True)
        if number % 2
    )


def _add_past(
    number: int, cluster: Cluster, kinds: list[Kind], changes: int, now: datetime
) -> None:
    # Clusters differ in what they are now and were at any time.
    course = [kinds[(number + change // _HELD) % len(kinds)] for change in range(changes)]
    times = [now - _APART * (changes - 1 - change) for change in range(changes)]
    rows = [
        _copy(
            kind.stored,
            cluster_id=cluster.pk,
            bundle=kind.stored.bundle if at == now else _PAST_BUNDLE,
            first_seen_at=at,
            last_seen_at=at,
            changes=kind.changes if at > times[0] else [],
        )
        for kind, at in zip(course, times, strict=True)
    ]
    stored = StoredSnapshot.objects.bulk_create(rows)
    current = course[-1]
    CurrentState.objects.bulk_create(
        [_copy(current.state, cluster_id=cluster.pk, snapshot_id=stored[-1].pk)]
    )
    VerdictChange.objects.bulk_create(_verdict_changes(cluster, course, stored))
    AuditEvent.objects.bulk_create(_acts(cluster, now))
    if number % 4 == 0:
        AcceptedRisk.objects.bulk_create(_risks(cluster, current, now))
    if number % 3 == 0 and current.plan.phases:
        _started(cluster, current.plan, stored[-1], now).save()


def _cluster(number: int, name: str, now: datetime) -> Cluster:
    team = ("core", "shop", "data")[number % 3]
    failing = number % 50 == 7
    return Cluster(
        slug=name,
        name=name,
        group=_GROUPS[number % len(_GROUPS)],
        labels={"env": "prod" if number % 4 else "test", "team": team},
        server=f"https://10.{number // 250}.{number % 250}.1:6443",
        created_at=now - timedelta(days=200),
        interval_seconds=60,
        next_poll_at=now + timedelta(hours=1),
        last_attempt_at=now,
        last_success_at=now,
        last_error="connection refused" if failing else "",
        last_error_at=now if failing else None,
    )


def _verdict_changes(
    cluster: Cluster, course: list[Kind], stored: list[StoredSnapshot]
) -> list[VerdictChange]:
    found: list[VerdictChange] = []
    for kind, snapshot in zip(course, stored, strict=True):
        previous = found[-1].verdict if found else ""
        if kind.state.verdict != previous:
            found.append(
                VerdictChange(
                    cluster=cluster,
                    snapshot=snapshot,
                    at=snapshot.first_seen_at,
                    verdict=kind.state.verdict,
                    previous=previous,
                    summary=kind.state.summary,
                    engine_version=kind.state.engine_version,
                )
            )
    return found


def _acts(cluster: Cluster, now: datetime) -> list[AuditEvent]:
    return [
        AuditEvent(
            at=now - _APART * act * 2 - timedelta(minutes=cluster.pk % 1000),
            actor_name="maria",
            action=_ACTS[act % len(_ACTS)],
            cluster=cluster,
            about=cluster.name,
            detail={"before": "old", "to": cluster.name},
        )
        for act in range(_ACTS_EACH)
    ]


def _risks(cluster: Cluster, kind: Kind, now: datetime) -> list[AcceptedRisk]:
    return [
        AcceptedRisk(
            cluster=cluster,
            finding=key,
            severity=finding.severity.value,
            title=finding.title,
            detail=finding.detail,
            reason="Ours until the next upgrade.",
            until=(now + timedelta(days=30)).date(),
            accepted_at=now,
            accepted_by_name="maria",
        )
        for key, finding in [*kind.findings.items()][:1]
    ]


def _started(cluster: Cluster, plan: Plan, snapshot: StoredSnapshot, now: datetime) -> StartedPlan:
    return StartedPlan(
        cluster=cluster,
        snapshot=snapshot,
        plan=facts.pack(plan),
        made_with=PLANS_VERSION,
        start_verdict=plan.start.value,
        started_at=now - timedelta(days=cluster.pk % 9, hours=1),
        started_by_name="maria",
        states=following.states_of(plan, {}, now),
        ground=["Kubernetes is v1.37.2 now, and was v1.34.3."] if cluster.pk % 7 == 0 else [],
        checked_at=now,
        **following.counts_of(plan, {}),
    )


def _ticket(cluster: Cluster, tracker: int, state: TicketState, now: datetime) -> Ticket:
    is_there = state in {TicketState.OPEN, TicketState.CLOSED}
    return Ticket(
        cluster=cluster,
        cluster_name=cluster.name,
        tracker_id=tracker,
        marker=marker_of(cluster),
        state=state.value,
        opened_at=now,
        opened_by_name="maria",
        remote_id=str(cluster.pk) if is_there else "",
        remote_title=f"{cluster.name}: kubelets live on a legacy binding" if is_there else "",
        read_at=now if is_there else None,
        error="the label does not exist" if state is TicketState.REJECTED else "",
    )


def _copy(row: Row, **changes: Any) -> Row:
    """A row like that one, which is not saved yet."""
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    fields.update(changes)
    if not row._meta.pk.remote_field:  # the database gives it one
        del fields[row._meta.pk.attname]
    return type(row)(**fields)
