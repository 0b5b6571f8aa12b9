"""What an audit log proves, told of one that a real apiserver wrote, and what then comes of it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from authzviz.cli import app
from tests.engine.live import eventually
from tests.lab.audit import METADATA, events
from tests.lab.cluster import NODE_LEASES, cluster_role_binding, group

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.api import Api
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory, KubeletFactory

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ground")]

BINDING = "system:node"
LEGACY = cluster_role_binding(BINDING, BINDING, [group("system:nodes")])
AGENT = "node-inventory/1.4 (linux/amd64)"
ACCOUNT = {"kind": "ServiceAccount", "name": "node-inventory", "namespace": "default"}
LIST_NODES = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}
DECISION = "authorization.k8s.io/decision"


def test_who_needs_a_grant_is_named_until_it_has_its_own_and_removing_breaks_nothing_then(
    cluster: ClusterFactory, kubelet: KubeletFactory, tmp_path: Path
) -> None:
    live = cluster(
        authorization_mode="Node,RBAC",
        admission_plugins="NodeRestriction",
        audit_policy=METADATA,
        objects=[LEGACY],
    )
    node = kubelet(live, "node1")
    node.wait_until_leased()
    borrowed = live.api(live.node_certificate("node1"), user_agent=AGENT)
    assert status_of_all_nodes(borrowed) == 200
    assert eventually(lambda: names_agent(events(live)))
    before = evidence(live, tmp_path)

    live.grant(ACCOUNT, [LIST_NODES])
    own = live.api(live.service_account(ACCOUNT["name"]), user_agent=AGENT)
    moved = next_second()
    assert status_of_all_nodes(own) == 200
    wait_for_renewal(live)
    after = evidence(live, tmp_path, "--since", moved)

    live.remove_subjects(BINDING)
    assert eventually(lambda: status_of_all_nodes(borrowed) == 403)
    removed = next_second()
    assert status_of_all_nodes(own) == 200
    wait_for_renewal(live)
    later = [each for each in events(live) if each["stageTimestamp"] >= removed]

    assert before["proof"] == "breaks"
    assert [
        (use["user_agent"], use["user"], use["verb"], use["resource"], use["is_kubelet"])
        for use in before["uses"]
    ] == [(AGENT, "system:node:node1", "list", "nodes", False)]
    assert before["uses"][0]["count"] == 1
    assert after["uses"] == []
    assert after["proof"] == "too-little"  # seconds are no proof
    users = {each["user"]["username"] for each in later if each["annotations"][DECISION] == "allow"}
    assert users >= {"system:node:node1", "system:serviceaccount:default:node-inventory"}
    assert [each for each in later if each["annotations"][DECISION] == "forbid"] == []
    assert live.is_ready("node1")


def test_while_rbac_comes_first_the_log_proves_nothing(
    cluster: ClusterFactory, kubelet: KubeletFactory, tmp_path: Path
) -> None:
    live = cluster(
        authorization_mode="RBAC,Node",
        admission_plugins="NodeRestriction",
        audit_policy=METADATA,
        objects=[LEGACY],
    )
    node = kubelet(live, "node1")
    node.wait_until_leased()
    agent = live.api(live.node_certificate("node1"), user_agent=AGENT)
    assert status_of_all_nodes(agent) == 200
    assert eventually(lambda: names_agent(events(live)))

    found = evidence(live, tmp_path)

    assert found["proof"] == "proves-nothing"


def evidence(live: Cluster, directory: Path, *options: str) -> Any:
    """What `authzviz evidence` says of the cluster as it is and its log, as JSON."""
    kubeconfig, bundle = directory / "kubeconfig", directory / "bundle.json"
    kubeconfig.write_text(live.kubeconfig())
    bundle.unlink(missing_ok=True)
    run("collect", "--kubeconfig", str(kubeconfig), "--output", str(bundle))
    arguments = ("--bundle", str(bundle), *options, "--format", "json", str(live.audit_log))
    return json.loads(run("evidence", *arguments))


def run(*arguments: str) -> str:
    """What the command prints; it has to succeed."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def status_of_all_nodes(api: Api) -> int:
    return api.request("GET", "/api/v1/nodes").status


def names_agent(found: list[dict[str, Any]]) -> bool:
    return any(each.get("userAgent") == AGENT for each in found)


def next_second() -> str:
    """A time, in UTC, before which all is that was done so far."""
    time.sleep(1)
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def wait_for_renewal(live: Cluster) -> None:
    """Return when the kubelet has renewed its Lease once more, which it does every 10 s."""
    before = renewed_at(live)
    live.process.wait_until(lambda: renewed_at(live) > before, "renewed Lease", seconds=30)


def renewed_at(live: Cluster) -> str:
    return str(live.admin.get(f"{NODE_LEASES}/node1")["spec"]["renewTime"])
