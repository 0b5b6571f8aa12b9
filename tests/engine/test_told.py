"""What an apiserver's answers tell of its chain, for every kind of chain and every form of text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.apiserver import Metrics, OwnRules, Review
from authzviz.engine.assessment import Switch
from authzviz.engine.probes import CORE, LEAKS, Probe, follow_up
from authzviz.engine.told import told_by
from tests.engine import answers
from tests.engine.answers import (
    BY_RBAC,
    EVERYTHING,
    INDIVIDUAL,
    NO,
    NO_RELATION,
    RULES,
    SILENT_WEBHOOK,
    WEBHOOK_RULES,
    YES,
    reviews,
)
from tests.engine.build import NOW, rule

ON, OFF, UNKNOWN = Switch.ON, Switch.OFF, Switch.UNKNOWN
Answers = tuple[Review, ...]
Modes = tuple[str, ...] | None
SAYS = "mywh has no opinion"
NOT_THERE = 'clusterroles.rbac.authorization.k8s.io "gone" not found'
ADMIN = 'RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "cluster-admin" to Group "x"'

# The answers, our own rules, AlwaysAllow, Node, the chain.
CASES: dict[str, tuple[Answers, OwnRules | None, Switch, Switch, Modes]] = {
    "AlwaysAllow": (answers.ALWAYS_ALLOW, OwnRules(EVERYTHING), ON, UNKNOWN, ("AlwaysAllow",)),
    "AlwaysAllow after RBAC": (
        reviews(YES, YES + BY_RBAC, YES + BY_RBAC, YES + BY_RBAC, YES),
        RULES,
        ON,
        UNKNOWN,
        ("RBAC", "AlwaysAllow"),
    ),
    "RBAC, no binding": (answers.RBAC, RULES, OFF, OFF, ("RBAC",)),
    "RBAC, and we may do everything": (
        answers.RBAC,
        OwnRules((*EVERYTHING, *answers.OWN)),
        OFF,
        OFF,
        ("RBAC",),
    ),
    "RBAC and binding": (answers.RBAC_BOUND, RULES, OFF, OFF, ("RBAC",)),
    "RBAC, a binding to a role that is missing": (
        reviews(*[f"-RBAC: {NOT_THERE}"] * 4, NO),
        OwnRules((), is_incomplete=True, error=NOT_THERE),
        OFF,
        OFF,
        ("RBAC",),
    ),
    "Node,RBAC": (answers.NODE_RBAC, RULES, OFF, ON, ("Node", "RBAC")),
    "Node,RBAC and binding": (answers.NODE_RBAC_BOUND, RULES, OFF, ON, ("Node", "RBAC")),
    "RBAC,Node and binding": (answers.RBAC_NODE_BOUND, RULES, OFF, ON, ("RBAC", "Node")),
    "RBAC,Node without binding": (answers.NODE_RBAC, RULES, OFF, ON, ("Node", "RBAC")),
    "Node,RBAC of 1.37": (
        reviews(f"-node: {INDIVIDUAL}", f"-node: {NO_RELATION}", NO, YES, NO),
        RULES,
        OFF,
        ON,
        ("Node", "RBAC"),
    ),
    "Node,RBAC of 1.18": (
        reviews(f"-{INDIVIDUAL}", '-no relationship found between node "<node>" and', NO, YES, NO),
        RULES,
        OFF,
        ON,
        ("Node", "RBAC"),
    ),
    "Node,RBAC of 1.7": (
        reviews(f"-{INDIVIDUAL}", "-no path found to object", NO, YES, NO),
        RULES,
        OFF,
        ON,
        ("Node", "RBAC"),
    ),
    "a webhook that speaks": (
        reviews(f"-{INDIVIDUAL}\n{SAYS}", f"-{NO_RELATION}\n{SAYS}", f"-{SAYS}", YES, f"-{SAYS}"),
        WEBHOOK_RULES,
        OFF,
        ON,
        ("Node", "RBAC", "Webhook"),
    ),
    "a webhook that speaks, where Node is off": (
        reviews(*[f"-{SAYS}"] * 5),
        WEBHOOK_RULES,
        OFF,
        OFF,
        ("RBAC", "Webhook"),
    ),
    "a silent webhook": (
        answers.NODE_RBAC,
        WEBHOOK_RULES,
        OFF,
        ON,
        ("Node", "RBAC", "Webhook"),
    ),
    "a webhook denies nodes": (
        reviews("!not you", "!not you", "!not you", YES, NO),
        WEBHOOK_RULES,
        OFF,
        ON,
        ("Node", "RBAC", "Webhook"),
    ),
    "a webhook denies nodes everything": (
        reviews("!not you", "!not you", "!not you", "!not you", NO),
        WEBHOOK_RULES,
        OFF,
        UNKNOWN,
        None,
    ),
    "a webhook denies nodes, and allows them Services itself": (
        reviews("!not you", "!not you", YES, YES, NO),
        WEBHOOK_RULES,
        OFF,
        UNKNOWN,
        None,
    ),
    "a webhook speaks Node's words, and lets no node have a Service": (
        reviews(f"-{INDIVIDUAL}", f"-{NO_RELATION}", NO, NO, NO),
        RULES,
        OFF,
        OFF,
        ("RBAC", "Webhook"),
    ),
    "a webhook denies all": (reviews(*["!no"] * 5), WEBHOOK_RULES, UNKNOWN, UNKNOWN, None),
    "a webhook allows nodes": (
        reviews("+wh says yes", "+wh says yes", "+wh says yes", "+wh says yes", NO),
        WEBHOOK_RULES,
        OFF,
        UNKNOWN,
        None,
    ),
    "a webhook allows nodes in silence": (
        reviews(YES, YES, YES, YES, NO),
        RULES,
        OFF,
        UNKNOWN,
        None,
    ),
    "a webhook allows Services in silence, where Node is off": (
        reviews(NO, NO, NO, YES, NO),
        RULES,
        OFF,
        OFF,
        ("RBAC", "Webhook"),
    ),
    "AlwaysDeny last": (
        reviews(
            f"-{INDIVIDUAL}\nEverything is forbidden.",
            f"-{NO_RELATION}\nEverything is forbidden.",
            "-Everything is forbidden.",
            YES,
            "-alwaysdeny: Everything is forbidden.",
        ),
        RULES,
        OFF,
        ON,
        ("Node", "RBAC", "AlwaysDeny"),
    ),
    "ABAC": (
        reviews(f"-{INDIVIDUAL}\nNo policy matched.", *["-No policy matched."] * 2, YES, NO),
        RULES,
        OFF,
        ON,
        None,
    ),
    "ABAC and RBAC": (
        reviews(f"-{INDIVIDUAL}\nNo policy matched.", NO, YES + BY_RBAC, YES, NO),
        RULES,
        OFF,
        ON,
        ("Node", "RBAC", "ABAC"),
    ),
    "ABAC that may allow Services, behind what RBAC allows": (
        reviews(YES + ADMIN, YES + ADMIN, YES + ADMIN, YES, "-No policy matched."),
        RULES,
        OFF,
        UNKNOWN,
        None,
    ),
    "nodes are admins, Node first": (
        reviews(YES + ADMIN, YES + ADMIN, YES + ADMIN, YES, NO),
        RULES,
        OFF,
        ON,
        ("Node", "RBAC"),
    ),
    "nodes are admins, RBAC first or Node off": (
        reviews(*[YES + ADMIN] * 4, NO),
        RULES,
        OFF,
        UNKNOWN,
        None,
    ),
    "everybody is admin by RBAC": (reviews(*[YES + ADMIN] * 5), RULES, UNKNOWN, UNKNOWN, None),
    "our own rules could not be read": (answers.NODE_RBAC, None, OFF, ON, None),
    "RBAC lists nothing of ours": (answers.RBAC, OwnRules(()), OFF, OFF, None),
    "rules that AlwaysAllow would list, too": (answers.RBAC, OwnRules(EVERYTHING), OFF, OFF, None),
    "rules of everything in one group, which only RBAC lists": (
        answers.RBAC,
        OwnRules((*EVERYTHING, rule("*", "*", "apps"))),
        OFF,
        OFF,
        ("RBAC",),
    ),
    "an authorizer of another kind lists no rules": (
        answers.NODE_RBAC,
        OwnRules(answers.OWN, is_incomplete=True, error=f"[{SILENT_WEBHOOK}, scope does not]"),
        OFF,
        ON,
        None,
    ),
    "some authorizer lists no rules": (
        answers.NODE_RBAC,
        OwnRules(answers.OWN, is_incomplete=True),
        OFF,
        ON,
        None,
    ),
    "nothing was answered": ((), None, UNKNOWN, UNKNOWN, None),
    "only the Service was asked": (
        reviews(YES, probes=("get-service",)),
        RULES,
        UNKNOWN,
        UNKNOWN,
        None,
    ),
    "the Service was not asked": (
        reviews(f"-{INDIVIDUAL}", probes=("delete-volume",)),
        RULES,
        OFF,
        ON,
        ("Node", "RBAC"),
    ),
    "the Service was not asked, and the rest denied": (
        reviews("!no", NO, probes=("delete-volume", "nonsense")),
        RULES,
        OFF,
        UNKNOWN,
        None,
    ),
}


@pytest.mark.parametrize(
    ("said", "rules", "always_allow", "node", "modes"), CASES.values(), ids=CASES
)
def test_what_answers_tell(
    said: Answers, rules: OwnRules | None, always_allow: Switch, node: Switch, modes: Modes
) -> None:
    told = told_by(said, rules)

    assert (told.always_allow, told.node, told.modes) == (always_allow, node, modes)
    assert bool(told.gaps) == (modes is None or always_allow is ON)
    assert told.evidence or modes is None


def test_a_review_that_came_with_an_error_concludes_nothing() -> None:
    failed = tuple(replace(review, error="webhook: timeout") for review in answers.RBAC)

    told = told_by(failed, RULES)

    assert (told.always_allow, told.node) == (UNKNOWN, UNKNOWN)
    assert told.opaque == ("Webhook",)


def test_answers_about_single_nodes_are_not_taken_for_the_next_one() -> None:
    told = told_by(tuple(replace(review, node="node1") for review in answers.NODE_RBAC), RULES)

    assert told.node is UNKNOWN


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (f"-node: {INDIVIDUAL}\nmywh: no opinion", ("mywh",)),
        (f"-node: {INDIVIDUAL}\nmywh: one\nmywh: two\nno name here: x\nnone", ("mywh",)),
        (f"-{INDIVIDUAL}\nmywh: no opinion", ()),
    ],
)
def test_webhooks_are_named_where_the_apiserver_writes_names(
    said: str, names: tuple[str, ...]
) -> None:
    assert told_by(reviews(said, probes=("delete-volume",)), None).webhooks == names


def metrics(*authorizers: tuple[str, str], graph: bool | None = None) -> Metrics:
    return Metrics(NOW, authorizers, has_node_graph=graph)


COUNTED: dict[str, tuple[Answers, OwnRules | None, Metrics, Switch, Switch, Modes]] = {
    "Node and RBAC have decided": (
        (),
        RULES,
        metrics(("Node", "node"), ("RBAC", "rbac")),
        UNKNOWN,
        ON,
        None,
    ),
    "the Node authorizer keeps its graph": (
        reviews("!no", NO, probes=("delete-volume", "nonsense")),
        WEBHOOK_RULES,
        metrics(graph=True),
        OFF,
        ON,
        ("Webhook", "Node", "RBAC"),
    ),
    "a webhook serves nodes in silence, and Node has decided nothing": (
        reviews("!no", "!no", NO, YES, NO),
        WEBHOOK_RULES,
        metrics(("Webhook", "mywh"), ("RBAC", "rbac")),
        OFF,
        UNKNOWN,
        None,
    ),
    "RBAC has decided, and lists nothing of ours": (
        answers.RBAC,
        OwnRules(()),
        metrics(("RBAC", "rbac")),
        OFF,
        OFF,
        ("RBAC",),
    ),
    "AlwaysAllow has decided": (
        (),
        None,
        metrics(("AlwaysAllow", "alwaysallow")),
        ON,
        UNKNOWN,
        ("AlwaysAllow",),
    ),
    "answers are newer than what was counted": (
        answers.RBAC,
        RULES,
        metrics(("Node", "node"), ("AlwaysAllow", "alwaysallow")),
        OFF,
        OFF,
        ("RBAC",),
    ),
    "ABAC and a webhook have decided": (
        answers.NODE_RBAC,
        RULES,
        metrics(("ABAC", "abac"), ("Webhook", "mywh"), ("RBAC", "rbac")),
        OFF,
        ON,
        ("Node", "RBAC", "Webhook", "ABAC"),
    ),
}


@pytest.mark.parametrize(
    ("said", "rules", "counted", "always_allow", "node", "modes"), COUNTED.values(), ids=COUNTED
)
def test_what_metrics_add(
    said: Answers,
    rules: OwnRules | None,
    counted: Metrics,
    always_allow: Switch,
    node: Switch,
    modes: Modes,
) -> None:
    told = told_by(said, rules, counted)

    assert (told.always_allow, told.node, told.modes) == (always_allow, node, modes)
    assert told.webhooks == (("mywh",) if "Webhook" in dict(counted.authorizers) else ())
    assert told.evidence


FOLLOW_UPS: dict[str, tuple[Answers, OwnRules | None, tuple[Probe, ...]]] = {
    "told whole": (answers.NODE_RBAC, RULES, ()),
    "an outage, told whole": (answers.RBAC, RULES, ()),
    "AlwaysAllow": (answers.ALWAYS_ALLOW, None, ()),
    "nobody may ask": ((), RULES, ()),
    "a silent webhook beside Node": (answers.NODE_RBAC, WEBHOOK_RULES, (*LEAKS, *CORE)),
    "a webhook may heal what RBAC refuses": (answers.RBAC, WEBHOOK_RULES, (*LEAKS, *CORE)),
    "a webhook that denies may refuse what Node serves": (
        reviews("!no", NO, NO, YES, NO),
        WEBHOOK_RULES,
        (*LEAKS, *CORE),
    ),
    "a silent webhook can't be excluded": (answers.NODE_RBAC, None, (*LEAKS, *CORE)),
    "a silent webhook can't be excluded, and might heal": (
        answers.RBAC,
        None,
        (*LEAKS, *CORE),
    ),
}


@pytest.mark.parametrize(("said", "rules", "probes"), FOLLOW_UPS.values(), ids=FOLLOW_UPS)
def test_more_is_asked_only_where_it_decides(
    said: Answers, rules: OwnRules | None, probes: tuple[Probe, ...]
) -> None:
    assert follow_up(said, rules) == probes
