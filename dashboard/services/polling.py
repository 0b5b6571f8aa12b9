"""One poll of one cluster: claim it, read it, store what was read. The database owns the work.

A claim is a conditional UPDATE that has to change one row. It counts the attempt before any work
is done, and starts a new generation; a result is stored only while its generation is the cluster's
and its lease has not been given to another.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from authzviz import engine
from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot
from dashboard.models import LIVE, Cluster
from dashboard.services import clock, facts, judging, reading

log = logging.getLogger(__name__)

# A claim that ends with neither result nor error took its worker down with it.
CRASHES_BEFORE_QUARANTINE = 3
_SUSPECT = CRASHES_BEFORE_QUARANTINE - 1
_CRASHING = Q(attempts__gte=CRASHES_BEFORE_QUARANTINE, quarantined_until=None)
QUARANTINE = timedelta(hours=1)
LONGEST_BACKOFF_SECONDS = 300
# The deadline holds within the poll; this is for judging and storing.
_LEASE_MARGIN_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to store one result for a cluster, which is as it was when it was claimed."""

    cluster: Cluster

    @property
    def cluster_id(self) -> int:
        """The cluster's key."""
        return self.cluster.pk

    @property
    def generation(self) -> int:
        """The generation that the claim began: a result counts while it is the cluster's."""
        return self.cluster.generation


def poll(cluster_id: int) -> None:
    """Read the cluster if it is due and nobody else does, and store what came of it.

    Safe to run twice. No transaction is open while the network is waited for.
    """
    lease = claim(cluster_id)
    if lease is None:
        return
    cluster = lease.cluster
    try:
        snapshot = reading.read_cluster(
            cluster,
            deadline_seconds=settings.POLL_DEADLINE_SECONDS,
            remembered=facts.remembered_of(cluster.pk),
        )
        assessment = engine.judge(snapshot)
        store_result(lease, snapshot, assessment)
    except reading.ReadError as error:
        store_failure(lease, str(error))
    except Exception:  # whatever it is, the lease has to end and the page to say so
        log.exception("the poll of cluster %s failed", cluster_id)
        store_failure(lease, "The poll failed for a reason of our own; the worker's log has it.")


def claim(cluster_id: int) -> Lease | None:
    """A lease on the cluster, or None where it isn't due, is paused, read by another, or
    quarantined.
    """
    now = clock.now()
    due = due_clusters(now).filter(pk=cluster_id)
    lease_until = now + timedelta(seconds=settings.POLL_DEADLINE_SECONDS + _LEASE_MARGIN_SECONDS)
    # `+ 1` of a claim is always in the same UPDATE as its test: two claims can't both change a row.
    changed = _one_suspect_at_a_time(due.exclude(_CRASHING), now).update(
        lease_until=lease_until,
        generation=F("generation") + 1,
        attempts=F("attempts") + 1,
        last_attempt_at=now,
        queued_until=None,
        quarantined_until=None,
    )
    if changed != 1:
        _quarantine(due, now)
        # A suspect that has to wait for another is sent again with the next dispatch.
        due.filter(attempts__gte=_SUSPECT).update(queued_until=None)
        return None
    cluster = Cluster.objects.filter(pk=cluster_id).first()
    return Lease(cluster) if cluster else None


def due_clusters(now: datetime) -> QuerySet[Cluster]:
    """Every cluster that is to be read at `now` and is read by nobody."""
    return Cluster.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now),
        Q(quarantined_until=None) | Q(quarantined_until__lte=now),
        source__in=LIVE,
        is_paused=False,
        next_poll_at__lte=now,
    )


def store_result(lease: Lease, snapshot: Snapshot, assessment: Assessment) -> bool:
    """Store what was read and what it means, in one transaction; False where the lease was lost,
    and nothing is stored.
    """
    with transaction.atomic():
        if not _finish(
            lease,
            lease.cluster.interval_seconds,
            last_success_at=snapshot.read_at,
            failures=0,
            last_error="",
        ):
            log.info("dropped a late result of cluster %s", lease.cluster_id)
            return False
        judging.store(lease.cluster, snapshot, assessment)
    return True


def store_failure(lease: Lease, message: str) -> bool:
    """Store why the poll failed; what was known stays, and gets older. False where the lease was
    lost.
    """
    cluster = lease.cluster
    return _finish(
        lease,
        backoff_seconds(cluster.interval_seconds, cluster.failures + 1),
        failures=F("failures") + 1,
        last_error=message,
        last_error_at=_since_when(clock.now()),
    )


def backoff_seconds(interval_seconds: int, failures: int) -> int:
    """How long to wait after the n-th failure in a row: twice as long each time, up to five
    minutes or the interval, whichever is longer.
    """
    longest = max(interval_seconds, LONGEST_BACKOFF_SECONDS)
    return min(longest, interval_seconds << min(max(failures - 1, 0), 10))


def next_slot(now: datetime, seconds: int, key: int) -> datetime:
    """The next time after `now` that is a whole number of `seconds`, plus an offset made of `key`.

    The offset spreads clusters evenly however many become due at once.
    """
    offset = key % (seconds * 1000) / 1000
    since = now.timestamp() - offset
    return datetime.fromtimestamp(offset + (since // seconds + 1) * seconds, UTC)


def poll_soon(cluster: Cluster) -> None:
    """Make the cluster due now, out of quarantine and with a clean record of crashes."""
    Cluster.objects.filter(pk=cluster.pk).update(
        next_poll_at=clock.now(), queued_until=None, attempts=0, quarantined_until=None
    )


def drop_running(cluster_id: int) -> None:
    """Make whatever is being read right now come to nothing."""
    Cluster.objects.filter(pk=cluster_id).update(generation=F("generation") + 1, lease_until=None)


def _finish(lease: Lease, seconds: int, **changes: object) -> bool:
    """End the lease with these changes, the next poll a slot of `seconds` later; False where it is
    not the cluster's any more.
    """
    changed = Cluster.objects.filter(pk=lease.cluster_id, generation=lease.generation).update(
        lease_until=None,
        attempts=0,
        next_poll_at=next_slot(clock.now(), seconds, lease.cluster.uuid.int),
        **changes,
    )
    return changed == 1


def _one_suspect_at_a_time(due: QuerySet[Cluster], now: datetime) -> QuerySet[Cluster]:
    """`due`, without what is suspected of killing workers while another suspect is being read.

    A worker takes everything that it reads with it. Were they tried again together, as they become
    due together, what does no harm would be set aside with the one that does.
    """
    others = Cluster.objects.filter(attempts__gt=_SUSPECT, lease_until__gt=now)
    return due.filter(Q(attempts__lt=_SUSPECT) | ~Exists(others))


def _quarantine(due: QuerySet[Cluster], now: datetime) -> None:
    """Set aside, for an hour, what killed its worker three times; let it try once after that."""
    due.filter(_CRASHING).update(
        quarantined_until=now + QUARANTINE,
        next_poll_at=now + QUARANTINE,
        lease_until=None,
        queued_until=None,
        last_error=(
            f"Reading this cluster ended its worker {CRASHES_BEFORE_QUARANTINE} times. It is set "
            "aside for an hour; Read now tries it at once."
        ),
        last_error_at=_since_when(now),
    )


def _since_when(now: datetime) -> Case:
    """`now` where the last read was good, else when reads began to fail."""
    began = Coalesce(F("last_error_at"), Value(now))
    return Case(When(last_error="", then=Value(now)), default=began)
