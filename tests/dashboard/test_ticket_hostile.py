"""Trackers and people that mean harm: what a ticket is taken for, and whose it is."""

from __future__ import annotations

import pytest
from django.utils import timezone

from dashboard.models import Tracker, User
from dashboard.services import ticket_queue, tickets
from tests.dashboard.ticketing import (
    FakeTracker,
    Kept,
    add_tracker,
    fresh,
    open_ticket,
    read_cluster,
    told,
    work,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tracker(fake: FakeTracker) -> Tracker:
    return add_tracker()


def marked_anew(fake: FakeTracker, id_: str, marker: str) -> None:
    """Put another cluster's label on a ticket, as whoever may edit it can."""
    fake.kept[id_].marker = marker


def test_b44_a_ticket_is_never_taken_for_two_clusters(
    tracker: Tracker, fake: FakeTracker, editor: User
) -> None:
    alpha, beta = read_cluster("alpha"), read_cluster("beta")
    first = open_ticket(alpha, tracker, editor)
    work(tracker)
    marked_anew(fake, fresh(first).remote_id, tickets.marker_of(beta))

    second = open_ticket(beta, tracker, editor)
    work(tracker)

    assert fresh(second).remote_id != fresh(first).remote_id
    assert told(second) == ["opened"]


def test_b44_nor_where_no_answer_came(tracker: Tracker, fake: FakeTracker, editor: User) -> None:
    alpha, beta = read_cluster("alpha"), read_cluster("beta")
    first = open_ticket(alpha, tracker, editor)
    work(tracker)
    second = open_ticket(beta, tracker, editor)
    fake.faults["create"] = ["lost before"]
    work(tracker)
    marked_anew(fake, fresh(first).remote_id, tickets.marker_of(beta))
    Tracker.objects.update(wait_until=None)
    second.__class__.objects.filter(pk=second.pk).update(due_at=timezone.now())
    work(tracker)

    assert fresh(second).remote_id == ""


def test_b44_somebody_else_s_ticket_with_our_mark_is_said_to_be_adopted(
    tracker: Tracker, fake: FakeTracker, editor: User
) -> None:
    alpha = read_cluster("alpha")
    marker = tickets.marker_of(alpha)
    fake.kept["66"] = Kept("66", marker, "theirs", "their text", "", timezone.now())

    ticket = open_ticket(alpha, tracker, editor)
    work(tracker)

    assert told(ticket)[0] == "adopted"
    assert fake.kept["66"].body == "their text"


def test_b48_a_tracker_has_answered_before_the_lease_ends(tracker: Tracker) -> None:
    turn = ticket_queue.claim(tracker.pk)
    assert turn is not None
    lease = ticket_queue.LEASE.total_seconds()
    at_first = turn.answers_until.left()
    turn.answers_until.begin(0)
    ticket_queue.renew(turn)

    assert 0 < at_first < lease
    assert 0 < turn.answers_until.left() < lease
