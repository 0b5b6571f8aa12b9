"""The way of one ticket through each kind of tracker that can be asked what it has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from dashboard.models import TicketState, User
from dashboard.services import ticket_steps, trackers
from tests.dashboard.assessments import LEGACY, REFUSED, TARGET
from tests.dashboard.ticketing import add_tracker, fresh, open_ticket, read, read_cluster, settle
from tests.tickets.cases import CASES, READING
from tests.tickets.stage import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture(params=sorted({*READING} - {"builtin"}))
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Each kind of tracker, standing and empty, behind every tracker's row."""
    with CASES[request.param]().standing() as standing:
        monkeypatch.setattr(trackers, "connect", lambda *_: standing.port())
        monkeypatch.setattr(ticket_steps, "pause", lambda _: None)
        yield standing


def test_a_ticket_follows_its_cluster(
    stage: Stage, travel: time_machine.Traveller, editor: User
) -> None:
    tracker = add_tracker("There", stage.kind.id)
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    seen = [fresh(ticket).state]

    for assessment in (REFUSED, LEGACY, TARGET, TARGET, LEGACY):
        travel.shift(60)
        read(cluster, assessment)
        settle(tracker, travel)
        seen.append(fresh(ticket).state)

    opened, closed = TicketState.OPEN, TicketState.CLOSED
    assert seen == [opened, opened, opened, opened, closed, opened]
    ticket = fresh(ticket)
    (comment,) = stage.fake.comments(ticket.remote_id)
    assert ticket.comment_mark in comment
    assert stage.count() == 1
    assert ticket.error == ""
    # Each change was one request, and none was made twice.
    assert len(stage.done("create")) == len(stage.done("close")) == 1
    assert len(stage.done("comment")) == len(stage.done("reopen")) == 1
