"""Fills a lab cluster with what a large one holds: `fill(cluster.admin)`.

The objects are written through the apiserver, so that it validates and stores them as it would any.
"""

from __future__ import annotations

import datetime
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from tests.lab.api import ApiError
from tests.lab.cluster import NODE_LEASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.lab.api import Api

_WORKERS = 8
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_RBAC_GROUP = "rbac.authorization.k8s.io"

Write = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Size:
    """How many objects of each kind; a node with 50 images is about 12 KB of JSON."""

    nodes: int = 5_000
    images: int = 50
    cluster_role_bindings: int = 2_000
    role_bindings: int = 3_000
    cluster_roles: int = 500
    namespaces: int = 100


SMALL = Size(nodes=10, cluster_role_bindings=0, role_bindings=0, cluster_roles=0, namespaces=0)
"""Ten nodes and the RBAC that every cluster has."""


def fill(api: Api, size: Size | None = None) -> None:
    """Create the objects of a cluster of this size; every node has a fresh lease.

    Raises ApiError where one is refused. Takes about as long as the apiserver's CPU lets it.
    """
    size = size or Size()
    _create(api, [*_namespaces(size)])
    _create(api, [*chain(_nodes(size), _leases(size), _rbac(size))])


def _create(api: Api, writes: Sequence[Write]) -> None:
    with ThreadPoolExecutor(_WORKERS) as pool:
        shares = [writes[start::_WORKERS] for start in range(_WORKERS)]
        for _ in pool.map(lambda share: _send(api, share), shares):
            pass


def _send(api: Api, writes: Iterable[Write]) -> None:
    """Post each object on one connection: a new one for each would cost a TLS handshake."""
    connection = api.connection()
    try:
        for path, body in writes:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body), headers)
            with connection.getresponse() as response:
                answer = response.read()
            if response.status != 201:
                raise ApiError(f"POST {path}: {response.status}: {answer.decode()}")
    finally:
        connection.close()


def _namespaces(size: Size) -> Iterator[Write]:
    for number in range(size.namespaces):
        yield "/api/v1/namespaces", {"metadata": {"name": f"team-{number:03}"}}


def _nodes(size: Size) -> Iterator[Write]:
    for number in range(size.nodes):
        yield "/api/v1/nodes", _node(number, size.images)


def _node(number: int, images: int) -> dict[str, Any]:
    name = _node_name(number)
    now = _now()
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    pressures = [
        {**ready, "type": kind, "status": "False", "reason": "KubeletHasEnough", "message": "fine"}
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure")
    ]
    capacity = {"cpu": "16", "memory": "65536Mi", "pods": "110", "ephemeral-storage": "100Gi"}
    return {
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/zone": f"eu-{number % 3 + 1}",
            },
        },
        "spec": {"providerID": f"lab://{name}", "podCIDR": _pod_cidr(number)},
        "status": {
            "conditions": [*pressures, ready],
            "addresses": [{"type": "Hostname", "address": name}],
            "capacity": capacity,
            "allocatable": capacity,
            "nodeInfo": _node_info(number),
            "images": [_image(image) for image in range(images)],
        },
    }


def _pod_cidr(number: int) -> str:
    return f"10.{64 + number // 256}.{number % 256}.0/24"


def _node_info(number: int) -> dict[str, str]:
    return {
        "machineID": f"{number:032x}",
        "systemUUID": f"{number:032x}",
        "bootID": f"{number:032x}",
        "kernelVersion": "6.1.0-28-amd64",
        "osImage": "Debian GNU/Linux 12 (bookworm)",
        "containerRuntimeVersion": "containerd://2.1.4",
        "kubeletVersion": "v1.37.2",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }


def _image(number: int) -> dict[str, Any]:
    repository = f"images.example.com/platform/component-{number:02}"
    digest = f"{number:064x}"
    names = [f"{repository}@sha256:{digest}", f"{repository}:v1.{number}.0"]
    return {"names": names, "sizeBytes": 10_000_000 + number}


def _leases(size: Size) -> Iterator[Write]:
    for number in range(size.nodes):
        name = _node_name(number)
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _now(micro=True)}
        yield NODE_LEASES, {"metadata": {"name": name}, "spec": spec}


def _rbac(size: Size) -> Iterator[Write]:
    for number in range(size.cluster_roles):
        rules = [
            {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete"]},
        ]
        yield f"{_RBAC}/clusterroles", {"metadata": {"name": _role(number)}, "rules": rules}
    for number in range(size.cluster_role_bindings):
        yield f"{_RBAC}/clusterrolebindings", _binding(number, size)
    for number in range(size.role_bindings):
        namespace = f"team-{number % size.namespaces:03}"
        yield f"{_RBAC}/namespaces/{namespace}/rolebindings", _binding(number, size)


def _binding(number: int, size: Size) -> dict[str, Any]:
    team = {"kind": "Group", "apiGroup": _RBAC_GROUP, "name": f"team-{number % 400}"}
    account = {"kind": "ServiceAccount", "namespace": "default", "name": f"robot-{number}"}
    role = _role(number % size.cluster_roles)
    return {
        "metadata": {"name": f"binding-{number:05}"},
        "roleRef": {"apiGroup": _RBAC_GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [team, account],
    }


def _role(number: int) -> str:
    return f"role-{number:04}"


def _node_name(number: int) -> str:
    return f"worker-{number:05}"


def _now(*, micro: bool = False) -> str:
    timespec = "microseconds" if micro else "seconds"
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec=timespec)
    return now.replace("+00:00", "Z")
