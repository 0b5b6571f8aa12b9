"""`check` for machines: SARIF by its schema, JUnit as CI servers read it, nothing passes unread."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import jsonschema
import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Snapshot
from authzviz.reports.check_junit import check_junit
from authzviz.reports.check_sarif import check_sarif
from authzviz.reports.checked import Checked
from authzviz.reports.rules import RULES
from tests.engine.build import (
    ADMIN_ROLE,
    AUTHENTICATED,
    LEGACY_BINDING,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    server,
    unread,
)

ENGINE = Path(__file__).parents[2] / "authzviz" / "engine"
# The schema as the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT) carries it.
SCHEMA = Path(__file__).parents[1] / "data" / "schemas" / "sarif-2.1.0-rtm.5.json"
FAILING = frozenset(Verdict) - {Verdict.NODE_AUTHORIZER}
OVER_GRANTED = cluster(NODE_RBAC, bindings=(LEGACY_BINDING, crb("ops", "cluster-admin", NODES)))
UNKNOWN = Snapshot(
    **{
        **{name: getattr(cluster(), name) for name in Snapshot.__dataclass_fields__},
        "apiservers": unread(cluster().apiservers),
    }
)
SNAPSHOTS = {
    "refused": cluster(RBAC),
    "legacy-binding": cluster(RBAC, bindings=(LEGACY_BINDING,)),
    "over-granted": OVER_GRANTED,
    "unrestricted": cluster(server("--authorization-mode=Node,RBAC")),
    "node-authorizer": cluster(NODE_RBAC),
    "always-allow": cluster(server("--anonymous-auth=false")),
    "mixed": cluster(RBAC, NODE_RBAC),
    "unknown": UNKNOWN,
}
SILENT = Checked("silent", "https://203.0.113.9:6443", None, None, "nothing listens \x1b[31mthere")


def checked(name: str) -> Checked:
    snapshot = SNAPSHOTS[name]
    return Checked(name, snapshot.server, snapshot.read_at, judge(snapshot))


ALL = [*(checked(name) for name in SNAPSHOTS), SILENT]


def sarif(*clusters: Checked) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(check_sarif(clusters))
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(log)
    run: dict[str, Any] = log["runs"][0]
    return run


def ids(run: dict[str, Any]) -> list[str]:
    return [result["ruleId"] for result in run["results"]]


def test_every_finding_of_the_engine_has_a_rule_with_help() -> None:
    given = {
        node.args[0].value
        for path in ENGINE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and node.args
        if isinstance(node.args[0], ast.Constant)
    }

    assert given <= set(RULES)
    assert all(rule.help and rule.title for rule in RULES.values())


def test_controls_of_findings_are_those_of_their_rules() -> None:
    for each in ALL:
        for finding in each.assessment.findings if each.assessment else ():
            assert set(finding.controls) <= set(RULES[finding.id].controls)


def test_sarif_holds_to_the_schema_and_lists_every_rule() -> None:
    run = sarif(*ALL)

    rules = run["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} >= set(RULES)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    legacy = next(rule for rule in rules if rule["id"] == "legacy-binding")
    assert "CIS Kubernetes 1.12 1.2.7" in legacy["help"]["text"]


@pytest.mark.parametrize("name", [name for name in SNAPSHOTS if name != "node-authorizer"])
def test_sarif_has_a_result_for_every_verdict_but_the_target(name: str) -> None:
    assert sarif(checked(name))["results"]


def test_sarif_of_the_target_is_empty_and_names_the_cluster() -> None:
    run = sarif(checked("node-authorizer"))

    assert run["results"] == []
    assert run["properties"]["clusters"] == [
        {"name": "node-authorizer", "verdict": "node-authorizer"}
    ]


def test_sarif_names_cluster_and_binding_as_logical_locations() -> None:
    run = sarif(checked("over-granted"))

    places = {
        result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
        for result in run["results"]
        if result["ruleId"] == "over-granted"
    }
    assert places == {
        "over-granted/ClusterRoleBinding system:node",
        "over-granted/ClusterRoleBinding ops",
    }


def test_sarif_says_what_did_not_answer_and_what_cannot_be_told() -> None:
    run = sarif(checked("unknown"), SILENT)

    assert {"unknown", "unreachable"} <= set(ids(run))
    assert run["invocations"][0]["executionSuccessful"] is False
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert notes[0]["message"]["text"] == "silent: nothing listens \\x1b[31mthere"
    assert sarif(checked("unknown"))["invocations"][0]["executionSuccessful"] is True


def test_fingerprints_are_the_same_in_every_run_and_unique_in_one() -> None:
    first, second = sarif(*ALL), sarif(*reversed(ALL))

    marks = [result["partialFingerprints"]["authzviz/v1"] for result in first["results"]]
    assert len(set(marks)) == len(marks)
    again = {result["partialFingerprints"]["authzviz/v1"] for result in second["results"]}
    assert again == set(marks)


def test_fingerprints_do_not_change_with_the_number_of_nodes() -> None:
    few = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,), nodes=())
    both = [
        sarif(Checked("prod", few.server, few.read_at, judge(snapshot)))["results"]
        for snapshot in (few, cluster(NODE_RBAC, bindings=(LEGACY_BINDING,)))
    ]

    marks = [[result["partialFingerprints"] for result in results] for results in both]
    assert marks[0] == marks[1]


@pytest.mark.parametrize(
    ("source", "uri"),
    [("ci/prod 1.json", "ci/prod%201.json"), ("/srv/prod.json", "file:///srv/prod.json")],
)
def test_a_file_is_the_physical_location(source: str, uri: str) -> None:
    snapshot = SNAPSHOTS["refused"]
    run = sarif(Checked("x", "", snapshot.read_at, judge(snapshot), source=source))

    physical = run["results"][0]["locations"][0]["physicalLocation"]
    assert physical == {"artifactLocation": {"uri": uri}}


def junit(*clusters: Checked, failing: frozenset[Verdict] = FAILING) -> Xml.Element:
    return Xml.fromstring(check_junit(clusters, failing))  # noqa: S314  it is our own


def counts(element: Xml.Element) -> tuple[int, int, int]:
    found = tuple(int(element.get(name, "-1")) for name in ("failures", "errors", "skipped"))
    return found[0], found[1], found[2]


@pytest.mark.parametrize("name", [name for name in SNAPSHOTS if name != "node-authorizer"])
def test_junit_is_red_for_every_verdict_but_the_target(name: str) -> None:
    failures, errors, _ = counts(junit(checked(name)))

    assert failures >= 1
    assert errors == 0


def test_junit_of_the_target_is_green() -> None:
    root = junit(checked("node-authorizer"))

    assert counts(root) == (0, 0, 0)
    assert [case.get("name") for case in root.iter("testcase")] == ["verdict"]


def test_junit_has_a_suite_per_cluster_and_an_error_for_a_silent_one() -> None:
    root = junit(checked("refused"), SILENT)

    assert [suite.get("name") for suite in root] == ["refused", "silent"]
    assert counts(root[1]) == (0, 1, 0)
    error = root[1].find("testcase/error")
    assert error is not None
    assert error.get("message") == "nothing listens \\x1b[31mthere"
    assert root.get("tests") == str(len(list(root.iter("testcase"))))


def test_junit_never_passes_what_is_unknown_even_where_nothing_fails() -> None:
    root = junit(checked("unknown"), failing=frozenset())

    verdict = next(case for case in root.iter("testcase") if case.get("name") == "verdict")
    assert verdict.find("skipped") is not None
    assert counts(root)[0] == 0


def test_junit_skips_findings_that_fail_on_lets_pass() -> None:
    failures, _, skipped = counts(junit(checked("legacy-binding"), failing=frozenset()))

    assert failures == 0
    assert skipped >= 1


def test_junit_holds_no_character_that_xml_forbids() -> None:
    evil = crb("ops\x07\ufffe<&>", "cluster-admin", AUTHENTICATED)
    snapshot = cluster(NODE_RBAC, bindings=(evil,), cluster_roles=(ADMIN_ROLE,))
    hostile = Checked("a\x00b", "", snapshot.read_at, judge(snapshot))

    root = junit(hostile)

    assert root[0].get("name") == "a\\x00b"
    assert any("ops\\x07\\ufffe<&>" in (case.get("name") or "") for case in root.iter("testcase"))
