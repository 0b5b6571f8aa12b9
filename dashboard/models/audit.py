"""Who did what, when: rows are added and never changed."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models


class AuditEvent(models.Model):
    """One act of a person. Names are kept beside the keys, since either may be removed later.

    `detail` never holds a secret. Acts of one click share their `batch`.
    """

    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=64)
    cluster = models.ForeignKey("dashboard.Cluster", models.SET_NULL, null=True, related_name="+")
    about = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict)
    batch = models.UUIDField(null=True, db_index=True)

    class Meta:
        ordering = ("-at", "-pk")
        indexes = [
            models.Index(fields=("cluster", "-at"), name="audit_by_cluster"),
            models.Index(fields=("actor_name", "-at"), name="audit_by_person"),
            models.Index(fields=("action", "-at"), name="audit_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.about}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; refuses to change one."""
        if not self._state.adding:
            raise TypeError("an audit event is never changed")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: an audit event stays."""
        raise TypeError("an audit event is never removed")
