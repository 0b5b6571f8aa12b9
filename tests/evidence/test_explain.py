"""What `explain` answers: identity, need, who allows it in each mode, the cause, the fix."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from authzviz.cli import app
from authzviz.engine.assessment import Decision
from authzviz.evidence.explain import MAX_EXPLANATIONS, explain
from authzviz.evidence.explanation import Explanation
from authzviz.reports.explain_text import explain_text

NO_RELATION = "no relationship found between node 'node1' and this object"


def refused(
    verb: str,
    resource: str,
    name: str = "",
    *,
    user: str = "system:node:node1",
    group: str = "",
    namespace: str = "",
    reason: str = "",
) -> str:
    kind = resource.partition("/")[0] + (f".{group}" if group else "")
    named = f' "{name}"' if name else ""
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    said = f": {reason}" if reason else ""
    return (
        f'{kind}{named} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API'
        f' group "{group}" {where}{said}'
    )


def lease(node: str, user: str, reason: str = "") -> str:
    return refused(
        "get", "leases", node, user=user, group="coordination.k8s.io",
        namespace="kube-node-lease", reason=reason,
    )  # fmt: skip


def explained(line: str) -> Explanation:
    (found,) = explain(line).explanations
    return found


CAUSES = {
    "the outage": (lease("node1", "system:node:node1"), "node-authorizer-off", "renew-lease"),
    "registering": (refused("create", "nodes"), "node-authorizer-off", "register-node"),
    "status": (refused("patch", "nodes/status", "node1"), "node-authorizer-off", "report-status"),
    "own node": (refused("list", "nodes", "node1"), "node-authorizer-off", "watch-node"),
    "all nodes, nothing said": (refused("list", "nodes"), "node-authorizer-off", ""),
    "pods, the selector unseen": (refused("list", "pods"), "node-authorizer-off", "watch-pods"),
    "services": (refused("list", "services"), "node-authorizer-off", "read-services"),
    "a secret, nothing said": (
        refused("get", "secrets", "db", namespace="prod"), "node-authorizer-off", "read-secrets",
    ),
    "a secret that no pod uses": (
        refused("get", "secrets", "db", namespace="prod", reason=f"node: {NO_RELATION}"),
        "no-relation", "read-secrets",
    ),
    "a secret, 1.13": (
        refused("get", "secrets", "db", namespace="prod", reason="no path found to object"),
        "no-relation", "read-secrets",
    ),
    "all nodes since 1.32": (
        refused(
            "list", "nodes",
            reason="node 'node1' cannot read all nodes, only its own Node object",
        ),
        "not-a-kubelet-request", "",
    ),
    "all pods since 1.32": (
        refused(
            "list", "pods", reason="can only list/watch pods with spec.nodeName field selector"
        ),
        "not-a-kubelet-request", "",
    ),
    "requests for pods' certificates, the selector unseen": (
        refused("list", "podcertificaterequests", group="certificates.k8s.io"),
        "node-authorizer-off", "certify-pods",
    ),
    "another's lease": (
        lease("node2", "system:node:node1",
              "can only access node lease with the same name as the requesting node"),
        "not-own-object", "",
    ),
    "deleting a volume": (
        refused("delete", "persistentvolumes", "pv1",
                reason="can only get individual resources of this type"),
        "not-a-kubelet-request", "",
    ),
    "what no kubelet asks": (
        refused("list", "deployments", group="apps"), "not-a-kubelet-request", "",
    ),
    "what an older apiserver refuses": (
        refused("list", "services", reason="can only get individual resources of this type"),
        "older-or-gated-rule", "read-services",
    ),
    "a name in upper case": (
        lease("worker1", "system:node:Worker1"), "upper-case-name", "renew-lease",
    ),
    "another user": (lease("node1", "kubelet"), "other-user", "renew-lease"),
    "nobody": (refused("list", "nodes", user="system:anonymous"), "anonymous", None),
    "a bootstrap token": (
        refused("list", "nodes", user="system:bootstrap:abcdef"), "bootstrap-token", None,
    ),
    "a pod": (
        refused("list", "nodes", user="system:serviceaccount:a:b"), "service-account", "",
    ),
    "no node's name": (refused("create", "nodes", user="system:node:"), "no-node-name", None),
    "look-alike letters": (
        refused("create", "nodes", user="\u0455ystem:node:node1"), "look-alike-name", None,
    ),
    "AlwaysDeny": (
        refused("create", "nodes", reason="Everything is forbidden."), "always-deny",
        "register-node",
    ),
    "not in the group": (
        ('RBAC: no rules authorize user "system:node:node1" with groups ["x"] to "create" resource'
        ' "nodes" cluster-wide'),
        "not-in-system-nodes", "register-node",
    ),
    "RBAC's own log": (
        ('RBAC: no rules authorize user "system:node:node1" with groups ["system:nodes"] to'
        ' "create" resource "nodes" cluster-wide'),
        "no-rbac-rule", "register-node",
    ),
    "Unauthorized": ("Unable to register node: Unauthorized", "unauthenticated", ""),
    "another node's Node": (
        'nodes "node2" is forbidden: node "node1" is not allowed to modify node "node2"',
        "node-restriction-other-node", "",
    ),
    "another node's Node, but for the case": (
        'nodes "worker1" is forbidden: node "Worker1" is not allowed to modify node "worker1"',
        "upper-case-name", "",
    ),
    "labels": (
        'nodes "node1" is forbidden: node "node1" is not allowed to set the following labels: a',
        "node-restriction-labels", "register-node",
    ),
    "a node that the graph doesn't know": (
        "\"NODE DENY\" err=\"unknown node 'node1' cannot get secret prod/db\"",
        "unknown-node", "read-secrets",
    ),
    "the Node authorizer's log": (
        ("NODE DENY: 'node1' authorizer.AttributesRecord{Verb:\"get\", Namespace:\"a\","
        ' APIGroup:"", Resource:"secrets", Subresource:"", Name:"b", ResourceRequest:true}'),
        "no-relation", "read-secrets",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "cause", "need"), CAUSES.values(), ids=CAUSES)
def test_gives_the_cause_the_need_and_a_fix(line: str, cause: str, need: str | None) -> None:
    found = explained(line)

    assert found.cause.code == cause
    assert need is None or found.need == need
    assert bool(found.without) is bool(found.need)
    assert found.cause.text
    assert found.cause.steps


MODES = {
    "the own lease": (
        lease("node1", "system:node:node1"),
        ("allow Node", "no ", "allow RBAC", "allow AlwaysAllow"),
    ),
    "a secret": (
        refused("get", "secrets", "db", namespace="a"),
        ("conditional Node", "no ", "allow RBAC", "allow AlwaysAllow"),
    ),
    "another's lease": (
        lease("node2", "system:node:node1"), ("no ", "no ", "allow RBAC", "allow AlwaysAllow"),
    ),
    "no kubelet's": (
        refused("list", "deployments", group="apps"), ("no ", "no ", "no ", "allow AlwaysAllow"),
    ),
    "another user's": (
        lease("node1", "kubelet"), ("no ", "no ", "no ", "allow AlwaysAllow"),
    ),
    "refused by admission": (
        'nodes "b" is forbidden: node "a" is not allowed to modify node "b"',
        ("no NodeRestriction", "allow Node"),
    ),
    "not authenticated": ("x: Unauthorized", ()),
}  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), MODES.values(), ids=MODES)
def test_says_who_allows_it_in_each_mode(line: str, expected: tuple[str, ...]) -> None:
    assert tuple(f"{mode.decision} {mode.by}" for mode in explained(line).modes) == expected


def test_rules_are_those_of_the_version() -> None:
    line = refused("list", "nodes", user="system:node:node1")

    def target(minor: int) -> Decision:
        return explain(line, minor).explanations[0].modes[0].decision

    assert target(31) is Decision.ALLOW
    assert target(32) is Decision.NO


def test_the_same_refusal_is_counted_and_others_keep_their_order() -> None:
    first, second = lease("node1", "system:node:node1"), refused("create", "nodes")
    log = "\n".join([f"E1 06:10 a] {first}", "hello", second, "", f"E1 06:17 a] {first}"])

    found = explain(log)

    assert [(each.first_line, each.count) for each in found.explanations] == [(1, 2), (3, 1)]
    assert (found.lines, found.silent, found.too_long, found.left_out) == (4, 1, 0, 0)


def test_more_refusals_than_are_shown_are_counted() -> None:
    log = "\n".join(refused("get", "secrets", f"s{n}", namespace="a")
                    for n in range(MAX_EXPLANATIONS + 3))  # fmt: skip

    found = explain(log)

    assert len(found.explanations) == MAX_EXPLANATIONS
    assert found.left_out == 3
    assert "3 tell of more refusals than are shown" in explain_text(found)


def test_what_a_terminal_would_obey_is_written_out() -> None:
    text = explain_text(explain(refused("get", "secrets", "a", user="system:node:\x1b[31m\u202e")))

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31m" in text


def run(*arguments: str, stdin: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["explain", *arguments], input=stdin, catch_exceptions=False)
    return result.exit_code, result.stdout


def test_the_command_reads_arguments_or_standard_input() -> None:
    line = lease("node1", "system:node:node1")

    status, text = run(line)
    assert status == 0
    assert "Renew its Lease" in text
    assert "kubectl set subject clusterrolebinding system:node" in text
    assert run(stdin=line) == (0, text)


def test_the_command_says_honestly_that_nothing_was_told() -> None:
    status, text = run(stdin="all is well\n")

    assert status == 1
    assert "1 line read" in text
    assert "1 says nothing of a refusal" in text


def test_the_document_for_programs_holds_every_part() -> None:
    status, text = run("--format", "json", refused("patch", "nodes/status", "node1"))

    assert status == 0
    document = json.loads(text)
    assert document["rules_of"] == "1.37"
    (found,) = document["explanations"]
    assert found["identity"] == {"user": "system:node:node1", "groups": None, "node": "node1"}
    assert found["request"]["subresource"] == "status"
    assert found["need"]["id"] == "report-status"
    assert found["need"]["is_core"] is True
    assert found["cause"] == "node-authorizer-off"
    assert [mode["decision"] for mode in found["modes"]] == ["allow", "no", "allow", "allow"]
    assert found["fix"][0]["title"] == "Turn on the Node authorizer"


def test_a_log_too_large_is_wrong_usage() -> None:
    assert run(stdin="x\n" * 5_000_001)[0] == 2
