"""The what-if page against hostile names, long addresses, large clusters and strangers."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from authzviz.engine.model import Node, Ready, Subject
from dashboard.models import AuditEvent, Cluster
from tests.dashboard.assessments import HOSTILE
from tests.dashboard.showing import page
from tests.dashboard.test_whatif import LEGACY, OUTAGE, URL, read, refused, thought
from tests.engine.build import EMPTY_BINDING, NODES, RBAC, cluster, crb

pytestmark = pytest.mark.django_db


def test_more_than_can_be_thought_through_at_once_is_refused(as_viewer: Client) -> None:
    read(LEGACY)
    shown = refused(as_viewer, drop=[f"b{number}" for number in range(61)])

    assert "At most 60 of a kind are thought through at once" in shown.text


LONG = {"modes": "modes", "plugins": "plugins", "a binding": "drop", "a subject": "add"}


@pytest.mark.parametrize("name", LONG.values(), ids=LONG)
def test_ten_thousand_letters_are_no_error_of_ours(as_viewer: Client, name: str) -> None:
    read(LEGACY)
    shown = refused(as_viewer, **{name: "x" * 10_000})

    assert "can't be made" in shown.text
    assert len(shown.html) < 100_000


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_b28_names_in_the_address_and_in_the_cluster_are_text(as_viewer: Client, name: str) -> None:
    odd = crb(name, "system:node", NODES, Subject("User", f"system:node:{name}"))
    found = cluster(RBAC, bindings=(EMPTY_BINDING, odd))
    read(found)
    Cluster.objects.update(name=name[:100])
    asked = [
        {},
        {"drop": name},
        {"take": f"{name}=Group:system:nodes"},
        {"find": name, "version": name, "modes": name, "plugins": name, "bind": name},
        {"add": f"{name}=User:{name}"},
    ]

    for each in asked:
        shown = page(as_viewer.get(f"{URL}?{urlencode(each)}"))
        assert not shown.faults()
        assert not any("onerror" in attrs for _, attrs in shown.elements)
        assert not set("\u202e\u200b\x00\x1b") & set(shown.html)


def test_b28_a_box_sends_the_very_name(as_viewer: Client) -> None:
    name = "a\u202eb<i>&\"'"
    read(cluster(RBAC, bindings=(EMPTY_BINDING, crb(name, "system:node", NODES))))
    before = thought(as_viewer)
    boxes = {box["value"] for box in before.all("input") if box.get("name") == "drop"}

    assert name in boxes
    assert thought(as_viewer, drop=name).text.count("binding a⟨U+202E⟩b<i>&\"' dropped") == 1


def test_a_large_cluster_takes_as_many_queries_and_a_bounded_page(as_viewer: Client) -> None:
    many = tuple(Node(f"node{n}", Ready.TRUE, "v1.37.2") for n in range(3_000))
    bound = tuple(
        crb(f"b{n}", "system:node", Subject("User", f"system:node:node{n}")) for n in range(3_000)
    )
    read(OUTAGE)
    read(cluster(RBAC, bindings=(EMPTY_BINDING, *bound), nodes=many), "large")
    large = "/clusters/large/what-if/"
    with CaptureQueriesContext(connection) as few:
        as_viewer.get(f"{URL}?modes=Node,RBAC")
    with CaptureQueriesContext(connection) as queries:
        answer = as_viewer.get(f"{large}?modes=Node,RBAC")

    assert len(few) == len(queries) <= 8
    shown = page(answer)
    assert len(answer.content) < 200_000
    assert "2964 more are not listed" in shown.text
    found = page(as_viewer.get(f"{large}?find=node2999"))
    assert "take" in {box.get("name") for box in found.all("input")}
    assert "ClusterRoleBinding b2999" in found.text


def test_who_may_look_may_think_and_nothing_is_changed(as_viewer: Client) -> None:
    read(OUTAGE)
    events = AuditEvent.objects.count()
    thought(as_viewer, modes="Node,RBAC")

    assert AuditEvent.objects.count() == events
    assert as_viewer.post(URL).status_code == 405


def test_visitors_and_unknown_clusters(client: Client, as_viewer: Client) -> None:
    assert client.get(URL).status_code == 302
    assert "/account/login/" in client.get(URL)["Location"]
    assert as_viewer.get(URL).status_code == 404
