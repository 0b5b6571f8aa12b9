"""The next steps of a cluster lead to what they would do, and say more of what they are."""

from __future__ import annotations

import pytest
from django.test import Client

from authzviz import engine
from authzviz.engine.model import Snapshot
from dashboard.models import Cluster
from tests.dashboard.showing import Page, opened, page, show
from tests.engine.build import (
    LEGACY_BINDING,
    NODE_RBAC,
    RBAC,
    cluster,
    server,
)

pytestmark = pytest.mark.django_db

LEASE = (
    'leases.coordination.k8s.io "node1" is forbidden: User "system:node:node1" cannot get resource'
    ' "leases" in API group "coordination.k8s.io" in the namespace "kube-node-lease"'
)
OUTAGE = cluster(RBAC)
BARE = cluster(RBAC, bindings=())
HEALED = "It heals the kubelets"


def read(found: Snapshot) -> Cluster:
    return show(engine.judge(found), read=found)


def trials(client: Client, found: Page) -> list[str]:
    """What the page says, in its first words, that each step would do."""
    links = [link["href"] for link in found.all("a") if "/what-if/?" in link["href"]]
    answers = [page(client.get(link)) for link in links]
    return [
        answer.html.split('id="answer-heading"')[1].partition(">")[2].strip() for answer in answers
    ]


CHANGES: dict[str, tuple[Snapshot, list[str]]] = {
    "an outage": (OUTAGE, [HEALED, HEALED]),
    "an outage without the binding": (BARE, [HEALED, HEALED]),
    "a legacy binding": (
        cluster(RBAC, bindings=(LEGACY_BINDING,)),
        ["Kubelets keep all they need", "Kubelets keep all they need, and no longer read all"],
    ),
    "a leftover": (
        cluster(NODE_RBAC, bindings=(LEGACY_BINDING,)),
        ["Kubelets keep all they need, and no longer read all"],
    ),
    "no restriction": (
        cluster(server("--authorization-mode=Node,RBAC")),
        ["Kubelets keep all they need"],
    ),
}


@pytest.mark.parametrize(("found", "words"), CHANGES.values(), ids=CHANGES)
def test_a_step_leads_to_what_it_would_do(
    as_viewer: Client, found: Snapshot, words: list[str]
) -> None:
    said = trials(as_viewer, opened(as_viewer, "cluster", read(found)))

    assert len(said) == len(words)
    assert all(one.startswith(word) for one, word in zip(said, words, strict=True))


def test_a_step_leads_to_help_that_is_there(as_viewer: Client) -> None:
    found = opened(as_viewer, "cluster", read(cluster(RBAC, bindings=(LEGACY_BINDING,))))
    places = {
        link["href"].partition("#")[2] for link in found.all("a") if "/help/#" in link["href"]
    }

    assert {"node-authorizer", "verdict-over-granted"} <= places
    assert places <= set(page(as_viewer.get("/help/")).ids)


def test_a_log_held_against_a_cluster_gives_the_steps_of_that_cluster(as_viewer: Client) -> None:
    read(BARE)
    alone = page(as_viewer.post("/explain/", {"log": LEASE.replace("node1", "other")}))
    held = page(as_viewer.post("/explain/", {"log": LEASE, "cluster": "alpha"}))

    assert trials(as_viewer, alone) == []
    assert "kubectl create clusterrolebinding system:node" not in alone.text
    assert "kubectl create clusterrolebinding system:node" in held.text
    assert held.text.index("Quick way out") < held.text.index("The real fix: turn on the Node")
    assert held.text.index("The real fix") < held.text.index("Look at the kubelet")
    assert [one.startswith(HEALED) for one in trials(as_viewer, held)] == [True, True]


def test_where_all_is_well_nothing_is_to_be_tried(as_viewer: Client) -> None:
    read(cluster(NODE_RBAC))
    held = page(as_viewer.post("/explain/", {"log": LEASE, "cluster": "alpha"}))

    assert "Turn on the Node authorizer" in held.text
    assert trials(as_viewer, held) == []
