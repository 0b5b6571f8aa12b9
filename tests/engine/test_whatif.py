"""What-if: needs lost and gained, rights closed and opened, by the nodes that are alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Verdict
from authzviz.engine.change import Change
from authzviz.engine.model import Node, Role, Snapshot, Subject
from authzviz.engine.whatif import NodeChange, WhatIf, whatif
from tests.engine.build import (
    AUTHENTICATED,
    CORE_ROLE,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    lease,
    node,
    rb,
    rule,
    server,
    unread,
)

NODE_ONLY = Change(("Node", "RBAC"))
TARGET = Change(("Node", "RBAC"), ("NodeRestriction",))
NO_PLUGINS = Change(admission_plugins=())
OUTAGE, LEGACY = cluster(RBAC), cluster(RBAC, bindings=(LEGACY_BINDING,))
LEFTOVER, GOOD = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,)), cluster(NODE_RBAC)
ALL_OPEN = cluster(server())

VERDICTS: dict[str, tuple[Snapshot, Change, str, str]] = {
    "turning Node on ends the outage": (OUTAGE, NODE_ONLY, "refused", "node-authorizer"),
    "the subject ends it, too": (
        OUTAGE,
        Change(added_subjects=(("system:node", NODES),)),
        "refused",
        "legacy-binding",
    ),
    "turning Node on leaves the binding": (LEGACY, NODE_ONLY, "legacy-binding", "over-granted"),
    "both ways at once": (
        LEGACY,
        Change(("Node", "RBAC"), dropped=("system:node",)),
        "legacy-binding",
        "node-authorizer",
    ),
    "dropping the binding too early": (
        LEGACY,
        Change(dropped=("system:node",)),
        "legacy-binding",
        "refused",
    ),
    "dropping what is left over": (
        LEFTOVER,
        Change(dropped=("system:node",)),
        "over-granted",
        "node-authorizer",
    ),
    "NodeRestriction off": (GOOD, NO_PLUGINS, "node-authorizer", "unrestricted"),
    "Node off": (GOOD, Change(("RBAC",)), "node-authorizer", "refused"),
    "AlwaysAllow to the target": (ALL_OPEN, TARGET, "always-allow", "node-authorizer"),
    "AlwaysAllow to RBAC alone": (ALL_OPEN, Change(("RBAC",)), "always-allow", "refused"),
    "a webhook joins": (
        GOOD,
        Change(("Node", "RBAC", "Webhook")),
        "node-authorizer",
        "unknown",
    ),
    "nothing": (GOOD, Change(), "node-authorizer", "node-authorizer"),
    "nothing, and a restart takes a foreign role away": (
        cluster(RBAC, bindings=(crb("system:node", "cluster-admin", NODES),)),
        Change(),
        "legacy-binding",
        "refused",
    ),
    "flags that were not read": (
        replace(OUTAGE, apiservers=unread(OUTAGE.apiservers)),
        TARGET,
        "unknown",
        "node-authorizer",
    ),
}


@pytest.mark.parametrize(("snapshot", "change", "before", "after"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict_before_and_after(
    snapshot: Snapshot, change: Change, before: str, after: str
) -> None:
    answer = whatif(snapshot, change)

    assert (answer.before.verdict, answer.after.verdict) == (before, after)
    assert answer.before.verdict == judge(snapshot).verdict


def only(answer: WhatIf) -> NodeChange:
    (nodes,) = answer.nodes
    return nodes


def lost(nodes: NodeChange) -> set[str]:
    return {need.need for need in nodes.needs_lost}


def gained(nodes: NodeChange) -> set[str]:
    return {need.need for need in nodes.needs_gained}


EVERY_NEED = {answer.need for answer in judge(GOOD).paths[0].answers}
SECRETS = "get, list, watch secrets in every namespace"


def test_turning_node_on_gains_every_need_and_opens_nothing() -> None:
    nodes = only(whatif(OUTAGE, NODE_ONLY))

    assert gained(nodes) == EVERY_NEED
    assert not nodes.needs_lost
    assert (nodes.rights_closed, nodes.rights_opened) == ((), ())
    assert (nodes.answered_before, nodes.answered_after) == ((), ("Node",))


def test_the_subject_gains_every_need_and_opens_all_secrets() -> None:
    nodes = only(whatif(OUTAGE, Change(added_subjects=(("system:node", NODES),))))

    assert gained(nodes) == EVERY_NEED
    assert nodes.rights_opened[0] == SECRETS
    assert not nodes.rights_closed


def test_taking_the_subject_is_as_good_as_dropping_the_binding() -> None:
    taken = Change(("Node", "RBAC"), dropped_subjects=(("system:node", NODES),))
    answer = whatif(LEGACY, taken)
    dropped = whatif(LEGACY, Change(("Node", "RBAC"), dropped=("system:node",)))

    assert answer.nodes == dropped.nodes
    assert answer.after.verdict == "node-authorizer"
    assert not answer.effects


def test_a_subject_of_a_default_binding_comes_back_by_itself() -> None:
    answer = whatif(GOOD, Change(dropped_subjects=(("system:discovery", AUTHENTICATED),)))

    assert answer.effects == (
        "ClusterRoleBinding system:discovery gets back Group system:authenticated",
    )
    assert not only(answer).rights_closed


def test_a_binding_made_anew_opens_what_its_role_holds() -> None:
    bare = cluster(server("--authorization-mode=RBAC"), bindings=())
    change = Change(added=(crb("kubelets", "system:node"),), added_subjects=(("kubelets", NODES),))
    nodes = only(whatif(bare, change))

    assert gained(nodes) == EVERY_NEED
    assert nodes.rights_opened[0] == SECRETS


def test_both_sides_have_a_path_for_each_kind_of_node() -> None:
    before = cluster(RBAC, bindings=(crb("one", "system:node", NODE1),))
    answer = whatif(before, Change(("Node", "RBAC")))

    examples = [nodes.example for nodes in answer.nodes]
    assert examples == [path.example for path in answer.before.paths]
    assert examples == [path.example for path in answer.after.paths]


def test_dropping_the_binding_loses_every_need_and_says_what_fails() -> None:
    answer = whatif(LEGACY, Change(dropped=("system:node",)))
    nodes = only(answer)

    assert lost(nodes) == EVERY_NEED
    (renew,) = [need for need in nodes.needs_lost if need.need == "renew-lease"]
    assert renew.is_core
    assert renew.after.without == "NotReady after 40 s"
    assert renew.after.because == "it has no subjects: reaches nobody"
    assert nodes.rights_closed[0] == SECRETS
    assert answer.effects == ("ClusterRoleBinding system:node is created, without subjects",)


def test_from_the_binding_to_node_loses_nothing_and_closes_all_secrets() -> None:
    nodes = only(whatif(LEGACY, Change(("Node", "RBAC"), dropped=("system:node",))))

    assert not nodes.needs_lost
    assert not nodes.needs_gained
    assert nodes.rights_closed[0] == SECRETS
    assert not nodes.rights_opened
    assert (nodes.answered_before, nodes.answered_after) == (("RBAC",), ("Node",))


def test_node_restriction_closes_what_nodes_may_do_to_each_other() -> None:
    opened = only(whatif(GOOD, NO_PLUGINS)).rights_opened
    closed = only(whatif(cluster(server("--authorization-mode=Node,RBAC")), TARGET)).rights_closed

    assert opened == closed
    assert opened == (
        "start pods on its node that use, and so read, any Secret",
        "delete, evict and misreport pods of other nodes",
        "change other nodes: their status, labels and taints",
    )


def test_a_role_in_one_namespace_opens_what_it_holds_there() -> None:
    role = Role("ops", "infra", (rule("get", "secrets"), rule("delete get", "pods")))
    bare = server("--authorization-mode=RBAC")
    change = Change(added=(rb("agents", "infra", "ops", NODES),))

    nodes = only(whatif(cluster(bare, roles=(role,), version="v1.37.2"), change))
    restricted = only(whatif(cluster(RBAC, roles=(role,), version="v1.37.2"), change))

    assert nodes.rights_opened == (
        "get secrets in namespace infra",
        "delete, evict and misreport pods of other nodes in namespace infra",
        "get pods in namespace infra",
    )
    assert restricted.rights_opened == (
        "get secrets in namespace infra",
        "get pods in namespace infra",
    )


def test_a_narrower_grant_closes_the_difference_only() -> None:
    wide = Role(
        "wide", rules=(rule("get list delete", "configmaps secrets"), rule("get", urls="/x"))
    )
    narrow = Role("narrow", rules=(rule("*", "secrets"), rule("get", "configmaps", names="a b")))
    before = cluster(NODE_RBAC, bindings=(crb("one", "wide", NODES),), cluster_roles=(wide, narrow))

    anew = Change(dropped=("one",), added=(crb("one", "narrow", NODES),))
    nodes = only(whatif(before, anew))

    assert nodes.rights_closed == ("get, list, delete configmaps in every namespace", "get /x")
    assert nodes.rights_opened == ("do anything with secrets in every namespace",)


def test_restriction_takes_from_a_wider_grant_what_it_refuses() -> None:
    admin = cluster(
        server("--authorization-mode=Node,RBAC"), bindings=(crb("x", "cluster-admin", NODES),)
    )

    closed = only(whatif(admin, TARGET)).rights_closed

    assert "delete, evict and misreport pods of other nodes" in closed
    assert "do anything with every resource in every namespace" not in closed


def test_leaving_always_allow_closes_everything_else() -> None:
    nodes = only(whatif(ALL_OPEN, TARGET))

    assert nodes.rights_closed == (
        "do anything with every resource in every namespace",
        "use every verb on *",
    )
    assert nodes.radius_before.reads == nodes.rights_closed


def test_from_1_32_a_node_no_longer_lists_all_nodes_and_pods() -> None:
    before = cluster(NODE_RBAC, version="v1.31.4")
    answer = whatif(before, Change(kubernetes_version="1.32"))
    back = whatif(cluster(NODE_RBAC, version="v1.32.0"), Change(kubernetes_version="1.31"))

    assert only(answer).rights_closed == (
        "get, list, watch pods in every namespace",
        "get, list, watch nodes",
        "list, watch, deletecollection resourceslices",
    )
    assert only(back).rights_opened == only(answer).rights_closed
    assert not only(answer).needs_lost
    assert "get, list, watch nodes" in only(answer).radius_before.reads
    assert any("needs a ServiceAccount" in caveat for caveat in answer.caveats)
    assert not any("needs a ServiceAccount" in caveat for caveat in back.caveats)


def test_a_gate_that_is_off_keeps_the_lists_of_all_nodes_and_pods() -> None:
    flags = ("--authorization-mode=Node,RBAC", "--feature-gates=AuthorizeNodeWithSelectors=false")
    before = cluster(server(*flags), version="v1.31.4")

    answer = whatif(before, Change(kubernetes_version="1.32"))

    assert only(answer).rights_closed == ()
    assert not any("needs a ServiceAccount" in caveat for caveat in answer.caveats)


def test_a_version_brings_needs_and_the_rules_for_them() -> None:
    old_rules = tuple(each for each in LEGACY_ROLE_RULES if "leases" not in each.resources)
    before = cluster(RBAC, bindings=(LEGACY_BINDING,), version="v1.13.12")
    roles = tuple(
        replace(role, rules=old_rules) if role.name == "system:node" else role
        for role in before.cluster_roles.value or ()
    )
    before = replace(before, cluster_roles=replace(before.cluster_roles, value=roles))

    answer = whatif(before, Change(kubernetes_version="1.14"))

    assert {need.need for need in only(answer).needs_new} == {"renew-lease", "register-csi"}
    assert not only(answer).needs_lost
    assert answer.after.verdict == "legacy-binding"
    assert "ClusterRole system:node gets what it lacks of the rules of 1.14" in answer.effects


def test_a_version_brings_needs_that_nobody_answers() -> None:
    bound = (crb("core", "core", NODES),)
    core = Role("core", rules=CORE_ROLE.rules[:2])
    before = cluster(RBAC, bindings=bound, cluster_roles=(core,), version="v1.13.12")

    nodes = only(whatif(before, Change(kubernetes_version="1.14")))

    (renew,) = [need for need in nodes.needs_lost if need.need == "renew-lease"]
    assert renew.before is None


def test_nodes_that_differ_on_either_side_are_told_apart() -> None:
    one, both = crb("one", "system:node", NODE1), Subject("User", "system:node:node2")
    before = cluster(
        RBAC,
        bindings=(one, crb("two", "system:node", both)),
        nodes=(node("node1"), node("node2"), node("node3")),
    )

    answer = whatif(before, Change(dropped=("one",)))

    by_name = {nodes.example: nodes for nodes in answer.nodes}
    assert by_name.keys() == {"node1", "node2", "node3"}
    assert lost(by_name["node1"]) == EVERY_NEED
    assert not lost(by_name["node2"])
    assert by_name["node2"].verdict_after == "legacy-binding"
    assert by_name["node3"].verdict_after == "refused"
    assert sum(nodes.nodes for nodes in answer.nodes) == 3


def test_a_node_that_only_a_binding_names_is_judged_too() -> None:
    bound = crb("gone", "cluster-admin", Subject("User", "system:node:gone"))

    answer = whatif(cluster(NODE_RBAC, bindings=(bound,)), Change(dropped=("gone",)))

    by_name = {nodes.example: nodes for nodes in answer.nodes}
    assert by_name["gone"].nodes == 0
    assert by_name["gone"].rights_closed[0] == "do anything with every resource in every namespace"


def test_what_was_not_read_makes_needs_unsure_and_says_so() -> None:
    before = replace(LEGACY, role_bindings=unread(LEGACY.role_bindings))
    before = replace(before, cluster_roles=replace(before.cluster_roles, gaps=("broken",)))
    anew = crb("system:node", "unread-role", NODES)

    change = Change(dropped=("system:node",), added=(replace(anew, is_reconciled=False),))
    answer = whatif(before, change)

    assert {need.need for need in only(answer).needs_unsure} == EVERY_NEED
    assert any("Not known: RoleBindings" in caveat for caveat in answer.caveats)


def test_the_change_leaves_the_given_snapshot_and_its_judgement_alone() -> None:
    before = cluster(RBAC, bindings=(LEGACY_BINDING, crb("more", "system:node", NODES, NODE1)))
    kept = judge(before)

    answer = whatif(
        before, Change(added=(crb("x", "cluster-admin", NODES, NODE1),), dropped=("more",))
    )

    assert judge(before) == kept
    assert answer.before.verdict == kept.verdict
    assert all(nodes.rights_opened for nodes in answer.nodes)


def test_a_prediction_does_not_take_todays_heartbeats_for_tomorrows() -> None:
    fresh = cluster(RBAC, bindings=(LEGACY_BINDING,), leases=(lease("node1"), lease("node2", 90)))

    answer = whatif(fresh, Change(dropped=("system:node",)))
    healed = whatif(replace(fresh, cluster_role_bindings=OUTAGE.cluster_role_bindings), NODE_ONLY)

    assert answer.after.summary == "Nothing lets these kubelets in."
    new = {finding.id for finding in answer.findings_new}
    assert new == {"refused"}
    assert "other-identity" not in {finding.id for finding in healed.findings_gone}
    assert "stale-leases" not in {finding.id for finding in healed.findings_new}


def test_findings_come_and_go() -> None:
    answer = whatif(LEFTOVER, Change(("Node", "RBAC"), (), dropped=("system:node",)))

    assert {finding.id for finding in answer.findings_gone} == {"over-granted"}
    assert {finding.id for finding in answer.findings_new} == {"no-node-restriction"}


def test_a_grant_to_everyone_signed_in_counts() -> None:
    change = Change(added=(crb("open", "cluster-admin", AUTHENTICATED),))

    nodes = only(whatif(GOOD, change))

    assert nodes.verdict_after is Verdict.OVER_GRANTED
    assert nodes.rights_opened[0] == "do anything with every resource in every namespace"


CAVEATS: dict[str, tuple[Snapshot, Change, str]] = {
    "leaving AlwaysAllow": (ALL_OPEN, TARGET, "every other client, too, gets only"),
    "turning Node on": (OUTAGE, NODE_ONLY, "look at a certificate of each kind of node"),
    "turning NodeRestriction on": (
        cluster(server("--authorization-mode=Node,RBAC")),
        TARGET,
        "outside the list that it may set",
    ),
    "a webhook now": (
        cluster(server("--authorization-mode=Webhook,RBAC")),
        NODE_ONLY,
        "Webhook is in the chain now",
    ),
    "a webhook then": (GOOD, Change(("Node", "Webhook")), "Webhook is in the chain after"),
    "a webhook's file": (GOOD, Change(("Node", "Webhook")), "--authorization-webhook-config-file"),
    "an ABAC file": (GOOD, Change(("Node", "ABAC")), "only with --authorization-policy-file too"),
    "a configuration file": (
        cluster(server("--authorization-config=/etc/a.yaml")),
        NODE_ONLY,
        "--authorization-config goes",
    ),
    "a version that is not known": (
        GOOD,
        Change(kubernetes_version="1.40"),
        "1.40 is newer than what is known here: judged by 1.37",
    ),
    "half of unread flags": (
        replace(OUTAGE, apiservers=unread(OUTAGE.apiservers)),
        NODE_ONLY,
        "give modes and plugins both",
    ),
    "NodeRestriction unknown": (
        replace(OUTAGE, apiservers=unread(OUTAGE.apiservers)),
        TARGET,
        "rights that it closes are left out",
    ),
    "a binding that is protected": (
        cluster(RBAC, bindings=(replace(LEGACY_BINDING, is_reconciled=False),)),
        NODE_ONLY,
        "no apiserver touches it",
    ),
    "bindings alone": (LEFTOVER, Change(dropped=("system:node",)), "No restart is needed"),
    "a subject alone": (
        LEFTOVER,
        Change(dropped_subjects=(("system:node", NODES),)),
        "No restart is needed",
    ),
}


@pytest.mark.parametrize(("snapshot", "change", "words"), CAVEATS.values(), ids=CAVEATS)
def test_says_what_to_mind(snapshot: Snapshot, change: Change, words: str) -> None:
    assert any(words in caveat for caveat in whatif(snapshot, change).caveats)


QUIET: dict[str, tuple[Snapshot, Change]] = {
    "nothing": (GOOD, Change()),
    "a version within its rules": (GOOD, Change(kubernetes_version="1.29")),
    "a webhook that has its file": (
        cluster(server("--authorization-mode=RBAC,Webhook")),
        Change(("RBAC",)),
    ),
}


@pytest.mark.parametrize(("snapshot", "change"), QUIET.values(), ids=QUIET)
def test_says_nothing_that_does_not_matter(snapshot: Snapshot, change: Change) -> None:
    caveats = whatif(snapshot, change).caveats

    assert all("chain now" in caveat for caveat in caveats)


def many(count: int) -> tuple[Node, ...]:
    return tuple(node(f"worker-{number}") for number in range(count))


def test_nodes_that_are_alike_are_one() -> None:
    answer = whatif(replace(LEGACY, nodes=replace(LEGACY.nodes, value=many(150))), NODE_ONLY)

    assert only(answer).nodes == 150
    assert len(only(answer).names) == 100


LEGACY_ROLE_RULES = next(
    role for role in LEGACY.cluster_roles.value or () if role.name == "system:node"
).rules
