"""`authzviz simulate`: the change in flags, the answer in text and JSON, and its exit status."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from authzviz.cli import app
from authzviz.engine.model import Pod, Role, Subject
from authzviz.kube import bundle
from tests.engine.build import (
    LEGACY_BINDING,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    node,
    ok,
    rule,
    server,
)

if TYPE_CHECKING:
    from authzviz.engine.model import Snapshot

DOCS = Path(__file__).parents[2] / "docs/simulate.md"
LEGACY = cluster(RBAC, bindings=(LEGACY_BINDING,))
LEFTOVER = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))


def run(tmp_path: Path, snapshot: Snapshot, *arguments: str) -> Result:
    path = tmp_path / "bundle.json"
    bundle.dump(snapshot, path)
    return CliRunner().invoke(
        app, ["simulate", "--bundle", str(path), *arguments], catch_exceptions=False
    )


def document(tmp_path: Path, snapshot: Snapshot, *arguments: str) -> dict[str, Any]:
    result = run(tmp_path, snapshot, "--format", "json", *arguments)
    assert result.exit_code == 0
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


TEXTS: dict[str, tuple[Snapshot, list[str], list[str]]] = {
    "both steps": (
        LEGACY,
        ["--authorization-mode", "Node,RBAC", "--drop-binding", "system:node"],
        [
            "prod: legacy-binding now, node-authorizer after the change (nothing was changed)",
            "--authorization-mode=Node,RBAC; binding system:node dropped",
            "node1 and 1 alike: legacy-binding -> node-authorizer",
            "Loses nothing that it needs; answered by RBAC now, Node then.",
            "Rights closed: get, list, watch secrets in every namespace",
            "and 2 more",
            "It reads then: get, list, watch pods in every namespace; get, list, watch nodes",
            "Every kubelet may read every Secret",
            "ClusterRoleBinding system:node is created, without subjects",
            "look at a certificate of each kind",
        ],
    ),
    "too early": (
        LEGACY,
        ["--drop-binding", "system:node"],
        [
            "! loses: Renew its Lease (it has no subjects: reaches nobody). Without it: NotReady",
            "critical: Kubelets are refused",
        ],
    ),
    "without NodeRestriction": (
        cluster(NODE_RBAC),
        ["--admission-plugins", ""],
        ["--enable-admission-plugins=", "! Rights opened: start pods on its node"],
    ),
    "the quick way out": (
        cluster(RBAC),
        ["--add-subject", "system:node=Group:system:nodes"],
        [
            "prod: refused now, legacy-binding after the change",
            "Group system:nodes added to binding system:node",
            "! Rights opened: get, list, watch secrets in every namespace",
        ],
    ),
    "the subject is taken": (
        LEFTOVER,
        ["--drop-subject", "system:node=Group:system:nodes"],
        ["Group system:nodes taken from binding system:node", "Rights closed: get, list, watch"],
    ),
    "a new binding": (
        cluster(RBAC),
        [
            "--add-binding=kubelets=system:node",
            "--add-subject=kubelets=ServiceAccount:infra/agent",
        ],
        [
            "ClusterRoleBinding kubelets to ClusterRole system:node added;",
            "ServiceAccount infra/agent added to binding kubelets",
        ],
    ),
    "another version": (
        cluster(NODE_RBAC, version="v1.13.12"),
        ["--kubernetes-version", "1.33"],
        ["Kubernetes 1.33", "+ new with the version, and answered: Renew its Lease"],
    ),
    "the outage ends": (
        cluster(RBAC, nodes=()),
        ["--authorization-mode", "Node,RBAC"],
        ["any-new-node (a node yet to join)", "+ gains: Register itself as a Node"],
    ),
    "a webhook": (
        LEGACY,
        ["--authorization-mode", "Webhook"],
        ["It can still be:", "? may lose: Register itself as a Node"],
    ),
    "nothing": (
        LEGACY,
        [],
        ["No change: what a restart alone would do.", "reads, before and after:"],
    ),
}


@pytest.mark.parametrize(("snapshot", "arguments", "words"), TEXTS.values(), ids=TEXTS)
def test_tells_people(
    snapshot: Snapshot, arguments: list[str], words: list[str], tmp_path: Path
) -> None:
    result = run(tmp_path, snapshot, *arguments)

    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert [each for each in words if each not in said] == []
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


def test_many_kinds_of_nodes_are_not_all_printed(tmp_path: Path) -> None:
    roles = tuple(Role(f"r{i}", rules=(rule("get", f"thing{i}"),)) for i in range(12))
    bindings = tuple(
        crb(f"b{i}", f"r{i}", Subject("User", f"system:node:node{i}")) for i in range(12)
    )
    nodes = tuple(node(f"node{i}") for i in range(12))
    snapshot = cluster(RBAC, bindings=bindings, cluster_roles=roles, nodes=nodes)

    result = run(tmp_path, snapshot, "--authorization-mode", "Node,RBAC")

    assert "And 3 more kinds of nodes: see --format json." in result.stdout


KEYS = {
    "cluster", "change", "before", "after", "nodes", "findings_gone", "findings_new", "effects",
    "caveats",
}  # fmt: skip
NODE_KEYS = {
    "nodes", "example", "verdict_before", "verdict_after", "answered_by_before",
    "answered_by_after", "needs_lost", "needs_gained", "needs_unsure", "needs_new",
    "rights_closed", "rights_opened", "blast_radius", "own_objects",
}  # fmt: skip


def test_the_document_has_every_key_and_each_is_documented(tmp_path: Path) -> None:
    answer = document(tmp_path, LEGACY, "--drop-binding", "ClusterRoleBinding system:node")

    assert answer.keys() == KEYS
    (nodes,) = answer["nodes"]
    assert nodes.keys() == NODE_KEYS
    (lost, *_) = nodes["needs_lost"]
    assert lost == {
        "need": "register-node",
        "title": "Register itself as a Node",
        "core": True,
        "before": "allow",
        "after": "no",
        "by": "",
        "because": "it has no subjects: reaches nobody",
        "without": "a new node never appears in the cluster",
    }
    keys = KEYS | NODE_KEYS | lost.keys() | answer["change"].keys() | answer["after"].keys()
    keys |= nodes["blast_radius"]["after"].keys()
    text = DOCS.read_text()
    assert [key for key in keys if f"`{key}`" not in text and f'"{key}"' not in text] == []


def test_the_document_says_what_changes(tmp_path: Path) -> None:
    answer = document(
        tmp_path,
        cluster(server("--authorization-mode=RBAC"), bindings=(LEGACY_BINDING,), version="v1.13.1"),
        "--authorization-mode=Node,RBAC",
        "--admission-plugins=NodeRestriction",
        "--kubernetes-version=1.33",
        "--drop-binding=system:node",
    )

    assert answer["cluster"] == "prod"
    assert answer["change"] == {
        "authorization_modes": ["Node", "RBAC"],
        "admission_plugins": ["NodeRestriction"],
        "dropped_bindings": ["system:node"],
        "added_bindings": [],
        "dropped_subjects": [],
        "added_subjects": [],
        "kubernetes_version": "1.33",
    }
    assert answer["before"]["verdict"] == "legacy-binding"
    assert answer["after"] == {
        "verdict": "node-authorizer",
        "possible": ["node-authorizer"],
        "summary": "Every kubelet gets just what its own pods need, by the Node authorizer.",
        "version": "v1.33.0",
        "authorization_modes": ["Node", "RBAC"],
        "node_authorizer": "on",
        "node_restriction": "on",
    }
    (nodes,) = answer["nodes"]
    assert {need["need"]: need["before"] for need in nodes["needs_new"]} == {
        "renew-lease": None,
        "register-csi": None,
    }
    assert nodes["blast_radius"]["after"] == {
        "reads": ["the Secrets, ConfigMaps and volumes of the pods on its own node"],
        "changes": ["its own Node and Lease, and the pods on it"],
        "every_secret": False,
        "is_whole": True,
    }
    assert {finding["id"] for finding in answer["findings_gone"]} >= {"legacy-binding"}


def test_the_document_says_which_subjects_and_bindings_change(tmp_path: Path) -> None:
    answer = document(
        tmp_path,
        LEGACY,
        "--add-binding=infra/kubelets=system:node",
        "--add-subject=infra/kubelets=User:system:node:node1",
        "--drop-subject=system:node=Group:system:nodes",
    )

    change = answer["change"]
    assert change["added_bindings"] == [
        {"binding": "RoleBinding infra/kubelets", "role": "ClusterRole system:node"}
    ]
    assert change["added_subjects"] == [
        {"binding": "infra/kubelets", "subject": "User system:node:node1"}
    ]
    assert change["dropped_subjects"] == [
        {"binding": "system:node", "subject": "Group system:nodes"}
    ]


def test_the_quick_way_out_opens_every_secret(tmp_path: Path) -> None:
    quick = document(tmp_path, cluster(RBAC), "--add-subject=system:node=Group:system:nodes")

    radius = quick["nodes"][0]["blast_radius"]
    assert [radius[side]["every_secret"] for side in ("before", "after")] == [False, True]


def test_a_bundle_with_pods_counts_what_node_leaves_to_a_thief(tmp_path: Path) -> None:
    pod = Pod("team", "web", "node1", service_account="web", secrets=("a", "b"), claims=("data",))
    snapshot = replace(LEGACY, pods=ok((pod,)), volumes=ok(()))
    change = ("--authorization-mode=Node,RBAC", "--drop-binding=system:node")

    (nodes,) = document(tmp_path, snapshot, *change)["nodes"]
    text = " ".join(run(tmp_path, snapshot, *change).stdout.split())

    assert nodes["own_objects"] == {
        "node": "node1",
        "pods": 1,
        "secrets": 2,
        "configmaps": 0,
        "serviceaccounts": 1,
        "persistentvolumeclaims": 1,
        "is_whole": True,
    }
    words = "2 Secrets and 0 ConfigMaps of the 1 pod on node1, and the volumes of these"
    assert words in nodes["blast_radius"]["after"]["reads"]
    assert f"It reads then: {words}" in text or f"; {words}" in text
    documented = DOCS.read_text()
    assert [key for key in nodes["own_objects"] if f'"{key}"' not in documented] == []


def test_an_unchanged_cluster_has_nulls_for_what_is_left_as_it_is(tmp_path: Path) -> None:
    answer = document(tmp_path, cluster(RBAC, NODE_RBAC, version=""))

    assert answer["change"] == {
        "authorization_modes": None,
        "admission_plugins": None,
        "dropped_bindings": [],
        "added_bindings": [],
        "dropped_subjects": [],
        "added_subjects": [],
        "kubernetes_version": None,
    }
    assert answer["before"]["authorization_modes"] is None
    assert answer["before"]["version"] is None


STATUS = {
    "by default never": ((), 0),
    "the verdict after it": (("--fail-on", "refused"), 1),
    "only the verdict before it": (("--fail-on", "legacy-binding"), 0),
}


@pytest.mark.parametrize(("arguments", "status"), STATUS.values(), ids=STATUS)
def test_the_exit_status(arguments: tuple[str, ...], status: int, tmp_path: Path) -> None:
    result = run(tmp_path, LEGACY, "--drop-binding", "system:node", *arguments)

    assert result.exit_code == status


WRONG_USAGE = {
    "mode": (["--authorization-mode", "Node,RBCA"], "there are ABAC, AlwaysAllow"),
    "plugin": (["--admission-plugins", "NodeRestrict"], "there are AlwaysAdmit"),
    "binding": (["--drop-binding", "other"], "those that reach kubelets: ClusterRoleBinding"),
    "version": (["--kubernetes-version", "2"], "there are 1.7 to 1.37"),
    "words of a subject": (["--add-subject", "system:node=system:nodes"], "=KIND:NAME is expected"),
    "subject": (["--drop-subject", "system:node=User:x"], "it has: Group system:nodes"),
    "new binding": (["--add-binding", "system:node=system:node"], "there is a ClusterRoleBinding"),
    "role": (["--add-binding", "x=system:noode"], "no ClusterRole system:noode"),
    "quotes": (["--authorization-mode", '"Node'], "an open quote"),
    "verdict": (["--fail-on", "bad"], "no such verdict"),
    "format": (["--format", "xml"], "xml"),
}


@pytest.mark.parametrize(("arguments", "says"), WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_wrong_usage_is_2_and_says_what_there_is(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    result = run(tmp_path, LEFTOVER, *arguments)

    assert result.exit_code == 2
    assert says in result.stderr
    assert not result.stdout


def test_what_is_no_bundle_is_2(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}")
    result = CliRunner().invoke(app, ["simulate", "--bundle", str(path)])

    assert result.exit_code == 2
    assert "is not a bundle" in result.stderr


def test_names_from_the_cluster_do_not_reach_the_terminal_as_commands(tmp_path: Path) -> None:
    evil = crb("\x1b[2Jevil", "cluster-admin", NODES)

    result = run(tmp_path, cluster(NODE_RBAC, bindings=(evil,)), "--drop-binding", "\x1b[2Jevil")

    assert result.exit_code == 0
    assert "\x1b[2J" not in result.stdout
