"""The sample fleet: recordings that come with the product."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from authzviz.kube import bundle
from dashboard.models import Cluster, Source, User
from dashboard.services import bundles, clusters

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
            bundles.add(snapshot, source=Source.RECORDING, actor=None)
            added += 1
    return added


def remove_all(*, actor: User) -> int:
    """How many recorded clusters were removed: all that the sample fleet has."""
    with transaction.atomic():
        recorded = list(Cluster.objects.filter(source=Source.RECORDING))
        for cluster in recorded:
            clusters.remove(cluster, actor=actor)
    return len(recorded)
