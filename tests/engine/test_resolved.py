"""Grants in full: each rule held against the Node authorizer, and bindings that reach nobody."""

from __future__ import annotations

from dataclasses import replace

from authzviz.engine import judge
from authzviz.engine.classes import examples_of
from authzviz.engine.model import Role, Subject
from authzviz.engine.resolved import idle_node_bindings, resolved
from tests.engine.build import (
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODE_ROLE,
    NODES,
    cluster,
    crb,
    node,
    ok,
    rb,
    rule,
    unread,
)


def test_every_rule_is_judged_by_itself() -> None:
    snapshot = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))
    grants = judge(snapshot).grants

    full = resolved(snapshot, grants)

    assert [one.grant for one in full] == list(grants)
    legacy = full[0]
    assert legacy.role == NODE_ROLE
    assert len(legacy.rules) == len(NODE_ROLE.rules)
    beyond = [each.words for judged in legacy.rules for each in judged.excess]
    assert set(beyond) == set(grants[0].beyond)
    assert all(not judged.excess for one in full[1:] for judged in one.rules)


def test_a_rule_is_measured_by_whom_it_reaches_and_where() -> None:
    own = Role(
        "own", "kube-node-lease", (rule("get", "leases", "coordination.k8s.io", names="node1"),)
    )
    snapshot = cluster(
        NODE_RBAC,
        bindings=(),
        roles=(own,),
        role_bindings=(
            rb("mine", "kube-node-lease", "own", NODE1),
            rb("all", "kube-node-lease", "own", NODES),
        ),
    )

    full = {one.binding.name: one for one in resolved(snapshot, judge(snapshot).grants)}

    assert not full["mine"].rules[0].excess
    assert full["all"].rules[0].excess


def test_what_a_snapshot_does_not_hold_is_left_out() -> None:
    snapshot = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))
    grants = judge(snapshot).grants

    assert resolved(cluster(NODE_RBAC), grants[:1]) == ()


def test_a_role_that_is_not_there_has_no_rules() -> None:
    snapshot = cluster(NODE_RBAC, bindings=(crb("x", "nowhere", NODES),))

    full = {one.binding.name: one for one in resolved(snapshot, judge(snapshot).grants)}

    assert (full["x"].role, full["x"].rules) == (None, ())


def test_bindings_without_subjects_reach_nobody() -> None:
    snapshot = cluster(
        NODE_RBAC,
        bindings=(EMPTY_BINDING, crb("full", "system:node", NODES), crb("other", "core")),
        role_bindings=(rb("local", "a", "system:node", kind="ClusterRole"), rb("role", "a", "x")),
    )

    assert [one.name for one in idle_node_bindings(snapshot)] == ["system:node", "local"]
    nothing = replace(snapshot, role_bindings=unread(snapshot.role_bindings))
    assert [one.name for one in idle_node_bindings(nothing)] == ["system:node"]


def test_every_node_has_the_example_of_those_alike() -> None:
    snapshot = cluster(
        NODE_RBAC,
        bindings=(crb("x", "system:node", Subject("User", "system:node:node3")),),
        nodes=tuple(node(f"node{n}") for n in range(1, 5)),
    )

    found = examples_of(snapshot)

    assert found == {"node1": "node1", "node2": "node1", "node3": "node3", "node4": "node1"}
    assert {path.example for path in judge(snapshot).paths} == {"node1", "node3"}
    assert examples_of(replace(snapshot, nodes=ok(()))) == {}
