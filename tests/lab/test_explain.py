"""What real components write of a refusal, explained right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authzviz.evidence.explain import explain
from tests.lab.api import MERGE

if TYPE_CHECKING:
    from authzviz.evidence.explanation import Explanation
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory, KubeletFactory

pytestmark = pytest.mark.lab

KUBELET = ["system:nodes", "system:authenticated"]
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def causes(text: str) -> dict[tuple[str, str], Explanation]:
    """The explanations by verb and resource."""
    return {(e.request.verb, e.request.full_resource): e for e in explain(text).explanations}


def test_explains_the_log_of_a_kubelet_in_the_outage(
    cluster: ClusterFactory, kubelet: KubeletFactory
) -> None:
    live = cluster(authorization_mode="RBAC", admission_plugins="NodeRestriction")
    node = kubelet(live, "node1")
    node.wait_for_log('cannot get resource "leases"')
    node.wait_for_log('cannot get resource "nodes"')
    node.wait_for_log('cannot list resource "runtimeclasses"')

    found = causes(node.log_text())

    for asked, need in {
        ("get", "leases"): "renew-lease",
        ("get", "nodes"): "read-node",
        ("list", "nodes"): "watch-node",
        ("list", "services"): "read-services",
        ("list", "runtimeclasses"): "read-services",
    }.items():
        explanation = found[asked]
        assert explanation.user == "system:node:node1"
        assert explanation.cause.code == "node-authorizer-off"
        assert explanation.need == need
        assert [mode.decision for mode in explanation.modes] == ["allow", "no", "allow", "allow"]
    assert found["get", "leases"].request.namespace == "kube-node-lease"
    assert found["get", "leases"].count >= 1
    others = {
        key: e.cause.code for key, e in found.items() if e.cause.code != "node-authorizer-off"
    }
    assert others == {}


def test_explains_real_answers_of_the_node_authorizer_and_node_restriction(
    cluster: ClusterFactory,
) -> None:
    live = cluster(authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")
    live.admin.apply(
        [
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
            for name in ("node1", "node2")
        ]
    )

    def asked(method: str, path: str, body: object = None, user: str = "node1") -> Explanation:
        answer = live.admin.request(
            method,
            path,
            body,
            content_type=MERGE if method == "PATCH" else "application/json",
            user=f"system:node:{user}",
            groups=KUBELET,
        )
        assert answer.status == 403, answer
        (found,) = explain(answer.body).explanations
        return found

    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "node2", "namespace": "kube-node-lease"},
    }
    unknown = asked("GET", "/api/v1/namespaces/kube-system/secrets/token")
    all_nodes = asked("GET", "/api/v1/nodes")
    other_lease = asked("GET", f"{LEASES}/node2")
    made_lease = asked("POST", LEASES, lease)
    labelled = asked(
        "PATCH",
        "/api/v1/nodes/node1",
        {"metadata": {"labels": {"node-restriction.kubernetes.io/team": "a"}}},
    )
    other_node = asked("PATCH", "/api/v1/nodes/node2", {"metadata": {"labels": {"a": "b"}}})
    cased = asked("PATCH", "/api/v1/nodes/node1", {"metadata": {"labels": {"a": "b"}}}, "Node1")

    assert [each.cause.code for each in (unknown, all_nodes, other_lease)] == [
        "no-relation",
        "not-a-kubelet-request",
        "not-own-object",
    ]
    assert unknown.modes[0].decision == "conditional"
    assert [each.cause.code for each in (made_lease, labelled, other_node, cased)] == [
        "node-restriction-lease",
        "node-restriction-labels",
        "node-restriction-other-node",
        "upper-case-name",
    ]
    assert other_node.user == "system:node:node1"
    assert other_node.request.name == "node2"


def test_explains_who_is_no_node(cluster: ClusterFactory) -> None:
    live = cluster(authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")

    def cause(user: str, groups: list[str]) -> str:
        answer = live.admin.request(
            "GET", "/api/v1/services", user=user, groups=[*groups, "system:authenticated"]
        )
        assert answer.status == 403
        (found,) = explain(answer.body).explanations
        return found.cause.code

    assert cause("kubelet", ["system:nodes"]) == "other-user"
    assert cause("system:serviceaccount:default:x", []) == "service-account"
    # The answer doesn't list groups: both are named as possible.
    assert cause("system:node:node1", []) == "node-authorizer-off"


def test_explains_the_node_authorizers_and_rbacs_own_logs(cluster: ClusterFactory) -> None:
    live = cluster(
        authorization_mode="Node,RBAC",
        admission_plugins="NodeRestriction",
        other_flags=["--vmodule=node_authorizer=2,rbac=5"],
    )
    live.admin.apply([_pod("a", "node1", "own"), _pod("b", "node2", "other")])
    live.process.wait_until(
        lambda: _get_secret(live, "own") == 404, "graph of the Node authorizer", seconds=20
    )

    assert [_get_secret(live, name) for name in ("other", "nobodys")] == [403, 403]
    live.process.wait_until(
        lambda: live.process.log_text().count("RBAC: no rules authorize") >= 2, "log", seconds=20
    )

    found = [
        (each.refused_by, each.request.name, each.cause.code)
        for each in explain(live.process.log_text()).explanations
        if each.user == "system:node:node1" and each.request.name != "own"
    ]
    for name in ("other", "nobodys"):
        assert ("node-authorizer", name, "no-relation") in found
        assert ("rbac", name, "no-rbac-rule") in found


def _pod(name: str, node: str, secret: str) -> dict[str, object]:
    volume = {"name": "v", "secret": {"secretName": secret}}
    container = {"name": "c", "image": "none"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node, "containers": [container], "volumes": [volume]},
    }


def _get_secret(live: Cluster, name: str) -> int:
    path = f"/api/v1/namespaces/default/secrets/{name}"
    return live.admin.request("GET", path, user="system:node:node1", groups=KUBELET).status
