"""What counts as a change of what apiservers answer, and what is the same told otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from authzviz.engine.model import (
    ApiServer,
    Binding,
    Flag,
    Metrics,
    Observed,
    Outcome,
    OwnRules,
    PolicyRule,
    Read,
    Review,
    RoleRef,
    Snapshot,
    Unasked,
)
from authzviz.kube.remembered import NOTHING
from dashboard.models import Cluster, CurrentState, StoredSnapshot
from dashboard.services import facts, polling
from tests.dashboard.conftest import FakeSource
from tests.dashboard.snapshots import snapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RBAC = 'RBAC: allowed by ClusterRoleBinding "{}" of ClusterRole "x" to Group "system:nodes"'
RULES = (PolicyRule(("get",), ("",), ("pods",)), PolicyRule(("list",), ("",), ("nodes",)))


def ok(value: Any) -> Read[Any]:
    return Read(Outcome.OK, "source", "permission", value)


REVIEW = Review("get-secret", True, reason=RBAC.format("a"))
METRICS = Metrics(NOW, (("RBAC", "rbac"),), ("NodeRestriction", "Priority"))
OBSERVED = Observed(
    ok((REVIEW,)),
    ok(OwnRules(RULES, error="[role a not found, role b not found]")),
    ok(METRICS),
    ok(True),
    ok(()),
)
SERVER = ApiServer("a", (Flag("authorization-mode", "RBAC"),), "/flagz", observed=OBSERVED)
DARK = ApiServer("b", None, "", why="late", unasked=Unasked("late", NOW))
NODES = (REVIEW, replace(REVIEW, node="n1"), replace(REVIEW, node="n2"))


def of(*servers: ApiServer, nodes: tuple[Review, ...] = NODES) -> Snapshot:
    return replace(snapshot(), apiservers=ok(servers or (SERVER, DARK)), node_reviews=ok(nodes))


def observed(**changes: Any) -> Snapshot:
    return of(replace(SERVER, observed=replace(OBSERVED, **changes)), DARK)


SAME: dict[str, Snapshot] = {
    "another order": of(DARK, SERVER),
    "another of several bindings is named": observed(
        reviews=ok((replace(REVIEW, reason=RBAC.format("b")),))
    ),
    "rules in another order": observed(
        rules=ok(OwnRules(RULES[::-1], error="[role b not found, role a not found]"))
    ),
    "metrics read anew": observed(metrics=ok(replace(METRICS, read_at=NOW + timedelta(1)))),
    "another plugin at work": observed(
        metrics=ok(replace(METRICS, admission_plugins=("NodeRestriction",)))
    ),
    "unreachable for another reason": of(
        SERVER, replace(DARK, why="refused", unasked=Unasked("refused", NOW + timedelta(1)))
    ),
    "an alias that tells what one tells": of(
        SERVER, DARK, replace(SERVER, name="alias", is_alias=True)
    ),
    "other nodes in the sample": of(nodes=(REVIEW, replace(REVIEW, node="n3"))),
}
CHANGES: dict[str, Snapshot] = {
    "refused now": observed(reviews=ok((replace(REVIEW, allowed=False),))),
    "allowed by another authorizer": observed(reviews=ok((replace(REVIEW, reason=""),))),
    "an error": observed(reviews=ok((replace(REVIEW, error="timeout"),))),
    "forbidden now": observed(reviews=Read(Outcome.FORBIDDEN, "", "")),
    "fewer rights of our own": observed(rules=ok(OwnRules(RULES[:1]))),
    "NodeRestriction gone": observed(metrics=ok(replace(METRICS, admission_plugins=("Other",)))),
    "no metrics": observed(metrics=None),
    "the dry run let through": observed(restriction=ok(False)),
    "reached now": of(SERVER, replace(DARK, unasked=None)),
    "an alias that tells something else": of(
        SERVER,
        DARK,
        replace(
            SERVER, name="alias", is_alias=True, observed=replace(OBSERVED, restriction=ok(False))
        ),
    ),
    "a node that differs": of(nodes=(REVIEW, replace(REVIEW, node="n1", allowed=False))),
    "nodes not asked": replace(of(), node_reviews=None),
}


BINDINGS = tuple(Binding(name, RoleRef("ClusterRole", "view")) for name in ("a", "b"))
BOUND = replace(of(), cluster_role_bindings=ok(BINDINGS))
SAME_BINDINGS = {
    "another order": replace(BOUND, cluster_role_bindings=ok(BINDINGS[::-1])),
    "equal ones, made anew": replace(
        BOUND, cluster_role_bindings=ok(tuple(replace(one) for one in BINDINGS))
    ),
}
OTHER_BINDINGS = {
    "one gone": replace(BOUND, cluster_role_bindings=ok(BINDINGS[:1])),
    "one twice": replace(BOUND, cluster_role_bindings=ok((*BINDINGS, BINDINGS[0]))),
    "another role": replace(
        BOUND,
        cluster_role_bindings=ok(
            (BINDINGS[0], replace(BINDINGS[1], role_ref=RoleRef("ClusterRole", "edit")))
        ),
    ),
    "none": replace(BOUND, cluster_role_bindings=ok(())),
    "not read": replace(BOUND, cluster_role_bindings=Read(Outcome.OK, "source", "permission")),
    "in another list": replace(BOUND, cluster_role_bindings=ok(()), role_bindings=ok(BINDINGS)),
}


@pytest.mark.parametrize("other", SAME_BINDINGS.values(), ids=SAME_BINDINGS)
def test_the_order_of_bindings_is_no_change(other: Snapshot) -> None:
    assert facts.facts_hash(other) == facts.facts_hash(BOUND)


@pytest.mark.parametrize("other", OTHER_BINDINGS.values(), ids=OTHER_BINDINGS)
def test_other_bindings_are_a_change(other: Snapshot) -> None:
    assert facts.facts_hash(other) != facts.facts_hash(BOUND)


@pytest.mark.parametrize("other", SAME.values(), ids=SAME)
def test_the_same_told_otherwise_is_no_change(other: Snapshot) -> None:
    assert facts.facts_hash(other) == facts.facts_hash(of())


@pytest.mark.parametrize("other", CHANGES.values(), ids=CHANGES)
def test_what_tells_something_else_is_a_change(other: Snapshot) -> None:
    assert facts.facts_hash(other) != facts.facts_hash(of())


def test_the_latest_answers_are_current_though_they_make_no_history(
    cluster: Cluster, source: FakeSource
) -> None:
    source.snapshot = of()
    polling.poll(cluster.pk)
    later = observed(metrics=ok(replace(METRICS, read_at=NOW + timedelta(1)))).apiservers
    source.snapshot = replace(of(), apiservers=later)
    polling.poll_soon(cluster)
    polling.poll(cluster.pk)

    state = CurrentState.objects.select_related("snapshot").get(cluster=cluster)
    assert StoredSnapshot.objects.filter(cluster=cluster).count() == 1
    assert facts.current_snapshot(state).apiservers == later
    assert facts.current_snapshot(state).node_reviews == ok(NODES)


def test_a_poll_knows_what_the_last_one_saw(cluster: Cluster, source: FakeSource) -> None:
    source.snapshot = of()
    polling.poll(cluster.pk)
    polling.poll_soon(cluster)
    polling.poll(cluster.pk)

    first, second = (settings["remembered"] for settings in source.settings)
    assert first == NOTHING
    assert [(one.name, one.metrics) for one in second.servers] == [("a", ok(METRICS)), ("b", None)]


def test_what_another_version_remembered_is_forgotten(cluster: Cluster, source: FakeSource) -> None:
    source.snapshot = of()
    polling.poll(cluster.pk)
    CurrentState.objects.filter(cluster=cluster).update(remembered=facts.pack({"servers": 7}))

    assert facts.remembered_of(cluster.pk) == NOTHING


def test_what_each_apiserver_was_asked_is_evidence(cluster: Cluster) -> None:
    found = facts.read_summaries(of())

    told = [(one["name"], one["server"]) for one in found if "server" in one]
    names = ("flagz", "reviews", "rules", "metrics", "restriction")
    assert told == [(name, "a") for name in names]
    assert "node_reviews" in [one["name"] for one in found]
