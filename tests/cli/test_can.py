"""`authzviz can` on bundles of recordings: one request, and files of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from authzviz.cli import app
from authzviz.kube import bundle
from tests.kube.reading import collected
from tests.replay import replay

if TYPE_CHECKING:
    from collections.abc import Sequence

KUBELET = ("--as", "system:node:node1", "--as-group", "system:nodes")
IN_DEFAULT = ("-n", "default")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle of each recording that is asked."""
    folder = tmp_path_factory.mktemp("bundles")
    for scenario in ("seed-fix2-node", "leftover"):
        with replay(f"v1.28.15-{scenario}") as server:
            bundle.dump(collected(server), folder / f"{scenario}.json.gz")
    return folder


def can(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["can", *arguments], catch_exceptions=False)


ONE: dict[str, tuple[str, Sequence[str], str, str, str]] = {
    "a rule for every node": (
        "seed-fix2-node",
        (*KUBELET, "list", "services"),
        "allow",
        "Node",
        "every node",
    ),
    "a relation": (
        "seed-fix2-node",
        (*KUBELET, "get", "secrets/x", *IN_DEFAULT),
        "conditional",
        "Node",
        "pod",
    ),
    "a relation that a later grant makes idle": (
        "leftover",
        (*KUBELET, "get", "secrets/x", *IN_DEFAULT),
        "allow",
        "RBAC",
        "ClusterRoleBinding system:node binds ClusterRole system:node to Group system:nodes",
    ),
    "a group of an API, and a name with dots": (
        "seed-fix2-node",
        (*KUBELET, "get", "csinodes.storage.k8s.io/node1"),
        "allow",
        "Node",
        "itself",
    ),
    "a subresource": (
        "seed-fix2-node",
        (*KUBELET, "patch", "nodes/node1", "--subresource", "status"),
        "allow",
        "Node",
        "every node",
    ),
    "a path, by the group that every user has": (
        "seed-fix2-node",
        ("--as", "ann", "get", "/healthz"),
        "allow",
        "RBAC",
        "Group system:authenticated",
    ),
    "system:masters": (
        "seed-fix2-node",
        ("--as", "ann", "--as-group", "system:masters", "delete", "nodes/node1"),
        "allow",
        "system:masters",
        "system:masters",
    ),
    "nobody": ("seed-fix2-node", ("--as", "ann", "list", "secrets"), "no", "", "Node,RBAC"),
    "a node's name without its group": (
        "seed-fix2-node",
        ("--as", "system:node:node1", "list", "services"),
        "no",
        "",
        "outside Group system:nodes",
    ),
    "a resource that no rule knows": (
        "seed-fix2-node",
        ("--as", "ann", "get", "pod/x", *IN_DEFAULT),
        "no",
        "",
        'no rule names resource "pod"',
    ),
    "a verb that no rule knows": (
        "seed-fix2-node",
        ("--as", "ann", "read", "pods", *IN_DEFAULT),
        "no",
        "",
        'no rule names verb "read"',
    ),
}


@pytest.mark.parametrize(
    ("scenario", "arguments", "decision", "by", "reason"), ONE.values(), ids=ONE
)
def test_answers_one_request(
    bundles: Path, scenario: str, arguments: Sequence[str], decision: str, by: str, reason: str
) -> None:
    result = can("--bundle", str(bundles / f"{scenario}.json.gz"), *arguments)

    (line,) = result.stdout.splitlines()
    said = json.loads(line)
    assert list(said) == ["decision", "by", "reason"]
    assert (said["decision"], said["by"]) == (decision, by)
    assert reason in said["reason"]
    assert result.exit_code == 0


def lines_of(bundles: Path, *asked: Any) -> Result:
    """The answers to a file of these requests; what is bytes goes into it as it is."""
    path = bundles / "requests.jsonl"
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in asked]
    path.write_bytes(b"\n".join(lines))
    return can("--bundle", str(bundles / "leftover.json.gz"), "--requests", str(path))


GOOD = {"user": "ann", "groups": ["system:masters"], "verb": "get", "resource": "pods"}


def test_answers_each_line_in_order_with_groups_as_given(bundles: Path) -> None:
    path = {"user": "ann", "groups": [], "verb": "get", "path": "/version"}
    whole = {
        **GOOD,
        "groups": ["system:authenticated", "system:nodes"],
        "group": "",
        "subresource": "status",
        "namespace": "default",
        "name": "x",
        "field_selector": "spec.nodeName=node1",
    }

    result = lines_of(bundles, GOOD, path, {**path, "groups": ["system:authenticated"]}, whole)

    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(said["decision"], said["by"]) for said in answers] == [
        ("allow", "system:masters"),
        ("no", ""),
        ("allow", "RBAC"),
        ("no", ""),
    ]
    assert result.exit_code == 0


def test_a_look_alike_of_a_system_name_is_nobody_and_obeys_no_terminal(bundles: Path) -> None:
    names = [
        "\u0455ystem:masters",
        "system:masters\u200b",
        "\u202esystem:masters",
        "System:masters",
    ]
    asked = [{**GOOD, "groups": [name], "user": "\u202eann"} for name in names]

    result = lines_of(bundles, *asked, {**GOOD, "groups": [], "verb": "g\u202eet"})

    assert [json.loads(line)["decision"] for line in result.stdout.splitlines()] == ["no"] * 5
    assert result.stdout.isascii()


BROKEN: dict[str, tuple[Any, str]] = {
    "cut off": (b'{"user": "ann", "verb": "get"', "truncated"),
    "no JSON": (b"get pods", "malformed"),
    "no object": (b"[]", "Expected `object`"),
    "empty": (b"  ", "empty"),
    "not UTF-8": (b'{"user": "\xff", "verb": "get", "resource": "pods"}', "utf-8"),
    "too long": (b'{"user": "' + b"a" * (1 << 20), "longer than 1 MiB"),
    "a misspelt field": ({**GOOD, "fieldSelector": "a=b"}, "fieldSelector"),
    "another type": ({**GOOD, "groups": "system:masters"}, "groups"),
    "no verb": ({**GOOD, "verb": ""}, "verb is empty"),
    "no user": ({"verb": "get", "resource": "pods"}, "user"),
    "nothing asked for": ({"user": "ann", "verb": "get"}, "neither a resource nor a path"),
    "both": ({**GOOD, "path": "/version"}, "a path has no resource"),
    "a path without its slash": (
        {"user": "ann", "verb": "get", "path": "version"},
        "does not begin with /",
    ),
}


@pytest.mark.parametrize(("line", "why"), BROKEN.values(), ids=BROKEN)
def test_a_broken_line_is_named_after_the_answers_before_it(
    bundles: Path, line: Any, why: str
) -> None:
    result = lines_of(bundles, GOOD, line, GOOD)

    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 1
    assert "line 2: " in result.stderr
    assert why in result.stderr


USAGE: dict[str, Sequence[str]] = {
    "no user": ("get", "pods"),
    "no resource": ("--as", "ann", "get"),
    "nothing": (),
    "file and words": ("--requests", "f.jsonl", "--as", "ann", "get", "pods"),
    "file and namespace": ("--requests", "f.jsonl", "-n", "default"),
    "a path in a namespace": ("--as", "ann", "get", "/version", "-n", "default"),
    "a file that is not there": ("--requests", "no-such.jsonl"),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_wrong_usage_is_2(bundles: Path, arguments: Sequence[str]) -> None:
    result = can("--bundle", str(bundles / "leftover.json.gz"), *arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("authzviz: ")


def test_what_is_no_bundle_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text("{}")

    result = can("--bundle", str(path), "--as", "ann", "get", "pods")

    assert result.exit_code == 2
    assert "is not a bundle" in result.stderr
