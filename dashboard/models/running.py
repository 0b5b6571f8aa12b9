"""What the running parts leave for each other."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """When a part of the machinery last did its work ("dispatch")."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"


class CacheEntry(models.Model):
    """The table of Django's database cache, as a model so that `migrate` makes it."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.cache_key
