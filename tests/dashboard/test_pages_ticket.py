"""The page of one ticket: what is known of it in a sentence, and what may be done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from authzviz.tickets.http import Deadline
from dashboard.models import (
    AuditEvent,
    Cluster,
    ListedTicket,
    Ticket,
    TicketEvent,
    TicketState,
    Tracker,
    User,
)
from dashboard.services import access, trackers
from dashboard.services.ticket_marks import Place
from dashboard.shown.ticket_tag import key_words, site_url
from tests.dashboard.assessments import REFUSED
from tests.dashboard.showing import Page, opened, page, show
from tests.dashboard.ticketed import SITE, forge, listed_ticket, ticket_of

pytestmark = pytest.mark.django_db

SENT = datetime(2026, 11, 24, 12, 3, 7, tzinfo=UTC)


@pytest.fixture
def refused(db: None) -> Cluster:
    return show(REFUSED)


def shown(client: Client, ticket: Ticket) -> Page:
    answer = client.get(reverse("ticket", args=(ticket.pk,)))
    assert answer.status_code == 200
    return page(answer)


def acts(found: Page) -> set[str]:
    """What may be done, as the buttons send it."""
    return {one["value"] for one in found.all("button") if one.get("name") == "act"}


SENTENCES: dict[str, tuple[TicketState, dict[str, Any], str, set[str]]] = {
    "queued": (TicketState.QUEUED, {}, "It is to be opened in Forge", {"take-back"}),
    "being sent": (
        TicketState.QUEUED,
        {"sending": "create", "sending_since": SENT},
        "Being opened in Forge since",
        set(),
    ),
    "unknown": (
        TicketState.UNKNOWN,
        {"sending": "create", "sending_since": SENT},
        "It was sent to Forge at 12:03:07 UTC, and no answer came: it may be there or not.",
        {"let-go"},
    ),
    "open": (
        TicketState.OPEN,
        {"remote_state": "In Progress"},
        "Open in Forge, there called In Progress, as of",
        {"close", "read", "let-go"},
    ),
    "to be closed": (
        TicketState.OPEN,
        {"wanted_open": False, "due_at": SENT},
        "to be closed",
        {"read", "let-go"},
    ),
    "closed by us": (
        TicketState.CLOSED,
        {"closed_by": "product"},
        "Closed in Forge by authzviz: two reads in a row",
        {"reopen", "read", "let-go"},
    ),
    "closed by people": (
        TicketState.CLOSED,
        {"closed_by": "people"},
        "Closed in Forge by people. authzviz leaves it closed.",
        {"reopen", "read", "let-go"},
    ),
    "rejected": (
        TicketState.REJECTED,
        {"error": "no label <b>"},
        "Put right what it says",
        {"retry", "take-back"},
    ),
    "gone": (TicketState.GONE, {}, "Forge has no ticket #", {"let-go"}),
    "let go": (TicketState.OPEN, {"is_current": False}, "authzviz follows it no more", set()),
}


@pytest.mark.parametrize(("state", "fields", "says", "may"), SENTENCES.values(), ids=SENTENCES)
def test_it_says_how_it_is_and_what_may_be_done(
    as_editor: Client,
    refused: Cluster,
    state: TicketState,
    fields: dict[str, Any],
    says: str,
    may: set[str],
) -> None:
    found = shown(as_editor, ticket_of(refused, state, **fields))

    assert says in found.text
    assert fields.get("error", "") in found.text
    assert acts(found) == may
    assert max(found.ids.values()) == 1


def test_what_was_sent_where_nobody_can_ask_is_said_to_be_sent_again(
    as_editor: Client, refused: Cluster
) -> None:
    hook = forge("Hook", kind="webhook", values={})
    ticket = ticket_of(refused, TicketState.UNKNOWN, hook, sending="create", sending_since=SENT)
    found = shown(as_editor, ticket)

    assert "Hook can't be asked: it is sent again, with the same id" in found.text
    assert "is asked for its mark" not in found.text


def test_a_viewer_reads_it_and_has_nothing_to_press(as_viewer: Client, refused: Cluster) -> None:
    ticket = ticket_of(refused)
    found = shown(as_viewer, ticket)
    links = [link["href"] for link in found.all("a")]

    assert acts(found) == set()
    assert {ticket.url, refused.get_absolute_url()} <= set(links)


def test_what_is_not_there_yet_shows_what_is_to_be_sent(
    as_viewer: Client, refused: Cluster
) -> None:
    found = shown(as_viewer, ticket_of(refused, TicketState.QUEUED))

    assert "What is to be sent" in found.text
    assert REFUSED.summary[:20] in found.text


def test_it_shows_the_text_the_comment_and_what_was_done(
    as_viewer: Client, refused: Cluster
) -> None:
    ticket = ticket_of(refused, written_body="**Mind** `it`", comment_text="Step 2 of 9")
    TicketEvent.objects.create(ticket=ticket, at=SENT, what="adopted", words="was there <b>")
    found = shown(as_viewer, ticket)

    assert "As it was sent last" in found.text
    assert "Mind it" in found.text
    assert "Step 2 of 9" in found.text
    assert "Found and taken over" in found.text
    assert "was there <b>" in found.text


def test_in_the_built_in_list_the_page_is_the_ticket(as_editor: Client, refused: Cluster) -> None:
    ticket = listed_ticket(
        refused, comments=[["1", "Half done"]], assignee="ann", due_on="2031-02-03", labels=["k8s"]
    )
    found = shown(as_editor, ticket)

    for words in ("The way", "Do it.", "Half done", "ann", "3 Feb 2031", "k8s"):
        assert words in found.text
    assert "read" not in acts(found)


def write(client: Client, ticket: Ticket, **typed: str) -> Any:
    return client.post(reverse("ticket_act", args=(ticket.pk,)), typed)


def test_people_comment_assign_and_set_a_date_in_the_built_in_list(
    as_editor: Client, refused: Cluster, editor: User
) -> None:
    ticket = listed_ticket(refused, comments=[["1", "Half done"]])
    write(as_editor, ticket, act="comment", text="Mine <b>now</b>\r\n\n## Then")
    write(as_editor, ticket, act="change", assignee=" ann ", due_on="2031-02-03")
    write(as_editor, ticket, act="change", assignee="ann", due_on="2031-02-03")
    found = shown(as_editor, ticket)
    done = AuditEvent.objects.filter(action__in=("ticket commented", "ticket changed"))

    told = ("authzviz Half done", f"{editor} 0 s ago Mine <b>now</b> Then", "3 Feb 2031")
    for words in (*told, "assigned to ann, due 2031-02-03"):
        assert words in found.text
    assert done.count() == 2
    assert {one.actor for one in done} == {editor}


def test_a_comment_of_a_person_is_never_taken_for_ours(as_editor: Client, refused: Cluster) -> None:
    ticket = listed_ticket(refused, comments=[["1", "ours: mark"]])
    write(as_editor, ticket, act="comment", text="> ours: mark")
    built_in = trackers.connect(ticket.tracker, Deadline())
    ours = built_in.find_comment(ticket.remote_id, "mark")
    built_in.edit_comment(ticket.remote_id, "1", "ours: newer", "")

    assert ours
    assert ours.id == "1"
    assert "> ours: mark" in ListedTicket.objects.get().comments[1]


REFUSED_WRITING = {
    "nothing": {"act": "comment", "text": " "},
    "too much": {"act": "comment", "text": "x" * 10_001},
    "no date": {"act": "change", "assignee": "ann", "due_on": "soon"},
}


@pytest.mark.parametrize("typed", REFUSED_WRITING.values(), ids=REFUSED_WRITING)
def test_what_is_wrong_stays_in_its_form(
    as_editor: Client, refused: Cluster, typed: dict[str, str]
) -> None:
    ticket = listed_ticket(refused)
    answer = write(as_editor, ticket, **typed)

    assert answer.status_code == 422
    assert page(answer).all("textarea")
    assert ListedTicket.objects.filter(comments=[], assignee="").exists()


def test_who_may_only_look_writes_nothing(as_viewer: Client, refused: Cluster) -> None:
    ticket = listed_ticket(refused)

    assert not shown(as_viewer, ticket).all("textarea")
    for act in ("comment", "change"):
        assert write(as_viewer, ticket, act=act, text="x", assignee="x").status_code == 403


def test_in_another_tracker_nothing_is_written_here(as_editor: Client, refused: Cluster) -> None:
    ticket = ticket_of(refused)
    told = as_editor.post(
        reverse("ticket_act", args=(ticket.pk,)), {"act": "comment", "text": "x"}, follow=True
    )

    assert not shown(as_editor, ticket).all("textarea")
    assert "it is not in the built-in list" in page(told).text


def test_a_tracker_that_waits_is_said(as_viewer: Client, refused: Cluster) -> None:
    until = timezone.now() + timedelta(hours=1)
    tracker = forge(wait_until=until, last_error="slow down")
    found = shown(as_viewer, ticket_of(refused, TicketState.QUEUED, tracker))

    assert "Forge takes no more until" in found.text
    assert "slow down" in found.text


def test_the_page_asks_again_only_while_something_is_under_way(
    as_viewer: Client, refused: Cluster
) -> None:
    ticket = ticket_of(refused, due_at=timezone.now())
    address = reverse("ticket", args=(ticket.pk,))
    busy = as_viewer.get(address)
    same = as_viewer.get(
        address, {"seen": busy.context["page"].token}, headers={"HX-Request": "true"}
    )
    Ticket.objects.update(due_at=None)

    assert b"every 3s" in busy.content
    assert same.status_code == 204
    assert "every 3s" not in shown(as_viewer, ticket).html


def test_what_is_to_be_sent_is_not_filled_while_nothing_else_changed(
    as_viewer: Client, refused: Cluster
) -> None:
    ticket = ticket_of(refused, TicketState.QUEUED, due_at=timezone.now())
    address = reverse("ticket", args=(ticket.pk,))
    with CaptureQueriesContext(connection) as filling:
        token = as_viewer.get(address).context["page"].token
    with CaptureQueriesContext(connection) as asking:
        same = as_viewer.get(address, {"seen": token}, headers={"HX-Request": "true"})

    assert same.status_code == 204
    assert len(asking) < len(filling)


ACTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "close": ("close", {}, "1 ticket to be closed."),
    "let go": ("let-go", {}, "1 ticket not followed any more."),
    "read": ("read", {}, "1 ticket asked about now."),
    "nothing to retry": ("retry", {}, "0 tickets queued again. Skipped 1: alpha (nothing of it"),
    "reopen an open one": ("reopen", {}, "Skipped 1: alpha (it is open already)."),
    "no such act": ("burn", {}, "Nothing was changed: there is no such act."),
}


@pytest.mark.parametrize(("name", "fields", "says"), ACTS.values(), ids=ACTS)
def test_an_act_is_done_and_told(
    as_editor: Client, refused: Cluster, name: str, fields: dict[str, Any], says: str
) -> None:
    ticket = ticket_of(refused, **fields)
    answer = as_editor.post(reverse("ticket_act", args=(ticket.pk,)), {"act": name}, follow=True)

    assert says in page(answer).text


def test_what_is_taken_back_leads_to_its_cluster(as_editor: Client, refused: Cluster) -> None:
    ticket = ticket_of(refused, TicketState.QUEUED)
    answer = as_editor.post(
        reverse("ticket_act", args=(ticket.pk,)), {"act": "take-back"}, follow=True
    )

    assert answer.redirect_chain == [(refused.get_absolute_url(), 302)]
    assert "1 ticket taken back." in page(answer).text
    assert not Ticket.objects.exists()


def test_there_is_no_page_of_what_is_not_there(as_editor: Client) -> None:
    assert as_editor.get(reverse("ticket", args=(99,))).status_code == 404
    assert as_editor.post(reverse("ticket_act", args=(99,)), {"act": "close"}).status_code == 404


def test_many_events_cost_no_more(as_viewer: Client, refused: Cluster) -> None:
    ticket = ticket_of(refused)
    with CaptureQueriesContext(connection) as few:
        shown(as_viewer, ticket)
    TicketEvent.objects.bulk_create(
        TicketEvent(ticket=ticket, at=SENT, what="seen") for _ in range(300)
    )
    with CaptureQueriesContext(connection) as many:
        found = shown(as_viewer, ticket)

    assert len(few) == len(many) <= 5
    assert found.text.count("Changed there") == 100


LINKS = {
    "its own": (f"{SITE}/team/issues/7", True),
    "another port": (f"{SITE}:3000/team/issues/7", True),
    "in capitals": ("https://GIT.example/7", True),
    "another host": ("https://git.example.evil.test/7", False),
    "a host before it": ("https://git.example@evil.test/7", False),
    "a script": ("javascript:alert(1)//git.example", False),
    "not encrypted": ("http://git.example/7", False),
    "no scheme": ("//git.example/7", False),
    "a backslash": ("https://git.example\\@evil.test/7", False),
    "a line end": ("https://git.example/\n7", False),
    "a tab within": ("https://git\t.example/7", False),
    "letters that are not plain": ("https://git.example/\u202e7", False),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("url", "is_followed"), LINKS.values(), ids=LINKS)
def test_only_the_trackers_own_address_is_a_link(
    as_viewer: Client, refused: Cluster, url: str, is_followed: bool
) -> None:
    found = opened(as_viewer, "cluster", ticket_of(refused, url=url).cluster or refused)
    outward = [
        link["href"] for link in found.all("a") if "target" not in link and "7" in link["href"]
    ]

    assert (url in outward) is is_followed


def test_a_page_of_the_forge_whose_api_has_a_host_of_its_own_is_a_link() -> None:
    place = Place(1, "GitHub", "github", "https://api.github.com")

    assert site_url("https://github.com/a/b/issues/1", place)
    assert not site_url("https://raw.github.com/a/b/issues/1", place)


def test_a_ticket_that_is_hidden_is_unknown(refused: Cluster, editor: Any) -> None:
    ticket = ticket_of(refused)
    editor.is_active = False

    with pytest.raises(access.NotVisible):
        access.ticket_visible_to(editor, ticket.pk)
    assert Tracker.objects.exists()


KEYS = {
    "a number": ("17", "#17"),
    "a key": ("OPS-17", "OPS-17"),
    "a mail": (f"authzviz-0123456789ab.{'0' * 36} edge-1: a title", "authzviz-0123456789ab"),
    "a webhook": (f"authzviz-0123456789ab.{'0' * 36}", "authzviz-0123456789ab"),
    "what only looks like a number": (
        "\N{ARABIC-INDIC DIGIT SEVEN}",
        "\N{ARABIC-INDIC DIGIT SEVEN}",
    ),
}


@pytest.mark.parametrize(("key", "words"), KEYS.values(), ids=KEYS)
def test_a_ticket_is_called_what_people_can_look_for(key: str, words: str) -> None:
    assert key_words(key) == words
