"""What trackers have is read back, many tickets at once; what can't be read holds up nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone

from authzviz.tickets.errors import TicketRejected, TrackerUnavailable
from authzviz.tickets.registry import KINDS
from dashboard.models import Ticket, TicketState, Tracker, User
from dashboard.services import ticket_queue, tickets
from dashboard.services.ticket_list import Wanted, listed
from tests.dashboard.ticketing import (
    FakeTracker,
    Travel,
    fresh,
    open_ticket,
    read_cluster,
    settle,
    told,
    work,
)

pytestmark = pytest.mark.django_db


def test_what_people_change_there_is_seen_every_five_minutes(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    settle(tracker, travel)
    travel.shift(120)
    work(tracker)
    fake.only.title, fake.only.assignee, fake.only.is_open = "Ours now", "kim", False

    travel.shift(299)
    assert ticket_queue.take_due() == []
    travel.shift(1)
    assert ticket_queue.take_due() == [tracker.pk]
    work(tracker)

    row = fresh(ticket)
    assert (row.state, row.closed_by, row.remote_state) == ("closed", "people", "Done")
    assert (row.remote_title, row.remote_assignee) == ("Ours now", "kim")
    assert told(ticket) == ["opened", "seen"]
    words = ticket.events.get(what="seen").words
    assert words == "closed (Done); its title is Ours now; given to kim"
    assert ticket_queue.take_due() == []


def test_many_are_read_in_pieces_and_each_once(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.traits = replace(fake.traits, most_per_read=3)
    monkeypatch.setitem(KINDS, "fake", fake.kind)
    for number in range(7):
        open_ticket(read_cluster(f"cluster-{number}"), tracker, editor)
    settle(tracker, travel)
    asked: list[list[str]] = []
    usual = fake.read

    def counting(ids: object) -> object:
        asked.append(list(ids))  # type: ignore[call-overload]
        return usual(ids)  # type: ignore[arg-type]

    monkeypatch.setattr(fake, "read", counting)
    travel.shift(600)

    work(tracker)

    assert sorted(map(len, asked)) == [1, 3, 3]
    assert len({id_ for ids in asked for id_ in ids}) == 7


def test_one_that_is_missing_is_gone_only_once_it_was_missing_twice_and_comes_back(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    settle(tracker, travel)
    kept = dict(fake.kept)

    def look() -> tuple[str, str]:
        travel.shift(300)
        work(tracker)
        return fresh(ticket).state, told(ticket)[-1]

    fake.kept.clear()
    assert look() == (TicketState.OPEN, "opened")
    assert look() == (TicketState.GONE, "gone")
    fake.kept |= kept
    assert look() == (TicketState.OPEN, "seen")
    fake.kept.clear()
    assert look() == (TicketState.OPEN, "seen")
    fake.kept |= kept
    assert look() == (TicketState.OPEN, "seen")
    assert fresh(ticket).missing_since is None


def test_a_read_that_fails_changes_nothing_and_is_done_again(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    settle(tracker, travel)
    before = fresh(ticket)
    travel.shift(300)
    fake.faults["read"] = ["unavailable"]

    work(tracker)
    tracker.refresh_from_db()
    assert tracker.last_error == "it is down"
    assert (fresh(ticket).state, fresh(ticket).read_at) == (before.state, before.read_at)
    travel.shift(10)
    work(tracker)

    assert fresh(ticket).read_at == timezone.now()
    tracker.refresh_from_db()
    assert tracker.last_error == ""


def test_a_ticket_that_can_not_be_read_holds_up_no_other(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.traits = replace(fake.traits, most_per_read=1)
    monkeypatch.setitem(KINDS, "fake", fake.kind)
    bad, good = (open_ticket(read_cluster(name), tracker, editor) for name in ("a", "b"))
    settle(tracker, travel)
    usual = fake.read

    def reading(ids: tuple[str, ...]) -> object:
        if "1" in ids:
            raise TicketRejected("not this one")
        return usual(ids)

    monkeypatch.setattr(fake, "read", reading)
    travel.shift(300)

    work(tracker)

    assert fresh(good).read_at == timezone.now()
    assert fresh(bad).read_at != timezone.now()
    assert fresh(bad).state == TicketState.OPEN


def test_what_only_sends_is_never_read(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.traits = replace(fake.traits, reads_back=False)
    monkeypatch.setitem(KINDS, "fake", fake.kind)
    open_ticket(read_cluster(), tracker, editor)
    settle(tracker, travel)

    def reading(_: object) -> None:
        raise TrackerUnavailable("nobody is to ask")

    monkeypatch.setattr(fake, "read", reading)
    travel.shift(3_600)

    assert ticket_queue.take_due() == []
    work(tracker)
    tracker.refresh_from_db()
    assert tracker.last_error == ""


def test_tickets_that_are_let_go_are_read_no_more(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    settle(tracker, travel)
    tickets.let_go(ticket, editor)
    fake.only.is_open = False
    travel.shift(600)

    work(tracker)

    assert fresh(ticket).state == TicketState.OPEN
    assert Ticket.objects.filter(is_current=True).count() == 0
    assert listed(editor, Wanted()).matching == 0
