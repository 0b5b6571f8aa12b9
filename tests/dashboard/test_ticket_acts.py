"""What people do with tickets is rows at once, whatever becomes of broker and tracker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authzviz.tickets.errors import TrackerUnavailable
from dashboard import tasks
from dashboard.models import (
    AuditEvent,
    Cluster,
    Ticket,
    TicketEvent,
    TicketState,
    Tracker,
    User,
    Wording,
)
from dashboard.services import clusters, ticket_bulk, ticket_queue, tickets, undoing
from dashboard.services.tickets import TicketError
from dashboard.services.undoing import UndoError
from tests.dashboard.conftest import add_cluster
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


def open_all(every: list[Cluster], tracker: Tracker, actor: User) -> tickets.Opened:
    return tickets.open_many(
        every,
        tracker,
        actor=actor,
        page_url_of=lambda cluster: f"https://authzviz.example{cluster.get_absolute_url()}",
        title_template="$cluster: $problem",
        body_template="$summary",
        labels=("security",),
        assignee="",
        due_on=None,
    )


def acts() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", "about"))


def test_opening_is_a_row_and_an_act(tracker: Tracker, editor: User) -> None:
    cluster = read_cluster()

    ticket = open_ticket(cluster, tracker, editor)

    assert ticket.state == TicketState.QUEUED
    assert ticket.marker == f"authzviz-{cluster.uuid.hex[:12]}"
    assert acts()[-1] == (tickets.OPENED, "alpha")
    assert ticket_queue.take_due() == [tracker.pk]
    assert ticket_queue.take_due() == []


def test_a_cluster_has_one_ticket_in_a_tracker_and_one_more_in_another(
    tracker: Tracker, editor: User
) -> None:
    cluster = read_cluster()
    first = open_ticket(cluster, tracker, editor)

    with pytest.raises(TicketError, match="has a ticket there already") as caught:
        open_ticket(cluster, tracker, editor)
    open_ticket(cluster, add_tracker("Other"), editor)

    assert caught.value.ticket == first
    assert Ticket.objects.count() == 2
    assert [action for action, _ in acts()].count(tickets.OPENED) == 2


def test_of_two_clicks_at_once_the_second_finds_the_ticket_of_the_first(
    tracker: Tracker, editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = read_cluster()
    first = open_ticket(cluster, tracker, editor)
    usual = tickets._current

    def not_seen_yet(*_: object) -> dict[int, Ticket]:
        monkeypatch.setattr(tickets, "_current", usual)
        return {}

    monkeypatch.setattr(tickets, "_current", not_seen_yet)
    with pytest.raises(TicketError, match="already") as caught:
        open_ticket(cluster, tracker, editor)

    assert caught.value.ticket == first
    monkeypatch.setattr(tickets, "_current", not_seen_yet)
    done = open_all([cluster, read_cluster("beta")], tracker, editor)
    assert [skipped.names for skipped in done.skipped] == [("alpha",)]
    assert Ticket.objects.count() == 2


def paused(tracker: Tracker) -> Cluster:
    tracker.is_paused = True
    tracker.save(update_fields=["is_paused"])
    return read_cluster()


REFUSED_WHERE: dict[str, tuple[Callable[[Tracker], Cluster], str]] = {
    "paused": (paused, "paused"),
    "never read": (lambda tracker: add_cluster(), "not read yet"),
}


@pytest.mark.parametrize(("prepare", "why"), REFUSED_WHERE.values(), ids=list(REFUSED_WHERE))
def test_nothing_is_opened_where_nothing_can_be_sent(
    tracker: Tracker, editor: User, prepare: Callable[[Tracker], Cluster], why: str
) -> None:
    cluster = prepare(tracker)

    with pytest.raises(TicketError, match=why):
        open_ticket(cluster, tracker, editor)

    assert not Ticket.objects.exists()


def test_what_is_too_much_for_a_ticket_is_refused(tracker: Tracker, editor: User) -> None:
    cluster = read_cluster()

    with pytest.raises(TicketError, match="longer than"):
        open_ticket(cluster, tracker, editor, body="x" * 32_001)
    with pytest.raises(TicketError, match="at most 20 labels"):
        tickets.open_one(
            cluster, tracker, actor=editor, page_url="", labels=[str(n) for n in range(21)]
        )


def test_many_are_opened_with_a_handful_of_queries_and_those_that_can_not_are_told(
    tracker: Tracker, editor: User
) -> None:
    every = [read_cluster(f"cluster-{number}") for number in range(30)]
    unread = add_cluster("unread")
    open_ticket(every[0], tracker, editor)

    with CaptureQueriesContext(connection) as few:
        done = open_all([*every, unread], tracker, editor)

    assert len(done.opened) == 29
    assert {skipped.why: skipped.names for skipped in done.skipped} == {
        "it has a ticket there already": ("cluster-0",),
        "it was not read yet: there is nothing to write": ("unread",),
    }
    assert Wording.objects.count() == 1
    events = AuditEvent.objects.filter(batch=done.batch)
    assert set(events.values_list("action", flat=True)) == {tickets.OPENED}
    assert events.count() == 29
    assert len(few) < 20


def test_what_was_opened_at_once_is_sent_from_its_wording(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    open_all([read_cluster("alpha"), read_cluster("beta")], tracker, editor)

    settle(tracker, travel)

    titles = {kept.title for kept in fake.kept.values()}
    assert titles == {f"{name}: kubelets live on a legacy binding" for name in ("alpha", "beta")}


def test_opening_is_undone_while_nothing_was_sent(tracker: Tracker, editor: User) -> None:
    done = open_all([read_cluster("alpha"), read_cluster("beta")], tracker, editor)

    undoing.undo(done.batch, actor=editor)

    assert not Ticket.objects.exists()
    assert [action for action, _ in acts()].count(tickets.TAKEN_BACK) == 2


def test_what_was_sent_is_not_undone_and_why_is_said(
    tracker: Tracker, fake: FakeTracker, editor: User
) -> None:
    done = open_all([read_cluster()], tracker, editor)
    work(tracker)

    with pytest.raises(UndoError, match="it was sent already"):
        undoing.undo(done.batch, actor=editor)

    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("fault", ["lost after", "lost before", "killed before", "killed after"])
def test_what_may_have_been_sent_is_not_taken_back(
    tracker: Tracker, fake: FakeTracker, editor: User, fault: str
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    fake.faults["create"] = [fault]
    work(tracker)

    with pytest.raises(TicketError, match="sent already"):
        tickets.take_back(ticket, editor)


def test_a_closed_ticket_is_offered_for_reopening_until_it_is_let_go(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    tickets.set_open(ticket, False, editor)
    settle(tracker, travel)

    with pytest.raises(TicketError, match="is closed: reopen it") as caught:
        open_ticket(cluster, tracker, editor)
    tickets.let_go(ticket, editor)
    second = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    assert caught.value.ticket == ticket
    assert fresh(second).remote_id == "2"
    assert not fake.kept["1"].is_open


def test_people_close_and_reopen_from_here_and_are_named(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)

    tickets.set_open(ticket, False, editor)
    with pytest.raises(TicketError, match="closed already"):
        tickets.set_open(fresh(ticket), False, editor) if work(tracker) else None
    assert fresh(ticket).closed_by == "people"
    tickets.set_open(ticket, True, editor)
    settle(tracker, travel)

    assert fake.only.is_open
    named = ticket.events.exclude(by_name="").order_by("pk").values_list("what", "by_name")
    assert list(named) == [("closed", "editor"), ("reopened", "editor")]
    assert [action for action, _ in acts()][-2:] == [tickets.CLOSED, tickets.REOPENED]


def test_a_ticket_that_is_let_go_is_not_closed_from_here(tracker: Tracker, editor: User) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    work(tracker)
    tickets.let_go(ticket, editor)

    with pytest.raises(TicketError, match="it is let go"):
        tickets.set_open(ticket, False, editor)


@pytest.mark.parametrize("act", ["retry", "close", "let-go", "take-back"])
def test_an_act_locks_the_tracker_before_its_tickets_as_workers_do(
    tracker: Tracker, editor: User, act: str
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    if act in ("close", "let-go"):
        work(tracker)

    with CaptureQueriesContext(connection) as queries:
        done = ticket_bulk.act(act, [ticket], actor=editor)

    assert done.changed == (ticket.pk,)
    first = next(each["sql"] for each in queries if 'FROM "dashboard_t' in each["sql"])
    assert 'FROM "dashboard_tracker"' in first


def test_retry_ends_a_wait_of_our_own_and_no_other(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    fake.faults["find"] = ["unavailable", "limited"]
    work(tracker)

    tickets.retry(ticket, editor)
    assert ticket_queue.take_due() == [tracker.pk]
    work(tracker)
    tickets.retry(ticket, editor)

    assert ticket_queue.take_due() == []
    tracker.refresh_from_db()
    assert tracker.wait_until == timezone.now() + timedelta(seconds=7)


def test_a_broker_that_is_down_at_the_click_costs_nothing_but_time(
    tracker: Tracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    def down(*_: object, **__: object) -> None:
        raise tasks.work_on_tickets.OperationalError

    monkeypatch.setattr(tasks.work_on_tickets, "apply_async", down)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        ticket = open_ticket(read_cluster(), tracker, editor)
        tasks.send_tickets(tracker.pk)

    assert fresh(ticket).state == TicketState.QUEUED
    sent: list[int] = []
    monkeypatch.setattr(tasks, "_send_tickets", sent.append)
    tasks.dispatch()
    assert sent == [tracker.pk]


def test_a_turn_that_ends_early_is_followed_by_another(
    tracker: Tracker,
    travel: Travel,
    fake: FakeTracker,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("alpha", "beta"):
        open_ticket(read_cluster(name), tracker, editor)
    sent: list[int] = []
    monkeypatch.setattr(tasks, "_send_tickets", sent.append)
    fake.meanwhile["create"] = lambda: travel.shift(30)

    tasks.work_on_tickets(tracker.pk)
    tasks.work_on_tickets(tracker.pk)

    assert sent == [tracker.pk]


def test_a_removed_cluster_leaves_its_tickets_with_a_last_comment(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    cluster = read_cluster()
    ticket = open_ticket(cluster, tracker, editor)
    settle(tracker, travel)
    clusters.rename(cluster, "renamed", actor=editor)

    clusters.remove(cluster, actor=editor)
    settle(tracker, travel)

    ticket = fresh(ticket)
    assert (ticket.cluster_id, ticket.cluster_name) == (None, "renamed")
    assert ticket.state == TicketState.OPEN
    (comment,) = fake.only.comments.values()
    assert "removed from authzviz" in comment
    assert fake.only.is_open


def test_of_a_removed_cluster_nothing_is_sent_any_more(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    queued, lost = read_cluster("alpha"), read_cluster("beta")
    fake.faults["create"] = ["lost before"]
    unknown = open_ticket(lost, tracker, editor)
    work(tracker)
    open_ticket(queued, tracker, editor)

    for cluster in (queued, lost):
        clusters.remove(cluster, actor=editor)
    settle(tracker, travel)

    assert fake.kept == {}
    assert list(Ticket.objects.all()) == [unknown]
    assert fresh(unknown).state == TicketState.REJECTED


def test_a_tracker_that_is_removed_while_it_is_worked_on_takes_its_rows_and_nothing_fails(
    tracker: Tracker, fake: FakeTracker, editor: User
) -> None:
    for name in ("alpha", "beta"):
        open_ticket(read_cluster(name), tracker, editor)

    def remove() -> None:
        Tracker.objects.all().delete()

    fake.meanwhile["create"] = remove

    work(tracker)
    work(tracker)

    assert not Ticket.objects.exists()
    assert len(fake.kept) == 1


def test_what_nobody_looks_up_any_more_is_removed(
    tracker: Tracker, travel: Travel, fake: FakeTracker, editor: User
) -> None:
    ticket = open_ticket(read_cluster(), tracker, editor)
    events = [
        TicketEvent(ticket=ticket, at=timezone.now(), what="seen", words=str(number))
        for number in range(250)
    ]
    TicketEvent.objects.bulk_create(events)
    Wording.objects.create(title="t", body="b", created_at=timezone.now())
    done = open_all([read_cluster("beta")], tracker, editor)
    travel.shift(3_700)

    tickets.clean_up()

    kept = list(ticket.events.order_by("pk").values_list("words", flat=True))
    assert kept == [str(number) for number in range(50, 250)]
    assert list(Wording.objects.all()) == [Ticket.objects.get(batch=done.batch).wording]
    travel.shift(timedelta(days=366))
    tickets.clean_up()
    assert not ticket.events.exists()


def test_no_secret_is_in_what_is_kept_of_an_error(
    tracker: Tracker, fake: FakeTracker, editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cr3t" * 4

    def fails(_: str) -> tuple[()]:
        raise TrackerUnavailable(f"Authorization: Bearer {secret} at https://me:{secret}@x/\0")

    monkeypatch.setattr(fake, "find", fails)
    ticket = open_ticket(read_cluster(), tracker, editor)

    work(tracker)

    tracker.refresh_from_db()
    kept = [tracker.last_error, fresh(ticket).error, *ticket.events.values_list("words", flat=True)]
    assert all(kept)
    assert not [text for text in kept if secret in text]
