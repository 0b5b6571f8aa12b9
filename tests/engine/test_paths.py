"""The path of each kind of node: what every need gets, by whom, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Decision, Verdict
from authzviz.engine.model import Role, Snapshot, Subject
from tests.engine.build import (
    CORE_ROLE,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    node,
    rb,
    rule,
    server,
    unread,
)

OUTAGE = cluster(RBAC)
TARGET = cluster(NODE_RBAC)
LEAK = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))
TEAM = Role("team", "team", (rule("get", "secrets configmaps"),))


def test_paths_show_each_kind_of_node_once_and_the_next_to_join() -> None:
    assessment = judge(
        cluster(
            RBAC,
            nodes=(node("node1"),),
            bindings=(
                crb("x", "system:node", NODE1),
                crb("y", "system:node", Subject("User", "system:node:gone")),
                crb("z", "core", Subject("User", "system:node:old")),
            ),
            cluster_roles=(CORE_ROLE,),
        )
    )

    assert [(path.nodes, path.example, path.verdict) for path in assessment.paths] == [
        (1, "node1", Verdict.LEGACY_BINDING),
        (0, "any-new-node", Verdict.REFUSED),
        (0, "old", Verdict.INCOMPLETE),
    ]
    assert 10 <= len(assessment.paths[0].answers) <= 16


def test_nodes_that_the_same_rules_name_are_alike() -> None:
    own = Role("own", rules=(rule("get", "nodes", names="node1 node2 node3"),))
    nodes = tuple(node(f"node{n}") for n in range(1, 5))

    assessment = judge(
        cluster(RBAC, nodes=nodes, bindings=(crb("x", "own", NODES),), cluster_roles=(own,))
    )

    assert [(path.nodes, path.example) for path in assessment.paths] == [(3, "node1"), (1, "node4")]


def answers(snapshot: Snapshot) -> dict[str, tuple[Decision, str, str]]:
    path = judge(snapshot).paths[0]
    return {each.need: (each.decision, each.by, each.because) for each in path.answers}


def test_the_node_authorizer_answers_by_relation_where_it_is_asked_first() -> None:
    assert answers(LEAK)["read-secrets"][:2] == (Decision.CONDITIONAL, "Node")
    assert answers(LEAK)["renew-lease"][:2] == (Decision.ALLOW, "Node")


def test_rbac_answers_where_it_is_asked_first() -> None:
    rbac_first = cluster(server("--authorization-mode=RBAC,Node"), bindings=(LEGACY_BINDING,))

    decision, by, because = answers(rbac_first)["read-secrets"]

    assert (decision, by) == (Decision.ALLOW, "RBAC")
    assert "binds ClusterRole system:node to Group system:nodes" in because


def test_a_binding_in_one_namespace_serves_no_need_and_is_named() -> None:
    partly = cluster(RBAC, roles=(TEAM,), role_bindings=(rb("x", "team", "team", NODES),))

    decision, _, because = answers(partly)["read-secrets"]

    assert decision is Decision.NO
    assert because == "it has no subjects: reaches nobody; bindings grant it only in namespace team"


def test_apiservers_that_disagree_are_told_apart() -> None:
    two = cluster(RBAC, replace(NODE_RBAC, name="cp2"), replace(RBAC, name="cp3", flags=None))

    decision, _, because = answers(two)["renew-lease"]

    assert decision is Decision.NO
    assert because == "cp1: refused; cp2: allowed by Node; cp3: can't be told"


UNTOLD: dict[str, tuple[Snapshot, str]] = {
    "flags unread": (
        replace(TARGET, apiservers=unread(TARGET.apiservers)),
        "no binding is known to grant it",
    ),
    "flags unread, bound": (
        replace(LEAK, apiservers=unread(LEAK.apiservers)),
        "ClusterRoleBinding system:node grants it where RBAC is asked",
    ),
    "bindings unread": (
        replace(OUTAGE, cluster_role_bindings=unread(OUTAGE.cluster_role_bindings)),
        "RBAC could not be read as a whole",
    ),
    "a webhook": (
        cluster(server("--authorization-mode=RBAC,Webhook")),
        "what Webhook answers was not asked",
    ),
}


@pytest.mark.parametrize(("snapshot", "because"), UNTOLD.values(), ids=UNTOLD)
def test_an_answer_that_cannot_be_told_says_why(snapshot: Snapshot, because: str) -> None:
    decision, _, why = answers(snapshot)["renew-lease"]

    assert decision is Decision.UNKNOWN
    assert because in why


def test_always_allow_answers_everything() -> None:
    assert {each[:2] for each in answers(cluster(server())).values()} == {
        (Decision.ALLOW, "AlwaysAllow")
    }


def test_a_named_user_bound_to_a_role_that_was_not_read() -> None:
    snapshot = cluster(RBAC, bindings=(EMPTY_BINDING, crb("x", "core", NODE1)))

    assessment = judge(replace(snapshot, cluster_roles=unread(snapshot.cluster_roles)))

    assert {path.example: path.verdict for path in assessment.paths} == {
        "node1": Verdict.UNKNOWN,
        "node2": Verdict.UNKNOWN,
    }


def test_a_refusal_names_the_binding_that_has_no_subjects() -> None:
    (path,) = judge(OUTAGE).paths

    assert {(answer.through, answer.because) for answer in path.answers} == {
        ("ClusterRoleBinding system:node", "it has no subjects: reaches nobody")
    }


def test_a_binding_without_subjects_is_named_only_where_its_role_serves_the_need() -> None:
    (path,) = judge(cluster(RBAC, bindings=(crb("idle", "cluster-viewer"),))).paths

    assert {answer.through for answer in path.answers} == {""}


def test_a_binding_without_subjects_is_named_only_where_rbac_is_asked() -> None:
    (path,) = judge(cluster(server("--authorization-mode=AlwaysDeny"))).paths

    assert {answer.through for answer in path.answers} == {""}
