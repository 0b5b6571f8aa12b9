"""`authzviz evidence`: files in, text or JSON out, and its exit status."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authzviz.cli import app
from authzviz.kube import bundle
from tests.evidence.audit_events import AGENT, NODE_FIRST, NOW, RBAC_ONLY, a_week, event, log
from tests.plans.clusters import read

DOCS = Path(__file__).parents[2] / "docs/evidence.md"
AGENTS = log(event("list", "nodes"), event("watch", "pods"))
HOSTILE = "agent\x1b[31m\u202e/1"


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """A directory with the bundle of a cluster and files of its log."""
    for name in (NODE_FIRST, RBAC_ONLY):
        bundle.dump(replace(read(name), read_at=NOW, server_time=NOW), tmp_path / f"{name}.json")
    (tmp_path / "week").write_bytes(log(*a_week()))
    (tmp_path / "agents.gz").write_bytes(gzip.compress(AGENTS))
    (tmp_path / "archive").write_bytes(b"PK\x03\x04" + bytes(600))
    (tmp_path / "hostile").write_bytes(log(event("list", "nodes", agent=HOSTILE)))
    return tmp_path


def run(at: Path, *arguments: str, cluster: str = NODE_FIRST, given: bytes = b"") -> Result:
    files = [str(at / each) if (at / each).exists() else each for each in arguments]
    return CliRunner().invoke(
        app,
        ["evidence", "--bundle", str(at / f"{cluster}.json"), *files],
        input=given,
        catch_exceptions=False,
    )


TEXTS: dict[str, tuple[str, list[str], list[str]]] = {
    "what breaks": (
        NODE_FIRST,
        ["week", "agents.gz"],
        [
            "test: breaks",
            "2 requests would have been refused without these grants, by node-agent/1.4.",
            "ClusterRoleBinding system:node",
            "1 x list nodes: node-agent/1.4 as system:node:eu-2-worker-1",
        ],
    ),
    "nothing breaks": (
        NODE_FIRST,
        ["week"],
        ["test: nothing-breaks", "4 of 4 nodes", "It does not show that a kubelet renewed its"],
    ),
    "too little": (NODE_FIRST, ["-"], ["test: too-little", "No audit event is in it."]),
    "proves nothing": (RBAC_ONLY, ["agents.gz"], ["test: proves-nothing", "node-agent/1.4"]),
    "names that a terminal would obey": (NODE_FIRST, ["hostile"], [r"agent\x1b[31m\u202e/1"]),
}


@pytest.mark.parametrize(("cluster", "files", "texts"), TEXTS.values(), ids=TEXTS)
def test_the_text_says_what_the_log_proves(
    at: Path, cluster: str, files: list[str], texts: list[str]
) -> None:
    result = run(at, *files, cluster=cluster)
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    for text in texts:
        assert text in words
    assert "\x1b" not in result.stdout


def test_json_has_every_documented_key_and_no_other(at: Path) -> None:
    result = run(at, "week", "agents.gz", "--format", "json")
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["uses"][0] == {
        "user": "system:node:eu-2-worker-1",
        "binding": "ClusterRoleBinding system:node",
        "user_agent": AGENT,
        "verb": "list",
        "resource": "nodes",
        "namespace": "",
        "count": 1,
        "first": "2026-11-01T00:00:00Z",
        "last": "2026-11-01T00:00:00Z",
        "is_kubelet": False,
    }
    documented = DOCS.read_text()
    keys = {*found, *found["uses"][0], *found["strangers"][0], *found["reach"]}
    assert [key for key in sorted(keys) if f"| `{key}` |" not in documented] == []


def test_standard_input_is_read_as_a_file_is(at: Path) -> None:
    named, piped = run(at, "agents.gz"), run(at, "-", given=(at / "agents.gz").read_bytes())
    assert piped.stdout == named.stdout


def test_what_is_older_than_since_is_passed_over(at: Path) -> None:
    result = run(at, "week", "agents.gz", "--since", "2026-11-01T00:00:01+00:00")
    assert AGENT not in result.stdout
    assert "were passed over, as asked" in result.stdout


EXITS: dict[str, tuple[list[str], int]] = {
    "breaks, by default": (["agents.gz"], 0),
    "breaks, and that fails": (["agents.gz", "--fail-on", "breaks,too-little"], 1),
    "nothing breaks": (["week", "--fail-on", "breaks,too-little,proves-nothing"], 0),
}


@pytest.mark.parametrize(("arguments", "status"), EXITS.values(), ids=EXITS)
def test_the_exit_status_follows_fail_on(at: Path, arguments: list[str], status: int) -> None:
    assert run(at, *arguments).exit_code == status


REFUSED: dict[str, tuple[list[str], str]] = {
    "no file": ([], "Missing argument"),
    "a file that is not there": (["nowhere"], "nowhere can't be read: No such file"),
    "a directory": (["."], "can't be read: Is a directory"),
    "an archive": (["archive"], "it is a zip archive: unpack it"),
    "another word for a proof": (["week", "--fail-on", "never"], "--fail-on never: there are"),
    "a time that is none": (["week", "--since", "yesterday"], "--since yesterday: give a time"),
}


@pytest.mark.parametrize(("arguments", "text"), REFUSED.values(), ids=REFUSED)
def test_wrong_usage_exits_with_2_and_says_what(at: Path, arguments: list[str], text: str) -> None:
    result = run(at, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(at: Path) -> None:
    (at / "week").chmod(0)
    assert "can't be read: Permission denied" in run(at, "week").stderr
