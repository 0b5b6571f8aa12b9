"""A cluster's migration: the plan that was started, what people ticked, what is watched."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q

from dashboard.models.cluster import Cluster


class PlanState(StrEnum):
    """What became of a started plan: REPLACED where a new one was made of newer facts."""

    RUNNING = "running"
    REACHED = "reached"
    LEFT = "left"
    REPLACED = "replaced"


class StartedPlan(models.Model):
    """A plan that someone started, as it was made from `snapshot`; at most one runs per cluster.

    `plan` is the authzviz.plans.Plan as packed JSON (services.facts), readable while `made_with` is
    PLANS_VERSION. `states` holds, for each step by its id, {"state", "because", "since"} as of the
    last read; `ground` are sentences that say what changed under the plan. `phase` is the first
    phase that is not done, "" where all are. `revision` grows with every change of the row.
    """

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="started_plans")
    snapshot = models.ForeignKey("dashboard.StoredSnapshot", models.CASCADE, related_name="+")
    plan = models.BinaryField()
    made_with = models.PositiveIntegerField()
    start_verdict = models.CharField(max_length=32)
    started_at = models.DateTimeField()
    started_by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")
    started_by_name = models.CharField(max_length=150)
    state = models.CharField(max_length=16, default=PlanState.RUNNING.value)
    ended_at = models.DateTimeField(null=True)
    phase = models.CharField(max_length=32, blank=True)
    steps_done = models.PositiveIntegerField(default=0)
    steps_total = models.PositiveIntegerField(default=0)
    states = models.JSONField(default=dict)
    ground = models.JSONField(default=list)
    checked_at = models.DateTimeField(null=True)
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("-started_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=("cluster",), condition=Q(state="running"), name="one_running_plan"
            )
        ]
        indexes = [models.Index(fields=("state", "phase"), name="plan_by_phase")]

    def __str__(self) -> str:
        return f"{self.cluster_id}: {self.state} since {self.started_at:%Y-%m-%d %H:%M}"


class StepTick(models.Model):
    """A person's word that a step is done; names are kept beside the key of who may be removed.

    `taken_back_at` is None while it holds.
    """

    plan = models.ForeignKey(StartedPlan, models.CASCADE, related_name="ticks")
    step = models.CharField(max_length=500)
    note = models.TextField(blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=150)
    taken_back_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=("plan", "step"), condition=Q(taken_back_at=None), name="one_tick_of_a_step"
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.step} by {self.by_name}"


class LeaseWatch(models.Model):
    """Leases of a cluster, read every few seconds while someone takes a step; one at a time.

    `since` is the apiserver's own time at the first read, `started_at` ours; `until` is when the
    watch ends by itself. `nodes` are [name, when its Lease was renewed last] as of the first read,
    "" for none. `total` are those of them that are still there, `renewed` those of them whose Lease
    was renewed since and is not overdue, `waiting` at most a hundred of the others by name.
    `read_at` is the last read that was answered; `error` why the last one was not.
    `generation` grows with every claim of a read, which holds until `lease_until`. `why_ended` is
    "" while it runs.
    """

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="lease_watches")
    step = models.CharField(max_length=500)
    started_at = models.DateTimeField()
    started_by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")
    started_by_name = models.CharField(max_length=150)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField()
    next_read_at = models.DateTimeField(null=True, db_index=True)
    lease_until = models.DateTimeField(null=True)
    generation = models.PositiveBigIntegerField(default=0)
    read_at = models.DateTimeField(null=True)
    nodes = models.JSONField(default=list)
    total = models.PositiveIntegerField(null=True)
    renewed = models.PositiveIntegerField(null=True)
    waiting = models.JSONField(default=list)
    error = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)
    why_ended = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ("-started_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=("cluster",), condition=Q(ended_at=None), name="one_watch_of_leases"
            )
        ]

    def __str__(self) -> str:
        return f"{self.cluster_id}: {self.step}"


class AuditLogEvidence(models.Model):
    """What uploaded audit logs of a cluster prove; the logs themselves are not kept.

    `evidence` is the authzviz.evidence AuditEvidence as packed JSON (services.facts), judged
    against the bindings of that time. `proof` repeats it for lists. `grants` holds, for each
    binding that then granted more than the Node authorizer would, a hash of what. `removed_at` is
    set once someone took it away, which can be undone for a while.
    """

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="audit_evidence")
    evidence = models.BinaryField()
    proof = models.CharField(max_length=32)
    grants = models.JSONField(default=dict)
    files = models.JSONField(default=list)
    size_bytes = models.PositiveBigIntegerField()
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")
    uploaded_by_name = models.CharField(max_length=150)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-uploaded_at", "-pk")
        indexes = [models.Index(fields=("cluster", "-uploaded_at"), name="audit_log_by_cluster")]

    def __str__(self) -> str:
        return f"{self.cluster_id}: {self.proof} at {self.uploaded_at:%Y-%m-%d %H:%M}"
