"""Every recording, read over TLS through the whole of kube."""

from __future__ import annotations

import pytest

from authzviz.engine.model import Flag, Outcome, Ready, Snapshot, Subject
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE
from tests.replay import recordings, replay

NODES_GROUP = (Subject("Group", "system:nodes"),)
# Of the recordings whose pod and nodes were written by hand: mode, plugins, and the subjects of
# ClusterRoleBinding system:node.
SCENARIOS = {
    "seed-outage": ("RBAC", True, ()),
    "seed-fix1-legacy": ("RBAC", True, NODES_GROUP),
    "seed-fix2-node": ("Node,RBAC", True, ()),
    "leftover": ("Node,RBAC", True, NODES_GROUP),
    "no-restriction": ("Node,RBAC", False, ()),
    "one-user": ("RBAC", True, ()),
}


def read(recording: str) -> Snapshot:
    with replay(recording) as server:
        context = parse_upload(server.kubeconfig, policy=COMMAND_LINE)[0]
        assert context.credentials
        return collect(context.credentials, name=context.name, policy=COMMAND_LINE)


BY_HAND = [name for name in recordings() if not name.startswith("v1.37.2-")]


@pytest.mark.parametrize("recording", BY_HAND)
def test_a_recording_gives_its_facts(recording: str) -> None:
    version, _, scenario = recording.partition("-")
    mode, restricted, subjects = SCENARIOS[scenario]

    snapshot = read(recording)

    assert snapshot.version.value == version
    assert snapshot.apiservers.value
    (server,) = snapshot.apiservers.value
    assert server.evidence == "mirror pod kube-system/kube-apiserver-node1"
    assert Flag("authorization-mode", mode) in (server.flags or ())
    assert (Flag("enable-admission-plugins", "NodeRestriction") in (server.flags or ())) is (
        restricted
    )
    bindings = {one.name: one for one in snapshot.cluster_role_bindings.value or ()}
    assert bindings["system:node"].subjects == subjects
    assert bindings["system:node"].role_ref.name == "system:node"
    nodes = {node.name: node.ready for node in snapshot.nodes.value or ()}
    assert nodes == {"node1": Ready.TRUE, "node2": Ready.UNKNOWN}


@pytest.mark.parametrize("recording", BY_HAND)
def test_every_read_of_a_recording_is_whole(recording: str) -> None:
    snapshot = read(recording)

    # The recordings hold no EndpointSlice: that read fails, and says so.
    unread = {name for name, one in snapshot.reads.items() if not one.is_whole}
    assert unread == {"endpoints"}
    assert snapshot.endpoints.outcome is Outcome.FAILED
    assert snapshot.is_live
    assert snapshot.server_time is not None
