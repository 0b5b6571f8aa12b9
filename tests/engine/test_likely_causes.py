"""Why clusters differ: the fresh one is told from its elders, and what is unknown is no cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Assessment, Switch
from authzviz.engine.compared import Cause
from authzviz.engine.comparison import compare
from authzviz.engine.model import Snapshot, Subject
from tests.engine.build import (
    DEFAULT_ROLES,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODE_ROLE,
    NODES,
    RBAC,
    cluster,
    crb,
    ok,
    server,
)
from tests.engine.test_unread import READS, without

FRESH = cluster(RBAC, nodes=())
ELDER = cluster(RBAC, bindings=(LEGACY_BINDING,))
ELSEWHERE = cluster(RBAC, bindings=(EMPTY_BINDING, crb("ours", "system:node", NODES)))
TARGET = cluster(NODE_RBAC)
UNDONE = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))
UNRESTRICTED = cluster(server("--authorization-mode=Node,RBAC"))
ALWAYS = cluster(server("--authorization-mode=AlwaysAllow"))
ABAC = cluster(server("--authorization-mode=Node,RBAC,ABAC"))
BY_NAME = cluster(RBAC, bindings=(EMPTY_BINDING, crb("one", "system:node", NODE1)))
DISAGREEING = cluster(NODE_RBAC, server("--authorization-mode=RBAC", name="cp2"))
LEAN = replace(
    TARGET, cluster_roles=ok((replace(NODE_ROLE, rules=NODE_ROLE.rules[1:]), *DEFAULT_ROLES[1:]))
)


def causes(**clusters: Snapshot) -> tuple[Cause, ...]:
    sides = [(name, each, judge(each)) for name, each in clusters.items()]
    return compare(sides).causes


def told(found: tuple[Cause, ...]) -> dict[str, str]:
    """The clusters that each cause holds for, by its id."""
    return {cause.id: "".join(cause.clusters) for cause in found}


def test_the_fresh_cluster_is_told_from_its_four_elders() -> None:
    first = causes(a=ELDER, b=ELDER, c=ELDER, d=ELDER, e=FRESH)[0]

    assert first == Cause(
        "unbound",
        "e refuses its kubelets: the binding system:node has no subjects, and the Node authorizer"
        " is off.",
        "That is how every fresh cluster since 1.8 is created. a, b, c and d ask the same"
        " authorizers (RBAC) and work only because their binding system:node still names Group"
        " system:nodes: clusters upgraded from before 1.8 keep that subject.",
        ("e",),
        first.remedy,
    )
    assert "--authorization-mode=Node,RBAC" in first.remedy
    assert "every kubelet all Secrets" in first.remedy


DENYING = cluster(server("--authorization-mode=RBAC,AlwaysDeny"), bindings=(LEGACY_BINDING,))
AGAINST: dict[str, tuple[dict[str, Snapshot], str]] = {
    "one elder": (
        {"a": ELDER},
        "a asks the same authorizers (RBAC) and works only because its binding",
    ),
    "an elder with other authorizers": (
        {"a": DENYING},
        "a has the Node authorizer off, too, and works only because its binding",
    ),
    "two elders with other authorizers": (
        {
            "a": cluster(
                server("--authorization-mode=RBAC,AlwaysDeny"), bindings=(LEGACY_BINDING,)
            ),
            "b": ELDER,
        },
        "a and b have the Node authorizer off, too, and work only because their binding",
    ),
    "one that is bound elsewhere": (
        {"a": ELSEWHERE},
        "a works by RBAC, too, through ClusterRoleBinding ours.",
    ),
    "one that Node serves": ({"a": TARGET}, "a has the Node authorizer on, which serves"),
    "two that Node serves": ({"a": TARGET, "b": UNDONE}, "a and b have the Node authorizer on"),
    "more than a handful": (
        dict.fromkeys("abcdefgh", TARGET),
        "a, b, c, d, e, f and 2 more have the Node authorizer on",
    ),
}


@pytest.mark.parametrize(("others", "words"), AGAINST.values(), ids=AGAINST)
def test_the_outage_is_held_against_those_that_work(
    others: dict[str, Snapshot], words: str
) -> None:
    assert words in causes(**others, z=FRESH)[0].detail


def test_one_that_works_by_what_no_grant_shows_is_said_plainly() -> None:
    elsewhere = replace(judge(ELSEWHERE), grants=())
    found = compare([("a", ELSEWHERE, elsewhere), ("z", FRESH, judge(FRESH))]).causes

    assert "a works by RBAC, too." in found[0].detail


FRESH_ONES: dict[str, tuple[dict[str, Snapshot], str, str]] = {
    "two of them": (
        {"a": FRESH, "b": FRESH},
        "a and b refuse their kubelets: ",
        "That is how every fresh cluster",
    ),
    "no binding at all": (
        {"a": cluster(RBAC, bindings=())},
        "a refuses its kubelets: ",
        "That is how every fresh cluster",
    ),
    "a version that is not known": (
        {"a": replace(FRESH, version=ok("weekly"))},
        "a refuses its kubelets: ",
        "",
    ),
}


@pytest.mark.parametrize(("clusters", "title", "detail"), FRESH_ONES.values(), ids=FRESH_ONES)
def test_the_outage_is_a_cause_whatever_the_others(
    clusters: dict[str, Snapshot], title: str, detail: str
) -> None:
    (cause, *_) = causes(**clusters)

    assert cause.id == "unbound"
    assert cause.title.startswith(title)
    assert cause.detail.startswith(detail)


CASES: dict[str, tuple[dict[str, Snapshot], dict[str, str]]] = {
    "nothing tells two targets apart": ({"a": TARGET, "b": TARGET}, {}),
    "nothing tells two elders apart": ({"a": ELDER, "b": ELDER}, {}),
    "RBAC alone beside the target": ({"a": ELDER, "b": TARGET}, {"rbac-alone": "a"}),
    "two on RBAC alone": ({"a": ELDER, "b": ELDER, "c": TARGET}, {"rbac-alone": "ab"}),
    "undone by RBAC": ({"a": UNDONE, "b": TARGET}, {"undone": "a"}),
    "without NodeRestriction": ({"a": UNRESTRICTED, "b": TARGET}, {"no-node-restriction": "a"}),
    "AlwaysAllow": (
        {"a": ALWAYS, "b": UNRESTRICTED},
        {"always-allow": "a"},
    ),
    "ABAC": ({"a": ABAC, "b": UNRESTRICTED}, {"opaque": "a", "unread": "a"}),
    "bound by name": ({"a": BY_NAME, "b": TARGET}, {"by-name": "a"}),
    "apiservers that disagree": (
        {"a": DISAGREEING, "b": TARGET},
        {"apiservers-differ": "a"},
    ),
    "refused otherwise": (
        {"a": cluster(server("--authorization-mode=AlwaysDeny")), "b": UNRESTRICTED},
        {"refused": "a"},
    ),
    "versions": (
        {"a": cluster(NODE_RBAC, version="v1.19.16"), "b": TARGET, "c": without(TARGET, "version")},
        {"versions": "ab", "unread": "c"},
    ),
    "a role that lacks rules": ({"a": LEAN, "b": TARGET}, {"node-role": "a"}),
    "two that are not read at all": (
        {"a": without(FRESH, *READS), "b": without(ELDER, *READS)},
        {"unread": "ab"},
    ),
}


@pytest.mark.parametrize(("clusters", "expected"), CASES.values(), ids=CASES)
def test_a_cause_holds_for_the_clusters_it_names(
    clusters: dict[str, Snapshot], expected: dict[str, str]
) -> None:
    assert told(causes(**clusters)) == expected


UNTOLD: dict[str, Snapshot] = {
    "its flags were not read": without(FRESH, "apiservers"),
    "its bindings were not read": without(FRESH, "cluster_role_bindings"),
    "its binding has another subject": cluster(
        RBAC, bindings=(crb("system:node", "system:node", Subject("User", "kubelet")),)
    ),
    "its binding is of another role": cluster(RBAC, bindings=(crb("system:node", "view", NODES),)),
}


@pytest.mark.parametrize("snapshot", UNTOLD.values(), ids=UNTOLD)
def test_what_is_not_known_is_no_cause(snapshot: Snapshot) -> None:
    assert "unbound" not in told(causes(a=snapshot, b=TARGET))


def test_a_node_bound_by_a_benign_binding_names_no_binding() -> None:
    assessment: Assessment = replace(judge(BY_NAME), grants=())
    found = compare([("a", BY_NAME, assessment)]).causes
    by_name = next(cause for cause in found if cause.id == "by-name")

    assert by_name.detail.startswith("A node that nobody binds by name is refused")


def test_what_a_fresh_sibling_would_do_is_said_only_where_it_is_known() -> None:
    known = causes(a=ELDER, b=TARGET)[0]
    unknown = causes(a=replace(ELDER, version=ok("weekly")), b=TARGET)[0]

    assert "A fresh cluster with the same flags would refuse" in known.detail
    assert "A fresh cluster" not in unknown.detail
    assert judge(DISAGREEING).node_authorizer is Switch.MIXED
