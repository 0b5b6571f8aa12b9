"""The last good read of a cluster as a file, and who took it."""

from __future__ import annotations

import gzip

from django.db import transaction

from authzviz.kube import bundle
from dashboard.models import Cluster, User
from dashboard.services import audit, pages
from dashboard.services.access import NotVisible


def bundle_of(cluster: Cluster, *, actor: User) -> bytes:
    """The bundle that `authzviz collect` would have written, gzipped; NotVisible where the cluster
    was never read.
    """
    snapshot = pages.snapshot_of(pages.row_of(cluster))
    if snapshot is None:
        raise NotVisible(cluster.slug)
    with transaction.atomic():
        audit.record("bundle downloaded", actor=actor, cluster=cluster)
    return gzip.compress(bundle.to_bytes(snapshot), mtime=0)
