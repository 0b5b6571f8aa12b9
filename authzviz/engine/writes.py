"""What a node writes, as far as NodeRestriction looks at it.

What is empty or False is the harmless case: nothing changed, nothing referred to.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner reference; `uid` is what the reference says."""

    kind: str
    name: str
    uid: str
    api_version: str = "v1"
    is_controller: bool = True
    blocks_deletion: bool = False


@dataclass(frozen=True, slots=True)
class OfNode:
    """A Node written: its labels set or changed, and what else of it."""

    name: str
    labels: tuple[str, ...] = ()
    are_taints_changed: bool = False
    are_owners_changed: bool = False
    has_new_config_source: bool = False


@dataclass(frozen=True, slots=True)
class OfPod:
    """A pod written: where it is bound to and, where it is created, what it is.

    `references` is the resource that it refers to ("secrets", "serviceaccounts"), `node_uid` the
    UID of the writing node's own Node.
    """

    node: str
    is_mirror: bool = False
    owners: tuple[Owner, ...] = ()
    node_uid: str = ""
    references: str = ""
    are_labels_changed: bool = False
    are_claim_statuses_changed: bool = False


@dataclass(frozen=True, slots=True)
class OfClaim:
    """A PersistentVolumeClaim written: the fields that change ("status.capacity")."""

    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfToken:
    """A token asked for: what it is bound to, and the pod of that name as it is.

    `audiences` are those asked for (none for the default one), `pod_audiences` those of the pod's
    projected volumes and CSI drivers; `is_audience_granted` where RBAC has the verb
    request-serviceaccounts-token-audience for it.
    """

    bound_kind: str = ""
    bound_name: str = ""
    bound_uid: str = ""
    pod_uid: str = ""
    pod_node: str = ""
    audiences: tuple[str, ...] = ()
    pod_audiences: tuple[str, ...] = ()
    is_audience_granted: bool = False


@dataclass(frozen=True, slots=True)
class OfName:
    """A Lease, CSINode or CSINodeInfo written; `is_spec_changed` through its status."""

    name: str
    is_spec_changed: bool = False


@dataclass(frozen=True, slots=True)
class OfSlice:
    """A ResourceSlice written: its spec.nodeName, empty for none."""

    node: str


@dataclass(frozen=True, slots=True)
class OfSigning:
    """A CertificateSigningRequest made: its signer, and the common name of what it asks for."""

    signer: str
    common_name: str


@dataclass(frozen=True, slots=True)
class OfPodCertificate:
    """A PodCertificateRequest made: the node and service account it names, and the pod as it is.

    `is_signer_mounted` where the pod has a podCertificate volume for the signer, or RBAC has the
    verb request-serviceaccounts-podcertificate-signer for it.
    """

    node: str
    pod: str
    pod_node: str
    is_mirror: bool = False
    account: str = ""
    pod_account: str = ""
    is_signer_mounted: bool = True
    signer: str = ""


Write = OfNode | OfPod | OfClaim | OfToken | OfName | OfSlice | OfSigning | OfPodCertificate
