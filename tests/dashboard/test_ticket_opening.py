"""Opening tickets: by one click, after a look, and for many clusters at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from authzviz.reports.ticket import DEFAULT_TEMPLATE
from dashboard.models import AuditEvent, Cluster, Ticket, TicketState, Tracker
from dashboard.services import trackers
from tests.dashboard.assessments import REFUSED, TARGET
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import Page, opened, page, show
from tests.dashboard.ticketed import forge, ticket_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def refused(db: None) -> Cluster:
    return show(REFUSED)


def address(cluster: Cluster) -> str:
    return reverse("ticket_open", args=(cluster.slug,))


def fields(found: Page) -> dict[str, str]:
    """What the form of the page would send, but for its texts of many lines."""
    return {one["name"]: one.get("value", "") for one in found.all("input") if "name" in one}


def body_of(client: Client, cluster: Cluster) -> str:
    """The text that the form offers."""
    return str(client.get(address(cluster)).context["form"]["body"].value())


def test_one_click_queues_a_ticket_as_the_default_tracker_says(
    as_editor: Client, refused: Cluster
) -> None:
    forge(is_default=True, labels=["risk"], assignee="ann", due_days=7)
    before = opened(as_editor, "cluster", refused)
    found = page(as_editor.post(address(refused), follow=True))
    ticket = Ticket.objects.get()

    assert "Open ticket" in before.text
    assert "A ticket is queued for Forge." in found.text
    assert "Ticket queued for Forge" in found.text
    assert "Open ticket" not in found.text
    assert (ticket.title, ticket.body, ticket.labels, ticket.assignee) == ("", "", ["risk"], "ann")
    assert ticket.due_on == trackers.due_on(ticket.tracker)
    assert ticket.page_url == f"http://testserver{refused.get_absolute_url()}"


def test_without_any_tracker_it_goes_to_the_built_in_list(
    as_editor: Client, refused: Cluster
) -> None:
    found = page(as_editor.post(address(refused), follow=True))

    assert "A ticket is queued for Built-in list." in found.text


def test_what_is_queued_is_taken_back_where_it_is_said(as_editor: Client, refused: Cluster) -> None:
    found = page(as_editor.post(address(refused), follow=True))
    (undo,) = [one["action"] for one in found.all("form") if "/undo/" in one.get("action", "")]
    as_editor.post(undo, {"next": "/"})

    assert not Ticket.objects.exists()


def test_a_second_click_finds_the_first(as_editor: Client, refused: Cluster) -> None:
    as_editor.post(address(refused))
    found = page(as_editor.post(address(refused), follow=True))

    assert "No ticket was opened: it has a ticket there already." in found.text
    assert Ticket.objects.count() == 1


def test_the_form_offers_what_the_template_makes_and_its_preview(
    as_editor: Client, refused: Cluster
) -> None:
    forge(is_default=True, labels=["risk", "k8s"], title_template="Fix $cluster", assignee="ann")
    found = page(as_editor.get(address(refused)))
    sent = fields(found)

    assert (sent["title"], sent["labels"], sent["assignee"]) == ("Fix alpha", "risk, k8s", "ann")
    assert REFUSED.summary[:20] in found.text
    assert "Opened by editor" in found.text
    assert found.faults() == []
    assert max(found.ids.values()) == 1


def test_what_nobody_changed_is_filled_when_it_is_sent(as_editor: Client, refused: Cluster) -> None:
    sent = fields(page(as_editor.get(address(refused))))
    body = body_of(as_editor, refused).replace("\n", "\r\n")  # as browsers send it
    as_editor.post(address(refused), {**sent, "title": "Mine", "body": body})
    ticket = Ticket.objects.get()

    assert (ticket.title, ticket.body) == ("Mine", "")


def test_what_was_changed_stays_as_it_was_written(as_editor: Client, refused: Cluster) -> None:
    sent = fields(page(as_editor.get(address(refused))))
    as_editor.post(
        address(refused),
        {**sent, "body": "By hand", "labels": "a, b,a", "assignee": "bob", "due_on": "2031-02-03"},
    )
    ticket = Ticket.objects.get()

    assert (ticket.title, ticket.body, ticket.labels) == ("", "By hand", ["a", "b"])
    assert (ticket.assignee, str(ticket.due_on)) == ("bob", "2031-02-03")


def test_another_tracker_shows_its_own_template(as_editor: Client, refused: Cluster) -> None:
    forge("Desk", is_default=True)
    other = forge("Forge", title_template="Forge: $cluster")
    found = page(as_editor.get(address(refused), {"tracker": other.pk}))

    assert fields(found)["title"] == "Forge: alpha"
    assert "Open it in Forge" in found.text


def test_a_preview_opens_nothing_and_keeps_what_was_typed(
    as_editor: Client, refused: Cluster
) -> None:
    typed = {"title": "A <b>", "body": "**so** <i>", "preview": "1"}
    whole = page(as_editor.post(address(refused), typed))
    part = page(as_editor.post(address(refused), typed, headers={"HX-Request": "true"}))

    assert "A <b>" in whole.text
    assert whole.all("strong")
    assert part.text == "A <b> so <i>"
    assert not Ticket.objects.exists()


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no title": ({"title": " ", "body": "x"}, "required"),
    "no text": ({"title": "x", "body": ""}, "required"),
    "a long title": ({"title": "x" * 251, "body": "x"}, "at most 250"),
    "no day": ({"title": "x", "body": "y", "due_on": "soon"}, "valid date"),
    "too many labels": (
        {"title": "x", "body": "y", "labels": ",".join(map(str, range(30)))},
        "at most 20 labels",
    ),
}


@pytest.mark.parametrize(("typed", "says"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_opened_is_said_and_kept(
    as_editor: Client, refused: Cluster, typed: dict[str, str], says: str
) -> None:
    answer = as_editor.post(address(refused), {**typed, "assignee": "kept by the form"})

    assert answer.status_code == 422
    assert says in page(answer).text
    assert fields(page(answer))["assignee"] == "kept by the form"
    assert not Ticket.objects.exists()


def test_a_tracker_that_was_paused_meanwhile_keeps_the_form(
    as_editor: Client, refused: Cluster
) -> None:
    tracker = forge(is_paused=True)
    typed = {"title": "Mine", "body": "x", "tracker": tracker.pk}
    answer = as_editor.post(address(refused), typed)

    assert answer.status_code == 422
    assert "No ticket was opened: Forge is paused: resume it first." in page(answer).text
    assert fields(page(answer))["title"] == "Mine"


IN_THE_WAY = {
    "queued": (TicketState.QUEUED, "Ticket queued for Forge"),
    "closed": (TicketState.CLOSED, "closed in Forge"),
    "unknown": (TicketState.UNKNOWN, "Ticket sent to Forge, outcome unknown"),
}


@pytest.mark.parametrize(("state", "words"), IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_one_that_is_there_stands_in_place_of_the_form(
    as_editor: Client, refused: Cluster, state: TicketState, words: str
) -> None:
    ticket_of(refused, state, forge(is_default=True))
    found = page(as_editor.get(address(refused)))

    assert "There is one already:" in found.text
    assert words in found.text
    assert "title" not in fields(found)


def test_one_that_is_gone_is_in_nobodys_way(as_editor: Client, refused: Cluster) -> None:
    ticket_of(refused, TicketState.GONE, forge(is_default=True))

    assert "Open ticket" in opened(as_editor, "cluster", refused).text
    assert "title" in fields(page(as_editor.get(address(refused))))


def test_a_cluster_that_was_never_read_has_nothing_to_write(as_editor: Client) -> None:
    cluster = add_cluster()

    assert "Open ticket" not in opened(as_editor, "cluster", cluster).text
    assert "there is nothing to write" in page(as_editor.get(address(cluster))).text


def test_there_is_no_ticket_of_what_is_not_there(as_editor: Client, refused: Cluster) -> None:
    unknown = reverse("ticket_open", args=("nowhere",))

    assert as_editor.get(unknown).status_code == 404
    assert as_editor.get(address(refused), {"tracker": "999"}).status_code == 404
    assert as_editor.post(address(refused), {"tracker": "999"}).status_code == 404


def test_a_viewer_sees_no_button_and_opens_nothing(as_viewer: Client, refused: Cluster) -> None:
    assert "Open ticket" not in opened(as_viewer, "cluster", refused).text
    assert as_viewer.post(address(refused)).status_code == 403


MANY = "tickets_open"


@pytest.fixture
def three(db: None) -> list[Cluster]:
    """Two that can get a ticket, and one that was never read."""
    return [show(REFUSED, "a"), show(TARGET, "b"), add_cluster("c")]


def asked(client: Client, **sent: Any) -> Page:
    answer = client.post(reverse(MANY), {"ticked": "a b c", **sent})
    assert answer.status_code in {200, 422}
    return page(answer)


def test_many_are_shown_before_they_are_opened(as_editor: Client, three: list[Cluster]) -> None:
    tracker = forge(is_default=True)
    ticket_of(three[1], tracker=tracker)
    found = asked(as_editor)

    assert "Open 1 ticket?" in found.text
    assert "1 left out: it was not read yet: there is nothing to write. c" in found.text
    assert "1 left out: it has a ticket there already. b" in found.text
    assert "As a gets it" in found.text
    assert fields(found)["title"] == DEFAULT_TEMPLATE.title
    assert Ticket.objects.count() == 1
    assert found.faults() == []
    assert max(found.ids.values()) == 1


def test_many_are_opened_at_once_and_their_progress_is_shown(
    as_editor: Client, three: list[Cluster]
) -> None:
    forge(is_default=True)
    sent = fields(asked(as_editor))
    body = DEFAULT_TEMPLATE.body.replace("\n", "\r\n")
    typed = {**sent, "title": "Do $cluster", "body": body, "confirmed": "1"}
    found = page(as_editor.post(reverse(MANY), typed, follow=True))
    tickets = Ticket.objects.select_related("wording")

    assert "2 queued for Forge. Skipped 1: c (it was not read yet" in found.text
    assert "0 of 2 opened, 2 still queued." in found.text
    assert {ticket.cluster_name for ticket in tickets} == {"a", "b"}
    assert {(one.wording.title, one.wording.body) for one in tickets if one.wording} == {
        ("Do $cluster", "")
    }
    assert AuditEvent.objects.filter(action="ticket opened").count() == 2


def test_a_template_that_cannot_be_filled_opens_nothing(
    as_editor: Client, three: list[Cluster]
) -> None:
    typed = {"title": "$nobody", "body": "x", "confirmed": "1"}
    found = asked(as_editor, **typed)

    assert "The title holds $nobody, which nothing stands for." in found.text
    assert fields(found)["title"] == "$nobody"
    assert not Ticket.objects.exists()


def test_the_example_follows_what_is_typed(as_editor: Client, three: list[Cluster]) -> None:
    typed = {"ticked": "a b", "title": "Do $cluster", "body": "now", "preview": "1"}
    part = page(as_editor.post(reverse(MANY), typed, headers={"HX-Request": "true"}))

    assert part.text.startswith("Do a now")


def test_where_none_can_get_one_there_is_nothing_to_open(as_editor: Client) -> None:
    add_cluster("a")
    found = asked(as_editor)

    assert "No ticket to open" in found.text
    assert "title" not in fields(found)


def test_nothing_ticked_leads_back_to_the_fleet(as_editor: Client) -> None:
    answer = as_editor.post(reverse(MANY), {"ticked": "", "query": "search=x"}, follow=True)

    assert answer.redirect_chain == [("/?search=x", 302)]
    assert "No ticket was opened: no cluster is ticked." in page(answer).text


def test_many_cost_as_many_queries_as_one(as_editor: Client) -> None:
    forge(is_default=True)
    made = [show(REFUSED, "first")]
    typed = {"title": "x", "body": "y", "confirmed": "1"}

    def queries(count: int) -> list[str]:
        Ticket.objects.all().delete()
        slugs = " ".join(one.slug for one in made[:count])
        with CaptureQueriesContext(connection) as captured:
            answer = as_editor.post(reverse(MANY), {"ticked": slugs, **typed})
        assert answer.status_code == 302
        return [one["sql"] for one in captured]

    few = queries(1)
    made += [show(TARGET, f"more-{number}") for number in range(20)]
    many = queries(21)

    # SQLite takes rows in portions.
    assert len(many) <= len(few) + 2, "\n".join(many)
    assert Tracker.objects.count() == 1
    assert Ticket.objects.count() == 21
