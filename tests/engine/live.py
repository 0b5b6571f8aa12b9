"""A real kube-apiserver with Node,RBAC and NodeRestriction, what it says, and objects for it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from authzviz.engine.identity import kubelet_of
from authzviz.engine.request import Request
from tests.engine.node_table import NODE, OTHER

if TYPE_CHECKING:
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory

_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Judge:
    """The apiserver's own answers, over one connection."""

    def __init__(self, live: Cluster) -> None:
        self._connection: http.client.HTTPSConnection = live.admin.connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def decide(self, name: str, request: Request) -> tuple[bool, str]:
        identity = kubelet_of(name)
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": identity.user,
                "groups": identity.groups,
                "resourceAttributes": _attributes(request),
            },
        }
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", _REVIEWS, json.dumps(review), headers)
        with self._connection.getresponse() as response:
            status = json.loads(response.read())["status"]
        # 1.37 names the authorizer before its reason, a line each.
        reasons = [line.removeprefix("node: ") for line in status.get("reason", "").split("\n")]
        return status["allowed"], reasons[0]


def _attributes(request: Request) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        name: getattr(request, name)
        for name in ("verb", "group", "resource", "subresource", "namespace", "name")
    }
    if request.field_selector:
        attributes["fieldSelector"] = {
            "requirements": [_requirement(each) for each in request.field_selector.split(",")]
        }
    return attributes


def _requirement(text: str) -> dict[str, Any]:
    operator = "NotIn" if "!=" in text else "In"
    key, _, value = text.replace("!=", "=").partition("=")
    return {"key": key, "operator": operator, "values": [value]}


def restricted(
    cluster: ClusterFactory, *objects: dict[str, Any], flags: Sequence[str] = ()
) -> Cluster:
    return cluster(
        authorization_mode="Node,RBAC",
        admission_plugins="NodeRestriction",
        objects=objects,
        other_flags=flags,
    )


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it becomes true: the authorizer's graph is a moment behind what was written."""
    for _ in range(100):
        if true():
            return True
        time.sleep(0.1)
    return False


_CONTAINER = {"name": "c", "image": "i"}


def pod(name: str, on: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": on, "containers": [_CONTAINER], **spec},
    }


def objects() -> Iterator[dict[str, Any]]:
    secret = {"secretKeyRef": {"name": "from-env", "key": "k"}}
    yield pod(
        "web",
        NODE,
        serviceAccountName="runner",
        imagePullSecrets=[{"name": "pull"}],
        containers=[{**_CONTAINER, "env": [{"name": "A", "valueFrom": secret}]}],
        volumes=[
            {"name": "a", "secret": {"secretName": "mounted"}},
            {"name": "b", "configMap": {"name": "settings"}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": _claim_spec()}}},
        ],
        resourceClaims=[{"name": "r", "resourceClaimName": "gpu"}],
    )
    token = {"serviceAccountToken": {"path": "token"}}
    yield pod(
        "plain",
        NODE,
        serviceAccountName="runner",
        volumes=[{"name": "a", "projected": {"sources": [token]}}],
    )
    yield pod(
        "other",
        OTHER,
        serviceAccountName="runner",
        volumes=[{"name": "a", "secret": {"secretName": "others"}}],
    )
    mirror = pod("mirror", NODE, volumes=[{"name": "a", "secret": {"secretName": "mirrored"}}])
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "hash"}
    yield mirror
    for name, volume in (("data", "pv-data"), ("idle", "pv-idle")):
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {**_claim_spec(), "volumeName": volume},
        }
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "claimRef": {"name": name, "namespace": "default"},
                "csi": {
                    "driver": "d",
                    "volumeHandle": name,
                    "nodeStageSecretRef": {"name": f"key-{name}", "namespace": "kube-system"},
                    "controllerPublishSecretRef": {"name": "controller", "namespace": "default"},
                },
            },
        }
    for name, on in (("attached", NODE), ("elsewhere", OTHER)):
        yield {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "VolumeAttachment",
            "metadata": {"name": name},
            "spec": {
                "attacher": "d",
                "nodeName": on,
                "source": {"persistentVolumeName": "pv-data"},
            },
        }


def _claim_spec() -> dict[str, Any]:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
