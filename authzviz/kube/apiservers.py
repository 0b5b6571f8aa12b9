"""Which kube-apiservers there are, with their authorization flags: mirror pods, else /flagz."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from authzviz.engine.model import ApiServer, Outcome, Read
from authzviz.kube import flags
from authzviz.kube.errors import KubeError, NotFound, ReadFailed
from authzviz.kube.lists import Kind, attempt, expect, items
from authzviz.kube.objects import UNDECODABLE, Container, PodJson

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

T = TypeVar("T")
_PODS = "/api/v1/namespaces/kube-system/pods"
# kubeadm, kind, RKE2; then kops, and Talos before October 2024.
_SELECTORS = ("component=kube-apiserver", "k8s-app=kube-apiserver")
_PODS_PERMISSION = "list pods in kube-system"
_FLAGZ_PERMISSION = "get /flagz"
_FLAGZ_ACCEPT = (
    "application/json;as=Flagz;v=v1beta1;g=config.k8s.io,"
    "application/json;as=Flagz;v=v1alpha1;g=config.k8s.io,text/plain"
)
_POD_KIND = Kind("PodList", PodJson, lambda pod: pod)


class _Flagz(msgspec.Struct, frozen=True):
    kind: str
    flags: dict[str, str]


class _Endpoint(msgspec.Struct, frozen=True):
    addresses: tuple[str, ...] | None = None


class _Slice(msgspec.Struct, frozen=True):
    endpoints: tuple[_Endpoint, ...] | None = None


class _Address(msgspec.Struct, frozen=True):
    ip: str


class _Subset(msgspec.Struct, frozen=True):
    addresses: tuple[_Address, ...] | None = None


class _Endpoints(msgspec.Struct, frozen=True):
    subsets: tuple[_Subset, ...] | None = None


def read_apiservers(connection: Connection) -> Read[tuple[ApiServer, ...]]:
    """Every kube-apiserver that a mirror pod shows, else the one that answers /flagz.

    A pod is believed only if the kubelet of its node made it (see `is_mirror`). Where neither can
    be read, the reasons of both are given.
    """
    gaps: list[str] = []
    ignored: list[str] = []
    pods = attempt(
        f"GET {_PODS}", _PODS_PERMISSION, lambda: _mirror_pods(connection, gaps, ignored)
    )
    if pods.value:
        servers = tuple(_of_pod(pod) for pod in pods.value)
        return Read(Outcome.OK, pods.source, pods.permission, servers, gaps=tuple(gaps))
    flagz = attempt("GET /flagz", _FLAGZ_PERMISSION, lambda: (_of_flagz(connection),))
    if flagz.outcome is Outcome.OK:
        return Read(flagz.outcome, flagz.source, flagz.permission, flagz.value, gaps=tuple(gaps))
    return _neither(pods, flagz, (*gaps, *ignored))


def _neither(
    pods: Read[tuple[PodJson, ...]], flagz: Read[tuple[ApiServer, ...]], seen: tuple[str, ...]
) -> Read[tuple[ApiServer, ...]]:
    if pods.outcome is Outcome.OK:
        pods_why = "no kube-apiserver pod in kube-system"
        pods_why += f" ({'; '.join(seen)})" if seen else ""
    else:
        pods_why = f"{_PODS_PERMISSION}: {pods.why}"
    is_forbidden = Outcome.FORBIDDEN in {pods.outcome, flagz.outcome}
    permission = _FLAGZ_PERMISSION
    if pods.outcome is not Outcome.OK:
        permission = f"{_PODS_PERMISSION}, or {_FLAGZ_PERMISSION}"
    return Read(
        Outcome.FORBIDDEN if is_forbidden else Outcome.FAILED,
        f"{pods.source}, {flagz.source}",
        permission,
        why=f"{pods_why}; {_FLAGZ_PERMISSION}: {flagz.why}",
    )


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
            pods = items(connection, path, _POD_KIND, gaps)
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
        container = _container(pod)
        found = flags.of_container(container.command or (), container.args or ())
    except flags.FlagsUnreadable as unreadable:
        return ApiServer(name, None, evidence, str(unreadable))
    return ApiServer(name, found, evidence)


def _container(pod: PodJson) -> Container:
    containers = pod.spec.containers
    named = [container for container in containers if container.name == "kube-apiserver"]
    if named or len(containers) == 1:
        return (named or containers)[0]
    raise flags.FlagsUnreadable("none of its containers is named kube-apiserver")


def _of_flagz(connection: Connection) -> ApiServer:
    answer = connection.get("/flagz", accept=_FLAGZ_ACCEPT, max_bytes=1 << 20)
    if answer.status == 406:
        answer = connection.get("/flagz", accept="text/plain", max_bytes=1 << 20)
    body = expect(connection, answer)
    name = f"kube-apiserver at {connection.server.host}:{connection.server.port}"
    try:
        if answer.content_type.startswith("text/plain"):
            found = flags.of_flagz_text(body.decode("utf-8", "replace"))
        else:
            flagz = msgspec.json.decode(body, type=_Flagz)
            found = flags.of_flagz_json(flagz.flags if flagz.kind == "Flagz" else {})
    except UNDECODABLE:
        raise ReadFailed("unexpected answer: no Flagz") from None
    except flags.FlagsUnreadable as unreadable:
        raise ReadFailed(str(unreadable)) from None
    return ApiServer(name, found, "/flagz")


def read_endpoints(connection: Connection) -> Read[tuple[str, ...]]:
    """The addresses behind Service default/kubernetes, one for each apiserver."""
    return attempt(
        "EndpointSlice default/kubernetes",
        "get endpointslices.discovery.k8s.io in default",
        lambda: _endpoints(connection),
    )


def _endpoints(connection: Connection) -> tuple[str, ...]:
    for version in ("v1", "v1beta1"):
        path = f"/apis/discovery.k8s.io/{version}/namespaces/default/endpointslices/kubernetes"
        try:
            found = _decode(connection, path, _Slice).endpoints or ()
        except NotFound:
            continue
        return tuple(address for endpoint in found for address in endpoint.addresses or ())
    path = "/api/v1/namespaces/default/endpoints/kubernetes"
    subsets = _decode(connection, path, _Endpoints).subsets or ()
    return tuple(address.ip for subset in subsets for address in subset.addresses or ())


def _decode(connection: Connection, path: str, kind: type[T]) -> T:
    body = expect(connection, connection.get(path, max_bytes=1 << 20))
    try:
        return msgspec.json.decode(body, type=kind)
    except UNDECODABLE:
        raise ReadFailed("unexpected answer") from None
