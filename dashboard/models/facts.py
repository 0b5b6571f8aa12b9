"""What was read of a cluster, and what the engine made of it."""

from __future__ import annotations

from django.db import models

from dashboard.models.cluster import Cluster


class StoredSnapshot(models.Model):
    """One snapshot as a compressed bundle, stored once per change of the facts in `facts_hash`.

    Flags, RBAC, versions and node counts make the hash; readiness and leases are as at
    `first_seen_at` and live on in CurrentState. `changes` are what changed since the snapshot
    before, in words (services.history); None where that was not worked out yet.
    """

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="snapshots")
    facts_hash = models.CharField(max_length=64)
    bundle = models.BinaryField()
    is_whole = models.BooleanField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    changes = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=("cluster", "-last_seen_at"), name="snapshot_by_last_seen"),
            models.Index(fields=("cluster", "-first_seen_at"), name="snapshot_by_first_seen"),
            models.Index(
                fields=("-id",), name="snapshot_unnoted", condition=models.Q(changes__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cluster_id} at {self.first_seen_at:%Y-%m-%d %H:%M}"


class CurrentState(models.Model):
    """What the last good poll of a cluster says: one row per cluster, replaced as a whole.

    `assessment` is the engine's Assessment as compressed JSON; what the fleet page lists is
    repeated in columns, so that a thousand rows unpack nothing; `findings` are their keys (of
    engine.finding_keys), each with its severity. `passing` holds, compressed, what changes with
    every poll: nodes and leases with their times. `remembered` is what the next poll need not ask
    again, compressed, too.
    """

    cluster = models.OneToOneField(
        Cluster, models.CASCADE, primary_key=True, related_name="current"
    )
    snapshot = models.ForeignKey(StoredSnapshot, models.CASCADE, related_name="+")
    generation = models.PositiveBigIntegerField()
    passing = models.BinaryField()
    remembered = models.BinaryField(default=b"")
    reads = models.JSONField()
    read_at = models.DateTimeField()
    clock_skew_seconds = models.FloatField(null=True)

    assessment = models.BinaryField()
    engine_version = models.PositiveIntegerField(db_index=True)
    judged_at = models.DateTimeField()
    verdict = models.CharField(max_length=32, db_index=True)
    possible = models.JSONField(default=list)
    summary = models.TextField()
    version = models.CharField(max_length=64, blank=True)
    distribution = models.CharField(max_length=32)
    nodes_total = models.PositiveIntegerField(null=True)
    nodes_ready = models.PositiveIntegerField(null=True)
    nodes_not_ready = models.PositiveIntegerField(null=True)
    nodes_unknown = models.PositiveIntegerField(null=True)
    findings_count = models.PositiveIntegerField(default=0)
    findings = models.JSONField(default=dict)
    missing_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.cluster_id}: {self.verdict}"


class VerdictChange(models.Model):
    """A verdict that differs from the one before, and the snapshot it was judged from.

    `at` is when that was read, or when another engine judged it anew.

    `engine_version` tells a change of the cluster from a change of the engine.
    """

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="verdict_changes")
    snapshot = models.ForeignKey(StoredSnapshot, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    verdict = models.CharField(max_length=32)
    previous = models.CharField(max_length=32, blank=True)
    summary = models.TextField()
    engine_version = models.PositiveIntegerField()

    class Meta:
        ordering = ("-at", "-pk")
        indexes = [
            models.Index(fields=("cluster", "-at"), name="verdict_by_time"),
            models.Index(fields=("-at", "-id"), name="verdict_newest_first"),
            models.Index(fields=("verdict", "-at"), name="verdict_by_word"),
        ]

    def __str__(self) -> str:
        return f"{self.cluster_id}: {self.previous} to {self.verdict}"
