"""The verdict of whole clusters, everything read."""

from __future__ import annotations

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Role, Snapshot, Subject
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
    rb,
    rule,
    server,
)

ALWAYS = server("--authorization-mode=AlwaysAllow")
NODE_UNRESTRICTED = server("--authorization-mode=Node,RBAC")
PEEK_ROLE = Role("peek", rules=(rule("get list", "secrets"),))
KUBEADM_CONFIG = Role(
    "kubeadm:nodes-kubeadm-config",
    "kube-system",
    (rule("get", "configmaps", names="kubeadm-config"),),
)

CASES: dict[str, tuple[Snapshot, Verdict]] = {
    "no flags at all": (cluster(server()), Verdict.ALWAYS_ALLOW),
    "AlwaysAllow last": (
        cluster(server("--authorization-mode=Node,RBAC,AlwaysAllow")),
        Verdict.ALWAYS_ALLOW,
    ),
    "AlwaysAllow on one of two": (cluster(ALWAYS, NODE_RBAC), Verdict.ALWAYS_ALLOW),
    "one apiserver still without Node": (cluster(RBAC, NODE_RBAC), Verdict.MIXED),
    "one apiserver without NodeRestriction": (cluster(NODE_RBAC, NODE_UNRESTRICTED), Verdict.MIXED),
    "order of modes makes no difference": (
        cluster(
            NODE_RBAC,
            server("--authorization-mode=RBAC,Node", "--enable-admission-plugins=NodeRestriction"),
        ),
        Verdict.NODE_AUTHORIZER,
    ),
    "one node bound by name": (
        cluster(RBAC, bindings=(crb("one", "system:node", NODE1),)),
        Verdict.MIXED,
    ),
    "a deleted node bound by name": (
        cluster(RBAC, bindings=(crb("one", "system:node", Subject("User", "system:node:gone")),)),
        Verdict.MIXED,
    ),
    "the binding without subjects": (cluster(RBAC), Verdict.REFUSED),
    "the outage of a cluster without nodes": (cluster(RBAC, nodes=()), Verdict.REFUSED),
    "the binding of look-alike letters": (
        cluster(RBAC, bindings=(crb("one", "system:node", Subject("Group", "\u0455ystem:nodes")),)),
        Verdict.REFUSED,
    ),
    "unauthenticated only": (
        cluster(
            RBAC,
            bindings=(crb("one", "system:node", Subject("Group", "system:unauthenticated")),),
        ),
        Verdict.REFUSED,
    ),
    "dangling role": (cluster(RBAC, bindings=(crb("one", "nowhere", NODES),)), Verdict.REFUSED),
    "nobody but AlwaysDeny": (cluster(server("--authorization-mode=AlwaysDeny")), Verdict.REFUSED),
    "no RBAC in the chain, so bindings grant nothing": (
        cluster(server("--authorization-mode=AlwaysDeny"), bindings=(LEGACY_BINDING,)),
        Verdict.REFUSED,
    ),
    "only the core": (
        cluster(RBAC, bindings=(crb("core", "core", NODES),), cluster_roles=(CORE_ROLE,)),
        Verdict.INCOMPLETE,
    ),
    "the legacy binding": (cluster(RBAC, bindings=(LEGACY_BINDING,)), Verdict.LEGACY_BINDING),
    "the legacy binding under another name": (
        cluster(RBAC, bindings=(crb("x", "system:node", NODES),)),
        Verdict.LEGACY_BINDING,
    ),
    "cluster-admin to whoever signed in": (
        cluster(RBAC, bindings=(crb("x", "cluster-admin", AUTHENTICATED),)),
        Verdict.LEGACY_BINDING,
    ),
    "users for every node but the next": (
        cluster(
            RBAC,
            bindings=(crb("x", "system:node", NODE1, Subject("User", "system:node:node2")),),
        ),
        Verdict.MIXED,
    ),
    "a leftover binding": (cluster(NODE_RBAC, bindings=(LEGACY_BINDING,)), Verdict.OVER_GRANTED),
    "RBAC before Node": (
        cluster(server("--authorization-mode=RBAC,Node"), bindings=(LEGACY_BINDING,)),
        Verdict.OVER_GRANTED,
    ),
    "secrets of one namespace": (
        cluster(
            NODE_RBAC,
            role_bindings=(rb("x", "team", "peek", NODES, kind="ClusterRole"),),
            cluster_roles=(PEEK_ROLE,),
        ),
        Verdict.OVER_GRANTED,
    ),
    "an extra grant to one node": (
        cluster(NODE_RBAC, bindings=(crb("x", "cluster-admin", NODE1),)),
        Verdict.OVER_GRANTED,
    ),
    "NodeRestriction off": (cluster(NODE_UNRESTRICTED), Verdict.UNRESTRICTED),
    "the target": (cluster(NODE_RBAC), Verdict.NODE_AUTHORIZER),
    "the target, with what kubeadm binds": (
        cluster(
            NODE_RBAC,
            roles=(KUBEADM_CONFIG,),
            role_bindings=(rb("x", "kube-system", KUBEADM_CONFIG.name, NODES),),
        ),
        Verdict.NODE_AUTHORIZER,
    ),
    "Node without RBAC": (
        cluster(
            server("--authorization-mode=Node", "--enable-admission-plugins=NodeRestriction"),
            bindings=(LEGACY_BINDING,),
        ),
        Verdict.NODE_AUTHORIZER,
    ),
    "cluster-admin to a service account": (
        cluster(
            NODE_RBAC,
            bindings=(crb("x", "cluster-admin", Subject("ServiceAccount", "nodes", "system")),),
        ),
        Verdict.NODE_AUTHORIZER,
    ),
    "system:node to user kubelet": (
        cluster(NODE_RBAC, bindings=(crb("x", "system:node", Subject("User", "kubelet")),)),
        Verdict.NODE_AUTHORIZER,
    ),
}


@pytest.mark.parametrize(("snapshot", "verdict"), CASES.values(), ids=CASES)
def test_the_verdict_of_a_cluster(snapshot: Snapshot, verdict: Verdict) -> None:
    assessment = judge(snapshot)

    assert (assessment.verdict, assessment.possible) == (verdict, (verdict,))
    assert assessment.summary
    assert assessment.cause
