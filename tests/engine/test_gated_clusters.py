"""Clusters whose flags set feature gates, and bundles with pods, from snapshot to answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge, node
from authzviz.engine.assessment import Decision, Verdict
from authzviz.engine.authorize import authorization_of
from authzviz.engine.identity import kubelet_of
from authzviz.engine.model import Pod, Role
from authzviz.engine.request import Request
from tests.engine.build import AUTHENTICATED, NODE_RBAC, cluster, crb, ok, rule, server

MODES = ("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction")
SELECTORS_OFF = server(*MODES, "--feature-gates=AuthorizeNodeWithSelectors=false", name="cp2")
LISTERS = crb("listers", "listers", AUTHENTICATED)
LIST_NODES = Role("listers", rules=(rule("list", "nodes"),))
ALL_NODES = Request("list", "nodes")


@pytest.mark.parametrize(
    ("version", "servers", "possible"),
    [
        ("v1.32.0", (NODE_RBAC,), {Verdict.OVER_GRANTED}),
        ("v1.32.0", (SELECTORS_OFF,), {Verdict.NODE_AUTHORIZER}),
        ("v1.34.0", (SELECTORS_OFF,), {Verdict.OVER_GRANTED}),
        (
            "v1.32.0",
            (NODE_RBAC, SELECTORS_OFF),
            {Verdict.OVER_GRANTED, Verdict.NODE_AUTHORIZER},
        ),
    ],
)
def test_a_grant_is_beyond_what_the_gates_let_the_node_authorizer_allow(
    version: str, servers: tuple[object, ...], possible: set[Verdict]
) -> None:
    snapshot = cluster(
        *servers,  # type: ignore[arg-type]
        version=version,
        bindings=(LISTERS,),
        cluster_roles=(LIST_NODES,),
    )

    assessment = judge(snapshot)

    assert set(assessment.possible) == possible
    if len(servers) == 1:
        assert {path.verdict for path in assessment.paths} == possible


def test_a_need_that_a_gate_takes_away_is_shown_as_refused() -> None:
    off = server(*MODES, "--feature-gates=NodeLease=false")
    (path, *_) = judge(cluster(off, version="v1.15.0")).paths

    answers = {answer.need: answer for answer in path.answers}
    assert answers["renew-lease"].decision is Decision.NO
    assert answers["register-node"].decision is Decision.ALLOW


def test_a_gate_that_is_neither_on_nor_off_tells_nothing() -> None:
    broken = server(*MODES, "--feature-gates=NodeLease=maybe")

    assert "can't start" in judge(cluster(broken)).apiservers[0].why


def test_requests_are_decided_by_the_gates_of_the_flags() -> None:
    kubelet = kubelet_of("node1")

    def said(version: str, *servers: object) -> Decision:
        snapshot = cluster(*servers, version=version)  # type: ignore[arg-type]
        return authorization_of(snapshot).decide(kubelet, ALL_NODES).decision

    assert said("v1.32.0", NODE_RBAC) is Decision.NO
    assert said("v1.32.0", SELECTORS_OFF) is Decision.ALLOW
    assert said("v1.32.0", NODE_RBAC, SELECTORS_OFF) is Decision.UNKNOWN


def test_requests_are_decided_by_the_pods_of_the_bundle() -> None:
    pods = ok((Pod("team", "web", "node1", secrets=("password",)),))
    none = ok(())
    snapshot = replace(
        cluster(NODE_RBAC), pods=pods, claims=none, volumes=none, volume_attachments=none
    )
    authorization, secret = authorization_of(snapshot), Request("get", "secrets", "", "", "team")

    def said(name: str) -> Decision:
        request = replace(secret, name=name)
        return authorization.decide(kubelet_of("node1"), request).decision

    assert (said("password"), said("other")) == (Decision.ALLOW, Decision.NO)


def test_versions_in_which_rules_change() -> None:
    assert node.changing_minors() == (7, 8, 10, 11, 12, 13, 14, 28, 30, 31, 32, 34, 35, 37)
    assert 33 in node.changing_minors((("KubeletServiceAccountTokenForCredentialProviders", True),))
