"""The list of all tickets: what is found, in which order, and what may be done with many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from dashboard.models import AuditEvent, Cluster, Ticket, TicketState, Tracker
from dashboard.services import ticket_list
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import Page, page
from tests.dashboard.ticketed import forge, ticket_of

pytestmark = pytest.mark.django_db

STATES = ("rejected", "unknown", "gone", "queued", "open", "closed")


@pytest.fixture
def every(db: None) -> dict[str, Ticket]:
    """A ticket of each state, and one that is let go, in two trackers and groups."""
    found = {}
    for place, state in enumerate(STATES):
        cluster = add_cluster(f"c-{state}")
        Cluster.objects.filter(pk=cluster.pk).update(group="Europe" if place % 2 else "")
        tracker = forge("Forge" if place % 2 else "Desk")
        found[state] = ticket_of(cluster, TicketState(state), tracker)
    found["let-go"] = ticket_of(add_cluster("c-let-go"), is_current=False)
    return found


def shown(client: Client, **asked: str) -> Page:
    answer = client.get(reverse("tickets"), asked)
    assert answer.status_code == 200
    return page(answer)


def names(client: Client, **asked: str) -> list[str]:
    """The clusters of the table, in their order."""
    answer = client.get(reverse("tickets"), asked)
    return [row.name.removeprefix("c-") for row in answer.context["page"].rows]


def test_each_ticket_stands_where_it_is_what_needs_someone_first(
    as_viewer: Client, every: dict[str, Ticket]
) -> None:
    page = shown(as_viewer)

    assert names(as_viewer) == list(STATES)
    for word in ("Rejected", "Outcome unknown", "Gone", "Queued", "Open", "Closed", "Not followed"):
        assert f"1 {word}" in page.text
    assert f"#{every['open'].remote_id}" in page.text
    assert every["open"].url in [link["href"] for link in page.all("a")]
    assert max(page.ids.values()) == 1


FILTERS = {
    "a state": ({"state": "open"}, ["open"]),
    "let go": ({"state": "let-go"}, ["let-go"]),
    "no such state": ({"state": "<b>"}, [*STATES]),
    "a group": ({"group": "Europe"}, ["unknown", "queued", "closed"]),
    "a cluster's name": ({"search": "c-re"}, ["rejected"]),
    "who opened it": ({"search": "maria"}, [*STATES]),
    "a batch that nobody made": ({"batch": str(uuid4())}, []),
    "no batch": ({"batch": "x"}, [*STATES]),
    "a tracker that is gone": ({"tracker": "999999"}, []),
    "past the end": ({"page": "99"}, [*STATES]),
    "by cluster": (
        {"sort": "cluster"},
        ["closed", "gone", "open", "queued", "rejected", "unknown"],
    ),
    "backwards": ({"sort": "-state"}, [*reversed(STATES)]),
    "the oldest first": ({"sort": "-opened"}, [*STATES]),
    "no such order": ({"sort": "password"}, [*STATES]),
}


@pytest.mark.parametrize(("asked", "found"), FILTERS.values(), ids=FILTERS)
def test_it_is_narrowed_down_and_sorted(
    as_viewer: Client, every: dict[str, Ticket], asked: dict[str, str], found: list[str]
) -> None:
    assert names(as_viewer, **asked) == found


def test_a_number_is_found_as_people_write_it(as_viewer: Client, every: dict[str, Ticket]) -> None:
    assert names(as_viewer, search=f"#{every['open'].remote_id}") == ["open"]


def test_a_tracker_is_chosen(as_viewer: Client, every: dict[str, Ticket]) -> None:
    key = str(Tracker.objects.get(name="Desk").pk)

    assert names(as_viewer, tracker=key) == ["rejected", "gone", "open"]
    page = shown(as_viewer, tracker=key)
    (chosen,) = (one for one in page.all("option") if "selected" in one and one["value"])
    assert chosen["value"] == key


def test_nothing_at_all_and_nothing_found_have_words(as_editor: Client, cluster: Cluster) -> None:
    empty = shown(as_editor)
    ticket_of(cluster)
    nothing = shown(as_editor, search="nowhere")

    assert "No tickets yet" in empty.text
    assert reverse("fleet") in [link["href"] for link in empty.all("a") if "btn" in str(link)]
    assert "No ticket is so" in nothing.text


TROUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "paused": ({"is_paused": True}, "Forge is paused"),
    "waits": (
        {"wait_until": timezone.now() + timedelta(hours=1), "last_error": "slow down"},
        "Forge takes no more until",
    ),
    "fails": ({"failures": 2, "last_error": "no <b> route"}, "no <b> route"),
}


@pytest.mark.parametrize(("fields", "words"), TROUBLES.values(), ids=TROUBLES)
def test_a_tracker_that_takes_nothing_is_said(
    as_viewer: Client, cluster: Cluster, fields: dict[str, Any], words: str
) -> None:
    ticket_of(cluster, TicketState.QUEUED, forge(**fields))
    found = shown(as_viewer)

    assert words in found.text
    assert not found.all("b")[3:]


def test_a_copy_that_sends_none_says_so_and_asks_slowly(
    as_admin: Client, cluster: Cluster, settings: Settings
) -> None:
    ticket = ticket_of(cluster, TicketState.QUEUED)
    settings.SEND_TICKETS = False
    found = shown(as_admin)
    one = page(as_admin.get(reverse("ticket", args=(ticket.pk,))))
    trackers = page(as_admin.get(reverse("trackers")))

    for text in (found.text, one.text):
        assert "Forge is left alone: AUTHZVIZ_SEND_TICKETS is off on this server" in text
    assert "every 10s" in found.html
    assert "Left alone" in trackers.text


def test_it_says_how_far_one_act_is_and_asks_again(as_viewer: Client) -> None:
    batch = uuid4()
    for state in STATES:
        ticket_of(add_cluster(f"c-{state}"), TicketState(state), batch=batch)
    ticket_of(add_cluster("another"))
    found = shown(as_viewer, batch=str(batch))
    Ticket.objects.filter(state__in=("queued", "unknown")).update(state="open")
    done = shown(as_viewer, batch=str(batch))

    words = "3 of 6 opened, 1 rejected, 1 with unknown outcome, 1 still queued."
    assert words in found.text
    assert "another" not in found.text
    assert "every 3s" in found.html
    assert "5 of 6 opened, 1 rejected." in done.text
    assert "every 10s" in done.html


def test_htmx_gets_a_part_and_nothing_where_nothing_changed(
    as_viewer: Client, every: dict[str, Ticket]
) -> None:
    token = as_viewer.get(reverse("tickets")).context["page"].token
    headers = {"HX-Request": "true"}
    part = as_viewer.get(reverse("tickets"), headers=headers)
    same = as_viewer.get(reverse("tickets"), {"seen": token}, headers=headers)
    Ticket.objects.update(remote_title="another")
    other = as_viewer.get(reverse("tickets"), {"seen": token}, headers=headers)

    assert b"<h1" not in part.content
    assert (same.status_code, other.status_code) == (204, 200)


def test_what_a_tracker_says_no_more_is_marked_as_old(as_viewer: Client, cluster: Cluster) -> None:
    ticket_of(cluster, read_at=timezone.now() - timedelta(hours=2))

    assert "tone-stale" in shown(as_viewer).html


def test_a_cluster_that_was_removed_leaves_its_ticket(as_viewer: Client, cluster: Cluster) -> None:
    ticket_of(cluster)
    cluster.delete()

    assert "alpha removed from the fleet" in shown(as_viewer).text


def test_it_is_cut_into_pages(
    as_viewer: Client, every: dict[str, Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_list, "PER_PAGE", 4)

    assert names(as_viewer) == list(STATES[:4])
    assert names(as_viewer, page="2") == list(STATES[4:])
    assert "6 tickets, page 1 of 2" in shown(as_viewer).text


def test_a_thousand_tickets_cost_what_a_few_do(as_viewer: Client, every: dict[str, Ticket]) -> None:
    with CaptureQueriesContext(connection) as few:
        shown(as_viewer)
    clusters = [add_cluster(f"more-{number}") for number in range(60)]
    for cluster in clusters:
        ticket_of(cluster)
    with CaptureQueriesContext(connection) as many:
        found = shown(as_viewer)

    assert len(few) == len(many) <= 7
    assert len(found.html) < 200_000


def test_it_is_saved_as_a_table(as_viewer: Client, every: dict[str, Ticket]) -> None:
    answer = as_viewer.get(reverse("tickets"), {"format": "csv", "state": "open"})
    lines = answer.content.decode("utf-8-sig").splitlines()

    assert len(lines) == 2
    assert '"c-open"' in lines[1]
    assert every["open"].url in lines[1]


def act(client: Client, name: str, **sent: Any) -> Page:
    answer = client.post(reverse("tickets_act"), {"act": name, **sent}, follow=True)
    assert answer.status_code == 200
    return page(answer)


def test_what_is_ticked_is_acted_on_and_the_rest_is_said(
    as_editor: Client, every: dict[str, Ticket]
) -> None:
    keys = [every[state].pk for state in ("rejected", "open")]
    found = act(as_editor, "retry", ticked=str(keys[0]), c=keys[1])
    every["rejected"].refresh_from_db()

    assert "1 ticket queued again. Skipped 1: c-open (nothing of it failed)." in found.text
    assert every["rejected"].state == TicketState.QUEUED


def test_all_that_is_found_is_acted_on(as_editor: Client, every: dict[str, Ticket]) -> None:
    found = act(as_editor, "close", all="1", query="?state=open")
    every["open"].refresh_from_db()

    assert "1 ticket to be closed." in found.text
    assert every["open"].wanted_open is False
    assert AuditEvent.objects.filter(action="ticket closed").count() == 1


def test_reading_back_is_asked_for_once_of_each_tracker(
    as_editor: Client, every: dict[str, Ticket]
) -> None:
    found = act(as_editor, "read", all="1", query="")

    assert "6 tickets asked about now." in found.text
    assert Tracker.objects.filter(next_read_at=None).count() == 0


REFUSED = {
    "nothing ticked": ("close", {}, "no ticket is ticked"),
    "no such act": ("burn", {"all": "1"}, "there is no such act"),
    "no numbers": ("close", {"ticked": "x -1 1e3 ²"}, "no ticket is ticked"),
    "one that is gone": ("close", {"ticked": "999999"}, "no ticket is ticked"),
}


@pytest.mark.parametrize(("name", "sent", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_changes_nothing(
    as_editor: Client, every: dict[str, Ticket], name: str, sent: dict[str, str], why: str
) -> None:
    before = list(Ticket.objects.order_by("pk").values())

    assert f"Nothing was changed: {why}." in act(as_editor, name, **sent).text
    assert list(Ticket.objects.order_by("pk").values()) == before


def test_a_viewer_has_nothing_to_tick_and_may_not_act(
    as_viewer: Client, every: dict[str, Ticket]
) -> None:
    boxes = [box for box in shown(as_viewer).all("input") if "pick" in box.get("class", "")]
    answer = as_viewer.post(reverse("tickets_act"), {"act": "close", "all": "1"})

    assert boxes == []
    assert answer.status_code == 403
