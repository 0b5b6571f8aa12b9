"""The lab itself: it behaves as Kubernetes does, and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.lab.cluster import cluster_role_binding, group, user

if TYPE_CHECKING:
    from tests.lab.plugin import (
        ClusterFactory,
        ControllerManagerFactory,
        KubeletFactory,
        PeerFactory,
    )

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ground")]

ROOT = Path(__file__).parents[2]
BINDING = "system:node"
BINDING_PATH = f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{BINDING}"
REFUSED = (
    'leases.coordination.k8s.io "node1" is forbidden: User "system:node:node1" cannot get '
    'resource "leases" in API group "coordination.k8s.io" in the namespace '
    '"kube-node-lease"'
)


def test_the_outage_and_both_ways_out_of_it(
    cluster: ClusterFactory, kubelet: KubeletFactory, controller_manager: ControllerManagerFactory
) -> None:
    fresh = cluster(authorization_mode="RBAC", admission_plugins="NodeRestriction")
    node = kubelet(fresh, "node1")
    controller_manager(fresh)

    node.wait_for_log(REFUSED)
    node.wait_for_log('cannot list resource "nodes"')
    assert fresh.subjects(BINDING) == []
    assert fresh.ready_status("node1") is None

    fresh.set_subject(BINDING, group("system:nodes"))
    node.wait_until_ready()

    fresh.admin.delete(BINDING_PATH)
    node.wait_until_not_ready()

    fresh.restart(authorization_mode="Node,RBAC")
    node.wait_until_ready()
    assert fresh.subjects(BINDING) == []


def test_an_authorization_config_replaces_the_mode_and_objects_are_there_from_the_start(
    cluster: ClusterFactory,
) -> None:
    configuration = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers: [{type: Node, name: node}, {type: RBAC, name: rbac}]
"""
    bound = cluster_role_binding("team", "cluster-admin", [group("team")])

    live = cluster(authorization_config=configuration, objects=[bound])

    assert live.subjects("team") == [group("team")]
    own_node = live.api(live.node_certificate("node1")).request("GET", "/api/v1/nodes/node1")
    assert own_node.status == 404  # allowed, and absent
    other = live.admin.request("GET", "/api/v1/nodes", user="ann", groups=["system:authenticated"])
    assert other.status == 403


def test_two_apiservers_of_one_cluster_share_its_objects_but_not_its_flags(
    cluster: ClusterFactory, peer: PeerFactory
) -> None:
    one = cluster(authorization_mode="RBAC")
    other = peer(one, authorization_mode="Node,RBAC")

    one.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shared"}}])

    assert other.admin.get("/api/v1/namespaces/shared")["metadata"]["name"] == "shared"
    may_read = {
        each.url: each.api(each.node_certificate("node1"))
        .request("GET", "/api/v1/nodes/node1")
        .status
        for each in (one, other)
    }
    # Node lets a kubelet ask for its own Node, which isn't there.
    assert may_read == {one.url: 403, other.url: 404}
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
    assert len(one.admin.get(slices)["endpoints"]) == 1


def test_credentials_of_every_kind_get_what_they_are_granted(cluster: ClusterFactory) -> None:
    live = cluster(authorization_mode="RBAC")
    rules = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
    live.grant(user("reader"), rules)
    live.grant({"kind": "ServiceAccount", "name": "robot", "namespace": "default"}, rules)

    for credential in (live.certificate("reader"), live.service_account("robot")):
        api = live.api(credential)
        assert api.request("GET", "/api/v1/nodes").status == 200
        assert api.request("GET", "/api/v1/secrets").status == 403


def test_a_kubelet_that_was_killed_starts_anew(
    cluster: ClusterFactory, kubelet: KubeletFactory
) -> None:
    live = cluster(authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")
    node = kubelet(live, "node1")
    node.wait_until_ready()

    node.stop()
    assert not node.process.is_running()

    node.start()
    node.wait_for_log("Node was previously registered")


WAIT_FOR_SIGTERM = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
print(os.environ["KUBECONFIG"], flush=True)
time.sleep(600)
"""


def test_a_command_gets_three_live_clusters_and_the_signals_of_the_lab(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.lab", "--directory", str(tmp_path), "--"]
    with subprocess.Popen(
        [*command, sys.executable, "-c", WAIT_FOR_SIGTERM],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        assert running.stdout is not None
        path = tmp_path / "kubeconfig"
        for line in running.stdout:
            if line == f"{path}\n":  # the command is up
                break
        config = yaml.safe_load(path.read_text())

        running.send_signal(signal.SIGTERM)

    assert running.returncode == 5
    contexts = [context["name"] for context in config["contexts"]]
    assert contexts == ["outage", "legacy", "node-authorizer"]
    assert path.stat().st_mode & 0o077 == 0


HOLD_A_CLUSTER = """
import sys, time
from tests.lab.rig import open_lab
with open_lab() as lab:
    cluster = lab.cluster(authorization_mode="RBAC")
    kubelet = lab.kubelet(cluster)
    print(lab.etcd.process.pid, cluster.process.pid, kubelet.process.pid, flush=True)
    time.sleep(600)
"""


def test_a_killed_lab_leaves_no_process_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_A_CLUSTER],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as holder:
        assert holder.stdout is not None
        pids = [int(pid) for pid in holder.stdout.readline().split()]
        assert len(pids) == 3
        assert all(_is_alive(pid) for pid in pids)

        holder.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 20
    while any(_is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process of the lab outlived it"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # An orphan is a zombie for as long as whoever adopts it takes to notice.
    return ") Z " not in state
