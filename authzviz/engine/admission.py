"""What NodeRestriction says to one write of a node.

It comes after the authorizers, sees the object, and only refuses.

Source: kubernetes v1.37.2 plugin/pkg/admission/noderestriction/admission.go, compared with
v1.34.9, v1.31.14, v1.28.15, v1.13.12 and v1.9.11.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import singledispatch

from authzviz.engine import gates
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.request import LEASE_NAMESPACE, Request
from authzviz.engine.restriction import restrictions_on
from authzviz.engine.versions import clamp
from authzviz.engine.writes import (
    OfClaim,
    OfName,
    OfNode,
    OfPod,
    OfPodCertificate,
    OfSigning,
    OfSlice,
    OfToken,
    Write,
)

_MIRROR = "kubernetes.io/config.mirror"
_CHANGES = frozenset(("update", "patch"))
_WRITES = _CHANGES | {"create", "delete", "deletecollection"}
_KUBELET_SIGNERS = frozenset(
    ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")
)
# k8s.io/kubelet pkg/apis/well_known_labels.go.
_KUBELET_LABELS = frozenset(
    (
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
    )
)
_RESTRICTED_LABELS = "node-restriction.kubernetes.io"
_KUBELET_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")


def refusal_of(
    node: str, request: Request, write: Write, minor: int, settings: Settings = BY_DEFAULT
) -> str:
    """Why NodeRestriction refuses this write of the node, in its words; empty where it doesn't."""
    if request.verb not in _WRITES:
        return ""
    if not node:
        return 'could not determine node from user "system:node:"'
    asked = _Asked(
        node,
        request,
        clamp(minor),
        settings,
        frozenset(each.id for each in restrictions_on(request, minor, settings)),
    )
    return next(iter(_refusals(write, asked)), "")


@dataclass(frozen=True, slots=True)
class _Asked:
    node: str
    request: Request
    minor: int
    settings: Settings
    rules: frozenset[str]

    @property
    def is_create(self) -> bool:
        return self.request.verb == "create"


@singledispatch
def _refusals(write: Write, _: _Asked) -> Iterable[str]:
    """Every reason to refuse the write, the first one said first."""
    raise TypeError(f"no write: {write!r}")


@_refusals.register
def _node(write: OfNode, asked: _Asked) -> Iterable[str]:
    node, is_old = asked.node, asked.minor <= 13
    may_not = "cannot" if is_old else "is not allowed to"
    if write.name != node:
        yield f'node "{node}" {may_not} modify node "{write.name}"'
    if "config-source" in asked.rules and write.has_new_config_source:
        yield _config_source(asked, may_not)
    if "taints" in asked.rules and write.are_taints_changed:
        yield f'node "{node}" {may_not} modify taints'
    if "owners" in asked.rules and write.are_owners_changed:
        yield f'node "{node}" is not allowed to modify ownerReferences'
    labels = ", ".join(sorted(label for label in write.labels if _is_forbidden(asked, label)))
    if labels and asked.is_create:
        yield (
            f"cannot set labels: {labels}"
            if is_old
            else f'node "{node}" is not allowed to set the following labels: {labels}'
        )
    elif labels:
        yield f"{may_not} modify labels: {labels}"


def _config_source(asked: _Asked, may_not: str) -> str:
    if not asked.is_create:
        return f'node "{asked.node}" {may_not} update configSource to a new non-nil configSource'
    if asked.minor <= 13:
        return "cannot create with non-nil configSource"
    return f'node "{asked.node}" is not allowed to create pods with a non-nil configSource'


def _is_forbidden(asked: _Asked, label: str) -> bool:
    prefix, slash, _ = label.partition("/")
    prefix = prefix if slash else ""
    if "restricted-labels" in asked.rules and _is_below(prefix, _RESTRICTED_LABELS):
        return True
    if asked.rules.isdisjoint(("kubernetes-labels", "kubernetes-labels-at-first")):
        return False
    if not (_is_below(prefix, "kubernetes.io") or _is_below(prefix, "k8s.io")):
        return False
    return label not in _KUBELET_LABELS and not any(
        _is_below(prefix, allowed) for allowed in _KUBELET_PREFIXES
    )


def _is_below(prefix: str, domain: str) -> bool:
    return prefix == domain or prefix.endswith(f".{domain}")


@_refusals.register
def _pod(write: OfPod, asked: _Asked) -> Iterable[str]:
    subresource = asked.request.subresource
    if subresource == "eviction":
        if asked.minor >= 8 and write.node != asked.node:
            yield f"node {asked.node} can only evict pods with spec.nodeName set to itself"
    elif subresource == "status":
        yield from _pod_status(asked, write)
    elif subresource:
        yield f'unexpected pod subresource "{subresource}"'
    elif asked.is_create:
        yield from _mirror_pod(asked, write)
    elif asked.request.verb in _CHANGES:
        yield 'unexpected operation "UPDATE"'
    elif write.node != asked.node:
        yield f'node "{asked.node}" can only delete pods with spec.nodeName set to itself'


def _pod_status(asked: _Asked, write: OfPod) -> Iterable[str]:
    node = f'node "{asked.node}"'
    if write.node != asked.node:
        yield f"{node} can only update pod status for pods with spec.nodeName set to itself"  # noqa: S608 - no SQL
    if "status-labels" in asked.rules and write.are_labels_changed:
        yield f"{node} cannot update labels through pod status"
    if "claim-statuses" in asked.rules and write.are_claim_statuses_changed:
        yield f"{node} cannot update resource claim statues"


def _mirror_pod(asked: _Asked, write: OfPod) -> Iterable[str]:
    node = f'node "{asked.node}"'
    if not write.is_mirror:
        yield f'pod does not have "{_MIRROR}" annotation, {node} can only create mirror pods'
    if write.node != asked.node:
        yield f"{node} can only create pods with spec.nodeName set to itself"
    if "mirror-owner" in asked.rules:
        yield from _mirror_owner(asked, write)
    if write.references:
        is_old_account = write.references == "serviceaccounts" and asked.minor <= 30
        what = "a service account" if is_old_account else write.references
        yield f"{node} can not create pods that reference {what}"


def _mirror_owner(asked: _Asked, write: OfPod) -> Iterable[str]:
    node = f'node "{asked.node}"'
    if len(write.owners) > 1:
        yield f"{node} can only create pods with a single owner reference set to itself"
    owner = write.owners[0] if write.owners else None
    if owner is None or (owner.api_version, owner.kind, owner.name) != ("v1", "Node", asked.node):
        yield f"{node} can only create pods with an owner reference set to itself"
    elif not owner.is_controller:
        yield f"{node} can only create pods with a controller owner reference set to itself"
    elif owner.blocks_deletion:
        yield f"{node} must not set blockOwnerDeletion on an owner reference"
    elif owner.uid != write.node_uid:
        yield f"node {asked.node} UID mismatch: expected {owner.uid} got {write.node_uid}"


@_refusals.register
def _claim(write: OfClaim, asked: _Asked) -> Iterable[str]:
    if asked.request.subresource != "status":
        yield "may only update PVC status"
    elif not gates.is_on(gates.EXPAND_VOLUMES, asked.minor, asked.settings):
        yield f'node "{asked.node}" may not update persistentvolumeclaim metadata'
    allowed = {"status.capacity", "status.conditions"}
    if gates.is_on(gates.RECOVER_EXPANSION, asked.minor, asked.settings):
        allowed |= {"status.allocatedResources", "status.allocatedResourceStatuses"}
    changed = set(write.changed) - allowed
    if changed:
        may_not = "may not" if asked.minor <= 13 else "is not allowed to"
        capacity = "status.quantity" if asked.minor >= 34 else "status.capacity"
        yield (
            f'node "{asked.node}" {may_not} update fields other than {capacity} and'
            f" status.conditions: {', '.join(sorted(changed))}"
        )


@_refusals.register
def _token(write: OfToken, asked: _Asked) -> Iterable[str]:
    if "bound-tokens" not in asked.rules:
        return
    if write.bound_kind != "Pod" or not write.bound_name:
        yield "node requested token not bound to a pod"
    if not write.bound_uid:
        yield "node requested token with a pod binding without a uid"
    if write.bound_uid != write.pod_uid:
        yield (
            f"the UID in the bound object reference ({write.bound_uid}) does not match the UID in"
            " record. The object might have been deleted and then recreated"
        )
    if write.pod_node != asked.node:
        yield "node requested token bound to a pod scheduled on a different node"
    if "audience" in asked.rules:
        yield from _audience(asked, write)


def _audience(asked: _Asked, write: OfToken) -> Iterable[str]:
    if len(write.audiences) > 1:
        yield "node may only request 0 or 1 audiences"
    audience = write.audiences[0] if write.audiences else ""
    if audience in write.pod_audiences or write.is_audience_granted:
        return
    user = f"system:node:{asked.node} is not authorized to request tokens for"
    if asked.minor >= 37:
        yield f'{user} audience "{audience}"'
    else:
        yield f'audience "{audience}" not found in pod spec volume, {user} this audience'


@_refusals.register
def _named(write: OfName, asked: _Asked) -> Iterable[str]:
    is_lease = asked.request.resource == "leases"
    if asked.rules.isdisjoint(("own-lease", "own-csi")):
        return
    if is_lease and asked.request.namespace != LEASE_NAMESPACE:
        yield f'can only access leases in the "{LEASE_NAMESPACE}" system namespace'
    if write.name != asked.node:
        kind = "CSINodeInfo" if asked.request.resource == "csinodeinfos" else "CSINode"
        what = "node lease" if is_lease else kind
        yield f"can only access {what} with the same name as the requesting node"
    if write.is_spec_changed and asked.request.subresource == "status":
        yield f'node "{asked.node}" is not allowed to modify CSINode spec via status'


@_refusals.register
def _slice(write: OfSlice, asked: _Asked) -> Iterable[str]:
    if "own-slices" in asked.rules and write.node != asked.node:
        doing = "create" if asked.is_create else "delete"
        yield (f"can only {doing} ResourceSlice with the same NodeName as the requesting node")


@_refusals.register
def _signing(write: OfSigning, asked: _Asked) -> Iterable[str]:
    own = f"system:node:{asked.node}"
    is_kubelets = write.signer in _KUBELET_SIGNERS
    if "own-name" in asked.rules and is_kubelets and write.common_name != own:
        yield f"can only create a node CSR with CN={own}"


@_refusals.register
def _pod_certificate(write: OfPodCertificate, asked: _Asked) -> Iterable[str]:
    if not gates.is_on(gates.POD_CERTIFICATE, asked.minor, asked.settings):
        yield "PodCertificateRequest feature gate is disabled"
    pod = f'pod "{asked.request.namespace}/{write.pod}"'
    if write.node != asked.node:
        yield (
            f'PodCertificateRequest.Spec.NodeName="{write.node}", which is not the requesting'
            f' node "{asked.node}"'
        )
    if write.pod_node != write.node:
        yield f'{pod} is not running on node "{write.node}" named in the PodCertificateRequest'
    if write.is_mirror:
        yield f"{pod} is a mirror pod"
    if write.account != write.pod_account:
        yield (
            f'PodCertificateRequest for {pod} contains serviceAccountName ("{write.account}") that'
            f' differs from running pod ("{write.pod_account}")'
        )
    if asked.minor >= 37 and not write.is_signer_mounted:
        yield f'{pod} does not mount a podCertificate projected volume for signer "{write.signer}"'
