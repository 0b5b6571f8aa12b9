"""The nodes of a cluster: how each is, by which path it goes; found, sorted and cut into pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from authzviz import engine
from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Lease, Node, Ready, Snapshot, Subject
from tests.dashboard.assessments import ASSESSMENTS, MIXED, TARGET
from tests.dashboard.showing import Page, opened, show
from tests.dashboard.snapshots import READ_AT, forbidden, snapshot
from tests.engine.build import crb, ok

if TYPE_CHECKING:
    from django.test import Client

    from dashboard.models import Cluster

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
NODES = (
    *(Node(f"node{n:02}", Ready.TRUE, f"v1.{20 + n % 9}.0") for n in range(60)),
    Node("zulu", Ready.FALSE, "v1.9.1", reason="KubeletNotReady", message="no network"),
    Node("yankee", Ready.UNKNOWN, "v1.30.0", is_control_plane=True),
)
LEASES = (
    Lease("zulu", READ_AT - HOUR),
    Lease("node00", READ_AT - timedelta(seconds=8)),
    Lease("node01", READ_AT - HOUR),
    Lease("node02", None),
)


def many() -> Cluster:
    path = replace(TARGET.paths[0], nodes=len(NODES))
    return show(replace(TARGET, paths=(path,)), read=snapshot(nodes=ok(NODES), leases=ok(LEASES)))


def names(found: Page) -> list[str]:
    """The nodes in the table, from the top."""
    marks = ("node", "zulu", "yankee")
    words = [word.strip() for word in found.words]
    return [word for word in words if word.startswith(marks) and " " not in word]


def nodes(client: Client, cluster: Cluster, asked: str = "") -> Page:
    return opened(client, "cluster_nodes", cluster, asked)


def test_nodes_that_were_not_read_are_not_none(as_viewer: Client) -> None:
    found = nodes(as_viewer, show(ASSESSMENTS[Verdict.UNKNOWN], read=snapshot(nodes=forbidden())))

    assert "Nodes were not read 403 Forbidden" in found.text
    assert "There are no nodes" not in found.text
    assert "Permission that would tell: list things" in found.text


def test_no_nodes_are_said_to_be_none(as_viewer: Client) -> None:
    found = nodes(as_viewer, show(TARGET, read=snapshot(nodes=ok(()))))

    assert "There are no nodes" in found.text


def test_nodes_in_need_come_first_with_the_age_of_their_lease(as_viewer: Client) -> None:
    found = nodes(as_viewer, many())

    assert names(found)[:4] == ["zulu", "yankee", "node01", "node00"]
    assert "60 min old, overdue" in found.text
    assert "8 s old" in found.text
    assert "never renewed" in found.text
    assert "KubeletNotReady: no network" in found.text
    assert "1 to 50 of 62" in found.text
    assert "62 All" in found.text


ASKED = {
    "the second page": ("?page=2", 12, "node59"),
    "a page past the end": ("?page=99", 12, "node59"),
    "a page that is none": ("?page=x", 50, "zulu"),
    "by name": ("?search=NODE0", 10, "node01"),
    "ready": ("?state=ready&page=2", 9, "node59"),
    "silent ones count as unknown": ("?state=unknown", 3, "zulu"),
    "an unknown state": ("?state=nowhere", 0, ""),
    "sorted by name": ("?sort=name", 50, "node00"),
    "sorted by name, backwards": ("?sort=-name", 50, "zulu"),
    "the oldest lease first": ("?sort=lease&page=2", 12, "node58"),
    "the oldest version": ("?sort=version", 50, "zulu"),
    "by nothing known": ("?sort=nowhere", 50, "zulu"),
    "of its path": ("?path=1", 50, "zulu"),
    "of no path": ("?path=7", 0, ""),
}


@pytest.mark.parametrize(("asked", "number", "first"), ASKED.values(), ids=ASKED)
def test_nodes_are_found_sorted_and_cut_into_pages(
    as_viewer: Client, asked: str, number: int, first: str
) -> None:
    found = nodes(as_viewer, many(), asked)

    assert len(names(found)) == number
    if number == 0:
        assert "No node is so" in found.text
    elif "page=2" not in asked and "page=99" not in asked:
        assert names(found)[0] == first
    assert found.faults() == []


def test_what_is_asked_for_stays_in_the_links(as_viewer: Client) -> None:
    found = nodes(as_viewer, many(), "?search=node&sort=name&state=ready")

    links = [link["href"] for link in found.all("a")]
    assert "?search=node&state=ready&sort=name&page=2" in links
    assert "?search=node&state=ready&sort=-name" in links
    assert "?search=node&state=unknown&sort=name" in links


def single(name: str) -> Subject:
    return Subject("User", f"system:node:{name}")


def differing() -> Snapshot:
    """A cluster where a binding to its user serves node1 alone."""
    binding = crb("one", "system:node", single("node1"))
    existing = tuple(Node(f"node{n}", Ready.TRUE) for n in range(1, 4))
    return snapshot("RBAC", nodes=ok(existing), cluster_role_bindings=ok((binding,)))


def test_each_node_leads_to_its_path(as_viewer: Client) -> None:
    read = differing()
    assessment = engine.judge(read)
    cluster = show(assessment, read=read)
    number = next(n for n, path in enumerate(assessment.paths, 1) if path.names == ("node1",))

    found = nodes(as_viewer, cluster)

    assert f"{cluster.get_absolute_url()}?path={number}#paths" in [
        a["href"] for a in found.all("a")
    ]
    assert names(nodes(as_viewer, cluster, f"?path={number}")) == ["node1"]


def test_nodes_that_no_path_names_are_of_the_one_with_more(as_viewer: Client) -> None:
    some = tuple(Node(f"node{n}", Ready.TRUE) for n in range(300))
    binding = crb("one", "system:node", single("node7"))
    read = snapshot("RBAC", nodes=ok(some), cluster_role_bindings=ok((binding,)))
    cluster = show(engine.judge(read), read=read)

    assert "299" in nodes(as_viewer, cluster, "?path=1").text


def test_where_several_paths_have_more_rbac_tells(as_viewer: Client) -> None:
    some = tuple(Node(f"node{n}", Ready.TRUE) for n in range(300))
    bindings = tuple(crb(f"of-{n}", "system:node", single(f"node{n}")) for n in range(0, 300, 2))
    read = snapshot("RBAC", nodes=ok(some), cluster_role_bindings=ok(bindings))
    cluster = show(engine.judge(read), read=read)

    found = [nodes(as_viewer, cluster, f"?path={number}") for number in (1, 2)]

    assert ["1 to 50 of 150" in one.text for one in found] == [True, True]
    assert {int(name[4:]) % 2 for name in names(found[0])} == {0}
    assert {int(name[4:]) % 2 for name in names(found[1])} == {1}


def test_a_very_large_cluster_stays_in_bounds(as_viewer: Client) -> None:
    some = tuple(Node(f"node{n}" + "x" * 200, Ready.TRUE, "v1.37.2") for n in range(5000))

    found = nodes(as_viewer, show(TARGET, read=snapshot(nodes=ok(some))))

    assert len(found.html) < 200_000
    assert "1 to 50 of 5,000" in found.text


def test_gaps_are_said(as_viewer: Client) -> None:
    read = snapshot(nodes=ok((Node("node1", Ready.TRUE),), "row 7 has no name"))

    assert "Not understood: row 7 has no name" in nodes(as_viewer, show(MIXED, read=read)).text


def test_an_address_that_names_can_not_hold_is_no_link(as_viewer: Client) -> None:
    read = snapshot(nodes=ok((Node("", Ready.TRUE), Node("a/b\nc", Ready.TRUE))))

    found = nodes(as_viewer, show(replace(TARGET), read=read))

    assert not [a for a in found.all("a") if "/objects/" in a["href"]]
