"""`authzviz plan`: from a bundle or a cluster to each format, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from authzviz.cli import app
from authzviz.kube import bundle
from tests.engine.build import LEGACY_BINDING, NODE_RBAC, RBAC, cluster
from tests.replay import replay

AUDIT = Path(__file__).parents[1] / "data/audit"
LEGACY = cluster(RBAC, bindings=(LEGACY_BINDING,))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plan", *arguments], catch_exceptions=False)


@pytest.fixture
def legacy(tmp_path: Path) -> str:
    """A bundle of a cluster on the legacy binding."""
    path = tmp_path / "legacy.json"
    bundle.dump(LEGACY, path)
    return str(path)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


STARTS = {
    "text": "prod: from legacy-binding to node-authorizer\n",
    "json": '{\n  "cluster": "prod",\n  "from": "legacy-binding",',
    "markdown": "# prod: to the Node authorizer\n",
    "ansible": "---\n# prod: from legacy-binding to node-authorizer",
    "shell": "#!/usr/bin/env bash\n# prod: from legacy-binding to node-authorizer",
}


@pytest.mark.parametrize(("format_", "start"), STARTS.items(), ids=STARTS)
def test_each_format_ends_with_one_newline(format_: str, start: str, legacy: str) -> None:
    result = run("--bundle", legacy, "--format", format_)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(start)
    assert result.stdout.endswith("\n")
    assert not result.stdout.endswith("\n\n")


def test_without_a_format_it_is_for_people(legacy: str) -> None:
    assert run("--bundle", legacy).stdout == run("--bundle", legacy, "--format", "text").stdout


def test_a_cluster_is_read(kubeconfig: Path) -> None:
    with replay("v1.37.2-outage") as server:
        kubeconfig.write_text(server.kubeconfig)
        result = run("--kubeconfig", str(kubeconfig), "--format", "json")

    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert (document["from"], document["to"]) == ("refused", "node-authorizer")


def test_the_step_of_evidence_takes_its_state_from_audit_logs() -> None:
    result = run(
        "--bundle",
        str(AUDIT / "node-first.bundle.json.gz"),
        "--audit-log",
        str(AUDIT / "node-first.jsonl.gz"),
        "--format",
        "json",
    )

    steps = [step for phase in json.loads(result.stdout)["phases"] for step in phase["steps"]]
    (step,) = (step for step in steps if step["id"] == "evidence")
    assert result.exit_code == 0
    assert step["state"] == "todo"
    assert "would have been refused" in step["because"]


def test_a_cluster_at_the_target_has_no_phases(tmp_path: Path) -> None:
    bundle.dump(cluster(NODE_RBAC), tmp_path / "fine.json")
    result = run("--bundle", str(tmp_path / "fine.json"), "--format", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["phases"] == []


def test_a_cluster_that_does_not_answer_is_3(kubeconfig: Path) -> None:
    with replay("v1.37.2-outage") as server:
        kubeconfig.write_text(server.kubeconfig)
    result = run("--kubeconfig", str(kubeconfig))

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("authzviz: ")


WRONG = {
    "a bundle and a kubeconfig": ["--bundle", "x", "--kubeconfig", "y"],
    "a bundle and a context": ["--bundle", "x", "--context", "y"],
    "a bundle and this cluster": ["--bundle", "x", "--in-cluster"],
    "a bundle and an apiserver": ["--bundle", "x", "--apiserver", "https://192.0.2.1"],
    "no such bundle": ["--bundle", "none.json"],
    "no such kubeconfig": ["--kubeconfig", "none.yaml"],
    "this cluster and a context": ["--in-cluster", "--context", "x"],
    "no such audit log": ["--bundle", "{legacy}", "--audit-log", "none.jsonl"],
    "a time and no audit log": ["--bundle", "{legacy}", "--since", "2026-11-24"],
    "no time": ["--bundle", "{legacy}", "--audit-log", "none.jsonl", "--since", "x"],
    "no such format": ["--bundle", "x", "--format", "html"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_wrong_usage_is_2(arguments: list[str], legacy: str) -> None:
    result = run(*(argument.format(legacy=legacy) for argument in arguments))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


def test_no_such_context_is_2(kubeconfig: Path) -> None:
    with replay("v1.37.2-outage") as server:
        kubeconfig.write_text(server.kubeconfig)
        result = run("--kubeconfig", str(kubeconfig), "--context", "other")

    assert result.exit_code == 2
    assert "no context other" in result.stderr


def test_apiservers_are_named_by_url(kubeconfig: Path) -> None:
    with replay("v1.37.2-outage") as server:
        kubeconfig.write_text(server.kubeconfig)
        result = run("--kubeconfig", str(kubeconfig), "--apiserver", "cp1")

    assert result.exit_code == 2
    assert "--apiserver cp1" in result.stderr
