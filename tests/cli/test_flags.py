"""`authzviz check --flags`: a file, a verdict before its cluster exists, and an exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from authzviz.cli import app
from tests.kube.test_flag_files import CHAIN, KUBEADM3, POD, UNIT

if TYPE_CHECKING:
    from pathlib import Path


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments], catch_exceptions=False)


def judged(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(check(*arguments, "--format", "json").stdout)["clusters"][0]
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


CASES = {
    "the target": (UNIT, "node-authorizer", 0),
    "the outage to come": (POD.replace("Node,RBAC", "RBAC"), "refused", 1),
    "kubeadm with RBAC only": (KUBEADM3, "refused", 1),
    "no NodeRestriction": (POD.replace("NodeRestriction", "PodSecurity"), "unrestricted", 1),
    "no mode": (POD.replace("    - --authorization-mode=Node,RBAC\n", ""), "always-allow", 1),
    "only the chain": (CHAIN, "unknown", 1),
}


@pytest.mark.parametrize(("text", "verdict", "status"), CASES.values(), ids=CASES)
def test_judges_a_file_before_its_cluster_exists(
    text: str, verdict: str, status: int, file: Path
) -> None:
    file.write_text(text)

    assert judged("--flags", str(file))["verdict"] == verdict
    assert check("--flags", str(file)).exit_code == status


def test_the_version_is_the_one_asked_for_then_the_files_then_the_newest(file: Path) -> None:
    file.write_text(POD)
    assert judged("--flags", str(file))["version"] == "v1.30.2"
    asked = judged("--flags", str(file), "--kubernetes-version", "1.19")
    assert asked["version"] == "v1.19"

    file.write_text(UNIT)
    newest = judged("--flags", str(file))
    assert newest["version"] == "v1.37.0"
    assert any("nothing names a version" in said for said in newest["assumed"])


def test_the_old_binding_of_1_7_is_seen_by_the_version(file: Path) -> None:
    file.write_text(POD.replace("Node,RBAC", "RBAC"))

    found = judged("--flags", str(file), "--kubernetes-version", "v1.7.3")
    assert found["verdict"] == "legacy-binding"


def test_text_says_what_is_assumed(file: Path) -> None:
    file.write_text(KUBEADM3)

    text = check("--flags", str(file)).stdout
    assert "not built yet" in text
    assert "kubeadm adds --enable-admission-plugins=NodeRestriction" in text
    assert "RBAC is what a fresh 1.28 cluster creates by itself" in text


def test_flags_and_the_configuration_that_they_name_are_one_cluster(
    file: Path, tmp_path: Path
) -> None:
    chain = tmp_path / "chain.yaml"
    chain.write_text(
        CHAIN[: CHAIN.index("- type: Webhook")] + CHAIN[CHAIN.index("- {type: Node") :]
    )
    file.write_text(POD.replace("authorization-mode=Node,RBAC", "authorization-config=/etc/c"))

    alone = judged("--flags", str(file), "--kubernetes-version", "1.37")
    assert alone["verdict"] == "unknown"
    both = ["--flags", str(file), "--flags", str(chain), "--kubernetes-version"]
    together = judged(*both, "1.37")
    assert together["verdict"] == "node-authorizer"
    assert together["authorization_modes"] == ["Node", "RBAC"]
    too_old = check(*both, "1.31")
    assert too_old.exit_code == 2
    assert "is read from 1.32 on" in too_old.stderr


WRONG = {
    "no such file": (["--flags", "/nowhere/file"], "can't be read"),
    "a version of nothing": (["--kubernetes-version", "1.28"], "is for --flags"),
}


@pytest.mark.parametrize(("arguments", "why"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_said(arguments: list[str], why: str) -> None:
    result = check(*arguments)

    assert result.exit_code == 2
    assert why in result.stderr


def test_a_file_of_something_else_and_an_unknown_version_are_wrong_usage(
    file: Path, tmp_path: Path
) -> None:
    file.write_text("kind: Deployment\n")
    other = check("--flags", str(file))
    assert other.exit_code == 2
    assert f"{file} is not a kube-apiserver's" in other.stderr

    file.write_text(POD)
    assert check("--flags", str(file), "--kubernetes-version", "newest").exit_code == 2
    chain = tmp_path / "chain"
    chain.write_text(CHAIN)
    unnamed = check("--flags", str(file), "--flags", str(chain))
    assert "no --authorization-config" in unnamed.stderr
