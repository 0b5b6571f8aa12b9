"""Findings that a person takes upon them for a time."""

from __future__ import annotations

from django.db import models


class AcceptedRisk(models.Model):
    """One finding of one cluster, accepted with a reason until the end of a day.

    `finding` is its key (engine.finding_keys). `severity`, `title` and `detail` are as they were
    then: what got worse since is not what was accepted. Names are kept beside the keys of people,
    who may be removed later. `withdrawn_at` is None while nobody took it back.
    """

    cluster = models.ForeignKey("dashboard.Cluster", models.CASCADE, related_name="accepted_risks")
    finding = models.CharField(max_length=64)
    severity = models.CharField(max_length=16)
    title = models.TextField()
    detail = models.TextField()
    reason = models.TextField()
    until = models.DateField(db_index=True)
    accepted_at = models.DateTimeField()
    accepted_by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")
    accepted_by_name = models.CharField(max_length=150)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-accepted_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=("cluster", "finding"),
                condition=models.Q(withdrawn_at=None),
                name="one_acceptance_of_a_finding",
            )
        ]

    def __str__(self) -> str:
        return f"{self.cluster_id}: {self.title} until {self.until}"
