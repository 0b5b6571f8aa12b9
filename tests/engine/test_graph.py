"""Which objects a node has to do with, through the pods that run on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import node
from authzviz.engine.assessment import Decision
from authzviz.engine.graph import OwnObjects, graph_of
from authzviz.engine.model import Claim, Pod, Snapshot, Volume, VolumeAttachment
from authzviz.engine.request import Request
from tests.engine.build import cluster, ok, unread

ALLOW, NO, CONDITIONAL = Decision.ALLOW, Decision.NO, Decision.CONDITIONAL

WEB = Pod(
    "team",
    "web",
    "n1",
    service_account="web",
    secrets=("password",),
    config_maps=("settings",),
    claims=("data",),
    resource_claims=("gpu",),
)
MIRROR = Pod("kube-system", "proxy-n1", "n1", True, "proxy", ("token",), ("config",), ("disk",))
WAITING = Pod("team", "waiting", "", secrets=("later",))
FULL = replace(
    cluster(),
    pods=ok((WEB, MIRROR, WAITING)),
    claims=ok((Claim("team", "data", "pv1"), Claim("team", "new"), Claim("team", "idle", "pv3"))),
    volumes=ok(
        (
            Volume("pv1", "team", "data", (("storage", "key"),)),
            Volume("pv2", "team", "data"),
            Volume("pv3", "team", "idle", (("storage", "idle-key"),)),
        )
    ),
    volume_attachments=ok((VolumeAttachment("a1", "n1"), VolumeAttachment("a2", "n2"))),
)
PODS_ONLY = replace(FULL, claims=None, volumes=None, volume_attachments=None)
CLAIMS = replace(FULL, volumes=unread(FULL.volumes or ok(())), volume_attachments=None)
GAPS = replace(FULL, pods=ok((WEB,), "pod number 2 has no name"))


def asks(resource: str, namespace: str, name: str, group: str = "", sub: str = "") -> Request:
    verb = "create" if sub == "token" else "patch" if sub else "get"
    return Request(verb, resource, group, sub, namespace, name)


SECRET = asks("secrets", "team", "password")
OTHER_SECRET = asks("secrets", "team", "other")
KEY = asks("secrets", "storage", "key")
PV1, PV2 = asks("persistentvolumes", "", "pv1"), asks("persistentvolumes", "", "pv2")

CASES: dict[str, tuple[Snapshot, str, Request, Decision, str]] = {
    "its pod": (FULL, "n1", asks("pods", "team", "web"), ALLOW, "pod team/web runs on node n1"),
    "pod elsewhere": (FULL, "n2", asks("pods", "team", "web"), NO, "no relationship found between"),
    "pod nowhere": (FULL, "n1", asks("pods", "team", "waiting"), NO, "no relationship"),
    "mirror pod": (FULL, "n1", asks("pods", "kube-system", "proxy-n1"), ALLOW, "runs on node n1"),
    "secret": (FULL, "n1", SECRET, ALLOW, "pod team/web on node n1 uses secret team/password"),
    "secret of another node": (FULL, "n2", SECRET, NO, "between node 'n2' and this object"),
    "unused secret": (FULL, "n1", OTHER_SECRET, NO, "no relationship"),
    "same name elsewhere": (FULL, "n1", asks("secrets", "x", "password"), NO, "no relationship"),
    "secret of a waiting pod": (FULL, "n1", asks("secrets", "team", "later"), NO, "no relation"),
    "configmap": (FULL, "n1", asks("configmaps", "team", "settings"), ALLOW, "uses configmap"),
    "account": (FULL, "n1", asks("serviceaccounts", "team", "web"), ALLOW, "as serviceaccount"),
    "token": (FULL, "n1", asks("serviceaccounts", "team", "web", sub="token"), ALLOW, "runs as"),
    "token of another": (FULL, "n1", asks("serviceaccounts", "team", "x", sub="token"), NO, "no"),
    "claim": (FULL, "n1", asks("persistentvolumeclaims", "team", "data"), ALLOW, "uses persistent"),
    "claim's status": (
        FULL,
        "n1",
        asks("persistentvolumeclaims", "team", "data", sub="status"),
        ALLOW,
        "uses persistentvolumeclaim team/data",
    ),
    "resource claim": (
        FULL,
        "n1",
        asks("resourceclaims", "team", "gpu", "resource.k8s.io"),
        ALLOW,
        "uses resourceclaim team/gpu",
    ),
    "secret of a mirror pod": (FULL, "n1", asks("secrets", "kube-system", "token"), NO, "no rel"),
    "configmap of a mirror pod": (FULL, "n1", asks("configmaps", "kube-system", "config"), NO, ""),
    "account of a mirror pod": (
        FULL,
        "n1",
        asks("serviceaccounts", "kube-system", "proxy"),
        NO,
        "",
    ),
    "volume": (FULL, "n1", PV1, ALLOW, "team/data, bound to persistentvolume pv1"),
    "volume that names the claim": (FULL, "n1", PV2, ALLOW, "bound to persistentvolume pv2"),
    "volume of an idle claim": (FULL, "n1", asks("persistentvolumes", "", "pv3"), NO, "no relat"),
    "volume elsewhere": (FULL, "n2", PV1, NO, "no relationship"),
    "volume's secret": (FULL, "n1", KEY, ALLOW, "pv1, which names secret storage/key"),
    "idle volume's secret": (FULL, "n1", asks("secrets", "storage", "idle-key"), NO, "no relat"),
    "attachment": (
        FULL,
        "n1",
        asks("volumeattachments", "", "a1", "storage.k8s.io"),
        ALLOW,
        "volumeattachment a1 is for node n1",
    ),
    "other's attachment": (
        FULL,
        "n1",
        asks("volumeattachments", "", "a2", "storage.k8s.io"),
        NO,
        "no relationship",
    ),
    "slice": (
        FULL,
        "n1",
        asks("resourceslices", "", "s", "resource.k8s.io"),
        CONDITIONAL,
        "while this resourceslice names the node",
    ),
    "pod certificate": (
        FULL,
        "n1",
        asks("podcertificaterequests", "team", "c", "certificates.k8s.io"),
        CONDITIONAL,
        "while this podcertificaterequest names the node",
    ),
    "secret, volumes unread": (PODS_ONLY, "n1", OTHER_SECRET, CONDITIONAL, "uses this secret"),
    "its secret, volumes unread": (PODS_ONLY, "n1", SECRET, ALLOW, "uses secret team/password"),
    "volume, volumes unread": (
        PODS_ONLY,
        "n1",
        PV1,
        CONDITIONAL,
        "while a pod on the node uses a claim bound to this persistentvolume",
    ),
    "attachment, unread": (
        PODS_ONLY,
        "n1",
        asks("volumeattachments", "", "a1", "storage.k8s.io"),
        CONDITIONAL,
        "while this volumeattachment is for the node",
    ),
    "volume by its claim": (CLAIMS, "n1", PV1, ALLOW, "bound to persistentvolume pv1"),
    "volume unknown to claims": (CLAIMS, "n1", PV2, CONDITIONAL, "bound to this persistentvolume"),
    "volume's secret, claims only": (CLAIMS, "n1", KEY, CONDITIONAL, "uses this secret"),
    "pods with gaps": (GAPS, "n1", asks("configmaps", "x", "y"), CONDITIONAL, "this configmap"),
    "its own among gaps": (GAPS, "n1", SECRET, ALLOW, "uses secret"),
    "no pods": (cluster(), "n1", SECRET, CONDITIONAL, "while a pod on the node uses this secret"),
    "no pods, a pod": (cluster(), "n1", asks("pods", "team", "web"), CONDITIONAL, "this pod runs"),
}


@pytest.mark.parametrize(
    ("snapshot", "name", "request_", "decision", "words"), CASES.values(), ids=CASES
)
def test_the_graph(
    snapshot: Snapshot, name: str, request_: Request, decision: Decision, words: str
) -> None:
    answer = node.decide(name, request_, 37, graph=graph_of(snapshot))

    assert answer.decision is decision
    assert words in answer.because
    assert answer.because


def test_a_missing_path_is_told_in_the_words_of_the_version() -> None:
    graph = graph_of(FULL)

    said = {minor: node.decide("n2", SECRET, minor, graph=graph).because for minor in (13, 18, 19)}

    assert said == {
        13: "no path found to object",
        18: 'no relationship found between node "n2" and this object',
        19: "no relationship found between node 'n2' and this object",
    }


def test_pods_that_could_not_be_read_are_no_graph() -> None:
    refused = replace(cluster(), pods=unread(ok((WEB,))))

    assert graph_of(refused) is None
    assert graph_of(cluster()) is None


SECOND = Pod("team", "web2", "n1", secrets=("password", "more"), config_maps=("settings",))
OWN: dict[str, tuple[Snapshot, OwnObjects]] = {
    "each name once, with those of volumes, without those of mirror pods": (
        replace(FULL, pods=ok((WEB, SECOND, MIRROR, WAITING))),
        OwnObjects("n1", 3, 3, 1, 1, 1, is_whole=True),
    ),
    "volumes unread": (CLAIMS, OwnObjects("n1", 2, 1, 1, 1, 1, is_whole=False)),
    "pods only": (PODS_ONLY, OwnObjects("n1", 2, 1, 1, 1, 1, is_whole=False)),
    "pods in part": (GAPS, OwnObjects("n1", 1, 2, 1, 1, 1, is_whole=False)),
    "no pods": (replace(FULL, pods=ok(())), OwnObjects("n1", 0, 0, 0, 0, 0, is_whole=True)),
}


@pytest.mark.parametrize(("snapshot", "own"), OWN.values(), ids=OWN)
def test_counts_what_the_pods_of_a_node_name(snapshot: Snapshot, own: OwnObjects) -> None:
    graph = graph_of(snapshot)

    assert graph is not None
    assert graph.own_objects("n1") == own
