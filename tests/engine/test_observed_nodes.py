"""What was answered about single nodes, held against each other and against the model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Severity, Verdict
from authzviz.engine.model import ApiServer, Binding, Review, Snapshot
from tests.engine import answers
from tests.engine.answers import (
    BY_RBAC,
    NO,
    REFUSED_LEAKS,
    WEBHOOK_RULES,
    YES,
    of_node,
    restricted,
    with_more,
)
from tests.engine.build import (
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    RBAC,
    cluster,
    crb,
    lease,
    ok,
    server,
    unread,
)

V = Verdict
ONE = crb("one", "system:node", NODE1)
SERVED = YES + BY_RBAC
RBAC_LISTS = ("cluster_roles", "cluster_role_bindings", "roles", "role_bindings")


def probed(
    *servers: ApiServer,
    bindings: tuple[Binding, ...] = (EMPTY_BINDING,),
    is_rbac_read: bool = True,
    also: dict[str, tuple[str, str]] | None = None,
    **said: tuple[str, str],
) -> Snapshot:
    """A cluster whose nodes were asked about: lease and secret by node, `nobody` for none."""
    snapshot = cluster(*servers, bindings=bindings)
    found = tuple(
        review
        for name, (own, other) in {**said, **(also or {})}.items()
        for review in of_node("" if name == "nobody" else name, lease=own, secret=other)
    )
    lists = {} if is_rbac_read else {name: unread(snapshot.reads[name]) for name in RBAC_LISTS}
    return replace(snapshot, node_reviews=ok(found), **lists)  # type: ignore[arg-type]


TARGET, OUTAGE = restricted(answers.NODE_RBAC), restricted(answers.RBAC)
FRIENDLY = restricted(with_more(answers.NODE_RBAC, **REFUSED_LEAKS), WEBHOOK_RULES)
HEALED = restricted(answers.RBAC, answers.WEBHOOK_RULES)
CASES: dict[str, tuple[Snapshot, Verdict, set[str]]] = {
    "all alike": (
        probed(TARGET, nobody=(YES, NO), node1=(YES, NO), node2=(YES, NO)),
        V.NODE_AUTHORIZER,
        set(),
    ),
    "a binding serves one": (
        probed(OUTAGE, bindings=(ONE,), nobody=(NO, NO), node1=(SERVED, SERVED)),
        V.MIXED,
        {"nodes-differ"},
    ),
    "a binding serves one, and RBAC was not read": (
        probed(OUTAGE, is_rbac_read=False, nobody=(NO, NO), node1=(SERVED, SERVED)),
        V.MIXED,
        {"nodes-differ"},
    ),
    "a binding gives one Secrets, where all may renew Leases by RBAC": (
        probed(OUTAGE, is_rbac_read=False, nobody=(SERVED, NO), node1=(SERVED, SERVED)),
        V.MIXED,
        {"nodes-differ"},
    ),
    "a webhook serves one": (
        probed(HEALED, nobody=(NO, NO), node1=("+yes", "+yes")),
        V.MIXED,
        {"nodes-differ"},
    ),
    "a webhook gives one a Secret, where Node serves all": (
        probed(FRIENDLY, nobody=(YES, NO), node1=(YES, "+yes"), node2=(YES, NO)),
        V.OVER_GRANTED,
        {"nodes-get-more"},
    ),
    "something gives one a Secret, and RBAC was not read": (
        probed(FRIENDLY, is_rbac_read=False, nobody=(YES, NO), node1=(YES, YES)),
        V.OVER_GRANTED,
        {"nodes-get-more"},
    ),
    "a webhook denies one": (
        probed(NODE_RBAC, nobody=(YES, NO), node1=("!not you", NO)),
        V.MIXED,
        {"nodes-differ"},
    ),
    "one is given more, and Node serves all": (
        probed(TARGET, bindings=(ONE,), nobody=(YES, NO), node1=(YES, SERVED)),
        V.OVER_GRANTED,
        {"over-granted"},
    ),
    "one is given more, Node serves all, and RBAC was not read": (
        probed(TARGET, is_rbac_read=False, nobody=(YES, NO), node1=(YES, SERVED)),
        V.OVER_GRANTED,
        set(),
    ),
    "RBAC answers first for one, and Node serves all": (
        probed(TARGET, bindings=(ONE,), nobody=(YES, NO), node1=(SERVED, SERVED)),
        V.OVER_GRANTED,
        {"over-granted"},
    ),
    "everything is allowed, and differing says nothing": (
        probed(server("--authorization-mode=AlwaysAllow"), nobody=(NO, NO), node1=(YES, YES)),
        V.ALWAYS_ALLOW,
        {"always-allow", "nodes-differ"},
    ),
    "RBAC hides that one is given more": (
        probed(TARGET, nobody=(YES, NO), node1=(YES, SERVED)),
        V.OVER_GRANTED,
        {"model-differs"},
    ),
    "a lease is refused although all is right": (
        probed(TARGET, node1=(NO, NO), node2=(NO, NO)),
        V.UNKNOWN,
        {"model-differs"},
    ),
    "what came with an error is no answer": (
        replace(
            probed(TARGET),
            node_reviews=ok(
                tuple(replace(r, error="x") for r in of_node("node1", lease=NO, secret=NO))
            ),
        ),
        V.NODE_AUTHORIZER,
        set(),
    ),
    "half an answer is none": (
        replace(probed(TARGET), node_reviews=ok((Review("update-lease", True, node="node1"),))),
        V.NODE_AUTHORIZER,
        set(),
    ),
}


@pytest.mark.parametrize(("snapshot", "verdict", "findings"), CASES.values(), ids=CASES)
def test_single_nodes(snapshot: Snapshot, verdict: Verdict, findings: set[str]) -> None:
    assessment = judge(snapshot)

    assert assessment.verdict is verdict
    assert {finding.id for finding in assessment.findings} >= findings
    is_differing = "nodes-differ" in {finding.id for finding in assessment.findings}
    assert is_differing == ("nodes-differ" in findings)


def test_nodes_that_differ_are_named() -> None:
    many = {f"node{i}": (NO, NO) for i in range(1, 9)}
    snapshot = probed(OUTAGE, is_rbac_read=False, nobody=(SERVED, SERVED), also=many)

    assessment = judge(snapshot)

    (finding,) = (each for each in assessment.findings if each.id == "nodes-differ")
    assert "node1, node2, node3, node4, node5 and 3 more: own Lease refused" in finding.detail
    assert "a node that nobody has: own Lease allowed by RBAC" in finding.detail
    assert "own Lease refused" in assessment.cause


def test_a_webhook_may_treat_nodes_apart_where_they_could_not_be_asked() -> None:
    told = restricted(with_more(answers.NODE_RBAC, **REFUSED_LEAKS), WEBHOOK_RULES)
    snapshot = probed(told, nobody=(YES, NO), node1=(YES, NO))
    assert snapshot.node_reviews is not None

    after = judge(replace(snapshot, node_reviews=unread(snapshot.node_reviews)))

    assert judge(snapshot).verdict is V.NODE_AUTHORIZER
    assert set(after.possible) == {V.NODE_AUTHORIZER, V.MIXED}
    assert "the answers about single nodes" in [missing.what for missing in after.missing]


def test_nodes_are_not_known_by_a_read_that_failed() -> None:
    snapshot = probed(OUTAGE, nobody=(NO, NO), node1=(SERVED, SERVED))
    assert snapshot.node_reviews is not None

    assert judge(replace(snapshot, node_reviews=unread(snapshot.node_reviews))).verdict is V.REFUSED


SURPRISED: dict[str, tuple[Snapshot, str]] = {
    "RBAC gives a Secret that no binding gives": (
        cluster(replace(NODE_RBAC, observed=restricted(answers.NODE_RBAC_BOUND).observed)),
        "get secrets by a node that nobody has, asked of cp1: expected refused, was allowed (RBAC:",
    ),
    "RBAC refuses what a binding gives": (
        cluster(restricted(answers.RBAC), bindings=(LEGACY_BINDING,)),
        "get services for a user of another name by a node that nobody has",
    ),
    "a node is refused its Lease": (
        probed(TARGET, node1=(NO, NO), node2=(NO, NO)),
        "update leases by node node1, asked of cp1: expected allowed, was refused",
    ),
}


@pytest.mark.parametrize(("snapshot", "words"), SURPRISED.values(), ids=SURPRISED)
def test_what_the_model_does_not_expect_is_said_and_never_safe(
    snapshot: Snapshot, words: str
) -> None:
    assessment = judge(snapshot)

    (finding,) = (each for each in assessment.findings if each.id == "model-differs")
    assert finding.severity is Severity.CRITICAL
    assert words in finding.detail
    assert assessment.verdict is not V.NODE_AUTHORIZER


def test_many_surprises_are_counted() -> None:
    many = {f"node{i}": (NO, NO) for i in range(1, 9)}

    said = {f.id: f.detail for f in judge(probed(TARGET, also=many)).findings}

    assert "; and 3 more." in said["model-differs"]


def test_answers_of_apiservers_that_differ_surprise_nobody() -> None:
    snapshot = probed(NODE_RBAC, replace(RBAC, name="cp2"), nobody=(NO, NO), node1=(NO, NO))

    assert "model-differs" not in {finding.id for finding in judge(snapshot).findings}


def test_leases_that_are_renewed_under_refused_are_said_where_answers_tell_the_chain() -> None:
    fresh = cluster(restricted(answers.RBAC), leases=(lease("node1"),))
    stale = cluster(restricted(answers.NODE_RBAC), leases=(lease("node1", 4000),))

    assert "other-identity" in {finding.id for finding in judge(fresh).findings}
    assert "stale-leases" in {finding.id for finding in judge(stale).findings}


def test_a_webhook_that_denies_what_node_would_serve_is_not_told_as_node_off() -> None:
    said = with_more(
        answers.NODE_RBAC, **REFUSED_LEAKS, get_node="+", create_node="+", patch_status="!"
    )

    assessment = judge(cluster(restricted(said, WEBHOOK_RULES)))

    assert assessment.verdict is V.REFUSED
    assert "the Node authorizer is on, and what is asked before it denies" in assessment.cause
    assert assessment.cause.endswith("refused what none can do without.")
    (finding,) = (each for each in assessment.findings if each.id == "refused")
    assert "look at the webhook's policy" in finding.detail


def test_what_allows_everything_beside_a_webhook_may_be_the_webhook() -> None:
    snapshot = probed(
        restricted(answers.ALWAYS_ALLOW, WEBHOOK_RULES), node1=(YES, YES), node2=(YES, YES)
    )

    assessment = judge(snapshot)

    assert assessment.verdict is V.ALWAYS_ALLOW
    assert "AlwaysAllow, or what does the same, is in the chain" in assessment.summary
    assert "or a Webhook that allows everything" in assessment.cause
    assert "nodes-get-more" not in {finding.id for finding in assessment.findings}
