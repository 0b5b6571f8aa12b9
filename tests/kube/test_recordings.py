"""Every recording, read over TLS through the whole of kube."""

from __future__ import annotations

import pytest

from authzviz.engine.model import Ready, Snapshot, Subject
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE
from tests.replay import recordings, replay

NODES_GROUP = (Subject("Group", "system:nodes"),)
# What each scenario is: mode, NodeRestriction, and the subjects of ClusterRoleBinding system:node.
SCENARIOS = {
    "seed-outage": ("RBAC", True, ()),
    "seed-fix1-legacy": ("RBAC", True, NODES_GROUP),
    "seed-fix2-node": ("Node,RBAC", True, ()),
    "leftover": ("Node,RBAC", True, NODES_GROUP),
    "no-restriction": ("Node,RBAC", False, ()),
    "one-user": ("RBAC", True, ()),
    "outage": ("RBAC", True, ()),
    "legacy": ("RBAC", True, NODES_GROUP),
    "mixed": ("RBAC", True, ()),
    "unrestricted": ("Node,RBAC", False, ()),
    "node-authorizer": ("Node,RBAC", True, ()),
}
# In these the pod and the nodes' status were written by hand; the others are the lab's own.
BY_HAND = [name for name in recordings() if not name.startswith("v1.37.2-")]
LIVE = [name for name in recordings() if name not in BY_HAND]


def read(recording: str) -> Snapshot:
    with replay(recording) as server:
        context = parse_upload(server.kubeconfig, policy=COMMAND_LINE)[0]
        assert context.credentials
        return collect(context.credentials, name=context.name, policy=COMMAND_LINE)


@pytest.mark.parametrize("recording", recordings())
def test_a_recording_gives_its_facts(recording: str) -> None:
    version, _, scenario = recording.partition("-")
    mode, is_restricted, subjects = SCENARIOS[scenario]

    snapshot = read(recording)

    assert snapshot.version.value == version
    (server,) = snapshot.apiservers.value or ()
    flags = server.flags or ()
    assert [flag.value for flag in flags if flag.name == "authorization-mode"] == [mode]
    plugins = [flag.value for flag in flags if flag.name == "enable-admission-plugins"]
    assert plugins == (["NodeRestriction"] if is_restricted else [])
    bindings = {one.name: one for one in snapshot.cluster_role_bindings.value or ()}
    assert bindings["system:node"].subjects == subjects
    assert bindings["system:node"].role_ref.name == "system:node"


@pytest.mark.parametrize("recording", recordings())
def test_every_read_of_a_recording_is_whole(recording: str) -> None:
    snapshot = read(recording)

    # The older recordings hold no EndpointSlice: that read fails, and says so.
    unread = {name for name, one in snapshot.reads.items() if not one.is_whole}
    assert unread == ({"endpoints"} if recording in BY_HAND else set())
    assert snapshot.is_live
    assert snapshot.server_time is not None


@pytest.mark.parametrize("recording", BY_HAND)
def test_a_mirror_pod_shows_the_flags(recording: str) -> None:
    snapshot = read(recording)

    (server,) = snapshot.apiservers.value or ()
    assert server.evidence == "mirror pod kube-system/kube-apiserver-node1"
    nodes = {node.name: node.ready for node in snapshot.nodes.value or ()}
    assert nodes == {"node1": Ready.TRUE, "node2": Ready.UNKNOWN}


@pytest.mark.parametrize("recording", LIVE)
def test_without_a_pod_flagz_of_a_real_apiserver_shows_them(recording: str) -> None:
    snapshot = read(recording)

    (server,) = snapshot.apiservers.value or ()
    assert server.evidence == "/flagz"
    assert len(snapshot.endpoints.value or ()) == 1
    heard_of = {lease.node for lease in snapshot.leases.value or () if lease.renewed_at}
    assert heard_of == {node.name for node in snapshot.nodes.value or ()}
