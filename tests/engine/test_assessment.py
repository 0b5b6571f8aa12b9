"""What the answer says beside the verdict: words, findings, paths, counts, next steps."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Assessment, NodeCounts, Severity, Verdict
from authzviz.engine.model import Lease, Ready, Role, Snapshot, Subject
from tests.engine.build import (
    AUTHENTICATED,
    CORE_ROLE,
    DEFAULT_BINDINGS,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODES,
    NOW,
    RBAC,
    cluster,
    crb,
    lease,
    node,
    ok,
    rb,
    rule,
    server,
    unread,
)

DOWN = (node("node1", Ready.UNKNOWN), node("node2", Ready.FALSE))
OUTAGE = cluster(RBAC, nodes=DOWN)
TARGET = cluster(NODE_RBAC)
LEAK = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))
UNRESTRICTED = cluster(server("--authorization-mode=Node,RBAC"))

SUMMARIES: dict[str, tuple[Snapshot, str]] = {
    "outage": (OUTAGE, "Nothing lets these kubelets in, so every node is NotReady."),
    "outage without nodes": (cluster(RBAC, nodes=()), "no node has ever registered"),
    "outage with a node that is Ready": (cluster(RBAC), "2 of 2 nodes are Ready"),
    "outage, nodes unread": (
        replace(OUTAGE, nodes=unread(OUTAGE.nodes)),
        "Nothing lets these kubelets in.",
    ),
    "always-allow": (cluster(server()), "AlwaysAllow is in the chain"),
    "apiservers disagree": (cluster(RBAC, NODE_RBAC), "The apiservers disagree"),
    "nodes differ": (
        cluster(RBAC, bindings=(crb("x", "system:node", NODE1),)),
        "not treated alike",
    ),
    "incomplete": (
        cluster(RBAC, bindings=(crb("x", "core", NODES),), cluster_roles=(CORE_ROLE,)),
        "refused to watch its own Node",
    ),
    "legacy": (cluster(RBAC, bindings=(LEGACY_BINDING,)), "every one of them every Secret"),
    "leak": (LEAK, "every kubelet may get, list, watch secrets in every namespace"),
    "unrestricted": (UNRESTRICTED, "any kubelet may change other nodes"),
    "target": (TARGET, "just what its own pods need"),
    "target, one node down": (
        cluster(NODE_RBAC, nodes=(node("node1", Ready.NOT_READY),)),
        "Only 0 of 1 node is Ready",
    ),
    "target, Lease overdue": (
        cluster(NODE_RBAC, leases=(lease("node1", 41), lease("node2"))),
        "1 of 2 nodes no longer renews its Lease",
    ),
    "unknown, but an outage": (
        replace(OUTAGE, role_bindings=unread(OUTAGE.role_bindings)),
        "Kubelets are refused what they can't live without",
    ),
    "unknown, but leaking": (
        replace(LEAK, apiservers=unread(LEAK.apiservers)),
        "Whatever else holds, every kubelet may get, list, watch secrets",
    ),
    "unknown, Node on": (
        replace(TARGET, roles=unread(TARGET.roles), role_bindings=unread(TARGET.role_bindings)),
        "The Node authorizer is on, but it can't be told",
    ),
    "unknown, nothing granted": (
        replace(TARGET, apiservers=unread(TARGET.apiservers)),
        "they live by the Node authorizer, by AlwaysAllow, or not at all",
    ),
    "unknown": (
        replace(OUTAGE, cluster_role_bindings=unread(OUTAGE.cluster_role_bindings)),
        "It can't be told whether this cluster is mixed, refused, incomplete or legacy-binding.",
    ),
}


@pytest.mark.parametrize(("snapshot", "words"), SUMMARIES.values(), ids=SUMMARIES)
def test_the_summary_says_what_matters_first(snapshot: Snapshot, words: str) -> None:
    assessment = judge(snapshot)

    assert words in assessment.summary
    assert assessment.cause.endswith(".")


CAUSES: dict[str, tuple[Snapshot, str]] = {
    "the empty binding": (OUTAGE, "The binding system:node has no subjects"),
    "no binding at all": (cluster(RBAC, bindings=()), "There is no binding system:node"),
    "a binding of too little": (
        cluster(RBAC, bindings=(crb("system:node", "nowhere", NODES),)),
        "No binding that reaches kubelets grants them what they need",
    ),
    "no RBAC in the chain": (
        cluster(server("--authorization-mode=AlwaysDeny")),
        "without RBAC, bindings grant nothing",
    ),
    "RBAC and a denier": (
        cluster(server("--authorization-mode=RBAC,AlwaysDeny")),
        "asks RBAC,AlwaysDeny, and the Node authorizer is off",
    ),
    "apiservers": (cluster(RBAC, replace(NODE_RBAC, name="cp2")), "cp2 asks Node,RBAC"),
    "nodes": (
        cluster(
            RBAC,
            bindings=(crb("x", "system:node", NODE1), crb("y", "core", NODES)),
            cluster_roles=(CORE_ROLE,),
        ),
        "node1: everything is allowed. node2: refused to watch its own Node",
    ),
    "the next node": (
        cluster(RBAC, nodes=(node("node1"),), bindings=(crb("x", "system:node", NODE1),)),
        "a node yet to join: everything is refused",
    ),
    "many nodes": (
        cluster(
            RBAC,
            nodes=tuple(node(f"n{i}") for i in range(9)),
            bindings=(crb("x", "system:node", Subject("User", "system:node:gone")),),
        ),
        "n0 and 8 others: everything is refused. gone: everything is allowed",
    ),
    "one narrow leak": (
        cluster(
            NODE_RBAC,
            roles=(Role("s", "a", (rule("get", "secrets"),)),),
            role_bindings=(rb("x", "a", "s", NODES),),
        ),
        "RoleBinding a/x counts beside the Node authorizer.",
    ),
    "only nodes are not known": (
        replace(
            cluster(
                RBAC,
                bindings=(crb("x", "own", NODES),),
                cluster_roles=(Role("own", rules=(rule("get", "nodes", names="node1"),)),),
            ),
            nodes=unread(TARGET.nodes),
        ),
        "Not known: Nodes.",
    ),
    "what is not known": (
        replace(TARGET, apiservers=unread(TARGET.apiservers), nodes=unread(TARGET.nodes)),
        (
            "Whether the Node authorizer and NodeRestriction are on can't be told."
            " Not known: the apiservers' flags."
        ),
    ),
}


@pytest.mark.parametrize(("snapshot", "words"), CAUSES.values(), ids=CAUSES)
def test_the_cause_says_why(snapshot: Snapshot, words: str) -> None:
    assert words in judge(snapshot).cause


def ids_of(assessment: Assessment) -> set[str]:
    return {finding.id for finding in assessment.findings}


FINDINGS: dict[str, tuple[Snapshot, set[str]]] = {
    "target": (TARGET, set()),
    "outage": (OUTAGE, {"refused"}),
    "outage with fresh leases": (
        cluster(RBAC, leases=(lease("node1"),)),
        {"refused", "other-identity"},
    ),
    "outage with old leases": (cluster(RBAC, leases=(lease("node1", 600),)), {"refused"}),
    "target, but silent": (cluster(NODE_RBAC, leases=(lease("node1", 600),)), {"stale-leases"}),
    "legacy": (cluster(RBAC, bindings=(LEGACY_BINDING,)), {"legacy-binding", "inherited"}),
    "legacy before 1.8": (
        cluster(RBAC, bindings=(LEGACY_BINDING,), version="v1.7.16"),
        {"legacy-binding"},
    ),
    "incomplete": (
        cluster(RBAC, bindings=(crb("x", "core", NODES),), cluster_roles=(CORE_ROLE,)),
        {"incomplete", "inherited", "over-granted"},
    ),
    "leak": (LEAK, {"over-granted"}),
    "unrestricted": (UNRESTRICTED, {"no-node-restriction"}),
    "always-allow": (cluster(server()), {"always-allow"}),
    "apiservers differ": (
        cluster(RBAC, NODE_RBAC),
        {"apiservers-differ"},
    ),
    "nodes differ": (
        cluster(RBAC, bindings=(crb("x", "system:node", NODE1),)),
        {"nodes-differ", "over-granted", "inherited"},
    ),
    "user kubelet": (
        cluster(NODE_RBAC, bindings=(crb("x", "system:node", Subject("User", "kubelet")),)),
        {"kubelet-user"},
    ),
    "dangling role": (
        cluster(NODE_RBAC, bindings=(crb("x", "nowhere", NODES),)),
        {"dangling-role-ref"},
    ),
    "look-alike letters": (
        cluster(
            NODE_RBAC, bindings=(crb("x", "cluster-admin", Subject("Group", "\u0455ystem:nodes")),)
        ),
        {"non-ascii-subject"},
    ),
    "invisible letters": (
        cluster(
            NODE_RBAC, bindings=(crb("x", "system:node", Subject("Group", "system:\u200bnodes")),)
        ),
        {"non-ascii-subject"},
    ),
    "reversed letters": (
        cluster(
            NODE_RBAC, bindings=(crb("x", "system:node", Subject("Group", "\u202esystem:nodes")),)
        ),
        {"non-ascii-subject"},
    ),
    "foreign names of people": (
        cluster(
            NODE_RBAC,
            bindings=(
                crb("x", "view", Subject("User", "J\u00f6rg")),
                crb("y", "view", Subject("User", "oidc:\u041e\u043b\u044c\u0433\u0430 X")),
            ),
        ),
        set(),
    ),
    "node in upper case": (
        cluster(
            NODE_RBAC, bindings=(crb("x", "system:basic-user", Subject("User", "system:node:N1")),)
        ),
        {"upper-case-node"},
    ),
    "webhook": (
        cluster(
            server(
                "--authorization-mode=Node,RBAC,Webhook",
                "--enable-admission-plugins=NodeRestriction",
            )
        ),
        {"unread-authorizer"},
    ),
    "flags of one apiserver unread": (
        cluster(NODE_RBAC, replace(NODE_RBAC, name="cp2", flags=None)),
        {"unseen-apiserver"},
    ),
    "more apiservers than seen": (
        cluster(NODE_RBAC, endpoints=("203.0.113.1", "203.0.113.2")),
        {"unseen-apiserver"},
    ),
}


@pytest.mark.parametrize(("snapshot", "ids"), FINDINGS.values(), ids=FINDINGS)
def test_findings(snapshot: Snapshot, ids: set[str]) -> None:
    assessment = judge(snapshot)
    severities = [list(Severity).index(finding.severity) for finding in assessment.findings]

    assert ids_of(assessment) == ids
    assert severities == sorted(severities)
    assert all(finding.title and finding.detail for finding in assessment.findings)


def test_a_binding_is_found_once_and_cluster_admin_is_critical() -> None:
    bindings = (crb("x", "cluster-admin", NODES, NODE1), crb("y", "system:node", NODES))

    found = judge(cluster(NODE_RBAC, bindings=bindings)).findings

    assert [(finding.id, finding.severity) for finding in found] == [
        ("over-granted", Severity.CRITICAL),
        ("over-granted", Severity.HIGH),
    ]
    assert [control.id for control in found[0].controls] == ["5.1.1"]


def test_findings_of_a_kind_are_capped() -> None:
    bindings = tuple(crb(f"b{i}", "cluster-admin", NODES) for i in range(60))

    assert len(judge(cluster(NODE_RBAC, bindings=bindings)).findings) == 50


STEPS: dict[str, tuple[Snapshot, tuple[str, ...], str]] = {
    "outage": (
        OUTAGE,
        ("Quick way out: bind the group", "The real fix: turn on the Node authorizer"),
        "kubectl set subject clusterrolebinding system:node --group=system:nodes",
    ),
    "outage without the binding": (
        cluster(RBAC, bindings=()),
        ("Quick way out: bind the group", "The real fix: turn on the Node authorizer"),
        (
            "kubectl create clusterrolebinding system:node --clusterrole=system:node"
            " --group=system:nodes"
        ),
    ),
    "outage without RBAC": (
        cluster(server("--authorization-mode=AlwaysDeny")),
        ("The real fix: turn on the Node authorizer",),
        "",
    ),
    "leak": (
        LEAK,
        ("Remove what RBAC grants kubelets",),
        (
            "kubectl get clusterrolebinding system:node -o yaml > system-node.yaml\n"
            "kubectl patch clusterrolebinding system:node --type=merge -p '{\"subjects\":null}'"
        ),
    ),
    "leak in a namespace, others bound too, odd names": (
        cluster(
            NODE_RBAC,
            role_bindings=(
                rb(
                    "it's; rm",
                    "team",
                    "system:node",
                    NODES,
                    Subject("User", "ann"),
                    kind="ClusterRole",
                ),
            ),
        ),
        ("Remove what RBAC grants kubelets",),
        (
            "kubectl get rolebinding -n team 'it'\"'\"'s; rm' -o yaml > 'it'\"'\"'s; rm.yaml'\n"
            "kubectl edit rolebinding -n team 'it'\"'\"'s; rm'"
        ),
    ),
    "unrestricted": (UNRESTRICTED, ("Turn on NodeRestriction",), ""),
    "unrestricted, flags are the provider's": (
        replace(UNRESTRICTED, version=ok("v1.28.15-eks-abc")),
        ("Turn on NodeRestriction",),
        "",
    ),
    "leak and unrestricted": (
        cluster(
            server("--authorization-mode=Node,RBAC"), bindings=(crb("x", "system:node", NODE1),)
        ),
        ("Remove what RBAC grants kubelets", "Turn on NodeRestriction"),
        (
            "kubectl get clusterrolebinding x -o yaml > x.yaml\n"
            "kubectl patch clusterrolebinding x --type=merge -p '{\"subjects\":null}'"
        ),
    ),
    "always-allow": (
        cluster(server()),
        ("Find out what clients use", "The real fix: turn on the Node authorizer"),
        "",
    ),
    "mixed": (cluster(RBAC, NODE_RBAC), ("Give all apiservers the same flags",), ""),
    "target": (TARGET, (), ""),
    "target, flags read, Roles not": (
        replace(TARGET, roles=unread(TARGET.roles), role_bindings=unread(TARGET.role_bindings)),
        ("Let authzviz read Roles", "Let authzviz read RoleBindings"),
        "",
    ),
    "an outage, RoleBindings unread": (
        replace(OUTAGE, role_bindings=unread(OUTAGE.role_bindings)),
        (
            "Quick way out: bind the group",
            "The real fix: turn on the Node authorizer",
            "Let authzviz read RoleBindings",
        ),
        "kubectl set subject clusterrolebinding system:node --group=system:nodes",
    ),
}


@pytest.mark.parametrize(("snapshot", "titles", "commands"), STEPS.values(), ids=STEPS)
def test_next_steps(snapshot: Snapshot, titles: tuple[str, ...], commands: str) -> None:
    steps = judge(snapshot).next_steps

    assert tuple(step.title for step in steps) == titles
    assert "\n".join(command for step in steps for command in step.commands) == commands


def test_a_silent_node_has_its_certificate_looked_at() -> None:
    (step,) = judge(cluster(NODE_RBAC, nodes=DOWN)).next_steps

    assert "openssl x509" in step.commands[0]


def test_each_node_counts_once() -> None:
    assessment = judge(
        cluster(
            NODE_RBAC,
            nodes=(
                node("fresh"),
                node("overdue"),
                node("unheard", Ready.UNKNOWN),
                node("sick", Ready.FALSE),
                node("table", Ready.NOT_READY),
                node("never", Ready.TRUE),
            ),
            leases=(lease("fresh", 40), lease("overdue", 41), Lease("never", None), lease("gone")),
        )
    )

    assert assessment.nodes == NodeCounts(total=6, ready=2, not_ready=2, unknown=2)


def test_leases_are_measured_on_the_servers_clock() -> None:
    skewed = replace(cluster(NODE_RBAC, leases=(lease("node1"),)), read_at=NOW + timedelta(hours=1))

    assert judge(skewed).nodes.unknown == 0
    assert judge(replace(skewed, server_time=None)).nodes.unknown == 1


def test_nodes_that_were_not_read_are_not_counted() -> None:
    unheard = replace(TARGET, nodes=unread(TARGET.nodes))

    assert judge(unheard).nodes == NodeCounts(None, None, None, None)


def test_a_version_that_is_none_is_missing() -> None:
    assessment = judge(replace(TARGET, version=ok("master")))

    assert assessment.verdict is Verdict.NODE_AUTHORIZER
    assert [missing.what for missing in assessment.missing] == ["the version"]


def test_who_signed_in_may_stay_bound() -> None:
    bindings = (*DEFAULT_BINDINGS, crb("x", "cluster-admin", AUTHENTICATED))

    (step,) = judge(cluster(NODE_RBAC, bindings=bindings)).next_steps

    assert step.commands[-1] == "kubectl edit clusterrolebinding x"


def test_filling_a_snapshot_loads_only_the_values() -> None:
    code = (
        "import sys, authzviz.engine.model;"
        "print(sorted(name for name in sys.modules if name.startswith('authzviz.engine.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    values = ("apiserver", "model", "read", "rules")
    assert done.stdout.strip() == str([f"authzviz.engine.{name}" for name in values])
