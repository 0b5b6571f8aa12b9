"""The Node authorizer against a real kube-apiserver of 1.37."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import pytest

from authzviz.engine import node
from authzviz.engine.assessment import Decision
from authzviz.engine.chain import state_of
from authzviz.engine.gates import Settings
from authzviz.engine.graph import graph_of
from authzviz.engine.model import Snapshot
from authzviz.engine.request import Request
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import embed, parse_upload
from authzviz.net import COMMAND_LINE
from tests.engine import node_table
from tests.engine.live import Judge, eventually, objects, restricted
from tests.engine.node_table import NODE, OTHER, Key

if TYPE_CHECKING:
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ground")]

MINOR = 37
HEALTH = "--feature-gates=CSIVolumeHealth=true"


def differences(judge: Judge, keys: list[Key], settings: Settings) -> list[object]:
    """Where the apiserver decides otherwise, or says another reason for not allowing."""
    found: list[object] = []
    for key in keys:
        for request in node_table.shapes(key):
            answer = node.decide(NODE, request, MINOR, settings)
            is_allowed, reason = judge.decide(NODE, request)
            # Nothing of these names is there: what hangs on a relation is refused for want of it.
            is_related = answer.decision is Decision.CONDITIONAL
            expected = "no relationship found" if is_related else answer.because
            is_same = is_allowed is (answer.decision is Decision.ALLOW)
            if not is_same or not (is_allowed or reason.startswith(expected) or not reason):
                found.append((request, answer, is_allowed, reason))
    return found


ALL_KEYS = node_table.all_keys()
GATED = [key for key in ALL_KEYS if key[1].startswith("csinodes")]


@pytest.mark.parametrize(
    ("gate", "keys"), [("", ALL_KEYS), (HEALTH, GATED)], ids=["by default", "with a gate"]
)
def test_every_row_of_the_table_and_its_reason(
    cluster: ClusterFactory, gate: str, keys: list[Key]
) -> None:
    live = restricted(cluster, flags=[gate] if gate else [])
    (server,) = _snapshot(live).apiservers.value or ()

    settings = state_of(server).feature_gates

    assert settings == ((("CSIVolumeHealth", True),) if gate else ())
    with Judge(live) as judge:
        assert differences(judge, keys, settings) == []


def _snapshot(live: Cluster) -> Snapshot:
    (context,) = parse_upload(live.kubeconfig(live.admin_credential), policy=COMMAND_LINE)
    return collect(embed(context), name="live", policy=COMMAND_LINE, with_pods=True)


NAMES = {
    "pods": ("web", "other", "mirror", "none"),
    "secrets": ("pull", "from-env", "mounted", "others", "mirrored", "controller", "none"),
    "configmaps": ("settings", "none"),
    "persistentvolumeclaims": ("data", "web-scratch", "idle", "none"),
    "persistentvolumes": ("pv-data", "pv-idle", "none"),
    "serviceaccounts": ("runner", "default"),
    "volumeattachments.storage.k8s.io": ("attached", "elsewhere", "none"),
    "resourceclaims.resource.k8s.io": ("gpu", "none"),
}


def _related_requests() -> Iterator[Request]:
    for what, names in NAMES.items():
        resource, _, group = what.partition(".")
        is_global = resource in ("persistentvolumes", "volumeattachments")
        for name in names:
            yield Request("get", resource, group, "", "" if is_global else "default", name)
    for name in NAMES["serviceaccounts"]:
        yield Request("create", "serviceaccounts", "", "token", "default", name)
    for name in NAMES["persistentvolumeclaims"]:
        yield Request("patch", "persistentvolumeclaims", "", "status", "default", name)
    for name in ("key-data", "key-idle"):
        yield Request("get", "secrets", "", "", "kube-system", name)
    yield Request("watch", "secrets", "", "", "default", "mounted")
    yield Request("list", "pods", "", "", "default", "web")


def test_what_hangs_on_pods_is_told_by_a_bundle_that_has_them(cluster: ClusterFactory) -> None:
    live = restricted(cluster, *objects())
    graph = graph_of(_snapshot(live))
    last = Request("get", "volumeattachments", "storage.k8s.io", name="attached")
    allowed, different = set(), []

    with Judge(live) as judge:
        assert eventually(lambda: judge.decide(NODE, last)[0])
        for request, name in product(_related_requests(), (NODE, OTHER)):
            answer = node.decide(name, request, MINOR, graph=graph)
            is_allowed, reason = judge.decide(name, request)
            if is_allowed and name == NODE:
                allowed.add(request.resource)
            is_same = answer.decision is (Decision.ALLOW if is_allowed else Decision.NO)
            if not is_same or not (is_allowed or answer.because == reason):
                different.append((name, request, answer, is_allowed, reason))

    assert different == []
    assert allowed == {what.partition(".")[0] for what in NAMES}
