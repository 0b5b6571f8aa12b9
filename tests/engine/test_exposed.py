"""What rights beyond the Node authorizer lay open, in words."""

from __future__ import annotations

import pytest

from authzviz.engine import judge
from authzviz.engine.beyond import excess_of
from authzviz.engine.model import PolicyRule
from tests.engine.build import LEGACY_BINDING, NODE_RBAC, cluster, rule

CASES: dict[str, tuple[PolicyRule, str, str]] = {
    "every Secret": (rule("get list watch", "secrets"), "", "every Secret of the cluster"),
    "in a namespace": (rule("get", "secrets"), "a", "every Secret in namespace a"),
    "by name": (rule("get", "secrets", names="s t"), "a", "Secret s and t in namespace a"),
    "by many names": (
        rule("get", "secrets", names="s t u v w"),
        "a",
        "Secret s, t, u and 2 more in namespace a",
    ),
    "in no namespace": (rule("delete", "nodes"), "", "changes to every Node"),
    "reading and writing": (
        rule("get update", "secrets"),
        "",
        "every Secret of the cluster, also to change",
    ),
    "every verb": (rule("*", "secrets"), "", "full control of every Secret of the cluster"),
    "making": (rule("create", "jobs", "batch"), "", "new Jobs in the cluster"),
    "making in a namespace": (rule("create", "widgets", "x.io"), "a", "new widgets in namespace a"),
    "making anything": (rule("create", "*", "*"), "a", "new objects of every kind in namespace a"),
    "making all of a group": (
        rule("create", "*", "apps"),
        "a",
        "new objects of apps in namespace a",
    ),
    "everything": (
        rule("*", "*", "*"),
        "",
        "full control of everything in the cluster, Secrets among it",
    ),
    "everything in a namespace": (
        rule("get", "*"),
        "a",
        "everything in namespace a, Secrets among it",
    ),
    "everything of a group": (rule("get", "*", "apps"), "a", "everything of apps in namespace a"),
    "a kind nobody knows": (rule("get", "widgets", "x.io"), "", "all widgets of the cluster"),
    "a part": (rule("get", "pods/status"), "", "the status of every Pod of the cluster"),
    "tokens": (
        rule("create", "serviceaccounts/token"),
        "",
        "a token of every ServiceAccount of the cluster",
    ),
    "a named one's tokens": (
        rule("create", "serviceaccounts/token", names="s"),
        "a",
        "the token of ServiceAccount s in namespace a",
    ),
    "commands": (rule("get", "nodes/proxy"), "", "commands in every Pod of every Node"),
    "another's rights": (rule("impersonate", "users"), "", "the rights of any user"),
    "somebody's rights": (rule("impersonate", "uids"), "", "the rights of somebody else"),
    "rights for itself": (
        rule("bind", "clusterroles", "rbac.authorization.k8s.io"),
        "",
        "any right that it gives itself",
    ),
    "certificates": (
        rule("approve", "signers", "certificates.k8s.io"),
        "",
        "certificates for anybody",
    ),
    "a path": (rule("get", urls="/metrics"), "", "what /metrics tells"),
    "every path": (rule("get", urls="*"), "", "every path of the apiserver"),
}


@pytest.mark.parametrize(("rule_", "namespace", "exposes"), CASES.values(), ids=CASES)
def test_what_is_laid_open(rule_: PolicyRule, namespace: str, exposes: str) -> None:
    (found,) = excess_of((rule_,), namespace=namespace, owner=None, minor=32)

    assert found.exposes == exposes


def test_a_grant_says_the_worst() -> None:
    grant = judge(cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))).grants[0]

    assert grant.exposes == "every Secret of the cluster"
    assert judge(cluster(NODE_RBAC)).grants[0].exposes == ""
