"""What is not there or not allowed: said honestly, and with a way on."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.models import Cluster, User
from dashboard.services import clusters
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import page


def test_a_cluster_that_was_removed_says_when_and_by_whom(
    as_viewer: Client, cluster: Cluster, editor: User
) -> None:
    clusters.remove(cluster, actor=editor)

    answer = as_viewer.get("/clusters/alpha/history/")
    found = page(answer)

    assert answer.status_code == 404
    assert "alpha was removed" in found.text
    assert "editor took it out of the fleet" in found.text
    assert found.faults() == []


def test_a_cluster_that_never_was_is_not_called_removed(as_viewer: Client, db: None) -> None:
    found = page(as_viewer.get("/clusters/beta/"))

    assert "There is no cluster with this address" in found.text
    assert "removed" not in found.text
    assert [one["value"] for one in found.all("input") if one.get("name") == "search"] == ["beta"]


def test_a_cluster_that_came_back_is_shown(
    as_viewer: Client, cluster: Cluster, editor: User
) -> None:
    clusters.remove(cluster, actor=editor)
    add_cluster("alpha")

    assert as_viewer.get("/clusters/alpha/").status_code == 200


def test_a_visitor_learns_nothing_of_clusters(
    client: Client, cluster: Cluster, editor: User
) -> None:
    clusters.remove(cluster, actor=editor)

    answer = client.get("/clusters/alpha/")

    assert answer.headers["Location"].startswith("/account/login/")
    assert "Find a cluster" not in page(client.get("/nowhere/")).text


REFUSED = {
    "settings": ("cluster_settings", "This needs someone who may change clusters. You may look."),
    "people": ("people", "This needs someone who may change and invite. You may look."),
}


@pytest.mark.parametrize(("address", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_allowed_says_what_it_needs_and_who_can_give_it(
    as_viewer: Client, admin: User, cluster: Cluster, address: str, words: str
) -> None:
    arguments = (cluster.slug,) if address == "cluster_settings" else ()

    answer = as_viewer.get(reverse(address, args=arguments))

    assert answer.status_code == 403
    assert words in page(answer).text
    assert "Another role can be given by admin ." in page(answer).text
