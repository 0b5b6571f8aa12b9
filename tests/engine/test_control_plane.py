"""Several apiservers: aliases, those that nobody could ask, and those that differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Verdict
from authzviz.engine.authorize import authorization_of
from authzviz.engine.model import ApiServer, Snapshot, Unasked
from tests.engine import answers
from tests.engine.answers import REFUSED_LEAKS, WEBHOOK_RULES, asked, restricted, with_more
from tests.engine.build import NODE_RBAC, NOW, RBAC, cluster

V = Verdict


def named(server: ApiServer, name: str, *, is_alias: bool = False) -> ApiServer:
    return replace(server, name=name, is_alias=is_alias)


def dark(name: str) -> ApiServer:
    return ApiServer(name, None, "", "", unasked=Unasked("connection refused", NOW))


TARGET = restricted(answers.NODE_RBAC)
ALIAS = named(TARGET, "main", is_alias=True)
WEBHOOK = restricted(with_more(answers.NODE_RBAC, **REFUSED_LEAKS), WEBHOOK_RULES)
LEAKING = restricted(
    with_more(answers.NODE_RBAC, list_secrets="+", list_pods="-", delete_node="-"), None
)
TWO = ("203.0.113.1", "203.0.113.2")
EKS = "v1.28.15-eks-abc"

CASES: dict[str, tuple[Snapshot, set[Verdict], int]] = {
    "two that answer alike": (cluster(TARGET, named(TARGET, "cp2")), {V.NODE_AUTHORIZER}, 2),
    "two that answer unlike": (
        cluster(TARGET, named(restricted(answers.RBAC), "cp2")),
        {V.MIXED},
        2,
    ),
    "one shows flags, the other answers": (
        cluster(NODE_RBAC, named(TARGET, "cp2")),
        {V.NODE_AUTHORIZER},
        2,
    ),
    "an alias that tells nothing new": (
        cluster(TARGET, named(TARGET, "cp2"), ALIAS, endpoints=TWO),
        {V.NODE_AUTHORIZER},
        2,
    ),
    "an alias is none of the apiservers seen": (
        cluster(TARGET, ALIAS, endpoints=TWO),
        {V.NODE_AUTHORIZER, V.MIXED},
        1,
    ),
    "an alias that differs from all": (
        cluster(NODE_RBAC, named(RBAC, "main", is_alias=True), endpoints=TWO[:1]),
        {V.MIXED},
        2,
    ),
    "an alias with a webhook that no other has": (
        cluster(TARGET, named(WEBHOOK, "main", is_alias=True), endpoints=TWO[:1]),
        {V.MIXED},
        2,
    ),
    "an alias that was seen to leak, by what nobody can tell": (
        cluster(NODE_RBAC, named(LEAKING, "main", is_alias=True), endpoints=TWO[:1]),
        {V.OVER_GRANTED},
        2,
    ),
    "an alias that tells more than the others": (
        cluster(
            asked(answers.NODE_RBAC), named(restricted(answers.NODE_RBAC), "main", is_alias=True)
        ),
        {V.MIXED, V.NODE_AUTHORIZER},
        2,
    ),
    "only an alias": (cluster(ALIAS, endpoints=TWO), {V.NODE_AUTHORIZER, V.MIXED}, 1),
    "only an alias of an outage": (
        cluster(named(RBAC, "main", is_alias=True), endpoints=TWO),
        {V.REFUSED},
        1,
    ),
    "only an alias, of a provider": (
        cluster(ALIAS, endpoints=TWO, version=EKS),
        {V.NODE_AUTHORIZER},
        1,
    ),
    "one could not be asked": (
        cluster(TARGET, dark("192.0.2.2:6443"), endpoints=TWO),
        {V.NODE_AUTHORIZER, V.MIXED},
        2,
    ),
    "one could not be asked, but showed flags": (
        cluster(
            TARGET,
            replace(NODE_RBAC, name="cp2", unasked=Unasked("connection refused", NOW)),
            endpoints=TWO,
        ),
        {V.NODE_AUTHORIZER},
        2,
    ),
    "one could not be asked, and the provider counts as one": (
        cluster(dark("192.0.2.2:6443"), ALIAS, version=EKS),
        {V.NODE_AUTHORIZER},
        1,
    ),
    "none could be asked": (
        cluster(dark("192.0.2.1:6443"), dark("192.0.2.2:6443")),
        {V.ALWAYS_ALLOW, V.MIXED, V.REFUSED, V.UNRESTRICTED, V.NODE_AUTHORIZER},
        2,
    ),
    "none of a provider's could be asked": (
        cluster(dark("192.0.2.1:6443"), dark("192.0.2.2:6443"), version=EKS),
        {V.ALWAYS_ALLOW, V.REFUSED, V.NODE_AUTHORIZER},
        1,
    ),
}


@pytest.mark.parametrize(("snapshot", "possible", "shown"), CASES.values(), ids=CASES)
def test_which_apiservers_count(snapshot: Snapshot, possible: set[Verdict], shown: int) -> None:
    assessment = judge(snapshot)

    assert set(assessment.possible) == possible
    assert len(assessment.apiservers) == shown
    assert len(possible) == 1 or assessment.missing


def test_both_sides_of_a_half_rolled_change_are_named() -> None:
    assessment = judge(cluster(TARGET, named(restricted(answers.RBAC), "cp2")))

    assert "cp1 asks Node,RBAC, NodeRestriction on." in assessment.cause
    assert "cp2 asks RBAC, NodeRestriction on." in assessment.cause
    (finding,) = (each for each in assessment.findings if each.id == "apiservers-differ")
    assert "cp1: Node,RBAC" in finding.detail
    assert "cp2: RBAC" in finding.detail


def test_what_could_not_be_asked_says_why() -> None:
    missing = judge(cluster(TARGET, dark("192.0.2.2:6443"), endpoints=TWO)).missing

    assert "it was not asked by itself: connection refused" in missing[0].why
    assert missing[1].why == "1 of 2 apiservers seen"


def test_an_alias_that_tells_nothing_new_answers_for_nobody() -> None:
    snapshot = cluster(TARGET, ALIAS, endpoints=TWO[:1])

    assert [chain.name for chain in authorization_of(snapshot).chains] == ["cp1"]
