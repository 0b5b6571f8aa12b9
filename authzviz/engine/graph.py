"""Which objects a node has to do with, through the pods that run on it.

The paths: node <- pod <- secret, configmap, service account, claim, resource claim;
claim <- volume <- secret; node <- volume attachment. A mirror pod leads to nothing but itself: a
node writes those by itself, and must not get at other objects by it.
Source: kubernetes v1.37.2 plugin/pkg/auth/authorizer/node/graph.go, AddPod, AddPV,
AddVolumeAttachment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from authzviz.engine.assessment import Decision
from authzviz.engine.model import Claim, Outcome, Pod, Read, Snapshot, Volume, VolumeAttachment

_USED = {
    "secrets": "uses this secret",
    "configmaps": "uses this configmap",
    "serviceaccounts": "runs as this serviceaccount",
    "persistentvolumeclaims": "uses this persistentvolumeclaim",
    "resourceclaims": "uses this resourceclaim",
    "persistentvolumes": "uses a claim bound to this persistentvolume",
}
_OF_NODE = {
    "pods": "this pod runs on the node",
    "volumeattachments": "this volumeattachment is for the node",
    "resourceslices": "this resourceslice names the node",
    "podcertificaterequests": "this podcertificaterequest names the node",
}

T = TypeVar("T")

Name = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Relation:
    """ALLOW with the path, NO, or CONDITIONAL with the relation that nobody read."""

    decision: Decision
    because: str


@dataclass(frozen=True, slots=True)
class OwnObjects:
    """How many objects the Node authorizer gives one node because pods on it name them.

    Counted by name, each once, whether or not it exists; `pods` are all on the node, mirror pods
    lead to nothing. `is_whole` is False where pods or volumes were not all read, and there
    may be more.
    """

    node: str
    pods: int
    secrets: int
    config_maps: int
    service_accounts: int
    claims: int
    is_whole: bool


_NONE = Relation(Decision.NO, "no path from the object to the node")


@dataclass(frozen=True)
class Graph:
    """What is known of pods and of what they use; None where it was not read.

    Indexed when it is first asked, by what the pods use.
    """

    pods: Read[tuple[Pod, ...]]
    claims: Read[tuple[Claim, ...]] | None
    volumes: Read[tuple[Volume, ...]] | None
    attachments: Read[tuple[VolumeAttachment, ...]] | None

    def of(self, node: str, resource: str, namespace: str, name: str) -> Relation:
        """How the node relates to one object."""
        look = self._looks.get(resource)
        return look(node, (namespace, name)) if look else _unread(resource)

    def own_objects(self, node: str) -> OwnObjects:
        """How many objects of each kind the node gets at through its pods."""
        pods = self._pods_by_node.get(node, ())
        used = {
            (resource, pod.namespace, name)
            for pod in pods
            if not pod.is_mirror
            for resource, name in _uses(pod)
        }
        through_claims = {
            ("secrets", *secret)
            for _, *claim in (each for each in used if each[0] == "persistentvolumeclaims")
            for secret in self._secrets_by_claim.get((claim[0], claim[1]), ())
        }
        counts = Counter(resource for resource, *_ in used | through_claims)
        return OwnObjects(
            node=node,
            pods=len(pods),
            secrets=counts["secrets"],
            config_maps=counts["configmaps"],
            service_accounts=counts["serviceaccounts"],
            claims=counts["persistentvolumeclaims"],
            is_whole=self.pods.is_whole and self.volumes is not None and self.volumes.is_whole,
        )

    @cached_property
    def _pods_by_node(self) -> dict[str, list[Pod]]:
        found: dict[str, list[Pod]] = {}
        for pod in self.pods.value or ():
            found.setdefault(pod.node, []).append(pod)
        return found

    @cached_property
    def _secrets_by_claim(self) -> dict[Name, set[Name]]:
        found: dict[Name, set[Name]] = {}
        for volume in _items(self.volumes):
            claim = (volume.claim_namespace, volume.claim_name)
            found.setdefault(claim, set()).update(volume.secrets)
        return found

    @cached_property
    def _looks(self) -> dict[str, Callable[[str, Name], Relation]]:
        return {
            "pods": self._pod,
            "secrets": self._secret,
            "persistentvolumes": self._volume,
            "volumeattachments": self._attachment,
            **{
                resource: self._user_of(resource)
                for resource in (
                    "configmaps",
                    "serviceaccounts",
                    "persistentvolumeclaims",
                    "resourceclaims",
                )
            },
        }

    @cached_property
    def _nodes_of_pods(self) -> dict[Name, str]:
        return {(pod.namespace, pod.name): pod.node for pod in self.pods.value or () if pod.node}

    @cached_property
    def _users(self) -> dict[tuple[str, str, str, str], Pod]:
        """One pod by node, resource, namespace and name of what it uses."""
        found: dict[tuple[str, str, str, str], Pod] = {}
        for pod in self.pods.value or ():
            if pod.node and not pod.is_mirror:
                for resource, name in _uses(pod):
                    found.setdefault((pod.node, resource, pod.namespace, name), pod)
        return found

    @cached_property
    def _volumes(self) -> dict[str, tuple[Volume, ...]]:
        """By name: as the volume names its claim, and as the claim names its volume."""
        found: dict[str, tuple[Volume, ...]] = {}
        claimed = [
            Volume(claim.volume, claim.namespace, claim.name)
            for claim in _items(self.claims)
            if claim.volume
        ]
        for volume in (*_items(self.volumes), *claimed):
            found[volume.name] = (*found.get(volume.name, ()), volume)
        return found

    @cached_property
    def _volumes_by_secret(self) -> dict[Name, tuple[Volume, ...]]:
        found: dict[Name, tuple[Volume, ...]] = {}
        for volume in _items(self.volumes):
            for secret in volume.secrets:
                found[secret] = (*found.get(secret, ()), volume)
        return found

    @cached_property
    def _nodes_of_attachments(self) -> dict[str, str]:
        return {each.name: each.node for each in _items(self.attachments)}

    def _pod(self, node: str, name: Name) -> Relation:
        if self._nodes_of_pods.get(name) == node:
            return Relation(Decision.ALLOW, f"pod {_said(name)} runs on node {node}")
        return self._otherwise("pods", self.pods)

    def _user_of(self, resource: str) -> Callable[[str, Name], Relation]:
        def look(node: str, name: Name) -> Relation:
            return self._direct(node, resource, name) or self._otherwise(resource, self.pods)

        return look

    def _direct(self, node: str, resource: str, name: Name) -> Relation | None:
        pod = self._users.get((node, resource, *name))
        if pod is None:
            return None
        uses = _USED[resource].replace("this ", "")
        path = f"pod {pod.namespace}/{pod.name} on node {node} {uses} {_said(name)}"
        return Relation(Decision.ALLOW, path)

    def _secret(self, node: str, name: Name) -> Relation:
        found = self._direct(node, "secrets", name)
        if found is not None:
            return found
        for volume in self._volumes_by_secret.get(name, ()):
            path = self._through_claim(node, volume)
            if path:
                because = f"{path}, which names secret {_said(name)}"
                return Relation(Decision.ALLOW, because)
        return self._otherwise("secrets", self.pods, self.volumes)

    def _volume(self, node: str, name: Name) -> Relation:
        for volume in self._volumes.get(name[1], ()):
            path = self._through_claim(node, volume)
            if path:
                return Relation(Decision.ALLOW, path)
        # A volume may be reserved for a claim that doesn't know it yet: only the volume tells.
        return self._otherwise("persistentvolumes", self.pods, self.volumes)

    def _through_claim(self, node: str, volume: Volume) -> str:
        claim = (volume.claim_namespace, volume.claim_name)
        used = self._direct(node, "persistentvolumeclaims", claim)
        return f"{used.because}, bound to persistentvolume {volume.name}" if used else ""

    def _attachment(self, node: str, name: Name) -> Relation:
        if self._nodes_of_attachments.get(name[1]) == node:
            return Relation(Decision.ALLOW, f"volumeattachment {name[1]} is for node {node}")
        return self._otherwise("volumeattachments", self.attachments)

    @staticmethod
    def _otherwise(resource: str, *reads: Read[tuple[object, ...]] | None) -> Relation:
        """What to say where no path was found: only whole reads tell that there is none."""
        is_whole = all(read is not None and read.is_whole for read in reads)
        return _NONE if is_whole else _unread(resource)


def graph_of(snapshot: Snapshot) -> Graph | None:
    """The graph of a snapshot with pods, None for one without."""
    pods = snapshot.pods
    if pods is None or pods.outcome is not Outcome.OK:
        return None
    return Graph(pods, snapshot.claims, snapshot.volumes, snapshot.volume_attachments)


def relation_of(
    graph: Graph | None, node: str, resource: str, namespace: str, name: str
) -> Relation:
    """How the node relates to one object; CONDITIONAL without a graph."""
    return graph.of(node, resource, namespace, name) if graph else _unread(resource)


def _unread(resource: str) -> Relation:
    used = _USED.get(resource, "uses this object")
    relation = _OF_NODE.get(resource, f"a pod on the node {used}")
    return Relation(Decision.CONDITIONAL, f"while {relation}")


def _uses(pod: Pod) -> Iterable[tuple[str, str]]:
    if pod.service_account:
        yield "serviceaccounts", pod.service_account
    yield from (("secrets", name) for name in pod.secrets)
    yield from (("configmaps", name) for name in pod.config_maps)
    yield from (("persistentvolumeclaims", name) for name in pod.claims)
    yield from (("resourceclaims", name) for name in pod.resource_claims)


def _items(read: Read[tuple[T, ...]] | None) -> tuple[T, ...]:
    return (read.value if read else None) or ()


def _said(name: Name) -> str:
    return "/".join(name)
