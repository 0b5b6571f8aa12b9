"""The Node authorizer: what it allows a kubelet, by version, by default feature gates.

It only allows or has no opinion. The table is FACTS of kubernetes: NodeRules() in
plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (1.7 to 1.37) narrowed by
plugin/pkg/auth/authorizer/node/node_authorizer.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from authzviz.engine.assessment import Decision
from authzviz.engine.request import Request
from authzviz.engine.versions import NEWEST_MINOR, clamp

LEASE_NAMESPACE = "kube-node-lease"


class Limit(StrEnum):
    """On what the Node authorizer's allowance hangs."""

    FREE = "free"
    OWN = "own"
    """Only the object named as the node."""
    RELATION = "relation"
    """Only an object to which the node has a path, through a pod that runs on it."""
    SELECTOR = "selector"
    """Only with the field selector spec.nodeName=<itself>."""


@dataclass(frozen=True, slots=True)
class NodeRule:
    """Verbs on one resource (with its subresource) that a node may use from one minor version to
    another.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    limit: Limit = Limit.FREE
    since: int = 7
    until: int = NEWEST_MINOR
    namespace: str = ""


_READ = ("get", "list", "watch")
_WRITE = ("create", "update", "patch")
_AUTHN, _AUTHZ = "authentication.k8s.io", "authorization.k8s.io"
_CERTS, _COORD, _STORAGE = "certificates.k8s.io", "coordination.k8s.io", "storage.k8s.io"
_DRA = "resource.k8s.io"

NODE_RULES = (
    NodeRule(_AUTHN, "tokenreviews", ("create",)),
    NodeRule(_AUTHZ, "subjectaccessreviews", ("create",)),
    NodeRule(_AUTHZ, "localsubjectaccessreviews", ("create",)),
    NodeRule("", "services", _READ),
    NodeRule("", "endpoints", ("get",)),
    NodeRule("", "nodes", _WRITE),
    NodeRule("", "nodes", ("delete",), until=12),
    NodeRule("", "nodes", _READ, until=31),
    NodeRule("", "nodes", _READ, Limit.OWN, since=32),
    NodeRule("", "nodes/status", ("update", "patch")),
    NodeRule("", "events", _WRITE),
    NodeRule("events.k8s.io", "events", _WRITE, since=35),
    NodeRule("", "pods", _READ, until=31),
    NodeRule("", "pods", ("list", "watch"), Limit.SELECTOR, since=32),
    NodeRule("", "pods", _READ, Limit.RELATION, since=32),
    NodeRule("", "pods", ("create", "delete")),
    NodeRule("", "pods/status", ("update",)),
    NodeRule("", "pods/status", ("patch",), since=11),
    NodeRule("", "pods/eviction", ("create",), since=8),
    NodeRule("", "secrets", ("get",), Limit.RELATION),
    NodeRule("", "configmaps", ("get",), Limit.RELATION),
    NodeRule("", "secrets", ("list", "watch"), Limit.RELATION, since=11),
    NodeRule("", "configmaps", ("list", "watch"), Limit.RELATION, since=11),
    NodeRule("", "persistentvolumeclaims", ("get",), Limit.RELATION),
    NodeRule("", "persistentvolumes", ("get",), Limit.RELATION),
    NodeRule("", "persistentvolumeclaims/status", ("update", "patch"), Limit.RELATION, since=11),
    NodeRule("", "serviceaccounts/token", ("create",), Limit.RELATION, since=12),
    NodeRule("", "serviceaccounts", ("get",), Limit.RELATION, since=34),
    NodeRule(_CERTS, "certificatesigningrequests", ("create", *_READ)),
    NodeRule(_CERTS, "clustertrustbundles", _READ, since=37),
    NodeRule(_CERTS, "podcertificaterequests", ("create",), since=37),
    NodeRule(_CERTS, "podcertificaterequests", ("get",), Limit.RELATION, since=37),
    NodeRule(_CERTS, "podcertificaterequests", ("list", "watch"), Limit.SELECTOR, since=37),
    NodeRule(_COORD, "leases", ("create",), since=14, namespace=LEASE_NAMESPACE),
    NodeRule(
        _COORD,
        "leases",
        ("get", "update", "patch", "delete"),
        Limit.OWN,
        since=14,
        namespace=LEASE_NAMESPACE,
    ),
    NodeRule(_STORAGE, "volumeattachments", ("get",), Limit.RELATION, since=10),
    NodeRule(_STORAGE, "csinodes", ("create",), since=14),
    NodeRule(_STORAGE, "csinodes", ("get", "update", "patch", "delete"), Limit.OWN, since=14),
    NodeRule(_STORAGE, "csidrivers", _READ, since=14),
    NodeRule("node.k8s.io", "runtimeclasses", _READ, since=14),
    NodeRule(_DRA, "resourceclaims", ("get",), Limit.RELATION, since=28),
    NodeRule(_DRA, "resourceslices", ("create",), since=30),
    NodeRule(_DRA, "resourceslices", ("get", *_WRITE[1:], "delete"), Limit.RELATION, since=30),
    NodeRule(
        _DRA, "resourceslices", ("list", "watch", "deletecollection"), Limit.SELECTOR, since=31
    ),
)

_NAMESPACED_RELATIONS = frozenset(("secrets", "configmaps"))


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """ALLOW, CONDITIONAL (on the relation that `because` names) or NO (no opinion)."""

    decision: Decision
    because: str


def decide(node: str, request: Request, minor: int) -> NodeAnswer:
    """What the Node authorizer of Kubernetes 1.`minor` says to the kubelet of that node.

    Never denies: NO means that a later authorizer is asked.
    """
    answer = NodeAnswer(Decision.NO, "no rule of the Node authorizer covers this request")
    if request.path or not node:
        return answer
    for rule in rules_for(clamp(minor), request.group, request.full_resource):
        if request.verb not in rule.verbs:
            continue
        answer = _within(rule, node, request)
        if answer.decision is not Decision.NO:
            return answer
    return answer


@cache
def rules_for(minor: int, group: str, resource: str) -> tuple[NodeRule, ...]:
    """The rules on one resource in one version, the least limited first."""
    return tuple(
        rule
        for rule in NODE_RULES
        if (rule.group, rule.resource) == (group, resource) and rule.since <= minor <= rule.until
    )


def _within(rule: NodeRule, node: str, request: Request) -> NodeAnswer:
    if rule.namespace and request.namespace != rule.namespace:
        return NodeAnswer(Decision.NO, f"only in namespace {rule.namespace}")
    if rule.limit is Limit.FREE:
        return NodeAnswer(Decision.ALLOW, "a rule of the Node authorizer for every node")
    if rule.limit is Limit.OWN:
        return _own(request.name == node, "only the object named as the node itself")
    if rule.limit is Limit.SELECTOR:
        selected = f"spec.nodeName={node}" in request.field_selector.replace("==", "=").split(",")
        return _own(selected, "only with field selector spec.nodeName of the node itself")
    return _related(rule, request)


def _own(is_own: bool, otherwise: str) -> NodeAnswer:
    if is_own:
        return NodeAnswer(Decision.ALLOW, "a rule of the Node authorizer for the node itself")
    return NodeAnswer(Decision.NO, otherwise)


def _related(rule: NodeRule, request: Request) -> NodeAnswer:
    if not request.name:
        return NodeAnswer(Decision.NO, "only individual objects, by name")
    if rule.resource in _NAMESPACED_RELATIONS and not request.namespace:
        return NodeAnswer(Decision.NO, "only in a namespace")
    return NodeAnswer(
        Decision.CONDITIONAL, f"while a pod on the node uses this {_singular(rule.resource)}"
    )


def _singular(resource: str) -> str:
    return resource.split("/", maxsplit=1)[0].removesuffix("s")
