"""Findings: every id that the engine can emit is documented, and nothing else is."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Finding, Severity
from authzviz.engine.model import Observed, OwnRules, Snapshot, Subject
from tests.engine.build import (
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    lease,
    node,
    ok,
    rule,
    server,
)

ROOT = Path(__file__).parents[2]
BENCHMARK = "CIS Kubernetes 1.12"
ROW = re.compile(r"^\| `([a-z-]+)` \| ([^|]+) \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)


def documented() -> dict[str, tuple[str, set[str]]]:
    """By id, the words on severity and the numbers of controls."""
    text = (ROOT / "docs/findings.md").read_text()
    return {
        id_: (severity, set(re.findall(r"\d+\.\d+\.\d+", controls)))
        for id_, severity, controls in ROW.findall(text)
    }


def emitted() -> set[object]:
    """The first argument of every Finding that the engine makes."""
    found: set[object] = set()
    for path in (ROOT / "authzviz/engine").glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Finding":
                found.add(ast.literal_eval(call.args[0]))
    return found


def test_every_finding_is_documented_and_every_documented_one_can_be_found() -> None:
    assert emitted() == documented().keys()


CLUSTERS: dict[str, Snapshot] = {
    "always-allow": cluster(server()),
    "refused": cluster(RBAC),
    "other-identity": cluster(RBAC, leases=(lease("node1"),)),
    "stale-leases": cluster(NODE_RBAC, leases=(lease("node1", 90),)),
    "over-granted": cluster(NODE_RBAC, bindings=(LEGACY_BINDING,)),
    "over-granted, everything": cluster(NODE_RBAC, bindings=(crb("x", "cluster-admin", NODES),)),
    "legacy-binding": cluster(RBAC, bindings=(LEGACY_BINDING,)),
    "inherited": cluster(RBAC, bindings=(LEGACY_BINDING,)),
    "apiservers-differ": cluster(RBAC, NODE_RBAC),
    "nodes-differ": cluster(RBAC, bindings=(crb("x", "system:node", NODE1),)),
    "no-node-restriction": cluster(server("--authorization-mode=Node,RBAC")),
    "no-node-restriction, no Node": cluster(server("--authorization-mode=RBAC")),
    "kubelet-user": cluster(
        NODE_RBAC, bindings=(crb("x", "system:node", Subject("User", "kubelet")),)
    ),
    "unseen-apiserver": cluster(NODE_RBAC, endpoints=("192.0.2.1", "192.0.2.2")),
    "non-ascii-subject": cluster(
        NODE_RBAC, bindings=(crb("x", "system:node", Subject("Group", "\u0455ystem:nodes")),)
    ),
    "upper-case-node": cluster(
        NODE_RBAC, bindings=(crb("x", "none", Subject("User", "system:node:Node1")),)
    ),
    "dangling-role-ref": cluster(NODE_RBAC, bindings=(crb("x", "none", NODES),)),
    "unread-authorizer": cluster(server("--authorization-mode=Node,RBAC,Webhook")),
    "excess-credentials": cluster(
        replace(NODE_RBAC, observed=Observed(ok(()), ok(OwnRules((rule("*", "*", "*"),)))))
    ),
}


@pytest.mark.parametrize("name", CLUSTERS)
def test_severity_and_controls_are_as_documented(name: str) -> None:
    id_ = name.partition(",")[0]

    found = [finding for finding in judge(CLUSTERS[name]).findings if finding.id == id_]

    assert found
    assert [problem for finding in found for problem in undocumented(finding)] == []


def undocumented(finding: Finding) -> list[str]:
    severity, controls = documented()[finding.id]
    problems = [] if str(finding.severity) in severity else [f"severity {finding.severity}"]
    return problems + [
        f"control {control}"
        for control in finding.controls
        if control.benchmark != BENCHMARK or control.id not in controls
    ]


INHERITED: dict[str, tuple[Snapshot, bool]] = {
    "on the binding of an old version": (CLUSTERS["legacy-binding"], True),
    "on a binding to a single node": (CLUSTERS["nodes-differ"], True),
    "with the Node authorizer": (CLUSTERS["over-granted"], False),
    "with AlwaysAllow": (CLUSTERS["always-allow"], False),
    "in the outage itself, which says it louder": (CLUSTERS["refused"], False),
    "before 1.8": (cluster(RBAC, bindings=(LEGACY_BINDING,), version="v1.7.16"), False),
    "with a webhook, which may serve a fresh one": (
        cluster(server("--authorization-mode=RBAC,Webhook"), bindings=(LEGACY_BINDING,)),
        False,
    ),
    "of no known version": (cluster(RBAC, bindings=(LEGACY_BINDING,), version="?"), False),
    "of no known flags": (cluster(bindings=(LEGACY_BINDING,)), False),
}


@pytest.mark.parametrize(("snapshot", "is_inherited"), INHERITED.values(), ids=INHERITED)
def test_inherited_is_what_a_fresh_sibling_would_not_survive(
    snapshot: Snapshot, is_inherited: bool
) -> None:
    found = [finding for finding in judge(snapshot).findings if finding.id == "inherited"]

    assert bool(found) is is_inherited
    assert all(finding.severity is Severity.MEDIUM for finding in found)


def test_a_node_that_is_silent_is_worst_where_none_is_ready() -> None:
    (down,) = judge(
        cluster(NODE_RBAC, nodes=(node("node1"),), leases=(lease("node1", 90),))
    ).findings

    assert (down.id, down.severity) == ("stale-leases", Severity.CRITICAL)
