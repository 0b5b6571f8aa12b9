"""The Node authorizer and RBAC, request by request."""

from __future__ import annotations

import pytest

from authzviz.engine import node
from authzviz.engine.assessment import Decision
from authzviz.engine.identity import Identity
from authzviz.engine.model import PolicyRule, Role, Subject
from authzviz.engine.needs import needs_of
from authzviz.engine.rbac import covers, index
from authzviz.engine.request import Request
from authzviz.engine.versions import NEWEST_MINOR, OLDEST_MINOR, clamp, minor_of
from tests.engine.build import cluster, crb, rb, rule

ALLOW, NO, CONDITIONAL = Decision.ALLOW, Decision.NO, Decision.CONDITIONAL
LEASES, CSI = "coordination.k8s.io", "storage.k8s.io"

VERSIONS = {
    "v1.28.15": 28,
    "v1.28.15-eks-abc": 28,
    "v1.37.2+k3s1": 37,
    "1.9.0": 9,
    "v1.30": 30,
    "v1.28-dirty": 28,
    "v2.0.0": None,
    "v1.x": None,
    "v1.1234": None,
    "": None,
}


@pytest.mark.parametrize(("text", "minor"), VERSIONS.items(), ids=VERSIONS)
def test_minor_of_a_version(text: str, minor: int | None) -> None:
    assert minor_of(text) == minor


def test_versions_beyond_those_known_are_judged_as_the_nearest() -> None:
    assert (clamp(3), clamp(28), clamp(99)) == (OLDEST_MINOR, 28, NEWEST_MINOR)


def asks(text: str, namespace: str = "", name: str = "", selector: str = "") -> Request:
    """A request from "verb group/resource/subresource", the group "core" being empty."""
    verb, _, rest = text.partition(" ")
    group, _, resource = rest.partition("/")
    resource, _, subresource = resource.partition("/")
    group = "" if group == "core" else group
    return Request(verb, resource, group, subresource, namespace, name, selector)


# Request, and its decision in one version and in another, either side of a boundary.
NODE_CASES: dict[str, tuple[Request, dict[int, Decision]]] = {
    "create a node": (asks("create core/nodes"), {7: ALLOW, 37: ALLOW}),
    "delete a node": (asks("delete core/nodes", name="n1"), {12: ALLOW, 13: NO}),
    "own node": (asks("get core/nodes", name="n1"), {31: ALLOW, 32: ALLOW}),
    "other node": (asks("get core/nodes", name="n2"), {31: ALLOW, 32: NO}),
    "all nodes": (asks("list core/nodes"), {31: ALLOW, 32: NO}),
    "status of other node": (asks("patch core/nodes/status", name="n2"), {7: ALLOW, 37: ALLOW}),
    "all pods": (asks("list core/pods"), {31: ALLOW, 32: NO}),
    "own pods": (asks("list core/pods", selector="spec.nodeName=n1"), {31: ALLOW, 32: ALLOW}),
    "own pods, doubled sign": (
        asks("watch core/pods", selector="status.phase=Running,spec.nodeName==n1"),
        {32: ALLOW},
    ),
    "pods of another": (asks("list core/pods", selector="spec.nodeName=n2"), {32: NO}),
    "one pod": (asks("get core/pods", "team", "p"), {31: ALLOW, 32: CONDITIONAL}),
    "watch one pod": (asks("watch core/pods", "team", "p"), {32: CONDITIONAL}),
    "patch pod status": (asks("patch core/pods/status", "team", "p"), {10: NO, 11: ALLOW}),
    "evict": (asks("create core/pods/eviction", "team", "p"), {7: NO, 8: ALLOW}),
    "a secret": (asks("get core/secrets", "team", "s"), {7: CONDITIONAL, 37: CONDITIONAL}),
    "watch a secret": (asks("watch core/secrets", "team", "s"), {10: NO, 11: CONDITIONAL}),
    "all secrets": (asks("list core/secrets", "team"), {11: NO, 37: NO}),
    "a secret without namespace": (asks("get core/secrets", name="s"), {37: NO}),
    "update a secret": (asks("update core/secrets", "team", "s"), {37: NO}),
    "claim's status": (
        asks("patch core/persistentvolumeclaims/status", "team", "c"),
        {10: NO, 11: CONDITIONAL},
    ),
    "a volume": (asks("get core/persistentvolumes", name="v"), {7: CONDITIONAL}),
    "a token": (
        asks("create core/serviceaccounts/token", "team", "s"),
        {11: NO, 12: CONDITIONAL},
    ),
    "a service account": (asks("get core/serviceaccounts", "team", "s"), {33: NO, 34: CONDITIONAL}),
    "own lease": (asks(f"update {LEASES}/leases", "kube-node-lease", "n1"), {13: NO, 14: ALLOW}),
    "other's lease": (asks(f"update {LEASES}/leases", "kube-node-lease", "n2"), {14: NO}),
    "a new lease": (asks(f"create {LEASES}/leases", "kube-node-lease"), {14: ALLOW}),
    "a lease elsewhere": (asks(f"create {LEASES}/leases", "kube-system"), {14: NO}),
    "own CSINode": (asks(f"get {CSI}/csinodes", name="n1"), {13: NO, 14: ALLOW}),
    "other's CSINode": (asks(f"get {CSI}/csinodes", name="n2"), {14: NO}),
    "an attachment": (asks(f"get {CSI}/volumeattachments", name="a"), {9: NO, 10: CONDITIONAL}),
    "runtime classes": (asks("list node.k8s.io/runtimeclasses"), {13: NO, 14: ALLOW}),
    "new events": (asks("create events.k8s.io/events", "team"), {34: NO, 35: ALLOW}),
    "a resource claim": (
        asks("get resource.k8s.io/resourceclaims", "t", "c"),
        {27: NO, 28: CONDITIONAL},
    ),
    "a resource slice": (asks("create resource.k8s.io/resourceslices"), {29: NO, 30: ALLOW}),
    "own slices": (
        asks("list resource.k8s.io/resourceslices", selector="spec.nodeName=n1"),
        {30: NO, 31: ALLOW},
    ),
    "trust bundles": (asks("list certificates.k8s.io/clustertrustbundles"), {36: NO, 37: ALLOW}),
    "a pod certificate": (
        asks("create certificates.k8s.io/podcertificaterequests", "t"),
        {36: NO, 37: ALLOW},
    ),
    "a path": (Request("get", path="/healthz"), {37: NO}),
    "something else": (asks("list core/namespaces"), {37: NO}),
}


@pytest.mark.parametrize(("request_", "by_version"), NODE_CASES.values(), ids=NODE_CASES)
def test_the_node_authorizer(request_: Request, by_version: dict[int, Decision]) -> None:
    answers = {minor: node.decide("n1", request_, minor) for minor in by_version}

    assert {minor: answer.decision for minor, answer in answers.items()} == by_version
    assert all(answer.because for answer in answers.values())


@pytest.mark.parametrize("minor", range(OLDEST_MINOR, NEWEST_MINOR + 1))
def test_the_node_authorizer_answers_every_need(minor: int) -> None:
    refused = [
        (need.id, request)
        for need in needs_of("n1", minor)
        for request in need.requests
        if node.decide("n1", request, minor).decision is NO
    ]

    assert refused == []


def test_a_nameless_node_is_no_node() -> None:
    assert node.decide("", asks("create core/nodes"), 28).decision is NO


IDENTITIES: dict[str, tuple[Identity, str | None]] = {
    "a kubelet": (Identity("system:node:n1", ("system:nodes",)), "n1"),
    "without the group": (Identity("system:node:n1", ("system:authenticated",)), None),
    "without the name": (Identity("kubelet", ("system:nodes",)), None),
    "with an empty name": (Identity("system:node:", ("system:nodes",)), ""),
}


@pytest.mark.parametrize(("identity", "name"), IDENTITIES.values(), ids=IDENTITIES)
def test_who_is_a_node(identity: Identity, name: str | None) -> None:
    assert identity.node_name == name


RULES: dict[str, tuple[PolicyRule, Request, bool]] = {
    "exact": (rule("get", "pods"), asks("get core/pods", "t", "p"), True),
    "other verb": (rule("get", "pods"), asks("list core/pods", "t"), False),
    "every verb": (rule("*", "pods"), asks("list core/pods", "t"), True),
    "other group": (rule("get", "pods", "apps"), asks("get core/pods", "t"), False),
    "every group": (rule("get", "pods", "*"), asks("get core/pods", "t"), True),
    "every resource": (rule("get", "*"), asks("get core/pods/log", "t"), True),
    "resource without its subresource": (rule("get", "pods"), asks("get core/pods/log"), False),
    "subresource": (rule("get", "pods/log"), asks("get core/pods/log"), True),
    "subresource of everything": (rule("get", "*/log"), asks("get core/pods/log"), True),
    "other subresource of everything": (rule("get", "*/log"), asks("get core/pods/exec"), False),
    "subresource of everything, asked for none": (
        rule("get", "*/log"),
        asks("get core/log"),
        False,
    ),
    "name": (rule("get", "pods", names="a b"), asks("get core/pods", "t", "b"), True),
    "other name": (rule("get", "pods", names="a"), asks("get core/pods", "t", "b"), False),
    "name on a list": (rule("list", "pods", names="a"), asks("list core/pods", "t"), False),
    "path": (rule("get", urls="/version"), Request("get", path="/version"), True),
    "path below": (rule("get", urls="/api/*"), Request("get", path="/api/v1"), True),
    "path above": (rule("get", urls="/api/*"), Request("get", path="/api"), False),
    "every path": (rule("get", urls="*"), Request("get", path="/metrics"), True),
    "resources don't cover paths": (rule("*", "*", "*"), Request("get", path="/metrics"), False),
}


@pytest.mark.parametrize(("rule_", "request_", "is_covered"), RULES.values(), ids=RULES)
def test_what_a_rule_covers(rule_: PolicyRule, request_: Request, is_covered: bool) -> None:
    assert covers(rule_, request_) is is_covered


def allows(identity: Identity, request: Request) -> bool:
    snapshot = cluster(
        bindings=(
            crb("a", "cluster-admin", Subject("Group", "admins")),
            crb("b", "cluster-admin", Subject("Odd", "ann")),
        ),
        roles=(Role("pods", "team", (rule("get", "pods"), rule("get", urls="/metrics"))),),
        role_bindings=(
            rb("c", "team", "pods", Subject("ServiceAccount", "own"), Subject("User", "ann")),
            rb("d", "other", "pods", Subject("ServiceAccount", "guest", "team")),
            rb("e", "other", "cluster-admin", Subject("User", "ann"), kind="ClusterRole"),
        ),
    )
    return any(reach.allows(request) for reach in index(snapshot).of(identity))


GRANTED: dict[str, tuple[Identity, Request, bool]] = {
    "group": (Identity("x", ("admins",)), asks("list core/nodes"), True),
    "role in its namespace": (Identity("ann"), asks("get core/pods", "team", "p"), True),
    "role elsewhere": (Identity("ann"), asks("get core/pods", "third", "p"), False),
    "cluster role in a namespace": (Identity("ann"), asks("list core/secrets", "other"), True),
    "cluster role, whole cluster": (Identity("ann"), asks("list core/secrets"), False),
    "no path by a role binding": (Identity("ann"), Request("get", path="/metrics"), False),
    "service account of the binding's namespace": (
        Identity("system:serviceaccount:team:own"),
        asks("get core/pods", "team", "p"),
        True,
    ),
    "role of another namespace": (
        Identity("system:serviceaccount:team:guest"),
        asks("get core/pods", "other", "p"),
        False,
    ),
    "letters in another case": (Identity("Ann"), asks("get core/pods", "team", "p"), False),
}


@pytest.mark.parametrize(("identity", "request_", "is_allowed"), GRANTED.values(), ids=GRANTED)
def test_what_bindings_grant(identity: Identity, request_: Request, is_allowed: bool) -> None:
    assert allows(identity, request_) is is_allowed
