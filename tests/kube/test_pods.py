"""What pods use: every kind of reference that the Node authorizer follows, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from authzviz.cli import app
from authzviz.engine.model import Claim, Outcome, Pod, Snapshot, Volume, VolumeAttachment
from authzviz.kube import bundle
from authzviz.kube.collect import collect
from authzviz.kube.pods import PodJson, VolumeJson, to_pod, to_volume
from authzviz.net import COMMAND_LINE
from tests.kube.reading import RECORDING, credentials
from tests.replay import Answerer, Reply, json_reply, replay

PODS, CLAIMS = "/api/v1/pods", "/api/v1/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
ATTACHMENTS = "/apis/storage.k8s.io/v1/volumeattachments"
CANARY = "canary-that-must-not-be-kept"


def ref(name: str, **more: str) -> dict[str, Any]:
    return {"secretRef": {"name": name, **more}}


FULL_POD = {
    "metadata": {"name": "web", "namespace": "team", "annotations": {"note": CANARY}},
    "spec": {
        "nodeName": "n1",
        "serviceAccountName": "runner",
        "imagePullSecrets": [{"name": "pull"}, {}],
        "containers": [
            {
                "name": "c",
                "command": [CANARY],
                "env": [
                    {"name": "A", "value": CANARY},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}},
                    {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "env-map"}}},
                    {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ],
                "envFrom": [ref("from"), {"configMapRef": {"name": "from-map"}}],
            }
        ],
        "initContainers": [{"envFrom": [ref("init")]}],
        "ephemeralContainers": [{"envFrom": [ref("debug")]}],
        "volumes": [
            {"name": "1", "secret": {"secretName": "mounted"}},
            {"name": "2", "configMap": {"name": "mounted-map"}},
            {
                "name": "3",
                "projected": {
                    "sources": [
                        {"secret": {"name": "projected"}},
                        {"configMap": {"name": "projected-map"}},
                        {"serviceAccountToken": {"path": "token"}},
                    ]
                },
            },
            {"name": "4", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {"name": "6", "azureFile": {"secretName": "azure", "shareName": "s"}},
            {"name": "7", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi"}}},
            {"name": "8", "cephfs": ref("cephfs")},
            {"name": "9", "cinder": ref("cinder")},
            {"name": "10", "flexVolume": ref("flex")},
            {"name": "11", "iscsi": ref("iscsi")},
            {"name": "12", "rbd": ref("rbd")},
            {"name": "13", "scaleIO": ref("scaleio")},
            {"name": "14", "storageos": ref("storageos")},
            {"name": "15", "emptyDir": {}},
            {"name": "16", "projected": {"sources": None}},
            {"name": "17", "secret": {"secretName": "mounted"}},
        ],
        "resourceClaims": [
            {"name": "a", "resourceClaimName": "gpu"},
            {"name": "b", "resourceClaimTemplateName": "template"},
            {"name": "c", "source": {"resourceClaimName": "early"}},
        ],
    },
    "status": {
        "resourceClaimStatuses": [{"name": "b", "resourceClaimName": "made"}, {"name": "d"}],
        "extendedResourceClaimStatus": {"resourceClaimName": "extended"},
    },
}
BARE_POD = {"metadata": {"name": "bare"}, "spec": {"nodeName": "n2"}}
MIRROR_POD = {
    "metadata": {
        "name": "proxy",
        "namespace": "kube-system",
        "annotations": {"kubernetes.io/config.mirror": "hash"},
    },
    "spec": {"nodeName": "n1"},
}
WAITING_POD = {"metadata": {"name": "waiting", "namespace": "team"}, "spec": {"containers": []}}


def pod(found: dict[str, Any]) -> Pod:
    return to_pod(msgspec.json.decode(json.dumps(found).encode(), type=PodJson))


def test_every_reference_of_a_pod() -> None:
    assert pod(FULL_POD) == Pod(
        "team",
        "web",
        "n1",
        service_account="runner",
        secrets=(
            "pull", "from", "env", "init", "debug", "mounted", "projected", "azure", "csi",
            "cephfs", "cinder", "flex", "iscsi", "rbd", "scaleio", "storageos",
        ),
        config_maps=("from-map", "env-map", "mounted-map", "projected-map"),
        claims=("data", "web-scratch"),
        resource_claims=("gpu", "early", "made", "extended"),
    )  # fmt: skip


def test_a_pod_of_nothing_and_a_mirror_pod() -> None:
    assert pod(BARE_POD) == Pod("", "bare", "n2")
    assert pod(MIRROR_POD).is_mirror


CLAIM = {"name": "data", "namespace": "team"}
VOLUME_CASES: dict[str, tuple[dict[str, Any], tuple[tuple[str, str], ...]]] = {
    "csi": (
        {
            "csi": {
                "driver": "d",
                "controllerPublishSecretRef": {"name": "controllers", "namespace": "x"},
                "nodePublishSecretRef": {"name": "publish", "namespace": "x"},
                "nodeStageSecretRef": {"name": "stage", "namespace": "x"},
                "nodeExpandSecretRef": {"name": "expand", "namespace": "x"},
            }
        },
        (("x", "publish"), ("x", "stage"), ("x", "expand")),
    ),
    "in the claim's namespace": ({"rbd": ref("key")}, (("team", "key"),)),
    "in its own": ({"iscsi": ref("key", namespace="x")}, (("x", "key"),)),
    "azure": ({"azureFile": {"secretName": "key"}}, (("team", "key"),)),
    "azure, elsewhere": (
        {"azureFile": {"secretName": "key", "secretNamespace": "x"}},
        (("x", "key"),),
    ),
    "azure, none": ({"azureFile": {"secretName": ""}}, ()),
    "none": ({"nfs": {"server": "s"}, "cephfs": {}, "cinder": ref("")}, ()),
}


@pytest.mark.parametrize(("source", "secrets"), VOLUME_CASES.values(), ids=VOLUME_CASES)
def test_secrets_of_a_volume(source: dict[str, Any], secrets: tuple[tuple[str, str], ...]) -> None:
    found = {"metadata": {"name": "pv"}, "spec": {**source, "claimRef": CLAIM}}

    volume = to_volume(msgspec.json.decode(json.dumps(found).encode(), type=VolumeJson))

    assert volume == Volume("pv", "team", "data", secrets)


def listed(kind: str, *items: Any) -> Reply:
    return json_reply({"kind": f"{kind}List", "metadata": {}, "items": items})


ANSWERS: dict[str, Reply | Answerer] = {
    PODS: listed("Pod", FULL_POD, MIRROR_POD, WAITING_POD),
    CLAIMS: listed(
        "PersistentVolumeClaim",
        {"metadata": CLAIM, "spec": {"volumeName": "pv"}},
        {"metadata": {"name": "new", "namespace": "team"}, "spec": {}},
    ),
    VOLUMES: listed(
        "PersistentVolume",
        {"metadata": {"name": "pv"}, "spec": {"rbd": ref("key"), "claimRef": CLAIM}},
        {"metadata": {"name": "free"}, "spec": {"rbd": ref("key")}},
    ),
    ATTACHMENTS: listed(
        "VolumeAttachment",
        {"metadata": {"name": "a"}, "spec": {"nodeName": "n1", "source": {}}},
    ),
}


def read(answers: dict[str, Reply | Answerer], **refuse: int) -> Snapshot:
    paths: dict[str, int | str] = {
        {"volumes": VOLUMES, "pods": PODS}[k]: v for k, v in refuse.items()
    }
    with replay(RECORDING, replace=answers, refuse=paths) as server:
        return collect(credentials(server), name="x", policy=COMMAND_LINE, with_pods=True)


def values(snapshot: Snapshot) -> dict[str, object]:
    return {name: one.value for name, one in snapshot.reads_about_pods.items()}


def test_pods_and_their_volumes_are_read_where_that_is_asked_for() -> None:
    snapshot = read(ANSWERS)

    assert values(snapshot) == {
        "pods": (pod(FULL_POD), pod(MIRROR_POD)),
        "claims": (Claim("team", "data", "pv"), Claim("team", "new")),
        "volumes": (Volume("pv", "team", "data", (("team", "key"),)), Volume("free", "", "")),
        "volume_attachments": (VolumeAttachment("a", "n1"),),
    }
    assert bundle.load(bundle.to_bytes(snapshot)) == dataclasses.replace(snapshot, is_live=False)
    assert CANARY.encode() not in bundle.to_bytes(snapshot)


def test_what_is_refused_of_them_is_never_empty() -> None:
    snapshot = read(ANSWERS, volumes=403, pods=403)

    reads = snapshot.reads_about_pods
    assert {name: one.outcome for name, one in reads.items()} == {
        "pods": Outcome.FORBIDDEN,
        "claims": Outcome.OK,
        "volumes": Outcome.FORBIDDEN,
        "volume_attachments": Outcome.OK,
    }
    assert (reads["pods"].value, reads["pods"].permission) == (None, "list pods")


def test_a_bundle_from_before_pods_is_read_as_ever() -> None:
    with replay(RECORDING) as server:
        snapshot = collect(credentials(server), name="x", policy=COMMAND_LINE)
    old = json.loads(bundle.to_bytes(snapshot))
    for name in ("pods", "claims", "volumes", "volume_attachments"):
        del old["snapshot"][name]

    loaded = bundle.load(json.dumps(old).encode())

    assert loaded == dataclasses.replace(snapshot, is_live=False)
    assert loaded.reads_about_pods == {}


def test_a_bundle_whose_pods_contradict_themselves_is_none() -> None:
    parts = json.loads(bundle.to_bytes(read(ANSWERS)))
    parts["snapshot"]["pods"]["value"] = None

    with pytest.raises(bundle.BundleError, match="pods is ok, by its value not"):
        bundle.load(json.dumps(parts).encode())


def test_the_command_reads_pods_on_request(tmp_path: Path) -> None:
    kubeconfig, plain, full = (tmp_path / name for name in ("config", "plain.json", "full.json"))
    with replay(RECORDING, replace=ANSWERS) as server:
        kubeconfig.write_text(server.kubeconfig)
        arguments = ["collect", "--kubeconfig", str(kubeconfig), "--output"]
        results = [
            CliRunner().invoke(app, [*arguments, str(plain)]),
            CliRunner().invoke(app, [*arguments, str(full), "--with-pods"]),
        ]

    assert [result.exit_code for result in results] == [0, 0]
    assert bundle.load(plain).reads_about_pods == {}
    assert len(bundle.load(full).reads_about_pods) == 4
