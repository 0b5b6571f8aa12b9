"""What the cluster page says of each apiserver, and of single nodes that were asked about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from authzviz import engine
from authzviz.engine import probes
from authzviz.engine.model import (
    ApiServer,
    Flag,
    FlagSource,
    Metrics,
    Observed,
    Outcome,
    OwnRules,
    Read,
    Review,
    Snapshot,
    Unasked,
)
from dashboard.models import CurrentState, StoredSnapshot
from dashboard.services import facts, judging
from dashboard.shown.apiservers import MOST_WORDS
from dashboard.visible import visible
from dashboard.words import QUESTIONS
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import Page, opened
from tests.dashboard.snapshots import READ_AT, forbidden, snapshot
from tests.engine.build import ok

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

NODE_RBAC = (
    Flag("authorization-mode", "Node,RBAC"),
    Flag("enable-admission-plugins", "NodeRestriction"),
)
REVIEWS = (
    Review("delete-volume", False, reason="can only get individual resources of this type"),
    Review(
        "get-secret", False, reason="no relationship found between node '<node>' and this object"
    ),
    Review("group-only", False),
    Review("get-service", True),
    Review("nonsense", False),
)
OBSERVED = Observed(ok(REVIEWS), ok(OwnRules(())))
SERVER = ApiServer("cp1", NODE_RBAC, "/flagz", address="10.0.0.1:6443", observed=OBSERVED)


def read(*servers: ApiServer, **changes: Any) -> Snapshot:
    return snapshot(apiservers=ok(servers), **changes)


def shown(client: Client, what: Snapshot, tab: str = "cluster_evidence") -> Page:
    cluster = add_cluster()
    judging.store(cluster, what, engine.judge(what))
    return opened(client, tab, cluster)


def test_an_apiservers_answers_stand_in_plain_words(as_viewer: Client) -> None:
    found = shown(as_viewer, read(SERVER))

    assert "cp1 address 10.0.0.1:6443" in found.text
    assert "5 questions that it answered itself" in found.text
    for review in REVIEWS:
        assert QUESTIONS[review.probe] in found.text
        assert review.reason in found.text
    assert "the Node authorizer is in the chain" in found.text
    assert not found.faults()
    assert max(found.ids.values()) == 1


def test_every_question_has_words() -> None:
    asked = {probe.id for probe in vars(probes).values() if isinstance(probe, probes.Probe)}

    assert asked <= set(QUESTIONS)


TELLS = {
    "RBAC": (Review("get-secret", True, reason="RBAC: allowed by x"), "RBAC grants it"),
    "AlwaysAllow": (Review("nonsense", True), "AlwaysAllow is in the chain"),
    "silence": (Review("get-service", True), "without a word"),
    "webhook": (Review("get-service", True, reason="opa"), "other than Node and RBAC"),
    "denial": (Review("get-service", False, denied=True), "denies it"),
    "ABAC": (Review("nonsense", False, reason="No policy matched."), "ABAC is in the chain"),
    "no AlwaysAllow": (Review("nonsense", False), "AlwaysAllow is not in the chain"),
    "no Node": (Review("delete-volume", False), "says nothing"),
    "unknown question": (Review("to-come", False, reason="x"), "to-come"),
}


@pytest.mark.parametrize(("review", "tells"), TELLS.values(), ids=TELLS)
def test_an_answer_tells(as_viewer: Client, review: Review, tells: str) -> None:
    observed = replace(OBSERVED, reviews=ok((review,)))

    assert tells in shown(as_viewer, read(replace(SERVER, observed=observed))).text


def with_metrics(**changes: Any) -> ApiServer:
    metrics = Metrics(READ_AT - timedelta(minutes=7), **changes)
    return replace(SERVER, observed=replace(OBSERVED, metrics=ok(metrics)))


def failed(why: str) -> Read[Any]:
    return Read(Outcome.FAILED, "POST /somewhere", "", why=why)


SOURCES = {
    "flags": (SERVER, "/flagz"),
    "no flags": (ApiServer("cp1", None, "", why="/flagz is off"), "/flagz is off"),
    "another source": (
        replace(SERVER, other_sources=(FlagSource("annotation", NODE_RBAC),)),
        "annotation: --authorization-mode=Node,RBAC",
    ),
    "not reached": (
        replace(SERVER, observed=None, unasked=Unasked("can't be reached from here", READ_AT)),
        "not asked: can't be reached from here; tried",
    ),
    "may not ask": (
        replace(SERVER, observed=replace(OBSERVED, reviews=forbidden())),
        "forbidden: 403 Forbidden; list things would tell",
    ),
    "no answer": (
        replace(SERVER, observed=replace(OBSERVED, reviews=failed("it took too long"))),
        "no answer: it took too long",
    ),
    "rights": (
        replace(SERVER, observed=replace(OBSERVED, rules=ok(OwnRules((), True, "webhook x")))),
        "can't be listed completely: webhook x",
    ),
    "rights unread": (replace(SERVER, observed=replace(OBSERVED, rules=forbidden())), "forbidden"),
    "metrics": (
        with_metrics(
            authorizers=(("Node", "node"), ("RBAC", "rbac")),
            admission_plugins=("NodeRestriction",),
            has_node_graph=True,
        ),
        "NodeRestriction has admitted something; it keeps the Node authorizer's graph; read",
    ),
    "empty metrics": (with_metrics(), "nothing that tells"),
    "metrics unread": (
        replace(SERVER, observed=replace(OBSERVED, metrics=forbidden())),
        "403 Forbidden",
    ),
    "restricted": (
        replace(SERVER, observed=replace(OBSERVED, restriction=ok(True))),
        "refused by NodeRestriction",
    ),
    "unrestricted": (
        replace(SERVER, observed=replace(OBSERVED, restriction=ok(False))),
        "not refused: NodeRestriction is off",
    ),
    "may not probe": (
        replace(SERVER, observed=replace(OBSERVED, restriction=forbidden())),
        "403 Forbidden",
    ),
    "an alias": (replace(SERVER, is_alias=True), "counts as none of its own"),
}


@pytest.mark.parametrize(("server", "says"), SOURCES.values(), ids=SOURCES)
def test_how_something_is_known_is_said(as_viewer: Client, server: ApiServer, says: str) -> None:
    assert says in shown(as_viewer, read(server)).text


def test_sources_that_contradict_each_other_are_named(as_viewer: Client) -> None:
    old = FlagSource("mirror pod kube-apiserver-cp1", (Flag("authorization-mode", "RBAC"),))

    what = read(replace(SERVER, other_sources=(old,)))
    found = shown(as_viewer, what)

    (state,) = engine.judge(what).apiservers
    assert state.conflicts
    assert all(conflict in found.text for conflict in state.conflicts)


def test_answers_that_are_not_what_the_flags_say_are_named(as_viewer: Client) -> None:
    silent = tuple(replace(review, allowed=False, reason="") for review in REVIEWS)
    what = read(replace(SERVER, observed=replace(OBSERVED, reviews=ok(silent))))
    found = shown(as_viewer, what)

    (state,) = engine.judge(what).apiservers
    assert state.contradictions
    assert all(contradiction in found.text for contradiction in state.contradictions)


def test_an_alias_is_no_apiserver_of_its_own(as_viewer: Client) -> None:
    alias = replace(SERVER, name="https://10.0.0.1:6443", is_alias=True)

    found = shown(as_viewer, read(SERVER, alias))

    assert "1 apiserver" in found.text
    assert "2 apiservers" not in found.text


def test_names_and_long_words_do_no_harm(as_viewer: Client) -> None:
    name = '<b onclick="x">\u202ecp1'
    review = Review("delete-volume", False, reason="<script>" + "y" * 5000)
    server = replace(SERVER, name=name, observed=replace(OBSERVED, reviews=ok((review,))))

    found = shown(as_viewer, read(server))

    assert visible(name) in found.text
    assert "y" * MOST_WORDS not in found.text
    assert not found.faults()
    assert not [attrs for attrs in found.all("script") if "src" not in attrs]


NODE_REVIEWS = (
    Review("update-lease", True),
    Review("update-lease", True, node="node1"),
    Review("get-secret", False, reason="no relationship found between node '<node>' and this"),
    Review(
        "get-secret",
        False,
        reason="no relationship found between node 'node1' and this",
        node="node1",
    ),
    Review("get-secret", True, reason="RBAC: allowed by leftover", node="node2"),
)


def test_nodes_that_get_other_answers_are_named(as_viewer: Client) -> None:
    found = shown(as_viewer, read(SERVER, node_reviews=ok(NODE_REVIEWS)), "cluster_nodes")

    assert "asked about 2 nodes, one by one: some get other answers" in found.text
    assert "node node2" in found.text
    assert "node node1" not in found.text


ASKED = {
    "all alike": (
        ok(NODE_REVIEWS[:4]),
        "asked about 1 node, one by one: none is treated differently",
    ),
    "refused": (forbidden(), "are treated differently was not asked: needs list things"),
    "failed": (failed("it took too long"), "was not asked: no answer: it took too long"),
}


@pytest.mark.parametrize(("reviews", "says"), ASKED.values(), ids=ASKED)
def test_what_was_asked_about_nodes_is_said(
    as_viewer: Client, reviews: Read[tuple[Review, ...]], says: str
) -> None:
    found = shown(as_viewer, read(SERVER, node_reviews=reviews), "cluster_nodes")

    assert says in found.text


def test_when_metrics_were_read_makes_no_history(as_viewer: Client) -> None:
    cluster = add_cluster()
    first, second = (
        read(replace(with_metrics(), unasked=Unasked(f"try {n}", READ_AT + timedelta(minutes=n))))
        for n in range(2)
    )
    first = replace(first, node_reviews=ok(NODE_REVIEWS))
    second = replace(second, node_reviews=ok(NODE_REVIEWS[::-1]))

    for each in (first, second):
        judging.store(cluster, each, engine.judge(each))

    assert StoredSnapshot.objects.count() == 1
    assert facts.current_snapshot(CurrentState.objects.get()) == second
