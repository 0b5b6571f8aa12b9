"""Trackers that teams use, and the one ticket that each cluster has in them.

A ticket's row is the outbox, too: it says what is to be true in the tracker, and a worker brings
the tracker there. What is under way is written down before it is sent.
"""

from __future__ import annotations

import uuid
from enum import StrEnum

from django.db import models
from django.db.models import Q

from dashboard.models.cluster import Cluster


class Tracker(models.Model):
    """A tracker that tickets go to.

    `kind` is a key of authzviz.tickets.registry.KINDS, `values` what was told of it by field, and
    `credentials` its secrets, sealed (services.sealing) with `uuid` bound into the seal. The
    templates, `labels` (a list), `assignee` and `due_days` are what a new ticket begins with.
    `wait_until` is until when it takes nothing, because it asked for that (`is_wait_asked`) or
    failed; `failures` counts those in a row. `lease_until`, `generation` and `queued_until` are of
    its queue, which one worker at a time goes through. `next_read_at` is when tickets are read
    back.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=16)
    values = models.JSONField(default=dict)
    credentials = models.BinaryField(null=True)
    is_default = models.BooleanField(default=False)
    is_paused = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")

    title_template = models.TextField(blank=True)
    body_template = models.TextField(blank=True)
    labels = models.JSONField(default=list)
    assignee = models.CharField(max_length=200, blank=True)
    due_days = models.PositiveIntegerField(null=True)

    wait_until = models.DateTimeField(null=True)
    is_wait_asked = models.BooleanField(default=False)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    generation = models.PositiveBigIntegerField(default=0)
    queued_until = models.DateTimeField(null=True)
    next_read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                fields=("is_default",), condition=Q(is_default=True), name="one_default_tracker"
            )
        ]

    def __str__(self) -> str:
        return self.name


class TicketState(StrEnum):
    """What is known of a ticket.

    QUEUED: to be opened. UNKNOWN: it was sent and nobody knows whether it arrived; it is looked for
    before anything is sent again. OPEN and CLOSED: as last read. REJECTED: the tracker refuses it,
    for `error`. GONE: it was there and is no more.
    """

    QUEUED = "queued"
    UNKNOWN = "unknown"
    OPEN = "open"
    CLOSED = "closed"
    REJECTED = "rejected"
    GONE = "gone"


class Wording(models.Model):
    """What the tickets of one click say: a template, filled for each when it is sent."""

    title = models.TextField()
    body = models.TextField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.title[:60]


class Ticket(models.Model):
    """A cluster's place in a tracker; at most one is current per cluster and tracker.

    `marker` is in the tracker, too. `title` and `body` are what a person wrote in the preview, ""
    where `wording` is filled instead. `written_title` and `written_body` are what the tracker gave
    back when we last wrote: where it gives another, people changed it, and it is left to them.
    `progress` is our comment as it is to be, `comment_text` as the tracker gave it back;
    `comment_mark` is in that comment alone. `seen` stands for what the last good read found of what
    the texts tell, `told` for what they were last filled with; `is_body_due` and `is_comment_due`
    are what the tracker does not have yet.

    `opened_findings` are the titles, by key, of the findings that there were when its texts were
    first filled; None before that.

    `wanted_open` is what the product wants of the tracker, None for nothing: it wants something
    only when a cluster gets to its target or falls back, and what people did since stays.
    `is_reached` is whether the cluster was there when that was last decided; `reached_reads` are
    the good reads in a row that found it there, `counted_read_at` the last that was counted.
    `wanted_by` is the person who wanted it, "" for the product. `closed_by` is "product" or
    "people". `missing_since` is when it was first looked for and not there, `asked_at` when last
    looked for.

    `due_at` is when a worker has to do something, None for never. `sending` is what is under way
    ("create", "update", "comment", "close", "reopen"), since `sending_since`, as `delivery`, for
    the `attempts`-th time. `found_before` are the tickets of the marker that were in the tracker
    before this one was sent. `revision` grows with whatever changes what is wanted.
    """

    cluster = models.ForeignKey(Cluster, models.SET_NULL, null=True, related_name="tickets")
    cluster_name = models.CharField(max_length=120)
    tracker = models.ForeignKey(Tracker, models.CASCADE, related_name="tickets")
    marker = models.CharField(max_length=64, db_index=True)
    page_url = models.CharField(max_length=500, blank=True)
    is_current = models.BooleanField(default=True)
    batch = models.UUIDField(null=True)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True, related_name="+")
    opened_by_name = models.CharField(max_length=150)

    wording = models.ForeignKey(Wording, models.SET_NULL, null=True, related_name="+")
    title = models.TextField(blank=True)
    body = models.TextField(blank=True)
    labels = models.JSONField(default=list)
    assignee = models.CharField(max_length=200, blank=True)
    due_on = models.DateField(null=True)
    opened_findings = models.JSONField(null=True)

    state = models.CharField(max_length=16, default=TicketState.QUEUED.value)
    remote_id = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=1000, blank=True)
    remote_state = models.CharField(max_length=100, blank=True)
    remote_title = models.TextField(blank=True)
    remote_assignee = models.CharField(max_length=200, blank=True)
    read_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    written_title = models.TextField(blank=True)
    written_body = models.TextField(blank=True)

    progress = models.TextField(blank=True)
    comment_id = models.CharField(max_length=200, blank=True)
    comment_text = models.TextField(blank=True)
    comment_mark = models.CharField(max_length=80, blank=True)
    seen = models.CharField(max_length=64, blank=True)
    told = models.CharField(max_length=64, blank=True)
    is_body_due = models.BooleanField(default=False)
    is_comment_due = models.BooleanField(default=False)

    wanted_open = models.BooleanField(null=True)
    wanted_by = models.CharField(max_length=150, blank=True)
    is_reached = models.BooleanField(default=False)
    reached_reads = models.PositiveIntegerField(default=0)
    counted_read_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=16, blank=True)

    due_at = models.DateTimeField(null=True)
    sending = models.CharField(max_length=16, blank=True)
    sending_since = models.DateTimeField(null=True)
    delivery = models.UUIDField(null=True)
    found_before = models.JSONField(default=list)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    error_at = models.DateTimeField(null=True)
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("-opened_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=("cluster", "tracker"),
                condition=Q(is_current=True),
                name="one_ticket_of_a_cluster_in_a_tracker",
            )
        ]
        indexes = [
            models.Index(fields=("tracker", "due_at"), name="ticket_due"),
            models.Index(fields=("is_current", "state"), name="ticket_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.marker}: {self.state}"


class TicketEvent(models.Model):
    """What was done about a ticket, by us or seen to be done by others; `words` hold no secret.

    `what` is "opened", "adopted", "updated", "commented", "closed", "reopened", "refused",
    "failed", "unknown", "gone", "seen" (somebody changed it there), and in the built-in list
    "noted" and "changed". `by_name` is "" for the product.
    """

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    what = models.CharField(max_length=16)
    words = models.TextField(blank=True)
    by_name = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.what}"


class ListedTicket(models.Model):
    """A ticket of the built-in list. `comments` are [id, text], with the oldest first; those of
    people [id, text, who, when in ISO 8601].
    """

    marker = models.CharField(max_length=64, db_index=True)
    title = models.TextField()
    body = models.TextField(blank=True)
    labels = models.JSONField(default=list)
    assignee = models.CharField(max_length=200, blank=True)
    due_on = models.DateField(null=True)
    is_open = models.BooleanField(default=True)
    comments = models.JSONField(default=list)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.title[:60]
