"""Trackers take turns: however many hang, clusters are read; and a worker that ends, ends soon."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from celery.signals import worker_shutting_down

from authzviz.tickets.port import Remote
from authzviz.tickets.registry import KINDS
from dashboard import tasks
from dashboard.models import TicketState, Tracker, User
from dashboard.services import ticket_queue, ticket_sending, tickets
from dashboard.services.ticket_queue import MOST_TURNS
from tests.dashboard.ticketing import (
    FakeTracker,
    Travel,
    add_tracker,
    fresh,
    open_ticket,
    read_cluster,
    settle,
    work,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What a process that ends sets; it stays with this test."""
    event = threading.Event()
    monkeypatch.setattr(ticket_queue, "_ending", event)
    return event


@pytest.fixture
def many(tracker: Tracker, editor: User) -> list[Tracker]:
    """Two trackers more than have a turn at once, each with a ticket to be opened."""
    every = [tracker, *(add_tracker(f"Forge {number}") for number in range(MOST_TURNS + 1))]
    cluster = read_cluster()
    for each in every:
        open_ticket(cluster, each, editor)
    return every


def test_so_many_trackers_have_a_turn_at_once_and_no_more(many: list[Tracker]) -> None:
    given = ticket_queue.take_due()
    assert given == [each.pk for each in many[:MOST_TURNS]]
    assert ticket_queue.take_due() == []

    turns = [ticket_queue.claim(key) for key in given]

    assert all(turns)
    assert [ticket_queue.claim(each.pk) for each in many[MOST_TURNS:]] == [None, None]
    assert ticket_queue.take_due() == []


def test_who_waits_the_longest_has_the_next_turn(many: list[Tracker], travel: Travel) -> None:
    turns = [ticket_queue.claim(key) for key in ticket_queue.take_due()]
    for turn in turns:
        assert turn is not None
        travel.shift(1)
        # Each has more to do; others wait for it.
        assert not ticket_queue.release(turn)

    waiting = ticket_queue.take_due()

    last, longest_ago = many[MOST_TURNS:], many[: MOST_TURNS - 2]
    assert waiting == [each.pk for each in (*last, *longest_ago)]


def test_a_worker_that_is_lost_keeps_a_turn_for_as_long_as_its_lease(
    many: list[Tracker], travel: Travel
) -> None:
    assert all(ticket_queue.claim(key) for key in ticket_queue.take_due())

    travel.shift(ticket_queue.LEASE - timedelta(seconds=1))
    assert ticket_queue.take_due() == []
    travel.shift(1)

    assert len(ticket_queue.take_due()) == MOST_TURNS


def test_what_is_to_be_sent_does_not_wait_for_all_to_be_read_back(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.traits = replace(fake.traits, most_per_read=1)
    monkeypatch.setitem(KINDS, "fake", fake.kind)
    for number in range(9):
        open_ticket(read_cluster(f"cluster-{number}"), tracker, editor)
    settle(tracker, travel)
    travel.shift(60)
    tickets.read_soon(tracker)
    new = open_ticket(read_cluster("new"), tracker, editor)
    asked: list[str] = []
    monkeypatch.setattr(fake, "read", slowly(fake.read, asked, travel))

    assert ticket_sending.work(tracker.pk)

    assert fresh(new).state == TicketState.OPEN
    assert 1 < len(asked) < 9
    while ticket_sending.work(tracker.pk):
        pass
    assert len(asked) == len(set(asked)) == 9


def slowly(
    read: Callable[[Iterable[str]], Mapping[str, Remote]], asked: list[str], travel: Travel
) -> Callable[[Sequence[str]], Mapping[str, Remote]]:
    """Reads that last four seconds; `asked` gets what they read."""

    def reading(ids: Sequence[str]) -> Mapping[str, Remote]:
        asked.extend(ids)
        travel.shift(4)
        return read(ids)

    return reading


def test_a_worker_that_is_asked_to_end_begins_nothing_after_the_request_under_way(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User, ending: threading.Event
) -> None:
    first, second = (open_ticket(read_cluster(name), tracker, editor) for name in ("a", "b"))

    def asked_to_end() -> None:
        worker_shutting_down.send("worker")

    fake.meanwhile["create"] = asked_to_end

    work(tracker)

    assert ending.is_set()
    assert fresh(first).state == TicketState.OPEN
    assert (fresh(second).state, fresh(second).sending) == (TicketState.QUEUED, "")
    assert ticket_queue.claim(tracker.pk) is None
    ending.clear()  # its successor
    settle(tracker, travel)
    assert fake.done() == {"create": 2}


def test_one_ticket_of_many_steps_is_left_between_them_by_a_worker_that_ends(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User, ending: threading.Event
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    settle(tracker, travel)
    tickets.set_open(ticket, False, editor)
    fake.meanwhile["read"] = ticket_queue.end

    work(tracker)

    assert fake.only.is_open
    ending.clear()
    settle(tracker, travel)
    assert not fake.only.is_open


def test_the_tasks_know_when_their_worker_ends(ending: threading.Event) -> None:
    assert tasks.work_on_tickets.name

    worker_shutting_down.send("worker")

    assert ending.is_set()
