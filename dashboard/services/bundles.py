"""Clusters that were read once: an uploaded bundle, or a recording of the sample fleet.

They are shown as what they were when they were read, with their age, and are never polled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore

from django.conf import settings
from django.db import DataError, transaction

from authzviz import engine
from authzviz.engine.model import Snapshot
from authzviz.kube import bundle
from dashboard.models import Cluster, Source, User
from dashboard.services import audit, clock, clusters, judging

MAX_BYTES = 8 * 2**20
MAX_UNPACKED_BYTES = 64 * 2**20
# Kubernetes is no older, and clocks differ by no more.
_EARLIEST = datetime(2014, 6, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(days=1)
# Unpacked and judged, a bundle takes many times its size: one at a time.
_PLACE = BoundedSemaphore(1)


class BundleRefused(Exception):
    """The bundle can't be taken; the message is for people."""


class NeedsConfirmation(BundleRefused):
    """The bundle is older than what is shown, or of another server: to be taken only if meant."""


@contextmanager
def reading(raw: bytes) -> Iterator[Snapshot]:
    """The snapshot of an uploaded file, while no other is worked on; raises BundleRefused."""
    if not _PLACE.acquire(blocking=False):
        raise BundleRefused("Another bundle is being read; try again in a moment.")
    try:
        yield _parsed(raw)
    finally:
        _PLACE.release()


def add(
    snapshot: Snapshot, *, source: Source, actor: User | None, name: str = "", file: str = ""
) -> Cluster:
    """A cluster that shows `snapshot`, called `name` or else as the snapshot is; never polled.

    Raises BundleRefused where it can't be judged or stored.
    """
    cluster = clusters.new_cluster(
        name or snapshot.name,
        interval_seconds=settings.POLL_INTERVAL_SECONDS,
        actor=actor,
        source=source,
    )
    action = clusters.RECORDING_ADDED if source is Source.RECORDING else clusters.BUNDLE_ADDED
    _show(cluster, snapshot, action, actor=actor, file=file)
    return cluster


def replace(
    cluster: Cluster, snapshot: Snapshot, *, is_meant: bool, actor: User, file: str = ""
) -> None:
    """Show `snapshot` in place of the bundle so far, whose history stays.

    Raises NeedsConfirmation where that is older or another server's, unless `is_meant`;
    BundleRefused where it can't be judged or stored.
    """
    if not cluster.is_bundle:
        raise BundleRefused("only a cluster that came as a bundle gets another one")
    doubts = _doubts(cluster, snapshot)
    if doubts and not is_meant:
        raise NeedsConfirmation(f"Nothing was changed: {' and '.join(doubts)}.")
    # What judges the old one anew at this moment finds that it is no longer the current one.
    cluster.generation += 1
    _show(cluster, snapshot, "bundle replaced", actor=actor, file=file)


def _show(
    cluster: Cluster, snapshot: Snapshot, action: str, *, actor: User | None, file: str
) -> None:
    try:
        assessment = engine.judge(snapshot)
        with transaction.atomic():
            cluster.server = snapshot.server[:500]
            cluster.last_success_at = snapshot.read_at
            cluster.save()
            judging.store(cluster, snapshot, assessment)
            audit.record(
                action,
                actor=actor,
                cluster=cluster,
                server=cluster.server,
                read_at=snapshot.read_at.isoformat(timespec="seconds"),
                file=file[:200],
            )
    except (DataError, ValueError, OverflowError) as error:
        # Out of a file may come what no apiserver says: U+0000, which PostgreSQL does not take.
        raise BundleRefused("the bundle holds something that can't be stored") from error


def _parsed(raw: bytes) -> Snapshot:
    if len(raw) > MAX_BYTES:
        raise BundleRefused(
            f"the bundle is larger than {MAX_BYTES >> 20} MiB: gzip it, or judge it with "
            "authzviz check --bundle"
        )
    try:
        snapshot = bundle.load(raw, max_bytes=MAX_UNPACKED_BYTES)
    except bundle.BundleError as error:
        raise BundleRefused(str(error)) from error
    if not _EARLIEST < snapshot.read_at < clock.now() + _CLOCKS_DIFFER:
        raise BundleRefused(
            f"the bundle says that it was read at {snapshot.read_at:%Y-%m-%d %H:%M} UTC, "
            "which can't be"
        )
    return snapshot


def _doubts(cluster: Cluster, snapshot: Snapshot) -> list[str]:
    doubts = []
    shown = cluster.last_success_at
    if shown is not None and snapshot.read_at < shown:
        doubts.append(
            f"this bundle was read at {snapshot.read_at:%Y-%m-%d %H:%M} UTC, and the one that is "
            f"shown later, at {shown:%Y-%m-%d %H:%M} UTC"
        )
    if snapshot.server[:500] != cluster.server:
        doubts.append(
            f"this bundle is of the server {snapshot.server[:100]}, and the one that is shown of "
            f"{cluster.server[:100]}"
        )
    return doubts
