"""A worker brings trackers to where rows say: each ticket once, whatever fails in between."""

from __future__ import annotations

import pytest
import time_machine

from dashboard.models import TicketState, User
from tests.dashboard.ticketing import (
    FakeTracker,
    add_tracker,
    fresh,
    open_ticket,
    read_cluster,
    told,
    work,
)

pytestmark = pytest.mark.django_db


def test_a_queued_ticket_is_opened_once(
    travel: time_machine.Traveller, fake: FakeTracker, editor: User
) -> None:
    tracker = add_tracker()
    ticket = open_ticket(read_cluster(), tracker, editor)

    work(tracker)
    work(tracker)

    ticket = fresh(ticket)
    assert ticket.state == TicketState.OPEN
    assert (ticket.remote_id, ticket.url) == ("1", "https://tracker.example/1")
    assert fake.done() == {"create": 1}
    assert fake.only.marker == ticket.marker
    assert ticket.marker in fake.only.body
    assert told(ticket) == ["opened"]
    assert ticket.due_at is None
