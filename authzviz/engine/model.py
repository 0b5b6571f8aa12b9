"""What one cluster said (Snapshot), as values: every fact with where it came from, or why it is
missing.

Times are timezone-aware datetimes in UTC. Names are as the apiserver gave them, never normalized:
a look-alike letter must not become a system name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)

ENGINE_VERSION = 3
"""Stored with each verdict; raised whenever the same snapshot may be judged differently."""


class Outcome(StrEnum):
    """How a read ended. There is no "empty": an empty list that was read is OK."""

    OK = "ok"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Read(Generic[T_co]):
    """One read of the cluster: its value, or why there is none.

    `value` is None unless `outcome` is OK. `gaps` names items that were served but could not be
    understood: then the list is not whole, and nothing may be concluded from what is absent.
    `permission` is what would allow the read ("list
    clusterrolebindings.rbac.authorization.k8s.io"), said whatever the outcome.
    """

    outcome: Outcome
    source: str
    permission: str
    value: T_co | None = None
    why: str = ""
    gaps: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True where absence means something: read, and every item understood."""
        return self.outcome is Outcome.OK and not self.gaps


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule of a Role or ClusterRole, as rbac.authorization.k8s.io/v1 has it."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A Role, or a ClusterRole (namespace empty)."""

    name: str
    namespace: str = ""
    rules: tuple[PolicyRule, ...] = ()
    is_aggregated: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a binding reaches: kind is User, Group or ServiceAccount; only the last has a
    namespace.
    """

    kind: str
    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class RoleRef:
    """The role a binding refers to: kind is ClusterRole or Role."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Binding:
    """A RoleBinding, or a ClusterRoleBinding (namespace empty).

    `is_reconciled` is False only where the annotation rbac.authorization.kubernetes.io/autoupdate
    is "false".
    """

    name: str
    role_ref: RoleRef
    namespace: str = ""
    subjects: tuple[Subject, ...] = ()
    is_reconciled: bool = True


@dataclass(frozen=True, slots=True)
class Flag:
    """One occurrence of a flag: name with dashes and without the leading ones, value as given (""
    for none).
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Authorizer:
    """One entry of an AuthorizationConfiguration: its type is a mode ("Node", "Webhook").

    `failure_policy` is NoOpinion or Deny for a webhook, "" for all others; `match_conditions` is
    how many conditions must hold before a webhook is asked.
    """

    type: str
    name: str
    failure_policy: str = ""
    match_conditions: int = 0


@dataclass(frozen=True, slots=True)
class ApiServer:
    """One kube-apiserver, with its authorization flags in the order given; what they mean is
    `chain`'s business.

    `flags` is None where they could not be read; `why` then says so. Only the flags named in
    kube.flags are kept. `evidence` is where they come from ("mirror pod
    kube-system/kube-apiserver-cp1", "/flagz"). `authorizers` is what the file says that
    --authorization-config names, None where that was not read: no API shows it.
    """

    name: str
    flags: tuple[Flag, ...] | None
    evidence: str
    why: str = ""
    authorizers: tuple[Authorizer, ...] | None = None


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
class Snapshot:
    """What one poll read of one cluster.

    `read_at` is our clock, `server_time` the apiserver's own (its Date header; None where it gave
    none): ages of leases are measured on the server's, so that a skewed poller sees no outage.
    `endpoints` are the addresses in EndpointSlice default/kubernetes. `is_live` is False for a
    bundle or a recording. What pods use is read only where it is asked for: it is None otherwise,
    and no verdict hangs on it. `assumed` says what of it nobody read, in sentences: a cluster
    judged before it exists.
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
