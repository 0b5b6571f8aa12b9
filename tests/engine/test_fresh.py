"""A cluster judged before it exists, and chains out of an AuthorizationConfiguration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Switch, Verdict
from authzviz.engine.chain import state_of
from authzviz.engine.fresh import fresh_bindings, fresh_cluster, fresh_roles
from authzviz.engine.model import ApiServer, Authorizer, Flag
from tests.engine.build import LEGACY_BINDING, NODE_RBAC, NOW, RBAC, cluster, server

ASSUMED = ("nobody read this",)
NODE, RBAC_TYPE = Authorizer("Node", "node"), Authorizer("RBAC", "rbac")
HOOK = Authorizer("Webhook", "policy.example", "Deny", 2)
CONFIG = (Flag("authorization-config", "/etc/authz.yaml"),)
PLUGINS = Flag("enable-admission-plugins", "NodeRestriction")

WITH_WEBHOOK = server(
    "--authorization-mode=Node,RBAC,Webhook", "--enable-admission-plugins=NodeRestriction"
)
PLANNED = {
    "RBAC only": (RBAC, "v1.37.0", {Verdict.REFUSED}),
    "RBAC only, 1.8": (RBAC, "v1.8.0", {Verdict.REFUSED}),
    "RBAC only, 1.7: the binding had its subject": (RBAC, "v1.7.0", {Verdict.LEGACY_BINDING}),
    "Node and RBAC": (NODE_RBAC, "v1.37.0", {Verdict.NODE_AUTHORIZER}),
    "Node and RBAC, 1.7": (NODE_RBAC, "v1.7.0", {Verdict.NODE_AUTHORIZER}),
    "no NodeRestriction": (
        server("--authorization-mode=Node,RBAC"),
        "v1.30.0",
        {Verdict.UNRESTRICTED},
    ),
    "no mode": (server("--anonymous-auth=false"), "v1.30.0", {Verdict.ALWAYS_ALLOW}),
    "no RBAC": (server("--authorization-mode=AlwaysDeny"), "v1.30.0", {Verdict.REFUSED}),
    "a webhook beside": (
        WITH_WEBHOOK,
        "v1.30.0",
        {Verdict.NODE_AUTHORIZER, Verdict.OVER_GRANTED},
    ),
    "a file that was read": (
        ApiServer("cp1", (*CONFIG, PLUGINS), "x", authorizers=(NODE, RBAC_TYPE)),
        "v1.37.0",
        {Verdict.NODE_AUTHORIZER},
    ),
    "a file without the flags": (
        ApiServer("cp1", None, "x", authorizers=(NODE, RBAC_TYPE)),
        "v1.37.0",
        {Verdict.NODE_AUTHORIZER, Verdict.UNRESTRICTED},
    ),
    "a file without Node": (
        ApiServer("cp1", (*CONFIG, PLUGINS), "x", authorizers=(RBAC_TYPE,)),
        "v1.37.0",
        {Verdict.REFUSED},
    ),
    "a file with a webhook": (
        ApiServer("cp1", (*CONFIG, PLUGINS), "x", authorizers=(HOOK, NODE, RBAC_TYPE)),
        "v1.37.0",
        {Verdict.NODE_AUTHORIZER, Verdict.OVER_GRANTED},
    ),
}


@pytest.mark.parametrize(("planned", "version", "possible"), PLANNED.values(), ids=PLANNED)
def test_judges_a_cluster_before_it_exists(
    planned: ApiServer, version: str, possible: set[Verdict]
) -> None:
    assessment = judge(fresh_cluster(planned, version, NOW, ASSUMED))

    assert set(assessment.possible) == possible
    assert assessment.assumed == ASSUMED
    assert assessment.nodes.total == 0


def test_a_file_that_was_not_read_leaves_the_verdict_open() -> None:
    planned = ApiServer("cp1", (*CONFIG, PLUGINS), "x")
    assessment = judge(fresh_cluster(planned, "v1.37.0", NOW, ASSUMED))

    assert assessment.verdict is Verdict.UNKNOWN
    assert {Verdict.ALWAYS_ALLOW, Verdict.REFUSED, Verdict.NODE_AUTHORIZER} <= set(
        assessment.possible
    )
    assert "--authorization-config" in assessment.missing[0].why


def test_a_planned_outage_is_told_as_one_to_come_with_the_real_fix_only() -> None:
    assessment = judge(fresh_cluster(RBAC, "v1.37.0", NOW, ASSUMED))

    assert "will ever register" in assessment.summary
    assert "without subjects" not in assessment.summary
    assert [step.title for step in assessment.next_steps] == [
        "The real fix: turn on the Node authorizer"
    ]


def test_webhooks_of_a_file_are_named_with_what_happens_when_they_fail() -> None:
    planned = ApiServer("cp1", (*CONFIG, PLUGINS), "x", authorizers=(NODE, HOOK))
    assessment = judge(fresh_cluster(planned, "v1.37.0", NOW, ASSUMED))

    detail = next(f.detail for f in assessment.findings if f.id == "unread-authorizer")
    assert "policy.example (2 match conditions, Deny on failure)" in detail


def test_the_flags_are_missing_where_only_the_file_of_authorizers_is_known() -> None:
    planned = ApiServer("cp1", None, "x", authorizers=(NODE, RBAC_TYPE))
    assessment = judge(fresh_cluster(planned, "v1.37.0", NOW, ASSUMED))

    assert assessment.node_authorizer is Switch.ON
    assert assessment.node_restriction is Switch.UNKNOWN
    assert assessment.missing[0].what == "the admission plugins of apiserver cp1"


def test_mode_and_file_together_are_flags_with_which_no_apiserver_starts() -> None:
    flags = (*CONFIG, Flag("authorization-mode", "RBAC"))
    state = state_of(ApiServer("cp1", flags, "x", authorizers=(NODE,)))

    assert state.authorization_modes is None
    assert "can't start" in state.why


@pytest.mark.parametrize("minor", [7, 8, 19, 28, 37])
def test_default_rbac_binds_system_node_as_that_version_does(minor: int) -> None:
    bound = {b.name: b.subjects for b in fresh_bindings(minor, is_node_on=False)}

    assert bool(bound["system:node"]) is (minor < 8)
    assert all(not b.subjects for b in fresh_bindings(minor, is_node_on=True)[-1:])


@pytest.mark.parametrize(
    ("minor", "resource", "verbs"),
    [
        (10, "secrets", {"get"}),
        (11, "secrets", {"get", "list", "watch"}),
        (13, "leases", None),
        (14, "leases", {"create", "get", "update", "patch", "delete"}),
        (31, "nodes", {"create", "update", "patch", "get", "list", "watch"}),
        (37, "nodes", {"create", "update", "patch", "get", "list", "watch"}),
    ],
)
def test_the_role_system_node_is_that_of_the_version(
    minor: int, resource: str, verbs: set[str] | None
) -> None:
    role = next(role for role in fresh_roles(minor) if role.name == "system:node")

    found = {verb for rule in role.rules if resource in rule.resources for verb in rule.verbs}
    assert found == (verbs or set())


def test_an_old_binding_is_inherited_by_the_same_default_rbac() -> None:
    def has_inherited(*servers: ApiServer, version: str) -> bool:
        snapshot = cluster(*servers, bindings=(LEGACY_BINDING,), version=version)
        return "inherited" in {finding.id for finding in judge(snapshot).findings}

    assert has_inherited(RBAC, version="v1.28.15")
    assert not has_inherited(RBAC, version="v1.7.0")
    assert not has_inherited(NODE_RBAC, version="v1.28.15")


@pytest.mark.parametrize(
    ("evidence", "distribution"),
    [("kubeadm ClusterConfiguration", "kubeadm"), ("k3s config.yaml", "k3s"), ("x", "unknown")],
)
def test_the_file_tells_the_distribution(evidence: str, distribution: str) -> None:
    planned = replace(NODE_RBAC, evidence=evidence)

    assert judge(fresh_cluster(planned, "v1.37.0", NOW, ASSUMED)).distribution == distribution
