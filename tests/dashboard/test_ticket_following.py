"""Reads of a cluster move its ticket; what people do in the tracker stays."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authzviz.engine.model import ENGINE_VERSION
from authzviz.tickets.errors import TicketRejected, TrackerUnavailable
from authzviz.tickets.registry import KINDS
from dashboard.models import Cluster, CurrentState, Ticket, TicketState, Tracker, User
from dashboard.services import judging, polling, ticket_following, ticket_queue, tickets
from dashboard.services.ticket_list import Wanted, listed
from tests.dashboard.assessments import LEGACY, REFUSED, TARGET, UNKNOWN
from tests.dashboard.conftest import FakeSource
from tests.dashboard.ticketing import (
    FakeTracker,
    add_tracker,
    fresh,
    open_ticket,
    read,
    read_cluster,
    settle,
    told,
    work,
)

pytestmark = pytest.mark.django_db

Travel = time_machine.Traveller
READS = {"t": TARGET, "l": LEGACY, "r": REFUSED, "u": UNKNOWN}


@pytest.fixture
def tracker(travel: Travel, fake: FakeTracker) -> Tracker:
    return add_tracker()


def live(story: str, cluster: Cluster, tracker: Tracker, travel: Travel, fake: FakeTracker) -> None:
    """Reads, and what people do there (C closes, O opens), a minute apart; "=" reads once more
    what was read at the same time, "!" is a read that fails, "e" an engine that judges anew.
    """
    last = TARGET
    for sign in story:
        travel.shift(60)
        if sign in READS:
            last = READS[sign]
            read(cluster, last)
        elif sign == "=":
            at = CurrentState.objects.get(cluster=cluster).read_at
            read(cluster, last, at)
        elif sign == "e":
            CurrentState.objects.update(engine_version=0)
            judging.judge_outdated()
        elif sign == "!":
            Cluster.objects.update(last_error="it is down", failures=1)
        else:
            fake.only.is_open = sign == "O"
            tickets.read_soon(tracker)
        settle(tracker, travel)


STORIES = {
    "on its way": ("lrl", True),
    "there once": ("lt", True),
    "there twice": ("ltt", False),
    "there twice, not in a row": ("ltlt", True),
    "there twice with a failed read between": ("lt!t", False),
    "there twice with unknown between": ("ltut", False),
    "the same read twice": ("lt=", True),
    "judged anew": ("lte", True),
    "unknown closes nothing": ("luu", True),
    "unknown reopens nothing": ("lttuu", False),
    "failed reads reopen nothing": ("ltt!!", False),
    "fallen back": ("lttl", True),
    "fallen back and there again": ("lttltt", False),
    "closed by people, on its way": ("lCl", False),
    "closed by people, there, fallen back": ("lCttl", False),
    "closed by people after one read there": ("ltCtl", False),
    "closed by the product, reopened by people": ("lttO", True),
    "reopened by people, still there": ("lttOttt", True),
    "reopened by people, fallen back, there again": ("lttOltt", False),
    "reopened and closed by people, fallen back": ("lttOCl", False),
    "closed by people, opened by people, there": ("lCOtt", False),
}


@pytest.mark.parametrize(("story", "is_open"), STORIES.values(), ids=list(STORIES))
def test_a_ticket_is_open_or_closed_as_its_story_says(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    story: str,
    is_open: bool,
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    live(story, cluster, tracker, travel, fake)

    assert fake.only.is_open is is_open
    assert fresh(ticket).state == ("open" if is_open else "closed")
    assert fresh(ticket).wanted_open is None


def test_a_ticket_for_a_cluster_that_is_there_already_stays_open(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster(assessment=TARGET)
    open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    live("ttt", cluster, tracker, travel, fake)

    assert fake.only.is_open


def test_what_a_cluster_gets_to_while_its_tracker_is_away_is_done_later(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    Tracker.objects.update(wait_until=timezone.now() + timedelta(hours=1), is_wait_asked=True)
    for assessment in (TARGET, TARGET):
        travel.shift(60)
        read(cluster, assessment)
    work(tracker)
    assert (fresh(ticket).wanted_open, fake.only.is_open) == (False, True)

    travel.shift(60)
    read(cluster, LEGACY)

    assert fresh(ticket).wanted_open is None
    travel.shift(3_600)
    settle(tracker, travel)
    assert fake.done()["close"] == 0


def test_a_cluster_that_falls_back_while_its_ticket_is_being_closed_gets_it_open_again(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    def fall_back() -> None:
        travel.shift(10)
        read(cluster, LEGACY)

    fake.meanwhile["close"] = fall_back
    live("tt", cluster, tracker, travel, fake)

    assert fake.only.is_open
    assert (fake.done()["close"], fake.done()["reopen"]) == (1, 1)


def test_people_who_close_it_at_the_same_time_have_closed_it(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    fake.only.is_open = False  # nobody has read that yet

    live("tt", cluster, tracker, travel, fake)

    assert fresh(ticket).closed_by == "people"
    live("l", cluster, tracker, travel, fake)
    assert not fake.only.is_open


def test_a_cluster_without_tickets_costs_a_read_one_query(cluster: Cluster) -> None:
    read(cluster, LEGACY)

    with CaptureQueriesContext(connection) as queries:
        ticket_following.follow(cluster.pk, timezone.now(), LEGACY.verdict)

    assert len(queries) == 1


def test_no_read_fails_because_of_a_ticket(
    tracker: Tracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = read_cluster()
    open_ticket(cluster, tracker, editor)
    monkeypatch.setattr(ticket_following, "digest_of", lambda _: 1 / 0)

    with caplog.at_level(logging.ERROR):
        read(cluster, TARGET, timezone.now() + timedelta(seconds=1))

    assert CurrentState.objects.get(cluster=cluster).verdict == TARGET.verdict
    assert "could not be followed" in caplog.text


def test_a_poll_of_the_cluster_moves_its_ticket(
    tracker: Tracker, editor: User, source: FakeSource
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    source.snapshot = replace(source.snapshot, read_at=timezone.now() + timedelta(seconds=5))

    polling.poll(cluster.pk)

    assert fresh(ticket).counted_read_at == source.snapshot.read_at
    assert CurrentState.objects.get(cluster=cluster).engine_version == ENGINE_VERSION


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
