"""Whatever fails or is killed at whatever point: each change has its effect once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from authzviz.tickets.port import Draft
from authzviz.tickets.registry import KINDS
from dashboard.models import CurrentState, Ticket, TicketState, Tracker, User
from dashboard.services import ticket_rows, ticket_words
from dashboard.services.ticket_words import Texts
from tests.dashboard.assessments import LEGACY, REFUSED, TARGET
from tests.dashboard.ticketing import (
    CHANGES,
    FAULTS,
    FakeTracker,
    Killed,
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

# All kinds of changes come, the last after the ticket was closed.
STORY = (LEGACY, REFUSED, TARGET, TARGET, REFUSED)
# How often each is to have its effect.
UNDISTURBED = {"create": 1, "update": 3, "comment": 1, "edit_comment": 3, "close": 1, "reopen": 1}


@pytest.fixture(autouse=True)
def short_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tickets say is not the matter here."""

    def texts_of(ticket: Ticket) -> Texts:
        verdict = CurrentState.objects.values_list("verdict", flat=True).get(pk=ticket.cluster_id)
        progress = f"{verdict}, {ticket.is_reached}\n\n`{ticket.marker}`"
        return Texts("Title", verdict, progress)

    monkeypatch.setattr(ticket_words, "texts_of", texts_of)


def live_through(
    tracker: Tracker, travel: Travel, editor: User, between: Callable[[], None] = lambda: None
) -> Ticket:
    """The ticket of a cluster that lived through the story, once nothing is due any more."""
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    for assessment in STORY:
        travel.shift(60)
        read(cluster, assessment)
        between()
        settle(tracker, travel)
    return fresh(ticket)


def test_the_story_holds_every_change(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    live_through(tracker, travel, editor)

    assert set(UNDISTURBED) == set(CHANGES)
    assert fake.done() == UNDISTURBED


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "rejected"])
@pytest.mark.parametrize("change", CHANGES)
def test_each_change_has_its_effect_once_whatever_becomes_of_it(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    change: str,
    fault: str,
) -> None:
    fake.faults[change] = [fault]

    ticket = live_through(tracker, travel, editor)

    assert fake.faults[change] == []
    assert fake.done() == UNDISTURBED
    assert len(fake.only.comments) == 1
    assert fake.only.is_open
    assert ticket.state == TicketState.OPEN
    assert ticket.error == ""


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("point", ["intend", "done", "settle", "noted", "changed"])
def test_each_change_has_its_effect_once_though_workers_are_killed_as_they_write_it_down(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    is_before: bool,
) -> None:
    usual = getattr(ticket_rows, point)
    calls = itertools.count()

    def every_other_is_killed(*args: object, **values: object) -> object:
        is_killed = next(calls) % 2 == 0
        if is_killed and is_before:
            raise Killed
        result = usual(*args, **values)
        if is_killed:
            raise Killed
        return result

    monkeypatch.setattr(ticket_rows, point, every_other_is_killed)

    live_through(tracker, travel, editor)

    assert fake.done() == UNDISTURBED
    assert len(fake.only.comments) == 1
    assert fake.only.is_open


@pytest.mark.parametrize("seed", range(2))
def test_thirty_tickets_get_there_once_each_whatever_chance_does_to_them(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    chance = random.Random(seed)  # noqa: S311
    fake.traits = replace(fake.traits, found_after=20.0)
    fake.late = 20.0
    monkeypatch.setitem(KINDS, "fake", fake.kind)
    faults = [fault for fault in FAULTS if fault != "rejected"]
    fake.chance = lambda _: chance.choice(faults) if chance.random() < 0.3 else ""
    clusters = [read_cluster(f"cluster-{number}") for number in range(30)]
    opened = [open_ticket(cluster, tracker, editor) for cluster in clusters]

    settle(tracker, travel, turns=2_000)
    for _ in range(2):
        travel.shift(60)
        for cluster in clusters[::2]:
            read(cluster, TARGET)
        work(tracker)
    settle(tracker, travel, turns=2_000)

    assert fake.done()["create"] == len(fake.kept) == 30
    assert {kept.marker for kept in fake.kept.values()} == {each.marker for each in opened}
    assert fake.done()["close"] == 15
    assert fake.done()["comment"] == sum(bool(kept.comments) for kept in fake.kept.values())
    for number, ticket in enumerate(opened):
        row = fresh(ticket)
        assert fake.kept[row.remote_id].marker == row.marker
        assert fake.kept[row.remote_id].is_open is bool(number % 2)
        assert row.state == ("open" if number % 2 else "closed")


def test_what_may_have_been_sent_is_shown_as_unknown_until_it_is_known(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    fake.faults["create"] = ["lost after"]
    ticket = open_ticket(read_cluster(), tracker, editor)

    work(tracker)

    assert fresh(ticket).state == TicketState.UNKNOWN
    assert fresh(ticket).error == "no answer"
    settle(tracker, travel)
    assert fresh(ticket).state == TicketState.OPEN
    assert told(ticket) == ["unknown", "opened"]


def test_a_search_that_is_a_minute_late_doubles_nothing(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.late = 60.0
    fake.traits = replace(fake.traits, found_after=60.0)
    monkeypatch.setitem(KINDS, "fake", fake.kind)
    fake.faults["create"] = ["lost after", "lost before", "killed after"]
    for name in ("alpha", "beta", "gamma"):
        open_ticket(read_cluster(name), tracker, editor)

    settle(tracker, travel, turns=200)

    assert len(fake.kept) == 3
    assert len({kept.marker for kept in fake.kept.values()}) == 3


def test_one_that_arrives_after_the_first_search_is_not_doubled(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    fake.faults["create"] = ["lost before"]
    work(tracker)
    travel.shift(15)
    work(tracker)
    assert fresh(ticket).state == TicketState.UNKNOWN
    # A proxy gave up on it, and its server did not.
    fake.create(Draft(ticket.marker, "late", "late"), str(fresh(ticket).delivery))

    settle(tracker, travel)

    assert fresh(ticket).state == TicketState.OPEN
    assert fake.done() == {"create": 1}


def test_one_that_somebody_closed_before_it_was_found_is_not_opened_again(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    fake.faults["create"] = ["lost after"]
    work(tracker)
    fake.only.is_open = False

    settle(tracker, travel)

    assert fresh(ticket).state == TicketState.CLOSED
    assert fake.done() == {"create": 1}


@pytest.mark.parametrize("fault", ["lost before", "lost after", "killed before", "killed after"])
@pytest.mark.parametrize("change", ["create", "comment", "close", "reopen"])
def test_what_can_not_be_looked_up_is_sent_again_as_the_same_delivery(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    fault: str,
) -> None:
    fake.traits = replace(fake.traits, reads_back=False)
    monkeypatch.setitem(KINDS, "fake", fake.kind)
    fake.faults[change] = [fault, "unavailable"]

    ticket = live_through(tracker, travel, editor)

    sent = [delivery for name, delivery in fake.deliveries if name == change]
    assert sent[0] == sent[1] == sent[2]
    assert len(set(sent)) == len(set(sent[2:]))
    assert all(kept.delivery == fake.deliveries[0][1] for kept in fake.kept.values())
    assert fake.kept[ticket.remote_id].is_open
