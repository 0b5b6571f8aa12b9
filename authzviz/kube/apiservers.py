"""Which kube-apiservers mirror pods show, with their authorization flags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from authzviz.engine.model import ApiServer, Outcome, Read
from authzviz.engine.permissions import LIST_STATIC_PODS
from authzviz.kube import flags
from authzviz.kube.connection import address_of
from authzviz.kube.endpoints import DEFAULT_PORT
from authzviz.kube.errors import KubeError
from authzviz.kube.lists import Kind, attempt, items
from authzviz.kube.objects import Container, PodJson

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

_PODS = "/api/v1/namespaces/kube-system/pods"
# kubeadm, kind, RKE2; then kops, and Talos before October 2024.
_SELECTORS = ("component=kube-apiserver", "k8s-app=kube-apiserver")
POD_KIND = Kind("PodList", PodJson, lambda pod: pod)


@dataclass(frozen=True, slots=True)
class Pods:
    """The kube-apiservers that mirror pods show, and pods that only look like one: those are no
    gap, since anyone's pod could be among them.
    """

    read: Read[tuple[ApiServer, ...]]
    ignored: tuple[str, ...] = ()

    @property
    def why_none(self) -> str:
        """Why no pod shows an apiserver."""
        if self.read.outcome is not Outcome.OK:
            return f"{LIST_STATIC_PODS.words}: {self.read.why}"
        seen = (*self.read.gaps, *self.ignored)
        return "no kube-apiserver pod in kube-system" + (f" ({'; '.join(seen)})" if seen else "")


def read_mirror_pods(connection: Connection) -> Pods:
    """Every kube-apiserver that a mirror pod shows.

    A pod is believed only if the kubelet of its node made it (see `is_mirror`).
    """
    gaps: list[str] = []
    ignored: list[str] = []
    pods = attempt(
        f"GET {_PODS}",
        LIST_STATIC_PODS.words,
        lambda: tuple(map(_of_pod, _mirror_pods(connection, gaps, ignored))),
    )
    return Pods(replace(pods, gaps=tuple(gaps)), tuple(ignored))


def is_mirror(pod: PodJson) -> bool:
    """True where the pod is a static pod's mirror, made by the kubelet of its own node.

    The label alone proves nothing: whoever may create pods in kube-system can write it.
    """
    node = pod.spec.node_name
    owners = [owner for owner in pod.metadata.owner_references or () if owner.controller]
    return (
        bool((pod.metadata.annotations or {}).get("kubernetes.io/config.mirror"))
        and bool(node)
        and pod.metadata.name.endswith(f"-{node}")
        and any(owner.kind == "Node" and owner.name == node for owner in owners)
    )


def _mirror_pods(
    connection: Connection, gaps: list[str], ignored: list[str]
) -> tuple[PodJson, ...]:
    """The pods that are believed. `ignored` is no gap: anyone's pod could be in it."""
    found: dict[str, PodJson] = {}
    lookalikes: set[str] = set()
    for number, selector in enumerate(_SELECTORS):
        path = f"{_PODS}?labelSelector={selector.replace('=', '%3D')}"
        try:
            pods = items(connection, path, POD_KIND, gaps)
        except KubeError as error:
            if number == 0 or not found:
                raise
            gaps.append(f"pods with {selector}: {error.message}")
            continue
        found.update({pod.metadata.name: pod for pod in pods if is_mirror(pod)})
        lookalikes.update(pod.metadata.name for pod in pods if not is_mirror(pod))
    if lookalikes:
        names = ", ".join(sorted(lookalikes)[:5])
        ignored.append(connection.clean(f"not believed, since no kubelet made them: {names}"))
    return tuple(found[name] for name in sorted(found))


def _of_pod(pod: PodJson) -> ApiServer:
    name = pod.metadata.name
    evidence = f"mirror pod kube-system/{name}"
    try:
        container = container_of(pod)
        command, args = container.command or (), container.args or ()
        address = pod_address(pod, flags.secure_port(command, args))
        found = flags.of_container(command, args)
    except flags.FlagsUnreadable as unreadable:
        return ApiServer(name, None, evidence, str(unreadable), address=pod_address(pod))
    return ApiServer(name, found, evidence, address=address)


def pod_address(pod: PodJson, port: int | None = None) -> str:
    """Where the pod's apiserver listens, "" where unknown: its pod has the host's network."""
    host = pod.status.host_ip or pod.status.pod_ip
    return address_of(host, port or DEFAULT_PORT) if host else ""


def container_of(pod: PodJson) -> Container:
    """The container that runs the apiserver. Raises FlagsUnreadable where that can't be told."""
    containers = pod.spec.containers
    named = [container for container in containers if container.name == "kube-apiserver"]
    if named or len(containers) == 1:
        return (named or containers)[0]
    raise flags.FlagsUnreadable("none of its containers is named kube-apiserver")
