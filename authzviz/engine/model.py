"""What one cluster said (Snapshot), as values: every fact with where it came from, or why it is
missing.

Times are timezone-aware datetimes in UTC. Names are as the apiserver gave them, never normalized:
a look-alike letter must not become a system name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from authzviz.engine.apiserver import (
    ApiServer,
    Authorizer,
    Flag,
    FlagSource,
    Metrics,
    Observed,
    OwnRules,
    Review,
    Unasked,
)
from authzviz.engine.read import (
    Outcome,
    Read,
)
from authzviz.engine.rules import (
    Binding,
    PolicyRule,
    Role,
    RoleRef,
    Subject,
)

__all__ = [
    "ENGINE_VERSION",
    "ApiServer",
    "Authorizer",
    "Binding",
    "Claim",
    "Flag",
    "FlagSource",
    "Lease",
    "Metrics",
    "Node",
    "Observed",
    "Outcome",
    "OwnRules",
    "Pod",
    "PolicyRule",
    "Read",
    "Ready",
    "Review",
    "Role",
    "RoleRef",
    "SigningRequest",
    "Snapshot",
    "Subject",
    "Unasked",
    "Volume",
    "VolumeAttachment",
]

ENGINE_VERSION = 8
"""Stored with each verdict; raised whenever the same snapshot may be judged differently, or more is
stored of how it is judged.
"""


class Ready(StrEnum):
    """A node's Ready condition. NOT_READY is for a NotReady node whose condition was not read one
    by one.
    """

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    NOT_READY = "not-ready"


@dataclass(frozen=True, slots=True)
class Node:
    """A Node: what the list tells of all, and `reason`, `message`, `annotations` of those read one
    by one.

    `annotations` holds only those that tell the distribution or its flags, as (name, value) pairs.
    """

    name: str
    ready: Ready
    kubelet_version: str = ""
    is_control_plane: bool = False
    provider_id: str = ""
    reason: str = ""
    message: str = ""
    since: datetime | None = None
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """A node's heartbeat in kube-node-lease, overdue `duration_seconds` after `renewed_at`."""

    node: str
    renewed_at: datetime | None
    duration_seconds: int = 40


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod bound to a node, with the names of what its kubelet reads for it, and nothing else.

    `claims` are PersistentVolumeClaims and `resource_claims` ResourceClaims, those that were made
    for it included; all in its own namespace.
    """

    namespace: str
    name: str
    node: str
    is_mirror: bool = False
    service_account: str = ""
    secrets: tuple[str, ...] = ()
    config_maps: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    resource_claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim and the name of the volume that it is bound to, empty for none."""

    namespace: str
    name: str
    volume: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A PersistentVolume that a claim is bound to, with the secrets that a kubelet mounts it by, as
    (namespace, name).
    """

    name: str
    claim_namespace: str
    claim_name: str
    secrets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeAttachment:
    """A VolumeAttachment and the node that it is for."""

    name: str
    node: str


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """A CertificateSigningRequest: who asked for what subject, and what became of it.

    `state` is approved, denied, failed or pending. `common_name` and `organizations` are what the
    request says, "" and empty where it can't be parsed.
    """

    name: str
    signer: str
    requestor: str
    created_at: datetime
    state: str
    common_name: str = ""
    organizations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one poll read of one cluster.

    `read_at` is our clock, `server_time` the apiserver's own (its Date header; None where it gave
    none): ages of leases are measured on the server's, so that a skewed poller sees no outage.
    `endpoints` are the addresses in EndpointSlice default/kubernetes. `is_live` is False for a
    bundle or a recording. What pods use is read only where it is asked for: it is None otherwise,
    and no verdict hangs on it. `assumed` says what of it nobody read, in sentences: a cluster
    judged before it exists.

    `declared` is what the cluster's own configuration says that apiservers should run with
    (kubeadm-config); `node_reviews` are the probes of single nodes; `signing_requests` the recent
    ones. Each is None where it was not asked for.
    """

    name: str
    server: str
    read_at: datetime
    server_time: datetime | None
    version: Read[str]
    apiservers: Read[tuple[ApiServer, ...]]
    endpoints: Read[tuple[str, ...]]
    cluster_roles: Read[tuple[Role, ...]]
    cluster_role_bindings: Read[tuple[Binding, ...]]
    roles: Read[tuple[Role, ...]]
    role_bindings: Read[tuple[Binding, ...]]
    nodes: Read[tuple[Node, ...]]
    leases: Read[tuple[Lease, ...]]
    is_live: bool = True
    pods: Read[tuple[Pod, ...]] | None = None
    claims: Read[tuple[Claim, ...]] | None = None
    volumes: Read[tuple[Volume, ...]] | None = None
    volume_attachments: Read[tuple[VolumeAttachment, ...]] | None = None
    assumed: tuple[str, ...] = ()
    declared: Read[tuple[FlagSource, ...]] | None = None
    node_reviews: Read[tuple[Review, ...]] | None = None
    signing_requests: Read[tuple[SigningRequest, ...]] | None = None

    @property
    def reads(self) -> dict[str, Read[object]]:
        """Every read that a verdict may rest on, by its field's name, in the order in which one
        would want them.
        """
        return {
            "version": self.version,
            "apiservers": self.apiservers,
            "endpoints": self.endpoints,
            "cluster_roles": self.cluster_roles,
            "cluster_role_bindings": self.cluster_role_bindings,
            "roles": self.roles,
            "role_bindings": self.role_bindings,
            "nodes": self.nodes,
            "leases": self.leases,
        }

    @property
    def reads_about_pods(self) -> dict[str, Read[object]]:
        """The reads about what pods use, by their field's name; empty where it wasn't asked for."""
        found: dict[str, Read[object] | None] = {
            "pods": self.pods,
            "claims": self.claims,
            "volumes": self.volumes,
            "volume_attachments": self.volume_attachments,
        }
        return {name: read for name, read in found.items() if read is not None}
