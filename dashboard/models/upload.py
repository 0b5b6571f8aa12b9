"""A kubeconfig between its upload and the choice of contexts."""

from __future__ import annotations

import uuid

from django.db import models


class Upload(models.Model):
    """A kubeconfig that someone gave, sealed, until its contexts are chosen or its time is over.

    It is kept here and not in a form or a session, so that credentials leave the server in no
    answer. `tests` holds what the connection tests said, by context.
    """

    uuid = models.UUIDField(default=uuid.uuid4, primary_key=True, editable=False)
    text = models.BinaryField()
    created_by = models.ForeignKey("dashboard.User", models.CASCADE)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    tests = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"upload {self.uuid}"
