"""What all pages of a cluster share: head, tabs, and notes on how old everything is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone

from authzviz.engine.model import Node, Ready
from tests.dashboard.assessments import REFUSED, hostile
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import OF_THE_LAST_READ, RECORDED, opened, show
from tests.dashboard.snapshots import snapshot
from tests.engine.build import ok

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

TABS = (*OF_THE_LAST_READ, "cluster_history")
OTHERS = ("cluster_settings", "cluster_credentials", "cluster_remove", "cluster_reader")


@pytest.mark.parametrize("name", [*TABS, *OTHERS])
def test_every_page_says_which_cluster_and_how_it_is(as_editor: Client, name: str) -> None:
    cluster = show(REFUSED, labels={"team": "core"}, group="Europe")

    found = opened(as_editor, name, cluster)

    assert "alpha Refused" in found.text
    assert f"{REFUSED.version} kubeadm 0 of 6 nodes Ready" in found.text
    assert "team=core" in found.text
    assert "Fleet / Europe / alpha /" in found.text
    assert found.faults() == []
    assert max(found.ids.values()) == 1


@pytest.mark.parametrize("name", TABS)
def test_the_open_tab_is_marked(as_viewer: Client, name: str) -> None:
    cluster = show(REFUSED)

    found = opened(as_viewer, name, cluster)

    current = [link["href"] for link in found.all("a") if link.get("aria-current") == "page"]
    assert current == [reverse(name, args=(cluster.slug,))]


NOTES = {
    "old": ({"age": timedelta(hours=1)}, "Old: what you see is from"),
    "unreadable": ({"last_error": "no route", "last_error_at": timezone.now()}, "no route"),
    "paused": ({"age": timedelta(hours=1), "is_paused": True}, "Reading is paused."),
    "recorded": (RECORDED, "a recording of"),
    "unchecked": ({"is_tls_verified": False}, "certificate isn't checked"),
    "expiring": ({"credentials_expire_at": timezone.now()}, "The credentials expire"),
}


@pytest.mark.parametrize("name", TABS)
@pytest.mark.parametrize(("fields", "says"), NOTES.values(), ids=NOTES)
def test_what_stands_over_the_facts_stands_on_every_tab(
    as_viewer: Client, name: str, fields: dict[str, object], says: str
) -> None:
    assert says in opened(as_viewer, name, show(REFUSED, **fields)).text  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OF_THE_LAST_READ)
def test_each_tab_of_a_cluster_that_was_never_read_says_so(as_viewer: Client, name: str) -> None:
    assert "Not read yet" in opened(as_viewer, name, add_cluster()).text


@pytest.mark.parametrize("name", [*TABS, *OTHERS])
def test_there_is_no_page_of_an_unknown_cluster(as_editor: Client, name: str) -> None:
    assert as_editor.get(reverse(name, args=("nowhere",))).status_code == 404


@pytest.mark.parametrize("name", TABS)
def test_nobody_sees_a_tab_who_is_not_signed_in(client: Client, name: str) -> None:
    response = client.get(reverse(name, args=(show(REFUSED).slug,)))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", TABS)
def test_a_tab_is_only_read(as_editor: Client, name: str) -> None:
    assert as_editor.post(reverse(name, args=(show(REFUSED).slug,))).status_code == 405


@pytest.mark.parametrize("name", TABS)
def test_a_tab_asks_the_database_as_often_for_a_large_cluster(
    as_viewer: Client, django_assert_max_num_queries: Any, name: str
) -> None:
    nodes = tuple(Node(f"node{n}", Ready.TRUE) for n in range(500))
    cluster = show(REFUSED, read=snapshot(nodes=ok(nodes)))

    with django_assert_max_num_queries(9):
        opened(as_viewer, name, cluster)


@pytest.mark.parametrize("name", [*TABS, *OTHERS])
def test_names_of_people_and_clusters_are_text(as_editor: Client, name: str) -> None:
    odd = "<img src=x>\u202e"
    cluster = show(hostile(odd), odd, labels={odd: odd}, group=odd)

    found = opened(as_editor, name, cluster)

    assert found.faults() == []
    if name != "cluster_settings":  # its form gives back what was typed
        assert "\u202e" not in found.html
    assert not found.all("img")[1:]


def test_the_verdict_and_the_findings_lead_to_what_they_mean(as_viewer: Client) -> None:
    links = [link["href"] for link in opened(as_viewer, "cluster", show(REFUSED)).all("a")]

    assert "/help/#verdict-refused" in links
    assert f"/help/#finding-{REFUSED.findings[0].id}" in links
