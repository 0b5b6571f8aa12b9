"""NodeRestriction: what admission sees to in what a node may write, by version and feature gate.

How it judges one write is in `admission`.
Source: kubernetes v1.37.2 plugin/pkg/admission/noderestriction/admission.go, compared with
v1.34.9, v1.31.14, v1.28.15, v1.13.12 and v1.9.11.
"""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine import gates
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.request import Request
from authzviz.engine.versions import NEWEST_MINOR, clamp

_CERTS, _COORD, _STORAGE = "certificates.k8s.io", "coordination.k8s.io", "storage.k8s.io"
_EARLY_CSI, _DRA = "csi.storage.k8s.io", "resource.k8s.io"
_CHANGES = frozenset(("update", "patch"))


@dataclass(frozen=True, slots=True)
class Restriction:
    """One thing that NodeRestriction sees to, from one minor version on.

    `gate` must be on where there is one, `unless` off. `words` say what a node may still do.
    """

    id: str
    group: str
    resource: str
    verbs: frozenset[str]
    words: str
    since: int = 7
    until: int = NEWEST_MINOR
    gate: str = ""
    unless: str = ""


_CREATE, _DELETE = frozenset(("create",)), frozenset(("delete", "deletecollection"))
_KEEP = _CREATE | _CHANGES | _DELETE
_AUDIENCE_WORDS = "only for an audience that the pod's volumes name or RBAC grants"

RESTRICTIONS = (
    Restriction("own-node", "", "nodes", _KEEP, "only its own Node"),
    Restriction("own-node", "", "nodes/status", _KEEP, "only its own Node"),
    Restriction(
        "config-source", "", "nodes", _CREATE | _CHANGES, "no configSource of its own", since=8
    ),
    Restriction("taints", "", "nodes", _CHANGES, "no change of its taints", since=11),
    Restriction(
        "restricted-labels",
        "",
        "nodes",
        _CREATE | _CHANGES,
        "no label below node-restriction.kubernetes.io",
        since=13,
    ),
    Restriction(
        "kubernetes-labels",
        "",
        "nodes",
        _CHANGES,
        "no label of kubernetes.io or k8s.io but those that are a kubelet's",
        since=13,
    ),
    Restriction(
        "kubernetes-labels-at-first",
        "",
        "nodes",
        _CREATE,
        "no label of kubernetes.io or k8s.io but those that are a kubelet's",
        since=17,
    ),
    Restriction("owners", "", "nodes", _CHANGES, "no change of its ownerReferences", since=31),
    Restriction(
        "mirror-pods",
        "",
        "pods",
        _CREATE,
        "only mirror pods on itself that refer to no other object",
    ),
    Restriction("mirror-owner", "", "pods", _CREATE, "owned by its own Node alone", since=17),
    Restriction("own-pods", "", "pods", _DELETE, "only pods bound to itself"),
    Restriction("no-pod-change", "", "pods", _CHANGES, "no change of a pod but of its status"),
    Restriction("own-pods", "", "pods/status", _KEEP, "only pods bound to itself"),
    Restriction("status-labels", "", "pods/status", _CHANGES, "no change of labels", since=17),
    Restriction(
        "claim-statuses",
        "",
        "pods/status",
        _CHANGES,
        "no change of resource claim statuses",
        since=28,
    ),
    Restriction("own-pods", "", "pods/eviction", _CREATE, "only pods bound to itself", since=8),
    Restriction(
        "claim-status",
        "",
        "persistentvolumeclaims/status",
        _CHANGES,
        "only status.capacity and status.conditions",
        since=9,
    ),
    Restriction(
        "bound-tokens",
        "",
        "serviceaccounts/token",
        _CREATE,
        "only tokens bound to a pod on itself, by its UID",
        gate=gates.TOKEN_REQUEST,
    ),
    Restriction(
        "audience",
        "",
        "serviceaccounts/token",
        _CREATE,
        _AUDIENCE_WORDS,
        gate=gates.NODE_AUDIENCE,
    ),
    Restriction(
        "own-lease", _COORD, "leases", _KEEP, "only the Lease of its name", gate=gates.NODE_LEASE
    ),
    Restriction(
        "own-csi",
        _EARLY_CSI,
        "csinodeinfos",
        _KEEP,
        "only the CSINodeInfo of its name",
        until=13,
        gate=gates.CSI_NODE_INFO,
    ),
    Restriction(
        "own-csi",
        _STORAGE,
        "csinodes",
        _KEEP,
        "only the CSINode of its name",
        since=14,
        gate=gates.CSI_NODE_INFO,
    ),
    Restriction(
        "own-csi",
        _STORAGE,
        "csinodes/status",
        _KEEP,
        "only the CSINode of its name, and not its spec",
        since=37,
        gate=gates.CSI_VOLUME_HEALTH,
    ),
    Restriction("own-slices", _DRA, "resourceslices", _CREATE, "only slices of itself", since=30),
    Restriction("own-slices", _DRA, "resourceslices", _DELETE, "only slices of itself", since=31),
    Restriction(
        "own-name",
        _CERTS,
        "certificatesigningrequests",
        _CREATE,
        "for kubelet signers only with its own name as CN",
        since=31,
        unless=gates.INSECURE_SIGNING,
    ),
    Restriction(
        "own-pod-certificates",
        _CERTS,
        "podcertificaterequests",
        _CREATE,
        "only for a pod on itself that mounts one of that signer",
        gate=gates.POD_CERTIFICATE,
    ),
)


def restrictions_on(
    request: Request, minor: int, settings: Settings = BY_DEFAULT
) -> tuple[Restriction, ...]:
    """What NodeRestriction still sees to in such a request of a node; none for reads."""
    minor = clamp(minor)
    return tuple(
        each
        for each in RESTRICTIONS
        if (each.group, each.resource) == (request.group, request.full_resource)
        and request.verb in each.verbs
        and _is_in_force(each, minor, settings)
    )


def _is_in_force(rule: Restriction, minor: int, settings: Settings) -> bool:
    if not rule.since <= minor <= rule.until:
        return False
    if rule.unless and gates.is_on(rule.unless, minor, settings):
        return False
    return not rule.gate or gates.is_on(rule.gate, minor, settings)
