"""Recorded clusters: bundles shown as what they were when they were read, never as live."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from authzviz import engine
from authzviz.engine.model import Snapshot
from authzviz.kube import bundle
from dashboard.models import Cluster, Source, User
from dashboard.services import audit, clusters, judging

DIRECTORY = Path(__file__).resolve().parent.parent / "sample"


def load(directory: Path = DIRECTORY) -> int:
    """How many recorded clusters were added from the bundles in `directory`; those that are there
    already stay as they are.
    """
    added = 0
    for path in sorted([*directory.glob("*.json"), *directory.glob("*.json.gz")]):
        snapshot = bundle.load(path)
        taken = Cluster.objects.filter(name=snapshot.name, source=Source.RECORDING)
        if not taken.exists():
            add_recording(snapshot, actor=None, interval_seconds=60)
            added += 1
    return added


def add_recording(snapshot: Snapshot, *, actor: User | None, interval_seconds: int) -> Cluster:
    """A cluster that shows `snapshot` and is never polled."""
    assessment = engine.judge(snapshot)
    with transaction.atomic():
        cluster = clusters.new_cluster(
            snapshot.name,
            interval_seconds=interval_seconds,
            actor=actor,
            source=Source.RECORDING,
        )
        cluster.server = snapshot.server
        cluster.last_success_at = snapshot.read_at
        cluster.save()
        judging.store(cluster, snapshot, assessment)
        audit.record(clusters.RECORDING_ADDED, actor=actor, cluster=cluster)
    return cluster


def remove_all(*, actor: User) -> int:
    """How many recorded clusters were removed: all there were."""
    with transaction.atomic():
        recorded = list(Cluster.objects.filter(source=Source.RECORDING))
        for cluster in recorded:
            clusters.remove(cluster, actor=actor)
    return len(recorded)
