"""Views of the fleet that people gave a name."""

from __future__ import annotations

from django.db import models


class SavedView(models.Model):
    """A name for a query of the fleet page ("?group=Europe&verdict=refused"), for everybody."""

    name = models.CharField(max_length=60, unique=True)
    query = models.CharField(max_length=1000)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
