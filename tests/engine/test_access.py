"""What credentials lack of the least role, and what they hold beyond it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authzviz.engine import judge
from authzviz.engine.access import Access, access_of
from authzviz.engine.assessment import Severity
from authzviz.engine.least_role import EVER_PROBED, least_role
from authzviz.engine.model import Observed, Outcome, OwnRules, PolicyRule, Read, Role, Snapshot
from authzviz.engine.own_access import as_a_person_reads
from tests.engine.build import (
    AUTHENTICATED,
    NODE_RBAC,
    cluster,
    crb,
    ok,
    rb,
    rule,
    server,
    unread,
)

LEAST = tuple(
    each.rule for each in least_role(28, "kubeadm") if each.namespace in ("", "kube-system")
)
BASIC = (
    rule("create", "selfsubjectaccessreviews selfsubjectrulesreviews", "authorization.k8s.io"),
    rule("get list watch", "clustertrustbundles", "certificates.k8s.io"),
    rule("get", urls="/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /version/"),
)
ADMIN = (rule("*", "*", "*"), rule("*", urls="*"))


def observed(*rules: PolicyRule, error: str = "") -> Observed:
    own = OwnRules(rules, bool(error), error)
    return Observed(reviews=ok(()), rules=ok(own))


def read_with(*rules: PolicyRule, error: str = "", **changes: Any) -> Snapshot:
    """A kubeadm cluster whose apiserver listed these rules as ours."""
    seen = replace(NODE_RBAC, observed=observed(*rules, error=error))
    return replace(cluster(seen), **changes)


def words(access: Access) -> list[str]:
    return [each.words for each in access.excess]


def test_with_the_least_role_nothing_is_lacking_and_nothing_in_excess() -> None:
    access = access_of(read_with(*LEAST, *BASIC))

    assert access.lacks == ()
    assert (access.excess, access.severity) == ((), None)
    assert (access.is_known, access.why) == (True, "")
    assert len(access.held) == len(LEAST)
    assert [each.permission for each in access.untold] == [
        "list leases.coordination.k8s.io in kube-node-lease",
        "get endpointslices.discovery.k8s.io kubernetes in default",
    ]


@pytest.mark.parametrize("lost", LEAST, ids=[str(number) for number in range(len(LEAST))])
def test_each_rule_that_is_gone_is_lacking(lost: PolicyRule) -> None:
    left = [each for each in LEAST if each != lost]

    (lack,) = access_of(read_with(*left)).lacks

    (gone,) = [each for each in least_role(28, "kubeadm") if each.rule == lost][:1]
    assert (lack.permission, lack.answers) == (gone.words, gone.answers)


KUBE_SYSTEM_PODS = "list pods in kube-system"
REVIEWS = "create subjectaccessreviews.authorization.k8s.io"


def outcome(permission: str, outcome: Outcome) -> Read[Any]:
    return Read(outcome, "/path", permission, () if outcome is Outcome.OK else None)


def state_of(access: Access, permission: str) -> str:
    for state in ("lacks", "held", "untold"):
        if permission in [each.permission for each in getattr(access, state)]:
            return state
    return "not needed"


STATES: dict[str, tuple[Snapshot, str, str]] = {
    "a refused read outweighs a rule": (
        read_with(*LEAST, nodes=outcome("list nodes", Outcome.FORBIDDEN)),
        "list nodes",
        "lacks",
    ),
    "a read outweighs a rule that is missing": (
        read_with(*BASIC, nodes=outcome("list nodes", Outcome.OK)),
        "list nodes",
        "held",
    ),
    "a read that failed tells nothing": (
        cluster(NODE_RBAC),
        "create selfsubjectrulesreviews.authorization.k8s.io",
        "untold",
    ),
    "one of two that a refused read needs": (
        replace(
            cluster(NODE_RBAC, version="v1.33.0"),
            apiservers=outcome(f"{KUBE_SYSTEM_PODS}, or get /flagz", Outcome.FORBIDDEN),
        ),
        "get /flagz",
        "lacks",
    ),
    "one of two, but the rules have it": (
        read_with(*LEAST, endpoints=outcome("list nodes, or get /flagz", Outcome.FORBIDDEN)),
        "list nodes",
        "held",
    ),
    "a list that is not whole proves no lack": (
        read_with(*BASIC, error="webhook authorizer does not support user rule resolution"),
        "list nodes",
        "untold",
    ),
    "a read names no object, the permission does": (
        read_with(
            *LEAST,
            endpoints=outcome("get endpointslices.discovery.k8s.io in default", Outcome.FORBIDDEN),
        ),
        "get endpointslices.discovery.k8s.io kubernetes in default",
        "lacks",
    ),
    "what apiservers were asked": (
        cluster(
            replace(
                NODE_RBAC,
                observed=Observed(
                    outcome(REVIEWS, Outcome.FORBIDDEN), outcome("x", Outcome.FAILED)
                ),
            )
        ),
        REVIEWS,
        "lacks",
    ),
    "pods, where they were asked for": (
        read_with(*LEAST, pods=outcome("list pods", Outcome.FORBIDDEN)),
        "list pods",
        "lacks",
    ),
    "pods, where they were not": (read_with(*LEAST), "list pods", "not needed"),
    "flags that no such version shows": (read_with(*LEAST), "get /flagz", "not needed"),
}


@pytest.mark.parametrize(("snapshot", "permission", "state"), STATES.values(), ids=STATES)
def test_what_tells_whether_a_permission_is_held(
    snapshot: Snapshot, permission: str, state: str
) -> None:
    assert state_of(access_of(snapshot), permission) == state


UNKNOWN: dict[str, tuple[Snapshot, str]] = {
    "nobody asked": (cluster(NODE_RBAC), "nobody asked"),
    "no apiserver known": (
        replace(cluster(), apiservers=unread(cluster().apiservers)),
        "nobody asked",
    ),
    "refused": (
        cluster(replace(NODE_RBAC, observed=Observed(ok(()), unread(ok(OwnRules(())))))),
        "refused",
    ),
    "a webhook": (read_with(*LEAST, error="webhook authorizer does not"), "webhook"),
    "incomplete for no reason given": (
        cluster(
            replace(NODE_RBAC, observed=Observed(ok(()), ok(OwnRules(LEAST, is_incomplete=True))))
        ),
        "incomplete",
    ),
    "no RBAC in the chain": (read_with(), "no authorizer listed"),
}


@pytest.mark.parametrize(("snapshot", "why"), UNKNOWN.values(), ids=UNKNOWN)
def test_why_it_is_not_known_what_they_hold(snapshot: Snapshot, why: str) -> None:
    access = access_of(snapshot)

    assert not access.is_known
    assert why in access.why


EXCESS: dict[str, tuple[tuple[PolicyRule, ...], list[str], Severity | None]] = {
    "cluster-admin": (
        ADMIN,
        ["do anything with every resource", "do anything with every path"],
        Severity.HIGH,
    ),
    "secrets": ((rule("get list", "secrets"),), ["get, list secrets"], Severity.HIGH),
    "one secret": (
        (rule("get", "secrets", names="a b"),),
        ["get secrets named a and b"],
        Severity.HIGH,
    ),
    "commands in every pod": ((rule("get", "nodes/proxy"),), ["get nodes/proxy"], Severity.HIGH),
    "impersonation": ((rule("impersonate", "users"),), ["impersonate users"], Severity.HIGH),
    "a way to more": (
        (rule("bind escalate", "clusterroles", "rbac.authorization.k8s.io"),),
        ["bind, escalate clusterroles.rbac.authorization.k8s.io"],
        Severity.HIGH,
    ),
    "pods of one's own": ((rule("create", "pods"),), ["create pods"], Severity.HIGH),
    "everything of apps": (
        (rule("*", "*", "apps"),),
        ["do anything with every resource of apps"],
        Severity.HIGH,
    ),
    "every core resource": ((rule("get", "*"),), ["get every core resource"], Severity.HIGH),
    "all of a harmless group": (
        (rule("get", "*", "metrics.k8s.io"),),
        ["read every resource of metrics.k8s.io"],
        Severity.LOW,
    ),
    "some write": ((rule("update", "events"),), ["update events"], Severity.MEDIUM),
    "every workload": (
        (rule("create", "*", "apps"),),
        ["create every resource of apps"],
        Severity.HIGH,
    ),
    "everything of a group that runs nothing": (
        (rule("create", "*", "example.org"),),
        ["create every resource of example.org"],
        Severity.MEDIUM,
    ),
    "a write to a path": ((rule("get put", urls="/logs"),), ["get, put /logs"], Severity.MEDIUM),
    "other reads, in one line": (
        (rule("get list watch", "a b c d e f g", "x.io"), rule("get", urls="/logs/*")),
        ["read a.x.io, b.x.io, c.x.io, d.x.io, e.x.io and 3 others"],
        Severity.LOW,
    ),
    "a config map that is not ours": (
        (rule("get", "configmaps"),),
        ["read configmaps"],
        Severity.LOW,
    ),
    "other ways to read what may be listed": ((rule("get list watch", "nodes pods"),), [], None),
    "the rights of another depth and distribution": (
        (rule("list", "persistentvolumes"), rule("get", "endpoints", names="kubernetes")),
        [],
        None,
    ),
    "worst first, each once": (
        (rule("update", "events"), rule("get", "configmaps"), *ADMIN, rule("update", "events")),
        [
            "do anything with every resource",
            "update events",
            "do anything with every path",
            "read configmaps",
        ],
        Severity.HIGH,
    ),
}


@pytest.mark.parametrize("name", EXCESS)
def test_what_is_beyond_the_least_role(name: str) -> None:
    rules, expected, severity = EXCESS[name]

    access = access_of(read_with(*LEAST, *BASIC, *rules))

    assert words(access) == expected
    assert access.severity is severity


def test_what_every_user_of_the_cluster_may_is_no_excess() -> None:
    snapshot = cluster(
        replace(NODE_RBAC, observed=observed(rule("create", "projects", "x.io"))),
        cluster_roles=(Role("projects", rules=(rule("create", "projects", "x.io"),)),),
        bindings=(crb("projects", "projects", AUTHENTICATED),),
    )

    assert words(access_of(snapshot)) == []


def test_what_others_get_in_their_namespace_says_nothing_of_ours() -> None:
    snapshot = cluster(
        replace(NODE_RBAC, observed=observed(rule("create", "projects", "x.io"))),
        roles=(Role("projects", "dev", (rule("create", "projects", "x.io"),)),),
        role_bindings=(rb("projects", "dev", "projects", AUTHENTICATED),),
    )

    assert words(access_of(snapshot)) == ["create projects.x.io"]


def test_the_probe_is_no_excess_where_it_is_turned_on() -> None:
    rules = tuple(each.rule for each in EVER_PROBED)
    off = read_with(*LEAST, *rules)
    seen = replace(observed(*LEAST, *rules), restriction=ok(value=True))
    on = cluster(replace(NODE_RBAC, observed=seen))

    assert access_of(off).severity is Severity.HIGH
    assert access_of(on).excess == ()
    assert state_of(access_of(on), "impersonate groups system:nodes") == "held"


def test_of_much_excess_the_worst_is_shown() -> None:
    many = rule("update", " ".join(f"r{number}" for number in range(30)))

    access = access_of(read_with(many))

    assert (len(access.excess), access.excess_left_out) == (10, 20)


def findings(snapshot: Snapshot) -> list[tuple[Severity, str]]:
    return [
        (each.severity, each.detail)
        for each in judge(snapshot).findings
        if each.id == "excess-credentials"
    ]


def test_excess_is_a_finding_that_changes_no_verdict() -> None:
    plain, admin = read_with(*LEAST), read_with(*LEAST, *ADMIN, rule("get", "secrets"))

    assert findings(plain) == []
    ((severity, detail),) = findings(admin)
    assert severity is Severity.HIGH
    assert "do anything with every resource; get secrets; do anything with every path." in detail
    assert judge(admin).verdict == judge(plain).verdict


def test_the_finding_counts_what_it_does_not_say() -> None:
    many = rule("update", " ".join(f"r{number}" for number in range(30)))

    ((severity, detail),) = findings(read_with(many))

    assert severity is Severity.MEDIUM
    assert "update r0; update r1; update r2; and 27 more." in detail


def test_no_finding_of_ours_where_everybody_may_do_everything() -> None:
    open_to_all = replace(server(), observed=observed(*ADMIN))

    assert findings(cluster(open_to_all)) == []


def test_credentials_that_nobody_keeps_are_but_a_note() -> None:
    admin = read_with(*ADMIN)
    plain = judge(read_with(*LEAST))

    ((of_a_bundle, _),) = findings(replace(admin, is_live=False))
    noted = as_a_person_reads(judge(admin)).findings

    assert of_a_bundle is Severity.INFO
    assert (noted[-1].id, noted[-1].severity) == ("excess-credentials", Severity.INFO)
    assert as_a_person_reads(plain) is plain
