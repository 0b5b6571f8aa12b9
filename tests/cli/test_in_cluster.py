"""`authzviz check` and `collect` in a pod, against an apiserver out of a recording."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from authzviz.cli import app
from authzviz.kube import bundle, in_cluster
from tests.replay import TOKEN, replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.replay import Replay


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    """The apiserver of the cluster that this process seems to run in."""
    folder = home / "serviceaccount"
    folder.mkdir()
    with replay("v1.28.15-leftover") as server:
        host, _, port = server.url.removeprefix("https://").partition(":")
        (folder / "token").write_text(TOKEN)
        (folder / "ca.crt").write_text(server.ca)
        (folder / "namespace").write_text("authzviz")
        monkeypatch.setattr(in_cluster, "FOLDER", folder)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        yield server


@pytest.mark.parametrize("arguments", [["--in-cluster"], []], ids=["asked for", "by itself"])
def test_checks_its_own_cluster(arguments: list[str], server: Replay) -> None:
    result = run("check", "--format", "json", *arguments)

    (cluster,) = json.loads(result.stdout)["clusters"]
    assert (cluster["name"], cluster["verdict"]) == ("in-cluster", "over-granted")
    assert cluster["server"] == server.url
    assert TOKEN not in result.output


def test_collects_its_own_cluster(server: Replay, tmp_path: Path) -> None:
    result = run("collect", "--in-cluster", "--output", str(tmp_path / "own.json"))

    assert result.exit_code == 0
    assert bundle.load(tmp_path / "own.json").server == server.url


def test_a_kubeconfig_comes_first(server: Replay, home: Path) -> None:
    (home / ".kube").mkdir()
    with replay("v1.28.15-seed-outage") as other:
        (home / ".kube" / "config").write_text(other.kubeconfig)
        result = run("check", "--format", "json")

    (cluster,) = json.loads(result.stdout)["clusters"]
    assert cluster["server"] == other.url != server.url


WRONG = {
    "with a context": (["--in-cluster", "--context", "x"], "takes no kubeconfig"),
    "with a kubeconfig": (["--in-cluster", "--kubeconfig", "x"], "takes no kubeconfig"),
    "outside of one": (["--in-cluster"], "does not run in a pod"),
    "outside of one, not asked for": ([], "/.kube/config"),
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("arguments", "says"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_2_and_says_what(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    result = run("check", *arguments)

    assert (result.exit_code, says in result.stderr) == (2, True)


@pytest.mark.usefixtures("server")
def test_a_bundle_is_said_to_be_one_with_its_age(tmp_path: Path) -> None:
    run("collect", "--in-cluster", "--output", str(tmp_path / "own.json"))

    live, kept = run("check"), run("check", "--bundle", str(tmp_path / "own.json"))

    assert "ago, from a bundle" in kept.stdout
    assert "bundle" not in live.stdout
