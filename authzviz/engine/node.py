"""The Node authorizer: what it allows a kubelet, by version and feature gate.

It only allows or has no opinion. The table is NodeRules() of kubernetes in
plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (1.7 to 1.37), narrowed by
plugin/pkg/auth/authorizer/node/node_authorizer.go, whose graph is in `graph`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from authzviz.engine import gates
from authzviz.engine.assessment import Decision
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.graph import relation_of
from authzviz.engine.opinion import no_relation, why_no_opinion
from authzviz.engine.request import LEASE_NAMESPACE, Request
from authzviz.engine.versions import NEWEST_MINOR, OLDEST_MINOR, clamp

if TYPE_CHECKING:
    from authzviz.engine.graph import Graph


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

    Of `gates` one must be on, where there are any; `unless` must be off.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    limit: Limit = Limit.FREE
    since: int = 7
    until: int = NEWEST_MINOR
    namespace: str = ""
    gates: tuple[str, ...] = ()
    unless: str = ""


_READ = ("get", "list", "watch")
_FIND = ("list", "watch")
_WRITE = ("create", "update", "patch")
_KEEP = ("get", "update", "patch", "delete")
_AUTHN, _AUTHZ = "authentication.k8s.io", "authorization.k8s.io"
_CERTS, _COORD, _STORAGE = "certificates.k8s.io", "coordination.k8s.io", "storage.k8s.io"
_DRA, _EARLY_CSI = "resource.k8s.io", "csi.storage.k8s.io"
_SELECTORS = (gates.NODE_SELECTORS,)
_POD_CERTIFICATE = (gates.POD_CERTIFICATE,)

NODE_RULES = (
    NodeRule(_AUTHN, "tokenreviews", ("create",)),
    NodeRule(_AUTHZ, "subjectaccessreviews", ("create",)),
    NodeRule(_AUTHZ, "localsubjectaccessreviews", ("create",)),
    NodeRule("", "services", _READ),
    NodeRule("", "endpoints", ("get",)),
    NodeRule("", "nodes", _WRITE),
    NodeRule("", "nodes", ("delete",), until=12),
    NodeRule("", "nodes", _READ, unless=gates.NODE_SELECTORS),
    NodeRule("", "nodes", _READ, Limit.OWN, gates=_SELECTORS),
    NodeRule("", "nodes/status", ("update", "patch")),
    NodeRule("", "events", _WRITE),
    NodeRule("events.k8s.io", "events", _WRITE, since=35),
    NodeRule("", "pods", _READ, unless=gates.NODE_SELECTORS),
    NodeRule("", "pods", _FIND, Limit.SELECTOR, gates=_SELECTORS),
    NodeRule("", "pods", _READ, Limit.RELATION, gates=_SELECTORS),
    NodeRule("", "pods", ("create", "delete")),
    NodeRule("", "pods/status", ("update",)),
    NodeRule("", "pods/status", ("patch",), since=11),
    NodeRule("", "pods/eviction", ("create",), since=8),
    NodeRule("", "secrets", ("get",), Limit.RELATION),
    NodeRule("", "configmaps", ("get",), Limit.RELATION),
    NodeRule("", "secrets", _FIND, Limit.RELATION, since=11),
    NodeRule("", "configmaps", _FIND, Limit.RELATION, since=11),
    NodeRule("", "persistentvolumeclaims", ("get",), Limit.RELATION),
    NodeRule("", "persistentvolumes", ("get",), Limit.RELATION),
    NodeRule(
        "",
        "persistentvolumeclaims/status",
        ("update", "patch"),
        Limit.RELATION,
        since=9,
        gates=(gates.EXPAND_VOLUMES,),
    ),
    NodeRule(
        "", "serviceaccounts/token", ("create",), Limit.RELATION, gates=(gates.TOKEN_REQUEST,)
    ),
    NodeRule(
        "",
        "serviceaccounts",
        ("get",),
        Limit.RELATION,
        gates=(gates.CREDENTIAL_PROVIDERS, gates.POD_CERTIFICATE),
    ),
    NodeRule(_CERTS, "certificatesigningrequests", ("create", *_READ)),
    NodeRule(_CERTS, "clustertrustbundles", _READ, gates=(gates.TRUST_BUNDLE,)),
    NodeRule(_CERTS, "podcertificaterequests", ("create",), gates=_POD_CERTIFICATE),
    NodeRule(_CERTS, "podcertificaterequests", ("get",), Limit.RELATION, gates=_POD_CERTIFICATE),
    NodeRule(_CERTS, "podcertificaterequests", _FIND, Limit.SELECTOR, gates=_POD_CERTIFICATE),
    NodeRule(_COORD, "leases", ("create",), namespace=LEASE_NAMESPACE, gates=(gates.NODE_LEASE,)),
    NodeRule(
        _COORD,
        "leases",
        _KEEP,
        Limit.OWN,
        namespace=LEASE_NAMESPACE,
        gates=(gates.NODE_LEASE,),
    ),
    # Flat where it was alpha; the less limited rule comes first.
    NodeRule(_STORAGE, "volumeattachments", ("get",), until=9, gates=(gates.CSI_VOLUME,)),
    NodeRule(_STORAGE, "volumeattachments", ("get",), Limit.RELATION, gates=(gates.CSI_VOLUME,)),
    NodeRule(_EARLY_CSI, "csinodeinfos", ("create",), until=13, gates=(gates.CSI_NODE_INFO,)),
    NodeRule(_EARLY_CSI, "csinodeinfos", _KEEP, Limit.OWN, until=13, gates=(gates.CSI_NODE_INFO,)),
    NodeRule(_EARLY_CSI, "csidrivers", _READ, until=13, gates=(gates.CSI_DRIVER_REGISTRY,)),
    NodeRule(_STORAGE, "csinodes", ("create",), since=14, gates=(gates.CSI_NODE_INFO,)),
    NodeRule(_STORAGE, "csinodes", _KEEP, Limit.OWN, since=14, gates=(gates.CSI_NODE_INFO,)),
    NodeRule(
        _STORAGE,
        "csinodes/status",
        ("get", "update", "patch"),
        Limit.OWN,
        since=37,
        gates=(gates.CSI_VOLUME_HEALTH,),
    ),
    NodeRule(_STORAGE, "csidrivers", _READ, since=14, gates=(gates.CSI_DRIVER_REGISTRY,)),
    NodeRule("node.k8s.io", "runtimeclasses", _READ, gates=(gates.RUNTIME_CLASS,)),
    # Flat at first too; since 1.28 by relation, whatever the gate.
    NodeRule(_DRA, "resourceclaims", ("get",), until=27, gates=(gates.RESOURCE_ALLOCATION,)),
    NodeRule(_DRA, "resourceclaims", ("get",), Limit.RELATION, since=28),
    NodeRule(_DRA, "resourceslices", ("create",), since=30),
    NodeRule(_DRA, "resourceslices", _KEEP, Limit.RELATION, since=30),
    NodeRule(_DRA, "resourceslices", _FIND, since=30, unless=gates.NODE_SELECTORS),
    NodeRule(_DRA, "resourceslices", ("deletecollection",), since=31, unless=gates.NODE_SELECTORS),
    NodeRule(
        _DRA, "resourceslices", (*_FIND, "deletecollection"), Limit.SELECTOR, gates=_SELECTORS
    ),
)

_IN_NAMESPACE_ONLY = frozenset(("secrets", "configmaps", "serviceaccounts"))


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """ALLOW, CONDITIONAL (on the relation that `because` names) or NO (no opinion).

    `because` of a NO is what the apiserver says, where it says anything.
    """

    decision: Decision
    because: str


_FREELY = NodeAnswer(Decision.ALLOW, "a rule of the Node authorizer for every node")
_ITSELF = NodeAnswer(Decision.ALLOW, "a rule of the Node authorizer for the node itself")


def decide(
    node: str,
    request: Request,
    minor: int,
    settings: Settings = BY_DEFAULT,
    graph: Graph | None = None,
) -> NodeAnswer:
    """What the Node authorizer of Kubernetes 1.`minor` says to the kubelet of that node.

    `settings` are the gates that the apiserver's flags set, `graph` what is known of pods. Never
    denies: NO means that a later authorizer is asked.
    Source: kubernetes v1.37.2 plugin/pkg/auth/authorizer/node/node_authorizer.go, Authorize.
    """
    minor = clamp(minor)
    if node and not request.path:
        key = (request.group, request.full_resource, request.verb)
        for rule in _by_request(minor, settings).get(key, ()):
            answer = _within(rule, node, request, graph)
            if answer is not None:
                return _worded(answer, node, minor)
    return NodeAnswer(Decision.NO, why_no_opinion(node, request, minor, settings))


def changing_minors(settings: Settings = BY_DEFAULT) -> tuple[int, ...]:
    """Every version in which some rule of a node changes, the oldest included."""
    found: list[int] = []
    before: dict[tuple[str, str, str], tuple[NodeRule, ...]] = {}
    for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1):
        rules = _by_request(minor, settings)
        if rules != before:
            found.append(minor)
        before = rules
    return tuple(found)


@cache
def rules_in_force(minor: int, settings: Settings = BY_DEFAULT) -> tuple[NodeRule, ...]:
    """All rules of one version."""
    return tuple(rule for rule in NODE_RULES if _is_in_force(rule, minor, settings))


@cache
def rules_for(
    minor: int, group: str, resource: str, settings: Settings = BY_DEFAULT
) -> tuple[NodeRule, ...]:
    """The rules on one resource in one version, the least limited first."""
    return tuple(
        rule
        for rule in NODE_RULES
        if (rule.group, rule.resource) == (group, resource) and _is_in_force(rule, minor, settings)
    )


@cache
def _by_request(minor: int, settings: Settings) -> dict[tuple[str, str, str], tuple[NodeRule, ...]]:
    found: dict[tuple[str, str, str], tuple[NodeRule, ...]] = {}
    for rule in NODE_RULES:
        if _is_in_force(rule, minor, settings):
            for verb in rule.verbs:
                key = (rule.group, rule.resource, verb)
                found[key] = (*found.get(key, ()), rule)
    return found


def _is_in_force(rule: NodeRule, minor: int, settings: Settings) -> bool:
    if not rule.since <= minor <= rule.until:
        return False
    if rule.unless and gates.is_on(rule.unless, minor, settings):
        return False
    return not rule.gates or any(gates.is_on(gate, minor, settings) for gate in rule.gates)


def _within(rule: NodeRule, node: str, request: Request, graph: Graph | None) -> NodeAnswer | None:
    """The answer of one rule to a request with one of its verbs, None where it gives none."""
    if rule.namespace and request.namespace != rule.namespace:
        return None
    if rule.limit is Limit.FREE:
        return _FREELY
    if rule.limit is Limit.OWN:
        return _ITSELF if request.name == node else None
    if rule.limit is Limit.SELECTOR:
        return _ITSELF if _selects(request.field_selector, node) else None
    return _related(rule, node, request, graph)


def _selects(field_selector: str, node: str) -> bool:
    """True where one requirement is spec.nodeName=<node>, and nothing but equality will do."""
    wanted = (f"spec.nodeName={node}", f"spec.nodeName=={node}")
    return any(requirement in wanted for requirement in field_selector.split(","))


def _related(rule: NodeRule, node: str, request: Request, graph: Graph | None) -> NodeAnswer | None:
    if not request.name:
        return None
    if rule.resource in _IN_NAMESPACE_ONLY and not request.namespace:
        return None
    relation = relation_of(graph, node, request.resource, request.namespace, request.name)
    return NodeAnswer(relation.decision, relation.because)


def _worded(answer: NodeAnswer, node: str, minor: int) -> NodeAnswer:
    if answer.decision is not Decision.NO:
        return answer
    return NodeAnswer(Decision.NO, no_relation(node, minor))
