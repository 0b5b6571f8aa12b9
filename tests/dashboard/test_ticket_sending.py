"""A worker brings trackers to where rows say, and each ticket gets there once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from authzviz.tickets.registry import KINDS
from dashboard.models import Ticket, TicketState, Tracker, User
from dashboard.services import ticket_queue, ticket_sending, ticket_steps, tickets, trackers
from dashboard.services.tickets import TicketError
from tests.dashboard.assessments import LEGACY, REFUSED, TARGET
from tests.dashboard.ticketing import (
    FakeTracker,
    Kept,
    Travel,
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


def traits(fake: FakeTracker, monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    fake.traits = replace(fake.traits, **values)  # type: ignore[arg-type]
    monkeypatch.setitem(KINDS, "fake", fake.kind)


def test_a_queued_ticket_is_opened_once(tracker: Tracker, fake: FakeTracker, editor: User) -> None:
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


def test_what_was_written_in_the_preview_is_what_is_sent(
    tracker: Tracker, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor, title="Mine", body="My words")

    work(tracker)

    assert fake.only.title == "Mine"
    assert fake.only.body == f"My words\n\n`{ticket.marker}`"


def test_an_open_ticket_with_the_marker_is_adopted_and_its_text_left(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    marker = tickets.marker_of(cluster)
    fake.kept["old"] = Kept("old", marker, "Theirs", "their text", "", timezone.now())
    ticket = open_ticket(cluster, tracker, editor)

    settle(tracker, travel)
    travel.shift(60)
    read(cluster, REFUSED)
    settle(tracker, travel)

    assert fresh(ticket).remote_id == "old"
    assert (fake.only.title, fake.only.body) == ("Theirs", "their text")
    assert "refused" in "".join(fake.only.comments.values())
    assert told(ticket)[0] == "adopted"


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_what_another_row_of_ours_holds_is_never_adopted(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User, is_open: bool
) -> None:
    cluster = read_cluster()
    first = open_ticket(cluster, tracker, editor)
    work(tracker)
    fake.kept["1"].is_open = is_open
    tickets.let_go(first, editor)

    second = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    assert (fresh(first).remote_id, fresh(second).remote_id) == ("1", "2")


def test_another_is_opened_only_once_it_is_known_what_became_of_one_that_was_let_go(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    fake.faults["create"] = ["lost after"]
    fake.late = 30.0
    cluster = read_cluster()
    first = open_ticket(cluster, tracker, editor)
    work(tracker)
    tickets.let_go(first, editor)

    second = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    assert fresh(second).remote_id == "1"
    assert fake.done()["create"] == 1


def test_findings_that_change_go_into_body_and_comment_and_the_comment_is_edited(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    for assessment in (REFUSED, LEGACY, REFUSED):
        travel.shift(60)
        read(cluster, assessment)
        settle(tracker, travel)

    assert fake.done() == {"create": 1, "update": 3, "comment": 1, "edit_comment": 2}
    assert REFUSED.summary in fake.only.body
    (comment,) = fake.only.comments.values()
    assert "refused" in comment
    assert ticket.marker in comment


def test_a_read_that_finds_the_same_sends_nothing(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    for _ in range(3):
        travel.shift(60)
        read(cluster, LEGACY)
        settle(tracker, travel)

    assert fake.done() == {"create": 1}


def edit_body(kept: Kept) -> None:
    kept.body = "people know better"


def edit_title(kept: Kept) -> None:
    kept.title = "people know better"


def edit_comment(kept: Kept) -> None:
    kept.comments = dict.fromkeys(kept.comments, "edited")


def quote_comment(kept: Kept) -> None:
    kept.comments["quote"] = "> " + next(iter(kept.comments.values()))


def remove_comment(kept: Kept) -> None:
    kept.comments.clear()


@pytest.mark.parametrize(
    "edit", [edit_body, edit_title, edit_comment, quote_comment, remove_comment]
)
def test_what_people_changed_stays(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User, edit: object
) -> None:
    cluster = read_cluster()
    open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    travel.shift(60)
    read(cluster, REFUSED)
    settle(tracker, travel)
    assert callable(edit)
    edit(fake.only)
    before = replace(fake.only, comments=dict(fake.only.comments))

    travel.shift(60)
    read(cluster, REFUSED)
    settle(tracker, travel)
    assert fake.only == before

    travel.shift(60)
    read(cluster, LEGACY)
    settle(tracker, travel)

    after = fake.only
    assert edit is not edit_body or after.body == before.body
    assert edit is not edit_title or after.title == before.title
    if edit in (edit_comment, quote_comment, remove_comment):
        assert {**before.comments, **after.comments} == after.comments
        assert len(after.comments) == len(before.comments) + 1


def test_it_closes_at_the_second_read_at_the_target_and_reopens_when_the_cluster_falls_back(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    seen = []

    for assessment in (TARGET, TARGET, TARGET, LEGACY, LEGACY):
        travel.shift(60)
        read(cluster, assessment)
        settle(tracker, travel)
        seen.append(fake.only.is_open)

    assert seen == [True, False, False, True, True]
    assert told(ticket).count("closed") == told(ticket).count("reopened") == 1


def test_one_tracker_that_waits_holds_up_no_other(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    other = add_tracker("Other")
    cluster = read_cluster()
    first, second = (open_ticket(cluster, each, editor) for each in (tracker, other))
    fake.faults["create"] = ["limited"]

    for each in (tracker, other, tracker):
        work(each)

    tracker.refresh_from_db()
    assert tracker.wait_until == timezone.now() + timedelta(seconds=7)
    assert tracker.is_wait_asked
    assert (fresh(first).state, fresh(second).state) == (TicketState.QUEUED, TicketState.OPEN)
    settle(tracker, travel)
    assert fresh(first).state == TicketState.OPEN


WAITS = {
    "unavailable": ([10, 20, 40, 80], False),
    "credentials": ([10, 20, 40, 80], False),
    "limited": ([7, 7], True),
    "limited, no word": ([60, 60], True),
}


@pytest.mark.parametrize(("fault", "waits"), WAITS.items(), ids=list(WAITS))
def test_a_tracker_waits_longer_with_each_failure_or_as_long_as_it_says(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    fault: str,
    waits: tuple[list[int], bool],
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    fake.faults["find"] = [fault] * len(waits[0])

    for seconds in waits[0]:
        Ticket.objects.update(due_at=timezone.now())
        work(tracker)
        tracker.refresh_from_db()
        assert tracker.wait_until is not None
        assert (tracker.wait_until - timezone.now()).total_seconds() == seconds
        assert tracker.is_wait_asked is waits[1]
        assert tracker.last_error
        assert fresh(ticket).state == TicketState.QUEUED
        travel.shift(seconds - 1)
        assert not ticket_sending.work(tracker.pk)
        assert ticket_queue.take_due() == []
        travel.shift(1)

    Ticket.objects.update(due_at=timezone.now())
    settle(tracker, travel)
    tracker.refresh_from_db()
    assert fresh(ticket).state == TicketState.OPEN
    assert (tracker.failures, tracker.last_error, tracker.wait_until) == (0, "", None)


def test_one_ticket_that_is_refused_holds_up_no_other_and_is_tried_again_when_people_say(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    bad, good = (open_ticket(read_cluster(name), tracker, editor) for name in ("alpha", "beta"))
    fake.faults["create"] = ["rejected"]

    settle(tracker, travel)

    assert (fresh(bad).state, fresh(bad).error) == (TicketState.REJECTED, "not like this")
    assert fresh(good).state == TicketState.OPEN
    tickets.retry(bad, editor)
    settle(tracker, travel)
    assert fresh(bad).state == TicketState.OPEN
    assert fresh(bad).error == ""


def test_closing_that_is_refused_is_told_and_other_changes_go_on(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    fake.faults["close"] = ["rejected"]

    for _ in range(2):
        travel.shift(60)
        read(cluster, TARGET)
        settle(tracker, travel)

    ticket = fresh(ticket)
    assert (ticket.state, ticket.wanted_open) == (TicketState.OPEN, False)
    assert ticket.error == "not like this"
    tickets.retry(ticket, editor)
    settle(tracker, travel)
    assert fresh(ticket).state == TicketState.CLOSED


def test_a_ticket_that_is_removed_there_is_gone_once_that_is_certain(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    fake.kept.clear()
    read(cluster, REFUSED, timezone.now() + timedelta(seconds=1))

    work(tracker)
    assert fresh(ticket).state == TicketState.OPEN
    settle(tracker, travel)

    assert fresh(ticket).state == TicketState.GONE
    second = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    assert fresh(second).state == TicketState.OPEN


def test_a_paused_tracker_is_sent_nothing_and_everything_later(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    first = open_ticket(read_cluster("alpha"), tracker, editor)
    second = open_ticket(read_cluster("beta"), tracker, editor)

    def pause() -> None:
        Tracker.objects.update(is_paused=True)

    fake.meanwhile["create"] = pause  # while the first is on its way

    work(tracker)
    assert ticket_queue.take_due() == []
    work(tracker)

    assert (fresh(first).state, fresh(second).state) == (TicketState.OPEN, TicketState.QUEUED)
    Tracker.objects.update(is_paused=False)
    assert ticket_queue.take_due() == [tracker.pk]
    settle(tracker, travel)
    assert fresh(second).state == TicketState.OPEN


def test_a_copy_that_sends_none_leaves_what_is_queued_and_takes_no_more(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User, settings: Settings
) -> None:
    cluster = read_cluster("alpha")
    ticket, listed = (open_ticket(cluster, one, editor) for one in (tracker, trackers.builtin()))
    settings.SEND_TICKETS = False

    assert ticket_queue.take_due() == [listed.tracker_id]
    work(tracker)
    settle(listed.tracker, travel)

    assert (fresh(ticket).state, fresh(listed).state) == (TicketState.QUEUED, TicketState.OPEN)
    assert fake.done() == {}
    with pytest.raises(TicketError, match="AUTHZVIZ_SEND_TICKETS"):
        open_ticket(read_cluster("beta"), tracker, editor)


def test_how_long_tickets_are_due_counts_where_they_could_be_sent(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User, client: Client
) -> None:
    def seconds() -> float | None:
        told: float | None = client.get("/readyz").json()["longest_due_ticket_seconds"]
        return told

    before = seconds()
    open_ticket(read_cluster("alpha"), tracker, editor)
    travel.shift(90)
    late = seconds()
    Tracker.objects.update(is_paused=True)
    paused = seconds()
    Tracker.objects.update(is_paused=False)
    settle(tracker, travel)

    assert (before, paused, seconds()) == (None, None, None)
    assert late is not None
    assert late >= 90


def test_who_lost_the_queue_stores_nothing(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)

    def take_over() -> None:
        travel.shift(50)
        work(tracker)

    fake.meanwhile["create"] = take_over

    work(tracker)
    assert fresh(ticket).state == TicketState.UNKNOWN
    settle(tracker, travel)

    assert fresh(ticket).state == TicketState.OPEN
    assert fake.done() == {"create": 1}


def test_changes_keep_the_distance_that_the_tracker_wants(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traits(fake, monkeypatch, write_gap=1.5)
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        travel.shift(seconds)

    monkeypatch.setattr(ticket_steps, "pause", pause)
    for name in ("alpha", "beta", "gamma"):
        open_ticket(read_cluster(name), tracker, editor)

    work(tracker)

    assert waited == [1.5, 1.5]
    assert fake.done() == {"create": 3}


def test_a_turn_ends_and_says_that_there_is_more(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    for name in ("alpha", "beta"):
        open_ticket(read_cluster(name), tracker, editor)
    fake.meanwhile["create"] = lambda: travel.shift(26)

    assert ticket_sending.work(tracker.pk)
    assert ticket_queue.take_due() == []  # it was sent again already
    assert fake.done() == {"create": 1}
    assert not ticket_sending.work(tracker.pk)
    assert fake.done() == {"create": 2}
