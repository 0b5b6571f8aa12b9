"""Celery's tasks: ids in, nothing out, each safe to run twice."""

from __future__ import annotations

import logging

from celery import shared_task
from celery.signals import worker_shutting_down
from django.db import transaction

from dashboard.services import (
    accounts,
    audit_logs,
    changes,
    dispatching,
    judging,
    polling,
    ticket_queue,
    ticket_sending,
    tickets,
    uploads,
    watching,
)

log = logging.getLogger(__name__)


@shared_task(ignore_result=True, acks_late=True)
def poll_cluster(cluster_id: int) -> None:
    """Read one cluster, if it is due."""
    polling.poll(cluster_id)


@shared_task(ignore_result=True)
def watch_leases(watch_id: int) -> None:
    """Read the leases for one watch, and come again while it goes on."""
    if watching.read_once(watch_id):
        _send_watch(watch_id, watching.EVERY_SECONDS)


@shared_task(ignore_result=True)
def work_on_tickets(tracker_id: int) -> None:
    """Go through the queue of one tracker for a while, and come again while there is more."""
    if ticket_sending.work(tracker_id):
        _send_tickets(tracker_id)


@worker_shutting_down.connect
def _end_turns(**_: object) -> None:
    """A turn with a tracker may last longer than a worker is given to end."""
    ticket_queue.end()


@shared_task(ignore_result=True)
def dispatch() -> None:
    """Send what is due to the workers, and make good what another version has stored."""
    for cluster_id in dispatching.take_due():
        _send(cluster_id)
    for watch_id in watching.take_overdue():
        _send_watch(watch_id)
    for tracker_id in ticket_queue.take_due():
        _send_tickets(tracker_id)
    judging.judge_outdated()
    changes.note_missing()


@shared_task(ignore_result=True)
def clean_up() -> None:
    """Remove what is over: sessions, sign-in links, uploads that nobody finished, watches,
    what nobody looks up about tickets any more.
    """
    accounts.clean_up()
    uploads.clean_up()
    audit_logs.clean_up()
    watching.clean_up()
    tickets.clean_up()


def send_poll(cluster_id: int) -> None:
    """Have a worker read the cluster as soon as the transaction is committed.

    It is due in the database already: where the broker is down, the next dispatch sends it.
    """

    transaction.on_commit(lambda: _send(cluster_id))


def send_watch(watch_id: int) -> None:
    """Have a worker begin to read for the watch as soon as the transaction is committed; where the
    broker is down, a later dispatch does.
    """
    transaction.on_commit(lambda: _send_watch(watch_id))


def send_tickets(tracker_id: int) -> None:
    """Have a worker go through the tracker's queue as soon as the transaction is committed; where
    the broker is down, a later dispatch does.
    """
    transaction.on_commit(lambda: _send_tickets(tracker_id))


def _send_tickets(tracker_id: int) -> None:
    try:
        work_on_tickets.apply_async((tracker_id,), expires=ticket_queue.QUEUED_SECONDS)
    except work_on_tickets.OperationalError:
        log.warning("the broker is down: tracker %s waits for a later dispatch", tracker_id)


def _send_watch(watch_id: int, seconds: int = 0) -> None:
    try:
        # One that waits longer than this was followed by another of the dispatcher's.
        watch_leases.apply_async((watch_id,), countdown=seconds, expires=seconds + 10)
    except watch_leases.OperationalError:
        log.warning("the broker is down: watch %s waits for a later dispatch", watch_id)


def _send(cluster_id: int) -> None:
    try:
        poll_cluster.apply_async((cluster_id,), expires=dispatching.QUEUED_SECONDS)
    except poll_cluster.OperationalError:
        log.warning("the broker is down: cluster %s waits for the next dispatch", cluster_id)
