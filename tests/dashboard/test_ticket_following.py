"""Reads of a cluster move its ticket; what people do in the tracker stays."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authzviz.engine.model import ENGINE_VERSION
from dashboard.models import Cluster, CurrentState, Source, TicketState, Tracker, User
from dashboard.services import judging, polling, ticket_following, tickets
from dashboard.services.ticket_list import details_of
from dashboard.shown.ticket import ticket_page
from dashboard.shown.tickets import doing_words
from tests.dashboard.assessments import LEGACY, REFUSED, TARGET, UNKNOWN
from tests.dashboard.conftest import FakeSource
from tests.dashboard.ticketing import (
    FakeTracker,
    Travel,
    fresh,
    open_ticket,
    read,
    read_cluster,
    settle,
    told,
    work,
)

pytestmark = pytest.mark.django_db

READS = {"t": TARGET, "l": LEGACY, "r": REFUSED, "u": UNKNOWN}


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


def wait(tracker: Tracker) -> None:
    """The tracker takes nothing for an hour."""
    until = timezone.now() + timedelta(hours=1)
    Tracker.objects.filter(pk=tracker.pk).update(wait_until=until, is_wait_asked=True)


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
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    live("ttt", cluster, tracker, travel, fake)

    assert fake.only.is_open
    assert "a person closes this" in fake.only.body
    page = ticket_page(fresh(ticket), details_of(fresh(ticket)))
    assert page.todo.startswith("The cluster is at its target")


def test_one_that_could_only_be_sent_once_its_cluster_was_there_is_opened_told_of_it_and_closed(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    wait(tracker)
    for _ in range(2):
        travel.shift(60)
        read(cluster, TARGET)
    travel.shift(3_600)

    settle(tracker, travel)

    assert told(ticket) == ["opened", "commented", "closed"]
    assert fresh(ticket).closed_by == "product"
    (comment,) = fake.only.comments.values()
    assert "in two reads in a row: this closes the ticket" in comment


def test_what_a_cluster_gets_to_while_its_tracker_is_away_is_done_later(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    wait(tracker)
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


def test_a_cluster_that_gets_there_while_its_ticket_is_being_reopened_gets_it_closed_again(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    def get_there() -> None:
        for _ in range(2):
            travel.shift(10)
            read(cluster, TARGET)

    live("tt", cluster, tracker, travel, fake)
    fake.meanwhile["reopen"] = get_there
    live("l", cluster, tracker, travel, fake)

    assert not fake.only.is_open
    assert (fake.done()["close"], fake.done()["reopen"]) == (2, 1)


def test_a_ticket_that_was_to_be_reopened_stays_closed_once_its_cluster_is_there_again(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    live("tt", cluster, tracker, travel, fake)
    wait(tracker)

    for assessment in (LEGACY, TARGET, TARGET):
        travel.shift(60)
        read(cluster, assessment)

    assert fresh(ticket).wanted_open is None
    travel.shift(3_600)
    settle(tracker, travel)
    assert fake.done()["reopen"] == 0


# What becomes known of a cluster whose ticket is to be closed, or to be opened again.
NOT_SURE = {
    "unknown": lambda cluster: read(cluster, UNKNOWN),
    "unreadable": lambda _: Cluster.objects.update(
        last_error="it is down", last_success_at=timezone.now()
    ),
    "old": lambda _: Cluster.objects.update(last_success_at=timezone.now() - timedelta(days=1)),
}


@pytest.mark.parametrize("not_sure", NOT_SURE.values(), ids=list(NOT_SURE))
@pytest.mark.parametrize("is_open", [True, False], ids=["to be closed", "to be reopened"])
def test_nothing_is_closed_or_reopened_by_the_time_that_its_cluster_is_not_known_any_more(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    not_sure: Callable[[Cluster], None],
    is_open: bool,
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    live("" if is_open else "tt", cluster, tracker, travel, fake)
    wait(tracker)
    wish = TARGET if is_open else LEGACY
    for _ in range(2):
        travel.shift(60)
        read(cluster, wish)

    travel.shift(3_600)
    not_sure(cluster)
    settle(tracker, travel)

    assert fake.only.is_open is is_open
    assert fresh(ticket).wanted_open is not is_open
    assert doing_words(fresh(ticket)).endswith("once its cluster is known again")
    Cluster.objects.update(last_error="", last_success_at=timezone.now())
    travel.shift(60)
    read(cluster, wish)
    settle(tracker, travel)
    assert fake.only.is_open is not is_open


def test_a_cluster_that_falls_back_after_a_person_wanted_its_ticket_closed_leaves_it_closed(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    wait(tracker)
    tickets.set_open(ticket, False, editor)
    for _ in range(2):
        travel.shift(60)
        read(cluster, TARGET)
    travel.shift(3_600)

    live("l", cluster, tracker, travel, fake)

    assert not fake.only.is_open
    assert fresh(ticket).closed_by == "people"


@pytest.mark.parametrize("source", [Source.BUNDLE, Source.RECORDING])
def test_what_was_read_once_closes_and_reopens_nothing_however_often_it_is_replaced(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User, source: Source
) -> None:
    cluster = read_cluster()
    Cluster.objects.update(source=source)
    open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    live("ttt", cluster, tracker, travel, fake)

    assert fake.only.is_open
    (comment,) = fake.only.comments.values()
    assert "a person closes the ticket" in comment


@pytest.mark.parametrize(
    ("story", "is_open"), [("tt", False), ("ttl", True)], ids=["there", "fallen back"]
)
@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed by the product"])
def test_what_a_cluster_turns_into_while_its_ticket_is_out_of_sight_counts_when_it_is_back(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    story: str,
    is_open: bool,
    is_closed: bool,
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    live("tt" if is_closed else "", cluster, tracker, travel, fake)
    hidden = dict(fake.kept)
    fake.kept.clear()
    for _ in range(2):
        travel.shift(300)
        work(tracker)
    assert fresh(ticket).state == TicketState.GONE

    live("l" * is_closed + story, cluster, tracker, travel, fake)
    fake.kept |= hidden
    travel.shift(300)
    read(cluster, TARGET if not is_open else LEGACY)
    settle(tracker, travel)

    assert fake.only.is_open is is_open
    assert fresh(ticket).state == ("open" if is_open else "closed")


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
