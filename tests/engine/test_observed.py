"""Clusters whose flags nobody can read, judged by what their apiservers answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Switch, Verdict
from authzviz.engine.model import ApiServer, Binding, Outcome, OwnRules, Snapshot
from tests.engine import answers
from tests.engine.answers import (
    ALLOWED_CORE,
    EVERYTHING,
    FORBIDDEN_REVIEWS,
    INDIVIDUAL,
    NO,
    NO_RELATION,
    REFUSED_CORE,
    REFUSED_LEAKS,
    WEBHOOK_RULES,
    YES,
    asked,
    open_to_nodes,
    restricted,
    reviews,
    with_more,
)
from tests.engine.build import (
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE_RBAC,
    RBAC,
    cluster,
    server,
    unread,
)

V = Verdict
ADMIN = 'RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "cluster-admin" to Group "x"'
SAYS = "mywh has no opinion"
SPEAKING = reviews(f"-{INDIVIDUAL}\n{SAYS}", f"-{NO_RELATION}\n{SAYS}", f"-{SAYS}", YES, f"-{SAYS}")
DENIED = reviews("!not you", "!not you", "!not you", YES, NO)
ALLOWING = reviews(*["+wh says yes"] * 4, NO)
ALL_DENIED = reviews(*["!not you"] * 4, NO)
LEAKING = with_more(answers.NODE_RBAC, list_secrets=YES, list_pods=NO, delete_node=NO)

# The mode table, everything else read: what the apiserver answers, a binding, what is possible.
MODES: dict[str, tuple[ApiServer, Binding, set[Verdict]]] = {
    "AlwaysAllow": (
        open_to_nodes(answers.ALWAYS_ALLOW, OwnRules(EVERYTHING)),
        EMPTY_BINDING,
        {V.ALWAYS_ALLOW},
    ),
    "RBAC": (open_to_nodes(answers.RBAC), EMPTY_BINDING, {V.REFUSED}),
    "RBAC and binding": (open_to_nodes(answers.RBAC_BOUND), LEGACY_BINDING, {V.LEGACY_BINDING}),
    "Node,RBAC": (open_to_nodes(answers.NODE_RBAC), EMPTY_BINDING, {V.UNRESTRICTED}),
    "Node,RBAC, restricted": (restricted(answers.NODE_RBAC), EMPTY_BINDING, {V.NODE_AUTHORIZER}),
    "Node,RBAC and binding": (
        restricted(answers.NODE_RBAC_BOUND),
        LEGACY_BINDING,
        {V.OVER_GRANTED},
    ),
    "RBAC,Node and binding": (
        restricted(answers.RBAC_NODE_BOUND),
        LEGACY_BINDING,
        {V.OVER_GRANTED},
    ),
    "a speaking webhook, nothing more asked": (
        restricted(SPEAKING, WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.OVER_GRANTED, V.NODE_AUTHORIZER},
    ),
    "a speaking webhook refuses what none should get": (
        restricted(with_more(SPEAKING, **REFUSED_LEAKS), WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.NODE_AUTHORIZER},
    ),
    "a silent webhook refuses what none should get": (
        open_to_nodes(with_more(answers.NODE_RBAC, **REFUSED_LEAKS), WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.UNRESTRICTED},
    ),
    "a silent webhook leaks": (restricted(LEAKING, WEBHOOK_RULES), EMPTY_BINDING, {V.OVER_GRANTED}),
    "a webhook denies nodes, Node serves them": (
        restricted(with_more(DENIED, **REFUSED_LEAKS), WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.NODE_AUTHORIZER},
    ),
    "a webhook denies nodes something, and the rest is served": (
        restricted(with_more(DENIED, **REFUSED_LEAKS, **ALLOWED_CORE), WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.NODE_AUTHORIZER},
    ),
    "a webhook is asked first, and denies one thing that no kubelet can do without": (
        restricted(
            with_more(answers.NODE_RBAC, **REFUSED_LEAKS, **{**ALLOWED_CORE, "patch_status": "!"}),
            WEBHOOK_RULES,
        ),
        EMPTY_BINDING,
        {V.REFUSED},
    ),
    "a webhook denies nodes everything": (
        restricted(with_more(ALL_DENIED, **REFUSED_LEAKS, **REFUSED_CORE), WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.REFUSED},
    ),
    "a webhook allows nodes everything": (
        restricted(
            with_more(ALLOWING, list_secrets=YES, list_pods=YES, delete_node=YES, **ALLOWED_CORE),
            WEBHOOK_RULES,
        ),
        EMPTY_BINDING,
        {V.MIXED, V.INCOMPLETE, V.LEGACY_BINDING, V.OVER_GRANTED},
    ),
    "RBAC and a webhook that refuses all": (
        restricted(with_more(answers.RBAC, **REFUSED_LEAKS, **REFUSED_CORE), WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.REFUSED},
    ),
    "RBAC and a webhook that serves what none can do without": (
        restricted(with_more(answers.RBAC, **REFUSED_LEAKS, **ALLOWED_CORE), WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.MIXED, V.INCOMPLETE},
    ),
    "RBAC and a webhook, nothing more asked": (
        restricted(answers.RBAC, WEBHOOK_RULES),
        EMPTY_BINDING,
        {V.MIXED, V.REFUSED, V.INCOMPLETE, V.LEGACY_BINDING},
    ),
    "AlwaysDeny last": (
        restricted(
            reviews(
                f"-{INDIVIDUAL}\nEverything is forbidden.",
                f"-{NO_RELATION}\nEverything is forbidden.",
                "-Everything is forbidden.",
                YES,
                "-Everything is forbidden.",
            )
        ),
        EMPTY_BINDING,
        {V.NODE_AUTHORIZER},
    ),
    "NodeRestriction not told": (
        asked(answers.NODE_RBAC),
        EMPTY_BINDING,
        {V.UNRESTRICTED, V.NODE_AUTHORIZER},
    ),
    "NodeRestriction refused the dry run": (
        asked(answers.NODE_RBAC, restriction=True),
        EMPTY_BINDING,
        {V.NODE_AUTHORIZER},
    ),
    "NodeRestriction let the dry run through": (
        asked(answers.NODE_RBAC, restriction=False),
        EMPTY_BINDING,
        {V.UNRESTRICTED},
    ),
    "a silent webhook can't be excluded": (
        restricted(with_more(answers.NODE_RBAC, **REFUSED_LEAKS), None),
        EMPTY_BINDING,
        {V.NODE_AUTHORIZER, V.OVER_GRANTED},
    ),
    "a silent webhook can't be excluded, and might heal": (
        restricted(answers.RBAC, None),
        EMPTY_BINDING,
        {V.MIXED, V.REFUSED, V.INCOMPLETE, V.LEGACY_BINDING},
    ),
    "nodes are admins, RBAC first or Node off": (
        restricted(reviews(*[YES + ADMIN] * 4, NO)),
        EMPTY_BINDING,
        {V.REFUSED, V.OVER_GRANTED},
    ),
}


@pytest.mark.parametrize(("told", "binding", "possible"), MODES.values(), ids=MODES)
def test_every_chain_is_judged_without_flags(
    told: ApiServer, binding: Binding, possible: set[Verdict]
) -> None:
    assessment = judge(cluster(told, bindings=(binding,)))

    assert set(assessment.possible) == possible
    assert assessment.summary
    assert assessment.cause
    assert assessment.apiservers[0].evidence


def forbidden_reviews(told: ApiServer) -> ApiServer:
    assert told.observed is not None
    return replace(told, observed=replace(told.observed, reviews=FORBIDDEN_REVIEWS))


WHOLE = restricted(answers.NODE_RBAC)
SOURCES: dict[str, tuple[Snapshot, str]] = {
    "the reviews": (
        cluster(forbidden_reviews(WHOLE)),
        "create subjectaccessreviews.authorization.k8s.io",
    ),
    "our own rules": (
        cluster(restricted(answers.NODE_RBAC, None)),
        "create selfsubjectrulesreviews.authorization.k8s.io",
    ),
    "the metrics": (cluster(asked(answers.NODE_RBAC)), "get /metrics"),
    "what a webhook answers": (
        cluster(restricted(SPEAKING, WEBHOOK_RULES)),
        "create subjectaccessreviews.authorization.k8s.io",
    ),
}

SURPRISING = restricted(with_more(answers.NODE_RBAC, get_node="-"))
UNTOLD: dict[str, tuple[Snapshot, str, str]] = {
    "what a webhook serves without Node": (
        cluster(
            restricted(with_more(answers.RBAC, **REFUSED_LEAKS, **ALLOWED_CORE), WEBHOOK_RULES)
        ),
        "what Webhook answers to kubelets",
        "its own policy",
    ),
    "an answer that nothing explains": (
        cluster(SURPRISING),
        "why cp1 answers otherwise than flags and RBAC say",
        "the next poll",
    ),
}


@pytest.mark.parametrize(("snapshot", "what", "needed"), UNTOLD.values(), ids=UNTOLD)
def test_unknown_says_what_would_tell_where_no_permission_would(
    snapshot: Snapshot, what: str, needed: str
) -> None:
    assessment = judge(snapshot)

    assert assessment.verdict is V.UNKNOWN
    assert [(one.what, needed in one.permission) for one in assessment.missing] == [(what, True)]
    assert what in assessment.cause


@pytest.mark.parametrize(("snapshot", "permission"), SOURCES.values(), ids=SOURCES)
def test_what_is_missing_names_the_permission_that_would_tell(
    snapshot: Snapshot, permission: str
) -> None:
    assessment = judge(snapshot)

    assert assessment.verdict is V.UNKNOWN
    assert permission in [missing.permission for missing in assessment.missing]
    assert any(permission in step.detail for step in assessment.next_steps)


def test_failed_metrics_say_why() -> None:
    assert WHOLE.observed is not None
    assert WHOLE.observed.metrics is not None
    metrics = unread(WHOLE.observed.metrics, Outcome.FAILED)
    told = replace(WHOLE, observed=replace(WHOLE.observed, metrics=metrics))

    (missing,) = judge(cluster(told)).missing

    assert (missing.permission, missing.why) == ("get /metrics", "refused")


def test_metrics_of_an_idle_apiserver_tell_nothing() -> None:
    assert WHOLE.observed is not None
    assert WHOLE.observed.metrics is not None
    assert WHOLE.observed.metrics.value is not None
    idle = replace(
        WHOLE.observed.metrics, value=replace(WHOLE.observed.metrics.value, admission_plugins=())
    )
    told = replace(WHOLE, observed=replace(WHOLE.observed, metrics=idle))

    (missing,) = judge(cluster(told)).missing

    assert "at work yet" in missing.why


def test_rbac_that_hands_out_secrets_is_said_even_where_its_lists_are_not_read() -> None:
    snapshot = cluster(restricted(answers.NODE_RBAC_BOUND))
    lists = {
        name: unread(snapshot.reads[name])
        for name in ("cluster_roles", "cluster_role_bindings", "roles", "role_bindings")
    }

    assessment = judge(replace(snapshot, **lists))  # type: ignore[arg-type]

    assert assessment.verdict is V.OVER_GRANTED
    assert "RBAC undoes it" in assessment.summary
    assert [step.title for step in assessment.next_steps] == ["Let authzviz read what it may not"]


def test_a_webhook_that_leaks_is_named_with_what_to_do() -> None:
    assessment = judge(cluster(restricted(LEAKING, WEBHOOK_RULES)))

    assert "Webhook undoes it" in assessment.summary
    assert "unread-authorizer" in [finding.id for finding in assessment.findings]
    assert any("webhook" in step.title for step in assessment.next_steps)


def test_a_denial_before_the_node_authorizer_is_not_healed_by_turning_that_on() -> None:
    told = with_more(answers.NODE_RBAC, **REFUSED_LEAKS, **{**ALLOWED_CORE, "patch_status": "!"})

    steps = judge(cluster(restricted(told, WEBHOOK_RULES))).next_steps

    assert [step.title for step in steps] == ["Stop denying kubelets"]
    assert "--authorization-mode=Node,RBAC,Webhook" in steps[0].detail


def test_a_webhook_is_named_where_its_name_is_told() -> None:
    said = f"-node: {INDIVIDUAL}\nmywh: no opinion"
    named = reviews(said, NO, NO, YES, NO)

    (finding,) = judge(
        cluster(restricted(with_more(named, **REFUSED_LEAKS), WEBHOOK_RULES))
    ).findings

    assert "Its webhooks: mywh." in finding.detail
    assert "was asked" in finding.detail


def test_a_chain_in_a_file_is_told_by_answers() -> None:
    flags = server("--authorization-config=/a.yaml", "--enable-admission-plugins=NodeRestriction")
    told = replace(flags, observed=asked(answers.NODE_RBAC).observed)

    assessment = judge(cluster(told))

    assert assessment.verdict is V.NODE_AUTHORIZER
    assert assessment.authorization_modes == ("Node", "RBAC")


CONTRADICTED: dict[str, tuple[ApiServer, ApiServer, Verdict, str]] = {
    "Node is off": (NODE_RBAC, restricted(answers.RBAC), V.REFUSED, "but Node is off"),
    "Node is on": (RBAC, restricted(answers.NODE_RBAC), V.NODE_AUTHORIZER, "but Node is on"),
    "AlwaysAllow answers": (
        NODE_RBAC,
        restricted(answers.ALWAYS_ALLOW),
        V.ALWAYS_ALLOW,
        "but AlwaysAllow is on",
    ),
    "a webhook answers": (
        NODE_RBAC,
        restricted(with_more(answers.NODE_RBAC, **REFUSED_LEAKS), WEBHOOK_RULES),
        V.NODE_AUTHORIZER,
        "but Webhook answers",
    ),
    "NodeRestriction is off": (
        NODE_RBAC,
        open_to_nodes(answers.NODE_RBAC),
        V.UNRESTRICTED,
        "but it is off",
    ),
    "the flags are not this process'": (
        NODE_RBAC,
        asked(answers.RBAC),
        V.REFUSED,
        "but Node is off",
    ),
    "what is told is not enough": (
        RBAC,
        restricted(answers.NODE_RBAC, None),
        V.UNKNOWN,
        "but Node is on",
    ),
}


@pytest.mark.parametrize(
    ("flags", "told", "verdict", "words"), CONTRADICTED.values(), ids=CONTRADICTED
)
def test_answers_outrank_flags_and_the_contradiction_is_said(
    flags: ApiServer, told: ApiServer, verdict: Verdict, words: str
) -> None:
    assessment = judge(cluster(replace(flags, observed=told.observed)))

    said = {finding.id: finding.detail for finding in assessment.findings}
    assert assessment.verdict is verdict
    assert words in said["flags-contradicted"]


def test_an_order_that_is_not_the_flags_is_said() -> None:
    told = replace(NODE_RBAC, observed=restricted(answers.RBAC_NODE_BOUND).observed)
    other = replace(
        server("--authorization-mode=RBAC,Node", "--enable-admission-plugins=NodeRestriction"),
        observed=restricted(answers.NODE_RBAC_BOUND).observed,
    )

    for each, words in ((told, "but RBAC answers first"), (other, "but Node answers first")):
        state = judge(cluster(each, bindings=(LEGACY_BINDING,))).apiservers[0]
        assert words in state.contradictions[0]


def test_answers_that_agree_are_evidence_beside_the_flags() -> None:
    told = replace(NODE_RBAC, observed=restricted(answers.NODE_RBAC).observed)

    (state,) = judge(cluster(told)).apiservers

    assert state.contradictions == ()
    assert state.evidence.startswith(f"{NODE_RBAC.evidence}; its own answers (the Node authorizer")
    assert state.evidence.endswith("its /metrics shows NodeRestriction")


def test_an_earlier_look_at_metrics_does_not_contradict_flags() -> None:
    told = replace(NODE_RBAC, observed=open_to_nodes(answers.NODE_RBAC).observed)
    snapshot = cluster(told)
    later = replace(snapshot, read_at=snapshot.read_at.replace(hour=7))

    assert judge(later).verdict is V.NODE_AUTHORIZER
    assert (
        judge(
            replace(later, apiservers=cluster(open_to_nodes(answers.NODE_RBAC)).apiservers)
        ).verdict
        is V.UNRESTRICTED
    )


def test_switches_of_a_chain_that_is_told_in_part() -> None:
    state = judge(cluster(restricted(answers.NODE_RBAC, None))).apiservers[0]

    assert state.authorization_modes is None
    assert (state.node_authorizer, state.node_restriction) == (Switch.ON, Switch.ON)
    assert "webhook that says nothing" in state.why


def test_metrics_that_are_only_remembered_are_shown_with_their_time() -> None:
    snapshot = cluster(WHOLE)
    later = replace(snapshot, read_at=snapshot.read_at + timedelta(minutes=9))

    (now,) = judge(snapshot).apiservers
    (then,) = judge(later).apiservers

    assert now.evidence.endswith("its /metrics shows NodeRestriction")
    assert then.evidence == f"{now.evidence}, as read at 2026-11-24 06:00 UTC"
