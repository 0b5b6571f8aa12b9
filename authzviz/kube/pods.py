"""What pods use, as names: for bundles in which the Node authorizer's graph can be followed.

No environment, no command and no data is decoded, let alone kept.
Source: kubernetes v1.37.2 pkg/api/v1/pod/util.go (VisitPodSecretNames, VisitPodConfigmapNames),
pkg/api/v1/persistentvolume/util.go (VisitPVSecretNames).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from authzviz.engine import permissions
from authzviz.engine.model import Claim, Pod, Read, Volume, VolumeAttachment
from authzviz.kube.lists import Kind, read_list
from authzviz.kube.objects import NameOnly

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

_MIRROR = "kubernetes.io/config.mirror"


class _Struct(msgspec.Struct, gc=False, rename="camel"):
    """Unknown fields are skipped unread."""


class _PodMetadata(NameOnly):
    annotations: dict[str, str] | None = None


class _Reference(_Struct):
    """Of a secret, in a pod's own namespace or, from a volume, in the one it names."""

    name: str = ""
    namespace: str = ""


class _AzureFile(_Struct):
    secret_name: str = ""
    secret_namespace: str | None = None


class _Csi(_Struct):
    node_publish_secret_ref: _Reference | None = None
    node_stage_secret_ref: _Reference | None = None
    node_expand_secret_ref: _Reference | None = None


class _WithSecret(_Struct):
    secret_ref: _Reference | None = None


class _Sources(_Struct):
    """The kinds of volumes that name a secret, in pods and PersistentVolumes alike."""

    azure_file: _AzureFile | None = None
    cephfs: _WithSecret | None = None
    cinder: _WithSecret | None = None
    csi: _Csi | None = None
    flex_volume: _WithSecret | None = None
    iscsi: _WithSecret | None = None
    rbd: _WithSecret | None = None
    scale_io: _WithSecret | None = msgspec.field(name="scaleIO", default=None)
    storageos: _WithSecret | None = None


class _SecretVolume(_Struct):
    secret_name: str = ""


class _Projection(_Struct):
    secret: _Reference | None = None
    config_map: _Reference | None = None


class _Projected(_Struct):
    sources: tuple[_Projection, ...] | None = None


class _ClaimVolume(_Struct):
    claim_name: str = ""


class _Present(_Struct):
    """That there is one is all that matters."""


class _PodVolume(_Sources):
    name: str = ""
    secret: _SecretVolume | None = None
    config_map: _Reference | None = None
    projected: _Projected | None = None
    persistent_volume_claim: _ClaimVolume | None = None
    ephemeral: _Present | None = None


class _EnvFrom(_Struct):
    secret_ref: _Reference | None = None
    config_map_ref: _Reference | None = None


class _ValueFrom(_Struct):
    secret_key_ref: _Reference | None = None
    config_map_key_ref: _Reference | None = None


class _Env(_Struct):
    value_from: _ValueFrom | None = None


class _Container(_Struct):
    env: tuple[_Env, ...] | None = None
    env_from: tuple[_EnvFrom, ...] | None = None


class _ClaimSource(_Struct):
    resource_claim_name: str | None = None


class _PodClaim(_ClaimSource):
    source: _ClaimSource | None = None


class _PodSpec(_Struct):
    node_name: str = ""
    service_account_name: str = ""
    image_pull_secrets: tuple[_Reference, ...] | None = None
    containers: tuple[_Container, ...] | None = None
    init_containers: tuple[_Container, ...] | None = None
    ephemeral_containers: tuple[_Container, ...] | None = None
    volumes: tuple[_PodVolume, ...] | None = None
    resource_claims: tuple[_PodClaim, ...] | None = None


class _PodStatus(_Struct):
    resource_claim_statuses: tuple[_ClaimSource, ...] | None = None
    extended_resource_claim_status: _ClaimSource | None = None


class PodJson(_Struct):
    metadata: _PodMetadata
    spec: _PodSpec
    status: _PodStatus = msgspec.field(default_factory=_PodStatus)


class _ClaimSpec(_Struct):
    volume_name: str = ""


class ClaimJson(_Struct):
    metadata: NameOnly
    spec: _ClaimSpec


class _VolumeSpec(_Sources):
    claim_ref: NameOnly | None = None


class VolumeJson(_Struct):
    metadata: NameOnly
    spec: _VolumeSpec


class _AttachmentSpec(_Struct):
    node_name: str = ""


class AttachmentJson(_Struct):
    metadata: NameOnly
    spec: _AttachmentSpec


def read_pods(connection: Connection) -> Read[tuple[Pod, ...]]:
    """Every pod that is bound to a node, with what it uses."""
    pods = read_list(
        connection, "/api/v1/pods", permissions.LIST_PODS.words, Kind("PodList", PodJson, to_pod)
    )
    if pods.value is None:
        return pods
    bound = tuple(pod for pod in pods.value if pod.node)
    return Read(pods.outcome, pods.source, pods.permission, bound, pods.why, pods.gaps)


def read_claims(connection: Connection) -> Read[tuple[Claim, ...]]:
    """Every PersistentVolumeClaim, with its volume."""
    return read_list(
        connection,
        "/api/v1/persistentvolumeclaims",
        permissions.LIST_CLAIMS.words,
        Kind("PersistentVolumeClaimList", ClaimJson, to_claim),
    )


def read_volumes(connection: Connection) -> Read[tuple[Volume, ...]]:
    """Every PersistentVolume, with its claim and secrets."""
    return read_list(
        connection,
        "/api/v1/persistentvolumes",
        permissions.LIST_VOLUMES.words,
        Kind("PersistentVolumeList", VolumeJson, to_volume),
    )


def read_attachments(connection: Connection) -> Read[tuple[VolumeAttachment, ...]]:
    """Every VolumeAttachment, with its node."""
    return read_list(
        connection,
        "/apis/storage.k8s.io/v1/volumeattachments",
        permissions.LIST_ATTACHMENTS.words,
        Kind("VolumeAttachmentList", AttachmentJson, to_attachment),
    )


def to_pod(found: PodJson) -> Pod:
    """The pod with the names of what it uses, each once."""
    spec, name = found.spec, found.metadata.name
    volumes = spec.volumes or ()
    references = list(_env(spec))
    return Pod(
        namespace=found.metadata.namespace,
        name=name,
        node=spec.node_name,
        is_mirror=_MIRROR in (found.metadata.annotations or {}),
        service_account=spec.service_account_name,
        secrets=_once(
            [
                *(each.name for each in spec.image_pull_secrets or ()),
                *(secret for secret, _ in references),
                *(secret for volume in volumes for secret in _secrets(volume)),
            ]
        ),
        config_maps=_once(
            [
                *(config_map for _, config_map in references),
                *(config_map for volume in volumes for config_map in _config_maps(volume)),
            ]
        ),
        claims=_once(_claim(name, volume) for volume in volumes),
        resource_claims=_once(_resource_claims(found)),
    )


def to_claim(found: ClaimJson) -> Claim:
    """The claim with its volume's name, "" while it is not bound."""
    return Claim(found.metadata.namespace, found.metadata.name, found.spec.volume_name)


def to_volume(found: VolumeJson) -> Volume:
    """The volume; without a claim it leads nowhere, and its secrets are no kubelet's business."""
    claim = found.spec.claim_ref
    if claim is None:
        return Volume(found.metadata.name, "", "")
    secrets = dict.fromkeys(_secrets_of_volume(found.spec, claim.namespace))
    return Volume(found.metadata.name, claim.namespace, claim.name, tuple(secrets))


def to_attachment(found: AttachmentJson) -> VolumeAttachment:
    """The attachment with the name of its node."""
    return VolumeAttachment(found.metadata.name, found.spec.node_name)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _name(reference: _Reference | None) -> str:
    return reference.name if reference else ""


def _env(spec: _PodSpec) -> Iterable[tuple[str, str]]:
    """Names of secrets and of configmaps in environments, either of them empty."""
    kinds = (spec.containers, spec.init_containers, spec.ephemeral_containers)
    for container in (container for kind in kinds for container in kind or ()):
        for whole in container.env_from or ():
            yield _name(whole.secret_ref), _name(whole.config_map_ref)
        for one in container.env or ():
            if one.value_from:
                yield _name(one.value_from.secret_key_ref), _name(one.value_from.config_map_key_ref)


def _secrets(volume: _PodVolume) -> Iterable[str]:
    if volume.secret:
        yield volume.secret.secret_name
    for source in _projections(volume):
        yield _name(source.secret)
    if volume.azure_file:
        yield volume.azure_file.secret_name
    if volume.csi:
        yield _name(volume.csi.node_publish_secret_ref)
    for kind in _with_secret(volume):
        yield _name(kind.secret_ref)


def _config_maps(volume: _PodVolume) -> Iterable[str]:
    yield _name(volume.config_map)
    for source in _projections(volume):
        yield _name(source.config_map)


def _projections(volume: _PodVolume) -> tuple[_Projection, ...]:
    return (volume.projected.sources if volume.projected else None) or ()


def _with_secret(sources: _Sources) -> Iterable[_WithSecret]:
    kinds = (
        sources.cephfs,
        sources.cinder,
        sources.flex_volume,
        sources.iscsi,
        sources.rbd,
        sources.scale_io,
        sources.storageos,
    )
    return (kind for kind in kinds if kind)


def _claim(pod: str, volume: _PodVolume) -> str:
    if volume.persistent_volume_claim:
        return volume.persistent_volume_claim.claim_name
    return f"{pod}-{volume.name}" if volume.ephemeral else ""


def _resource_claims(found: PodJson) -> Iterable[str]:
    """Claims that the pod names, and those that were made for it, which its status names."""
    for claim in found.spec.resource_claims or ():
        named = claim.source or claim
        yield named.resource_claim_name or ""
    for made in found.status.resource_claim_statuses or ():
        yield made.resource_claim_name or ""
    extended = found.status.extended_resource_claim_status
    yield (extended.resource_claim_name or "") if extended else ""


def _secrets_of_volume(spec: _VolumeSpec, claim_namespace: str) -> Iterable[tuple[str, str]]:
    """Secrets that a kubelet mounts the volume by; not those of the controller."""
    found = [kind.secret_ref for kind in _with_secret(spec)]
    if spec.csi:
        csi = spec.csi
        found += [
            csi.node_publish_secret_ref,
            csi.node_stage_secret_ref,
            csi.node_expand_secret_ref,
        ]
    for reference in found:
        if reference and reference.name:
            yield reference.namespace or claim_namespace, reference.name
    if spec.azure_file and spec.azure_file.secret_name:
        yield spec.azure_file.secret_namespace or claim_namespace, spec.azure_file.secret_name
