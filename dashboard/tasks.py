"""Celery's tasks: ids in, nothing out, each safe to run twice."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import transaction

from dashboard.services import accounts, audit_logs, changes, dispatching, judging, polling, uploads

log = logging.getLogger(__name__)


@shared_task(ignore_result=True, acks_late=True)
def poll_cluster(cluster_id: int) -> None:
    """Read one cluster, if it is due."""
    polling.poll(cluster_id)


@shared_task(ignore_result=True)
def dispatch() -> None:
    """Send what is due to the workers, and make good what another version has stored."""
    for cluster_id in dispatching.take_due():
        _send(cluster_id)
    judging.judge_outdated()
    changes.note_missing()


@shared_task(ignore_result=True)
def clean_up() -> None:
    """Remove what is over: sessions, sign-in links, uploads that nobody finished."""
    accounts.clean_up()
    uploads.clean_up()
    audit_logs.clean_up()


def send_poll(cluster_id: int) -> None:
    """Have a worker read the cluster as soon as the transaction is committed.

    It is due in the database already: where the broker is down, the next dispatch sends it.
    """

    transaction.on_commit(lambda: _send(cluster_id))


def _send(cluster_id: int) -> None:
    try:
        poll_cluster.apply_async((cluster_id,), expires=dispatching.QUEUED_SECONDS)
    except poll_cluster.OperationalError:
        log.warning("the broker is down: cluster %s waits for the next dispatch", cluster_id)
