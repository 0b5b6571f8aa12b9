"""What is due, said to the broker; lost with it, it is simply said again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from dashboard.models import Heartbeat
from dashboard.services import clock, polling

DISPATCH = "dispatch"
# Until then a task that was sent is believed to be on its way. It expires then, too.
QUEUED_SECONDS = 20
BATCH = 500


def take_due() -> list[int]:
    """The ids of clusters to read now, the longest due first, each given out once per 20 s.

    Two schedulers don't double: SQLite runs these transactions one after another, and PostgreSQL
    skips the rows that the other holds.
    """
    with transaction.atomic():
        now = clock.now()
        Heartbeat.objects.update_or_create(name=DISPATCH, defaults={"at": now})
        waiting = polling.due_clusters(now).filter(Q(queued_until=None) | Q(queued_until__lte=now))
        ids = list(
            waiting.select_for_update(skip_locked=True)
            .order_by("next_poll_at")
            .values_list("pk", flat=True)[:BATCH]
        )
        waiting.filter(pk__in=ids).update(queued_until=now + timedelta(seconds=QUEUED_SECONDS))
    return ids


def last_dispatch() -> datetime | None:
    """When the scheduler last asked what is due; None where it never ran."""
    return Heartbeat.objects.filter(name=DISPATCH).values_list("at", flat=True).first()
