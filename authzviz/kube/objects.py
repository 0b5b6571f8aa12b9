"""Kubernetes' JSON, with only the fields that are needed, and what becomes of it in the engine."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

import msgspec

from authzviz.engine.model import (
    Binding,
    Lease,
    Node,
    PolicyRule,
    Ready,
    Role,
    RoleRef,
    Subject,
)
from authzviz.kube import flags

# What tells the distribution. Nothing else of a node's annotations and labels is kept: they hold
# anything, k3s.io/node-env even an environment.
_TELLING = frozenset(
    {
        "kubeadm.alpha.kubernetes.io/cri-socket",
        "k3s.io/hostname",
        "rke2.io/hostname",
        "k3s.io/internal-ip",
        "rke2.io/internal-ip",
        "machineconfiguration.openshift.io/currentConfig",
        "talos.dev/owned-labels",
        "networking.talos.dev/self-ips",
        "cluster.talos.dev/node-id",
        "node.k0sproject.io/role",
        "microk8s.io/cluster",
        "node.openshift.io/os_id",
        "kops.k8s.io/instancegroup",
        "eks.amazonaws.com/nodegroup",
        "kubernetes.azure.com/cluster",
        "cloud.google.com/gke-nodepool",
    }
)
# What msgspec raises for bytes that are not the JSON asked for; text is decoded late and by itself.
UNDECODABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_NO_ROLE = ("<none>", "")
_CONTROL_PLANE = ("control-plane", "master", "controlplane")
# Many bindings name few roles and subjects, many nodes have few states: making each value once
# takes half the time and less memory; so does what a Table says of a node, poll after poll.
_MOST_SHARED = 10_000
_LONGEST_SHARED = 300
_shared_role_ref = lru_cache(_MOST_SHARED)(RoleRef)
_shared_subject = lru_cache(_MOST_SHARED)(Subject)
# No name in Kubernetes is longer; no kind or namespace comes near.
Text = Annotated[str, msgspec.Meta(max_length=2048)]


class _Struct(msgspec.Struct, gc=False, rename="camel"):
    """Unknown fields are skipped unread, which is where the speed comes from."""


class Owner(_Struct):
    kind: str
    name: str
    controller: bool | None = None


class Metadata(_Struct):
    name: str
    namespace: str = ""
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    owner_references: tuple[Owner, ...] | None = None


class NameOnly(_Struct):
    name: Text
    namespace: Text = ""


class Autoupdate(_Struct):
    """The one annotation of RBAC objects that is of interest."""

    value: Text = msgspec.field(name="rbac.authorization.kubernetes.io/autoupdate", default="")


class WithAutoupdate(NameOnly):
    annotations: Autoupdate | None = None


class RuleJson(_Struct):
    verbs: tuple[Text, ...] | None = None
    api_groups: tuple[Text, ...] | None = None
    resources: tuple[Text, ...] | None = None
    resource_names: tuple[Text, ...] | None = None
    non_resource_urls: tuple[Text, ...] | None = msgspec.field(name="nonResourceURLs", default=None)


class Aggregation(_Struct):
    """That there is one is all that matters."""


class RoleJson(_Struct):
    metadata: NameOnly
    rules: tuple[RuleJson, ...] | None = None
    aggregation_rule: Aggregation | None = None


class SubjectJson(_Struct):
    kind: Text
    name: Text
    namespace: Text | None = None


class RoleRefJson(_Struct):
    kind: Text
    name: Text


class BindingJson(_Struct):
    metadata: WithAutoupdate
    role_ref: RoleRefJson
    subjects: tuple[SubjectJson, ...] | None = None


class LeaseSpec(_Struct):
    renew_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    lease_duration_seconds: int | None = None


class LeaseJson(_Struct):
    metadata: NameOnly
    spec: LeaseSpec


class Condition(_Struct):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class NodeInfo(_Struct):
    kubelet_version: str = ""


class NodeStatus(_Struct):
    conditions: tuple[Condition, ...] | None = None
    node_info: NodeInfo | None = None


class NodeSpec(_Struct):
    provider_id: str = msgspec.field(name="providerID", default="")


class NodeJson(_Struct):
    metadata: Metadata
    status: NodeStatus
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)


class Container(_Struct):
    name: str
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None


class PodSpec(_Struct):
    containers: tuple[Container, ...]
    node_name: str = ""


class PodStatus(_Struct):
    host_ip: str = msgspec.field(name="hostIP", default="")
    pod_ip: str = msgspec.field(name="podIP", default="")


class PodJson(_Struct):
    metadata: Metadata
    spec: PodSpec
    status: PodStatus = msgspec.field(default_factory=PodStatus)


def to_role(found: RoleJson) -> Role:
    """The Role or ClusterRole."""
    return Role(
        name=found.metadata.name,
        namespace=found.metadata.namespace,
        rules=tuple(
            PolicyRule(
                rule.verbs or (),
                rule.api_groups or (),
                rule.resources or (),
                rule.resource_names or (),
                rule.non_resource_urls or (),
            )
            for rule in found.rules or ()
        ),
        is_aggregated=found.aggregation_rule is not None,
    )


def to_binding(found: BindingJson) -> Binding:
    """The RoleBinding or ClusterRoleBinding; a ServiceAccount without a namespace keeps none."""
    annotations = found.metadata.annotations
    return Binding(
        name=found.metadata.name,
        role_ref=_role_ref(found.role_ref),
        namespace=found.metadata.namespace,
        subjects=tuple(
            [
                _subject(subject.kind, subject.name, subject.namespace or "")
                for subject in found.subjects or ()
            ]
        ),
        is_reconciled=annotations is None or annotations.value != "false",
    )


def _role_ref(found: RoleRefJson) -> RoleRef:
    is_short = len(found.name) + len(found.kind) < _LONGEST_SHARED
    return (_shared_role_ref if is_short else RoleRef)(found.kind, found.name)


def _subject(kind: str, name: str, namespace: str) -> Subject:
    # What is shared outlives the poll, so that long texts would fill the worker in time.
    is_short = len(kind) + len(name) + len(namespace) < _LONGEST_SHARED
    return (_shared_subject if is_short else Subject)(kind, name, namespace)


def to_lease(found: LeaseJson) -> Lease:
    """The Lease of the node of its name."""
    return Lease(
        node=found.metadata.name,
        renewed_at=found.spec.renew_time and found.spec.renew_time.astimezone(UTC),
        duration_seconds=found.spec.lease_duration_seconds or 40,
    )


def to_node(found: NodeJson) -> Node:
    """The Node with all that is known of it: as read one by one, or from a list without a Table."""
    labels = found.metadata.labels or {}
    ready = next((c for c in found.status.conditions or () if c.type == "Ready"), None)
    return Node(
        name=found.metadata.name,
        ready=_ready(ready.status if ready else "Unknown"),
        kubelet_version=found.status.node_info.kubelet_version if found.status.node_info else "",
        is_control_plane=any(f"node-role.kubernetes.io/{role}" in labels for role in _CONTROL_PLANE)
        or labels.get("kubernetes.io/role") in _CONTROL_PLANE,
        provider_id=found.spec.provider_id,
        reason=ready.reason if ready else "",
        message=ready.message if ready else "",
        since=moment(ready.last_transition_time) if ready else None,
        annotations=_telling({**labels, **(found.metadata.annotations or {})}),
    )


@lru_cache(2 * _MOST_SHARED)
def to_row_node(name: str, status: str, roles: str, version: str) -> Node:
    """The Node as a Table tells of it. Source: kubernetes pkg/printers/internalversion, printNode:
    Ready, NotReady or Unknown (no such condition), then ",SchedulingDisabled".
    """
    is_short = len(status) + len(roles) < _LONGEST_SHARED
    ready, is_control_plane = (_of_row if is_short else _of_row.__wrapped__)(status, roles)
    return Node(name, ready, version, is_control_plane)


@lru_cache(_MOST_SHARED)
def _of_row(status: str, roles: str) -> tuple[Ready, bool]:
    states = {"Ready": Ready.TRUE, "NotReady": Ready.NOT_READY}
    return (
        states.get(status.split(",", maxsplit=1)[0], Ready.UNKNOWN),
        roles not in _NO_ROLE and not set(roles.split(",")).isdisjoint(_CONTROL_PLANE),
    )


def moment(text: str | None) -> datetime | None:
    """The instant of an RFC 3339 text, UTC; None for none or another form."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def _ready(status: str) -> Ready:
    return {"True": Ready.TRUE, "False": Ready.FALSE}.get(status, Ready.UNKNOWN)


def _telling(found: dict[str, str]) -> tuple[tuple[str, str], ...]:
    kept = {name: value for name, value in found.items() if name in _TELLING}
    for name in flags.ANNOTATIONS & found.keys():
        kept[name] = flags.of_node_args(found[name])
    return tuple(sorted(kept.items()))
