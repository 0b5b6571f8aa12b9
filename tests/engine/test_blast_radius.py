"""What a stolen kubelet certificate reads and changes, before and after a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.change import Change
from authzviz.engine.model import Pod, Role, Snapshot
from authzviz.engine.whatif import whatif
from tests.engine.build import NODE_RBAC, NODES, cluster, crb, ok, rule, unread
from tests.engine.test_whatif import ALL_OPEN, GOOD, LEGACY, OUTAGE, SECRETS, only

EVERY_SECRET = {
    "the legacy binding": (LEGACY, True),
    "AlwaysAllow": (ALL_OPEN, True),
    "the Node authorizer": (GOOD, False),
    "nothing": (OUTAGE, False),
    "one Secret by name": (
        cluster(
            NODE_RBAC,
            bindings=(crb("one", "one", NODES),),
            cluster_roles=(Role("one", rules=(rule("get", "secrets", names="a"),)),),
        ),
        False,
    ),
}


@pytest.mark.parametrize(("snapshot", "is_every"), EVERY_SECRET.values(), ids=EVERY_SECRET)
def test_whether_a_thief_reads_every_secret(snapshot: Snapshot, is_every: bool) -> None:
    assert only(whatif(snapshot, Change())).radius_before.is_every_secret is is_every


def test_a_stolen_certificate_before_and_after_in_words() -> None:
    nodes = only(whatif(LEGACY, Change(("Node", "RBAC"), dropped=("system:node",))))
    refused = only(whatif(OUTAGE, Change()))

    assert nodes.radius_before.reads[0] == SECRETS
    assert nodes.radius_before.changes[-1] == "its own Node and Lease, and the pods on it"
    assert nodes.radius_after.reads[-1].startswith(
        "the Secrets, ConfigMaps and volumes of the pods"
    )
    assert refused.radius_before.reads == ()
    assert refused.radius_before.changes == ()


WEB = Pod("team", "web", "node1", secrets=("password", "key"), config_maps=("settings",))
OWN_READS = {
    "pods and volumes": (
        replace(LEGACY, pods=ok((WEB,)), volumes=ok(())),
        "2 Secrets and 1 ConfigMap of the 1 pod on node1, and the volumes of these",
    ),
    "volumes unread": (
        replace(LEGACY, pods=ok((WEB,))),
        "at least 2 Secrets and 1 ConfigMap of the 1 pod",
    ),
    "pods refused": (
        replace(LEGACY, pods=unread(ok((WEB,)))),
        "the Secrets, ConfigMaps and volumes of",
    ),
}


@pytest.mark.parametrize(("snapshot", "words"), OWN_READS.values(), ids=OWN_READS)
def test_what_a_stolen_certificate_reads_under_node_is_counted_where_pods_were_read(
    snapshot: Snapshot, words: str
) -> None:
    nodes = only(whatif(snapshot, Change(("Node", "RBAC"), dropped=("system:node",))))

    assert nodes.radius_before.reads[0] == SECRETS
    assert nodes.radius_after.reads[-1].startswith(words)
    assert not any("Secrets and" in said for said in nodes.radius_before.reads)


def test_nothing_is_counted_for_a_node_that_is_not_there_yet() -> None:
    snapshot = replace(cluster(NODE_RBAC, nodes=()), pods=ok((WEB,)), volumes=ok(()))
    nodes = only(whatif(snapshot, Change()))

    assert nodes.own is None
    assert nodes.radius_after.reads[-1].startswith("the Secrets, ConfigMaps and volumes of")
