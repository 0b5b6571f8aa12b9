"""What grants give kubelets beyond the Node authorizer."""

from __future__ import annotations

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Grant
from authzviz.engine.beyond import excess_of
from authzviz.engine.model import PolicyRule, Role, Subject
from tests.engine.build import (
    AUTHENTICATED,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODES,
    cluster,
    crb,
    rb,
    rule,
)

CERTS = "certificates.k8s.io"
CSR = "certificatesigningrequests"

BENIGN: dict[str, tuple[PolicyRule, str]] = {
    "discovery": (rule("get head", urls="/api /api/* /apis/* /openapi/* /version/ /healthz"), ""),
    "self reviews": (
        rule("create", "selfsubjectaccessreviews selfsubjectrulesreviews", "authorization.k8s.io"),
        "",
    ),
    "who am I": (rule("create", "selfsubjectreviews", "authentication.k8s.io"), ""),
    "own certificates": (rule("create", f"{CSR}/selfnodeclient {CSR}/selfnodeserver", CERTS), ""),
    "kubeadm's ConfigMap": (rule("get", "configmaps", names="kubeadm-config"), "kube-system"),
    "kubelet's ConfigMap": (rule("get", "configmaps", names="kubelet-config-1.19"), "kube-system"),
    "services anywhere": (
        rule("get list watch", "services endpoints endpointslices", "core discovery.k8s.io"),
        "",
    ),
    "pod security": (rule("use", "podsecuritypolicies", "policy", names="privileged"), ""),
    "what Node allows every node": (rule("create patch", "events nodes"), ""),
    "creating Leases of nodes": (
        rule("create", "leases", "coordination.k8s.io"),
        "kube-node-lease",
    ),
    "cluster-wide resources in a namespace": (rule("*", "nodes persistentvolumes"), "team"),
    "paths in a namespace": (rule("get", urls="*"), "team"),
    "what no request matches": (rule("*", "pods/*"), ""),
}
BEYOND: dict[str, tuple[PolicyRule, str, tuple[str, ...]]] = {
    "secrets": (rule("get", "secrets"), "", ("get secrets in every namespace",)),
    "one secret": (rule("get", "secrets", names="s"), "a", ("get secrets named s in namespace a",)),
    "another ConfigMap": (
        rule("get", "configmaps", names="kubeadm-config root"),
        "kube-system",
        ("get configmaps named kubeadm-config, root in namespace kube-system",),
    ),
    "every ConfigMap": (
        rule("get", "configmaps"),
        "kube-system",
        ("get configmaps in namespace kube-system",),
    ),
    "kubeadm's ConfigMap, elsewhere": (
        rule("get", "configmaps", names="kubeadm-config"),
        "",
        ("get configmaps named kubeadm-config in every namespace",),
    ),
    "everything": (
        rule("*", "*", "*"),
        "",
        ("do anything with every resource in every namespace",),
    ),
    "everything of the core": (
        rule("get", "*"),
        "a",
        ("get every core resource in namespace a",),
    ),
    "everything of a group": (
        rule("get", "*", "apps"),
        "a",
        ("get every resource of apps in namespace a",),
    ),
    "every path": (rule("*", urls="*"), "", ("use every verb on *",)),
    "metrics": (rule("get", urls="/version /metrics"), "", ("get /metrics",)),
    "writing to benign paths": (rule("get post", urls="/api"), "", ("get, post /api",)),
    "one node, through a group": (
        rule("update", "leases", "coordination.k8s.io", names="node1"),
        "kube-node-lease",
        ("update leases named node1 in namespace kube-node-lease",),
    ),
    "Leases elsewhere": (
        rule("create", "leases", "coordination.k8s.io"),
        "team",
        ("create leases in namespace team",),
    ),
    "another group's nodes": (
        rule("get", "nodes", "metrics.k8s.io"),
        "",
        ("get nodes.metrics.k8s.io",),
    ),
    "only the verbs beyond": (rule("get delete", "nodes"), "", ("delete nodes",)),
    "worst first": (
        rule("get", "persistentvolumes secrets widgets configmaps"),
        "a",
        (
            "get secrets in namespace a",
            "get configmaps in namespace a",
            "get widgets in namespace a",
        ),
    ),
    "impersonation before pods": (
        PolicyRule(("impersonate",), ("",), ("users",)),
        "",
        ("impersonate users in every namespace",),
    ),
}


def words(
    rule_: PolicyRule, namespace: str, minor: int = 28, owner: str | None = None
) -> list[str]:
    found = excess_of((rule_,), namespace=namespace, owner=owner, minor=minor)
    return [excess.words for excess in found]


@pytest.mark.parametrize(("rule_", "namespace"), BENIGN.values(), ids=BENIGN)
def test_benign_by_rule(rule_: PolicyRule, namespace: str) -> None:
    assert words(rule_, namespace) == []


@pytest.mark.parametrize(("rule_", "namespace", "expected"), BEYOND.values(), ids=BEYOND)
def test_beyond_by_rule(rule_: PolicyRule, namespace: str, expected: tuple[str, ...]) -> None:
    assert words(rule_, namespace) == list(expected)


@pytest.mark.parametrize(
    ("minor", "expected"),
    [(31, []), (32, ["get, list, watch pods in every namespace", "get, list, watch nodes"])],
)
def test_reading_all_nodes_and_pods_is_beyond_from_1_32(minor: int, expected: list[str]) -> None:
    assert words(rule("get list watch", "nodes pods"), "", minor) == expected


@pytest.mark.parametrize(("owner", "is_beyond"), [("node1", False), ("node2", True), (None, True)])
def test_only_the_node_itself_may_hold_its_own_objects(owner: str | None, is_beyond: bool) -> None:
    own = rule("get", "nodes", names="node1")

    assert bool(words(own, "", 32, owner)) is is_beyond


def grant(grants: tuple[Grant, ...], binding: str) -> Grant:
    return next(each for each in grants if each.binding == binding)


def test_grants_say_whom_they_reach_and_the_worst_comes_first() -> None:
    assessment = judge(
        cluster(
            NODE_RBAC,
            bindings=(
                LEGACY_BINDING,
                crb("admins", "cluster-admin", AUTHENTICATED),
                crb("mine", "own", NODE1),
                crb("dangling", "nowhere", NODES),
                crb("accounts", "cluster-admin", Subject("ServiceAccount", "a", "b")),
            ),
            cluster_roles=(Role("own", rules=(rule("get", "nodes", names="node1"),)),),
            role_bindings=(rb("local", "team", "system:node", NODES, kind="ClusterRole"),),
        )
    )
    grants = assessment.grants

    assert [each.binding for each in grants[:3]] == [
        "ClusterRoleBinding admins",
        "ClusterRoleBinding system:node",
        "RoleBinding team/local",
    ]
    assert grant(grants, "ClusterRoleBinding admins").reaches.startswith("every signed-in user")
    assert grant(grants, "ClusterRoleBinding system:node").rules == 22
    assert grant(grants, "ClusterRoleBinding system:node").reaches == "every kubelet"
    assert grant(grants, "ClusterRoleBinding mine").reaches == "the kubelet of node node1"
    assert not grant(grants, "ClusterRoleBinding mine").beyond_node_authorizer
    assert grant(grants, "ClusterRoleBinding dangling").is_dangling
    assert grant(grants, "RoleBinding team/local").role == "ClusterRole system:node"
    assert "ClusterRoleBinding accounts" not in [each.binding for each in grants]
