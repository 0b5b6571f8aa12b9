"""The fleet page: counts that filter, search, sort, pages; what is old or failing shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from authzviz.engine.assessment import Verdict
from dashboard.models import Cluster, Heartbeat, TicketState
from dashboard.words import VERDICTS
from tests.dashboard.assessments import ASSESSMENTS, HOSTILE, REFUSED, TARGET, hostile
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import RECORDED, Page, page, show
from tests.dashboard.ticketed import ticket_of


def fleet(client: Client, query: str = "", **headers: str) -> Page:
    response = client.get(f"/{query}", headers=headers)
    assert response.status_code == 200
    return page(response)


def listed(found: Page) -> list[str]:
    return [one["id"].removeprefix("to-") for one in found.all("a") if "to-" in one.get("id", "")]


@pytest.fixture
def every_verdict(db: None) -> None:
    for verdict, assessment in ASSESSMENTS.items():
        show(assessment, str(verdict))


@pytest.mark.usefixtures("every_verdict")
def test_the_worst_come_first_with_their_sentence(as_viewer: Client) -> None:
    found = fleet(as_viewer)

    assert listed(found) == [str(verdict) for verdict in Verdict]
    for verdict, assessment in ASSESSMENTS.items():
        assert assessment.summary in found.text
        assert f"1 {VERDICTS[verdict].label}" in found.text


FILTERS = {
    "a verdict": ("?verdict=refused", ["refused"]),
    "what is not a verdict is ignored": ("?verdict=nonsense&search=mixed", ["mixed"]),
    "a part of a name": ("?search=GRANT", ["over-granted"]),
    "a distribution": ("?search=microk8s", ["always-allow"]),
    "version and distribution": ("?search=v1.19+kubeadm", ["refused"]),
    "nothing fits": ("?search=nowhere", []),
    "both": ("?verdict=refused&search=nowhere", []),
}


@pytest.mark.usefixtures("every_verdict")
@pytest.mark.parametrize(("query", "names"), FILTERS.values(), ids=FILTERS)
def test_filters_find(as_viewer: Client, query: str, names: list[str]) -> None:
    found = fleet(as_viewer, query)

    assert listed(found) == names
    assert ("No cluster matches" in found.text) is (not names)


def test_labels_are_found(as_viewer: Client) -> None:
    show(TARGET, "one", labels={"env": "prod"})
    show(TARGET, "two", labels={"env": "test"})

    assert listed(fleet(as_viewer, "?search=env%3Dprod")) == ["one"]


SORTS = {
    "name": ("name", ["a", "b", "c"]),
    "name, backwards": ("-name", ["c", "b", "a"]),
    "verdict": ("verdict", ["b", "a", "c"]),
    "version": ("version", ["b", "a", "c"]),
    "nodes ready": ("nodes", ["b", "a", "c"]),
    "oldest": ("read", ["c", "b", "a"]),
    "nonsense is the default": ("password", ["b", "a", "c"]),
}


@pytest.mark.parametrize(("sort", "names"), SORTS.values(), ids=SORTS)
def test_columns_sort(as_viewer: Client, sort: str, names: list[str]) -> None:
    show(TARGET, "a", age=timedelta(seconds=5))
    show(REFUSED, "b", age=timedelta(seconds=20))
    show(ASSESSMENTS[Verdict.UNKNOWN], "c", age=timedelta(seconds=50))

    assert listed(fleet(as_viewer, f"?sort={sort}")) == names


@pytest.mark.parametrize("query", ["?sort=name&page=2", "?by=group&sort=name&page=2"])
def test_a_thousand_clusters_cost_what_a_few_do(
    as_viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, query: str
) -> None:
    first = show(TARGET, "c0000")
    with CaptureQueriesContext(connection) as few:
        fleet(as_viewer, query)
    copies = [
        Cluster(
            slug=f"c{n:04}",
            name=f"c{n:04}",
            group="Europe",
            labels={"env": "prod", "team": f"team-{n}"},
            created_at=first.created_at,
            interval_seconds=60,
        )
        for n in range(1, 1000)
    ]
    Cluster.objects.bulk_create(copies)

    with django_assert_num_queries(len(few)):
        found = fleet(as_viewer, query)

    assert len(few) <= 8
    assert len(listed(found)) == 50
    assert "51 to 100 of 1000" in found.text
    assert len(found.html) < 200_000


PAGES = {"past the end": "?page=99", "nonsense": "?page=x", "negative": "?page=-1"}


@pytest.mark.parametrize("query", PAGES.values(), ids=PAGES)
def test_a_page_that_is_not_there_is_no_fault(as_viewer: Client, query: str) -> None:
    show(TARGET)

    assert listed(fleet(as_viewer, query)) == ["alpha"]


def test_old_facts_are_grey_and_say_their_age(as_viewer: Client) -> None:
    show(TARGET, age=timedelta(minutes=14, seconds=5))

    found = fleet(as_viewer)

    assert "14 min ago" in found.text
    assert [one for one in found.all("tr") if one.get("class") == "is-stale"]
    assert [one for one in found.all("span") if one.get("class") == "chip tone-stale"]


def test_trouble_is_shown_and_filters(as_viewer: Client) -> None:
    show(TARGET, "fine")
    show(TARGET, "failing", last_error="401 Unauthorized")

    found = fleet(as_viewer, "?state=trouble")

    assert listed(found) == ["failing"]
    assert "401 Unauthorized" in found.text


def test_a_cluster_never_read_has_no_verdict(as_viewer: Client) -> None:
    add_cluster("fresh")

    found = fleet(as_viewer)

    assert "Not read yet" in found.text
    assert "never" in found.text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(as_editor: Client, name: str) -> None:
    show(hostile(name), name.replace("\0", "")[:100] or "x")

    found = fleet(as_editor)

    assert found.faults() == []
    assert len(found.all("img")) == 1


def test_a_sample_fleet_is_marked_as_recorded(as_editor: Client) -> None:
    show(TARGET, "recorded", age=timedelta(days=90), **RECORDED)

    all_recorded = fleet(as_editor)
    show(TARGET, "live")
    some_recorded = fleet(as_editor)

    assert "not live" in all_recorded.text
    assert "1 of these are recorded clusters" in some_recorded.text
    assert not [one for one in all_recorded.all("tr") if one.get("class") == "is-stale"]


def test_an_empty_fleet_says_what_to_do(as_editor: Client, as_viewer: Client) -> None:
    assert "Add clusters from a kubeconfig" in fleet(as_editor).text
    assert "Add clusters" not in fleet(as_viewer).text


def test_a_silent_scheduler_is_announced(as_viewer: Client, settings: Settings) -> None:
    settings.STARTED_AT = timezone.now() - timedelta(days=1)
    show(TARGET)
    Heartbeat.objects.create(name="dispatch", at=timezone.now() - timedelta(minutes=2))
    before = fleet(as_viewer)
    Heartbeat.objects.update(at=timezone.now())

    assert "Nothing is being read" in before.text
    assert "Nothing is being read" not in fleet(as_viewer).text


NOT_MISSED = {
    "after a restart": (timedelta(0), {}),
    "where nothing is to be read": (timedelta(days=1), RECORDED),
}


@pytest.mark.parametrize(("started", "fields"), NOT_MISSED.values(), ids=NOT_MISSED)
def test_no_scheduler_is_missed(
    as_viewer: Client, settings: Settings, started: timedelta, fields: dict[str, Any]
) -> None:
    settings.STARTED_AT = timezone.now() - started
    show(TARGET, "alpha", age=timedelta(days=1), **fields)
    Heartbeat.objects.create(name="dispatch", at=timezone.now() - timedelta(days=1))

    assert "Nothing is being read" not in fleet(as_viewer).text


def test_the_sample_fleet_leads_to_its_outage(as_viewer: Client) -> None:
    show(TARGET, "eu-1", **RECORDED)
    before = fleet(as_viewer)
    show(REFUSED, "eu-5", **RECORDED)

    assert "see why" not in before.text
    assert "see why in eu-5" in fleet(as_viewer).text


def test_htmx_gets_the_table_alone(as_viewer: Client) -> None:
    show(TARGET)

    response = as_viewer.get("/?search=al", headers={"HX-Request": "true"})

    part = page(response)
    assert "HX-Request" in response["Vary"]
    assert part.ids["clusters"] == 1
    assert not part.all("html")
    (polled,) = [one["hx-get"] for one in part.all("div") if "hx-get" in one]
    assert polled.startswith("/?search=al&seen=")

    headers = {"HX-Request": "true"}
    assert as_viewer.get(polled, headers=headers).status_code == 204
    assert as_viewer.get(polled).status_code == 200

    show(REFUSED, "also")
    assert as_viewer.get(polled, headers=headers).status_code == 200


def test_nodes_that_are_not_ready_stand_out_unless_that_is_old(as_viewer: Client) -> None:
    lost = replace(TARGET, nodes=replace(TARGET.nodes, total=3, ready=1, not_ready=2))
    cluster = show(lost)
    mark = '<span class="toned tone-critical">1 / 3</span>'

    assert mark in fleet(as_viewer).html
    Cluster.objects.filter(pk=cluster.pk).update(last_error="no route")
    assert mark not in fleet(as_viewer).html


TICKETS = {
    "queued": (TicketState.QUEUED, "queued", "Ticket queued"),
    "open": (TicketState.OPEN, "open", "open"),
    "closed": (TicketState.CLOSED, "closed", "closed"),
    "rejected": (TicketState.REJECTED, "failed", "Ticket rejected"),
    "unknown": (TicketState.UNKNOWN, "unknown", "Ticket sent, outcome unknown"),
}


@pytest.mark.parametrize(("state", "facet", "words"), TICKETS.values(), ids=TICKETS)
def test_a_clusters_ticket_is_told_and_found(
    as_viewer: Client, state: TicketState, facet: str, words: str
) -> None:
    ticket = ticket_of(show(TARGET, "one"), state)
    show(TARGET, "other")
    found = fleet(as_viewer, f"?ticket={facet}")

    assert [link["href"] for link in found.all("a")].count(
        reverse("ticket", args=(ticket.pk,))
    ) == 1
    assert words in found.text
    assert listed(found) == ["one"]
    assert listed(fleet(as_viewer, "?ticket=none")) == ["other"]
