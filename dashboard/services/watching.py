"""Leases of one cluster, read every two seconds while somebody takes a step of its plan.

The database owns the watch: a read is claimed by a conditional UPDATE and stored only under its own
generation. Whoever dies in between is followed by another, once the claim is over.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from authzviz.plans.plan import Step
from dashboard.models import Cluster, CurrentState, LeaseWatch, StartedPlan, User
from dashboard.services import audit, clock, facts, following, plan_acts, plan_rows, reading
from dashboard.services.plan_rows import PlanError

if TYPE_CHECKING:
    from authzviz.engine.model import Lease
    from authzviz.kube.renewals import Renewals

log = logging.getLogger(__name__)

WATCHED, STOPPED = "leases watched", "leases watched no more"
EVERY_SECONDS = 2
LONGEST = timedelta(minutes=10)
MOST_AT_ONCE = 4
MOST_NAMED = 100
KEPT = timedelta(days=1)
SILENT_AFTER = timedelta(seconds=20)
TIME_IS_OVER, SOMEBODY_STOPPED, AGAIN = "time is over", "stopped", "begun again"
# An apiserver that restarts holds nobody up: the next read asks anew.
_READ_SECONDS = 5.0
_CLAIMED_FOR = timedelta(seconds=15)
# A message may come a little before its time; then nothing else would come after it.
_EARLY = timedelta(seconds=1)
_OVERDUE = timedelta(seconds=4)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of the nodes that there were have renewed their Lease, and who has not, by name."""

    total: int
    renewed: int
    waiting: tuple[str, ...]


def start(cluster: Cluster, step_id: str, *, actor: User) -> LeaseWatch:
    """Watch the leases of the cluster from now on, for a step of its running plan. Where they are
    watched already the count begins again: what was renewed before counts no more.

    Raises PlanError where no plan runs, the step is none of it or takes no leases, the cluster
    can't be read, or too many are watched.
    """
    with transaction.atomic():
        plan_acts.lock(cluster)
        step = _step(plan_acts.running_or_refuse(cluster), step_id)
        _refuse_what_is_not_read(Cluster.objects.defer("credentials").get(pk=cluster.pk))
        following.end_watch(cluster.pk, AGAIN)
        if LeaseWatch.objects.filter(ended_at=None).count() >= MOST_AT_ONCE:
            raise PlanError(
                f"the leases of {MOST_AT_ONCE} clusters are watched already, which is as many as "
                "this server watches at once: try again when one of them is done"
            )
        now = clock.now()
        watch = LeaseWatch.objects.create(
            cluster=cluster,
            step=plan_rows.key_of(step.id),
            started_at=now,
            started_by=actor,
            started_by_name=actor.get_username(),
            until=now + LONGEST,
            next_read_at=now,
        )
        audit.record(WATCHED, actor=actor, cluster=cluster, step=step.title[:200])
    return watch


def stop(cluster: Cluster, *, actor: User) -> bool:
    """End the watch before its time; False where there is none any more."""
    with transaction.atomic():
        ended = following.end_watch(cluster.pk, SOMEBODY_STOPPED)
        if ended:
            audit.record(STOPPED, actor=actor, cluster=cluster)
    return ended


def watch_of(cluster: Cluster) -> LeaseWatch | None:
    """The watch that runs, else the last one; None where there was none lately. One query."""
    return cluster.lease_watches.order_by("-started_at", "-pk").defer("nodes").first()


def is_silent(watch: LeaseWatch, now: datetime) -> bool:
    """True where the watch runs, and no worker has read for it in a while."""
    due = watch.next_read_at
    return watch.ended_at is None and due is not None and now - due > SILENT_AFTER


def read_once(watch_id: int) -> bool:
    """Read the leases for the watch, if nobody else does; True where it goes on after that.

    Safe to run twice. No transaction is open while the network is waited for.
    """
    watch = _claim(watch_id)
    if watch is None:
        return False
    cluster = watch.cluster
    if cluster.is_paused or cluster.is_recorded:
        following.end_watch(cluster.pk, "the cluster is paused")
        return False
    try:
        renewals = reading.read_leases_of(
            cluster, deadline_seconds=_READ_SECONDS, is_first=watch.since is None
        )
        values = _counted(watch, renewals)
    except reading.ReadError as error:
        values = {"error": str(error)}
    except Exception:  # whatever it is, the claim has to end and the page to say so
        log.exception("the leases of cluster %s could not be read", cluster.pk)
        values = {"error": "The read failed for a reason of our own; the worker's log has it."}
    return _store(watch, values)


def take_overdue() -> list[int]:
    """The ids of watches that nobody reads any more, though they run: their worker or the broker
    was lost. Ends those whose time is over.
    """
    now = clock.now()
    running = LeaseWatch.objects.filter(ended_at=None)
    running.filter(until__lte=now).update(**_ended(TIME_IS_OVER, now))
    return list(_free(now - _OVERDUE).values_list("pk", flat=True))


def clean_up() -> None:
    """Remove the watches that ended a day ago."""
    LeaseWatch.objects.filter(ended_at__lt=clock.now() - KEPT).delete()


def count(first: dict[str, datetime | None], renewals: Renewals, now: datetime) -> Counted:
    """Who has renewed since `first`, when each node's Lease was read first; `now` is the
    apiserver's.

    Only a renewal later than the one seen then counts, by the clock of the node that wrote both.
    Who had a Lease and has none any more has left. A Lease that is overdue is not renewed.
    """
    found = {lease.node: lease for lease in renewals.leases}
    there = [
        name
        for name, before in first.items()
        if name in found or before is None or not renewals.is_whole
    ]
    waiting = [name for name in there if not _is_renewed(found.get(name), first[name], now)]
    return Counted(len(there), len(there) - len(waiting), tuple(sorted(waiting)))


def _is_renewed(lease: Lease | None, before: datetime | None, now: datetime) -> bool:
    if lease is None or lease.renewed_at is None:
        return False
    is_overdue = (now - lease.renewed_at).total_seconds() > lease.duration_seconds
    return not is_overdue and (before is None or lease.renewed_at > before)


def _counted(watch: LeaseWatch, renewals: Renewals) -> dict[str, Any]:
    """The columns that a read fills."""
    now = renewals.at or clock.now()
    values: dict[str, Any] = {"error": "", "read_at": clock.now()}
    if watch.since is None:
        first = _first(watch.cluster_id, renewals.leases)
        nodes = [[name, at.isoformat() if at else ""] for name, at in first.items()]
        values |= {"since": now, "nodes": nodes}
    else:
        first = {name: datetime.fromisoformat(at) if at else None for name, at in watch.nodes}
    found = count(first, renewals, now)
    waiting = list(found.waiting[:MOST_NAMED])
    return {**values, "total": found.total, "renewed": found.renewed, "waiting": waiting}


def _first(cluster_id: int, leases: tuple[Lease, ...]) -> dict[str, datetime | None]:
    """When each node renewed its Lease last; None for a node of the last poll that has none."""
    state = CurrentState.objects.only("passing").filter(pk=cluster_id).first()
    nodes = facts.current_passing(state).nodes.value if state else None
    first: dict[str, datetime | None] = {node.name: None for node in nodes or ()}
    return first | {lease.node: lease.renewed_at or _NEVER for lease in leases}


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _claim(watch_id: int) -> LeaseWatch | None:
    now = clock.now()
    claimed = _free(now + _EARLY, now).filter(pk=watch_id, until__gt=now)
    if not claimed.update(lease_until=now + _CLAIMED_FOR, generation=F("generation") + 1):
        ended = LeaseWatch.objects.filter(pk=watch_id, ended_at=None, until__lte=now)
        ended.update(**_ended(TIME_IS_OVER, now))
        return None
    return LeaseWatch.objects.select_related("cluster").filter(pk=watch_id).first()


def _free(due: datetime, now: datetime | None = None) -> QuerySet[LeaseWatch]:
    """The watches that run, were to be read at `due`, and are read by nobody."""
    is_free = Q(lease_until=None) | Q(lease_until__lte=now or clock.now())
    return LeaseWatch.objects.filter(is_free, ended_at=None, next_read_at__lte=due)


def _store(watch: LeaseWatch, values: dict[str, Any]) -> bool:
    """Store what was read; False where the watch ended, or another read since."""
    own = LeaseWatch.objects.filter(pk=watch.pk, generation=watch.generation, ended_at=None)
    next_read_at = clock.now() + timedelta(seconds=EVERY_SECONDS)
    return bool(own.update(lease_until=None, next_read_at=next_read_at, **values))


def _ended(why: str, now: datetime) -> dict[str, Any]:
    return {"ended_at": now, "why_ended": why, "next_read_at": None, "lease_until": None}


def _step(started: StartedPlan, step_id: str) -> Step:
    plan = plan_rows.unpacked(started)
    if plan is None:
        raise PlanError(plan_rows.UNREADABLE)
    key = plan_rows.key_of(step_id)
    step = next((step for step in plan.steps if plan_rows.key_of(step.id) == key), None)
    if step is None:
        raise PlanError("the plan has no such step")
    if not step.watches_leases:
        raise PlanError("no node may lose its Lease by this step: there is nothing to watch")
    return step


def _refuse_what_is_not_read(cluster: Cluster) -> None:
    if cluster.is_recorded:
        raise PlanError("this cluster was read once, into a file: its leases can't be watched")
    if cluster.is_paused:
        raise PlanError("the cluster is paused: resume it first")
