"""A cluster of the fleet: how it is read, when next, and how the last tries went."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from django.db import models
from django.urls import reverse


class Source(StrEnum):
    """How a cluster is read."""

    KUBECONFIG = "kubeconfig"
    IN_CLUSTER = "in-cluster"
    BUNDLE = "bundle"
    RECORDING = "recording"


LIVE = (Source.KUBECONFIG, Source.IN_CLUSTER)
"""The sources that are read again and again; the others were read once."""


class PollState(StrEnum):
    """What the poller does with a cluster, and what came of the last try."""

    RECORDED = "recorded"
    READING = "reading"
    QUEUED = "queued"
    QUARANTINED = "quarantined"
    PAUSED = "paused"
    FAILING = "failing"
    WAITING = "waiting"


WARN_BEFORE_EXPIRY = timedelta(days=14)
STALE_AFTER_INTERVALS = 3


class Cluster(models.Model):
    """An entry of the fleet.

    Times of the polling fields are the database's. `generation` grows with every claim and with
    every change of the credentials: a result is stored only under the generation it was read for.
    `attempts` counts claims since the last one that ended, so a poll that kills its worker shows.
    `credentials` are sealed (services.sealing) with `uuid` bound into the seal. `last_error_at` is
    when reads began to fail, whatever they fail with since. `apiserver_urls` are the apiservers
    that an operator lists, each asked by itself; `probes_node_restriction` lets a read impersonate
    a node that nobody has, in a dry run. `group` is where people put it ("Europe"), "" for nowhere.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120, unique=True)
    group = models.CharField(max_length=80, blank=True, db_index=True)
    labels = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=16, default=Source.KUBECONFIG.value)
    server = models.CharField(max_length=500, blank=True)
    credentials = models.BinaryField(null=True)
    credentials_expire_at = models.DateTimeField(null=True)
    is_tls_verified = models.BooleanField(default=True)
    apiserver_urls = models.JSONField(default=list, blank=True)
    probes_node_restriction = models.BooleanField(default=False)

    created_at = models.DateTimeField()
    created_by = models.ForeignKey("dashboard.User", models.SET_NULL, null=True)

    is_paused = models.BooleanField(default=False)
    interval_seconds = models.PositiveIntegerField()
    next_poll_at = models.DateTimeField(null=True, db_index=True)
    queued_until = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    generation = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    quarantined_until = models.DateTimeField(null=True)

    last_attempt_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The page of this cluster."""
        return reverse("cluster", args=(self.slug,))

    @property
    def is_recorded(self) -> bool:
        """True for what was read once, a sample's recording or an uploaded bundle: shown as what it
        was then, never as live.
        """
        return self.source not in LIVE

    @property
    def is_bundle(self) -> bool:
        """True for a bundle that someone uploaded; a newer one may follow."""
        return self.source == Source.BUNDLE

    @property
    def is_sample(self) -> bool:
        """True for a recording of the sample fleet."""
        return self.source == Source.RECORDING

    @property
    def is_own(self) -> bool:
        """True for the cluster that this server itself runs in."""
        return self.source == Source.IN_CLUSTER

    def poll_state(self, now: datetime) -> PollState:
        """What the poller does with this cluster at `now`."""
        waiting = PollState.FAILING if self.last_error else PollState.WAITING
        cases = (
            (self.is_recorded, PollState.RECORDED),
            (self.lease_until is not None and self.lease_until > now, PollState.READING),
            (self.is_paused, PollState.PAUSED),
            (
                self.quarantined_until is not None and self.quarantined_until > now,
                PollState.QUARANTINED,
            ),
            (self.next_poll_at is not None and self.next_poll_at <= now, PollState.QUEUED),
        )
        return next((state for holds, state in cases if holds), waiting)

    def is_stale(self, now: datetime) -> bool:
        """True where what is known of it is old at `now`."""
        return is_stale(self, now)

    def expires_soon(self, now: datetime) -> bool:
        """True from 14 days before the token or certificate expires, and after."""
        return expires_soon(self, now)


class Polled(Protocol):
    """What tells whether facts and credentials are old: a Cluster, or a row of these columns."""

    @property
    def source(self) -> str: ...
    @property
    def interval_seconds(self) -> int: ...
    @property
    def last_success_at(self) -> datetime | None: ...
    @property
    def last_error(self) -> str: ...
    @property
    def credentials_expire_at(self) -> datetime | None: ...


def is_stale(cluster: Polled, now: datetime) -> bool:
    """True where the last read failed, or what is known is older than three intervals, paused
    or not; never for what was read once, which is not live to begin with.
    """
    if cluster.source not in LIVE or cluster.last_success_at is None:
        return False
    if cluster.last_error:
        return True
    limit = timedelta(seconds=STALE_AFTER_INTERVALS * cluster.interval_seconds)
    return now - cluster.last_success_at > limit


def expires_soon(cluster: Polled, now: datetime) -> bool:
    """True from 14 days before the token or certificate expires, and after."""
    expire_at = cluster.credentials_expire_at
    return expire_at is not None and expire_at - now <= WARN_BEFORE_EXPIRY
