"""Reads that failed: never safe, never wrong, and unknown only where they decide."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authzviz.engine import judge
from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Binding, Outcome, Read, Role, Snapshot, Subject
from tests.engine.build import (
    AUTHENTICATED,
    CORE_ROLE,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    node,
    rb,
    rule,
    server,
    unread,
)

READS = tuple(cluster().reads)
DECISIVE = {"apiservers", "cluster_roles", "cluster_role_bindings", "roles", "role_bindings"}

OWN_NODE1 = Role("own", rules=(rule("get list watch", "nodes", names="node1"),))
LEASES = Role(
    "leases", "kube-node-lease", (rule("get create update", "leases", "coordination.k8s.io"),)
)
SECRETS = Role("secrets", "team", (rule("get", "secrets"),))
CLUSTER_ROLES = (OWN_NODE1, Role("no-leases", rules=(rule("*", "nodes nodes/status"),)))

SERVERS = (
    RBAC,
    NODE_RBAC,
    server("--authorization-mode=Node,RBAC"),
    server("--authorization-mode=RBAC", name="cp2"),
    server(name="cp3"),
)
CLUSTER_BINDINGS = (
    EMPTY_BINDING,
    LEGACY_BINDING,
    crb("one", "system:node", NODE1),
    crb("gone", "system:node", Subject("User", "system:node:gone")),
    crb("own", "own", NODES),
    crb("no-leases", "no-leases", NODES),
    crb("admins", "cluster-admin", AUTHENTICATED),
    crb("dangling", "nowhere", NODES),
)
ROLE_BINDINGS = (
    rb("leases", "kube-node-lease", "leases", NODES),
    rb("lease-of-one", "kube-node-lease", "leases", NODE1),
    rb("secrets", "team", "secrets", NODES),
    rb("all", "team", "system:node", NODES, kind="ClusterRole"),
)


def without(snapshot: Snapshot, *names: str, outcome: Outcome = Outcome.FORBIDDEN) -> Snapshot:
    """The snapshot with these reads refused or failed."""
    reads: dict[str, Read[object]] = {name: unread(snapshot.reads[name], outcome) for name in names}
    return replace(snapshot, **reads)  # type: ignore[arg-type]  # each keeps its own kind of value


def some(values: tuple[Binding, ...]) -> st.SearchStrategy[tuple[Binding, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=3).map(tuple)


SNAPSHOTS = st.builds(
    lambda servers, bindings, role_bindings, version, nodes: cluster(
        *servers,
        bindings=bindings,
        role_bindings=role_bindings,
        cluster_roles=CLUSTER_ROLES,
        roles=(LEASES, SECRETS),
        version=version,
        nodes=tuple(node(name) for name in nodes),
    ),
    st.lists(st.sampled_from(SERVERS), min_size=1, max_size=2),
    some(CLUSTER_BINDINGS),
    some(ROLE_BINDINGS),
    st.sampled_from(("v1.12.10", "v1.28.15", "v1.37.2")),
    st.sampled_from(((), ("node1",), ("node1", "node2"))),
)


@given(
    SNAPSHOTS, st.sets(st.sampled_from(READS)), st.sampled_from((Outcome.FORBIDDEN, Outcome.FAILED))
)
def test_the_true_verdict_stays_possible_whatever_was_not_read(
    snapshot: Snapshot, names: set[str], outcome: Outcome
) -> None:
    truth = judge(snapshot)
    assessment = judge(without(snapshot, *names, outcome=outcome))

    assert truth.verdict is not Verdict.UNKNOWN
    assert truth.verdict in assessment.possible
    if names & DECISIVE:
        assert assessment.verdict is not Verdict.NODE_AUTHORIZER
    assert (assessment.verdict is Verdict.UNKNOWN) == (len(assessment.possible) > 1)
    assert len(assessment.missing) >= len(names)


@given(SNAPSHOTS, st.sampled_from(("endpoints", "leases")))
def test_what_decides_nothing_changes_nothing(snapshot: Snapshot, name: str) -> None:
    assert judge(without(snapshot, name)).possible == judge(snapshot).possible


V = Verdict
LEGACY = cluster(RBAC, bindings=(LEGACY_BINDING,))
LEFTOVER = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))
OUTAGE = cluster(RBAC)
TARGET = cluster(NODE_RBAC)

CASES: dict[str, tuple[Snapshot, tuple[str, ...], set[Verdict]]] = {
    "nothing is known": (
        TARGET,
        READS,
        set(Verdict) - {V.UNKNOWN},
    ),
    "no flags, nothing granted": (
        TARGET,
        ("apiservers",),
        {V.ALWAYS_ALLOW, V.MIXED, V.REFUSED, V.UNRESTRICTED, V.NODE_AUTHORIZER},
    ),
    "no flags, but the legacy binding": (
        LEGACY,
        ("apiservers",),
        {V.ALWAYS_ALLOW, V.MIXED, V.LEGACY_BINDING, V.OVER_GRANTED},
    ),
    "RBAC lists don't matter where everything is allowed": (
        cluster(server()),
        ("cluster_roles", "cluster_role_bindings", "roles", "role_bindings"),
        {V.ALWAYS_ALLOW},
    ),
    "roles in namespaces can't end this outage": (
        OUTAGE,
        ("roles", "role_bindings"),
        {V.REFUSED, V.MIXED},
    ),
    "nothing more can be granted than everything": (
        LEGACY,
        ("roles", "role_bindings"),
        {V.LEGACY_BINDING},
    ),
    "a leftover is over-granted whatever else is granted": (
        LEFTOVER,
        ("roles", "role_bindings", "nodes", "leases", "version", "endpoints"),
        {V.OVER_GRANTED},
    ),
    "Node on, cluster role bindings unread": (
        TARGET,
        ("cluster_role_bindings",),
        {V.OVER_GRANTED, V.NODE_AUTHORIZER},
    ),
    "Node on without NodeRestriction, role bindings unread": (
        cluster(server("--authorization-mode=Node,RBAC")),
        ("role_bindings",),
        {V.OVER_GRANTED, V.UNRESTRICTED},
    ),
    "roles unread where no binding in a namespace reaches kubelets": (
        OUTAGE,
        ("roles",),
        {V.REFUSED},
    ),
    "the version alone": (TARGET, ("version",), {V.NODE_AUTHORIZER}),
    "the version decides whether Leases are needed": (
        cluster(
            RBAC,
            bindings=(crb("no-leases", "no-leases", NODES),),
            cluster_roles=CLUSTER_ROLES,
        ),
        ("version",),
        {V.REFUSED, V.INCOMPLETE},
    ),
    "nodes that rules name may exist": (
        cluster(RBAC, bindings=(crb("own", "own", NODES),), cluster_roles=CLUSTER_ROLES, nodes=()),
        ("nodes",),
        {V.MIXED, V.REFUSED},
    ),
}


@pytest.mark.parametrize(("snapshot", "names", "possible"), CASES.values(), ids=CASES)
def test_what_remains_possible(
    snapshot: Snapshot, names: tuple[str, ...], possible: set[Verdict]
) -> None:
    assert set(judge(without(snapshot, *names)).possible) == possible


def test_a_list_with_an_item_not_understood_is_not_whole() -> None:
    gap = replace(TARGET.role_bindings, gaps=("kube-system/odd",))

    assessment = judge(replace(TARGET, role_bindings=gap))

    assert set(assessment.possible) == {V.OVER_GRANTED, V.NODE_AUTHORIZER}
    assert [missing.what for missing in assessment.missing] == ["some of RoleBindings"]


@pytest.mark.parametrize(
    ("outcome", "why"), [(Outcome.FORBIDDEN, "forbidden"), (Outcome.FAILED, "the read failed")]
)
def test_what_is_missing_says_why_and_what_would_tell(outcome: Outcome, why: str) -> None:
    silent = replace(unread(TARGET.roles, outcome), why="", permission="list roles")

    (missing,) = judge(replace(TARGET, roles=silent)).missing

    assert (missing.what, missing.why, missing.permission) == ("Roles", why, "list roles")
    assert missing.would_tell == "what bindings in namespaces grant kubelets"


def test_without_rbac_in_the_chain_its_lists_are_still_needed_to_be_safe() -> None:
    node_only = cluster(
        server("--authorization-mode=Node", "--enable-admission-plugins=NodeRestriction")
    )

    assert judge(node_only).verdict is V.NODE_AUTHORIZER
    assert judge(without(node_only, "cluster_role_bindings")).verdict is V.UNKNOWN


def test_an_apiserver_that_was_not_understood_may_differ() -> None:
    gap = replace(TARGET.apiservers, gaps=("kube-system/odd",))

    assert set(judge(replace(TARGET, apiservers=gap)).possible) == {V.MIXED, V.NODE_AUTHORIZER}


SERVERS_UNSEEN: dict[str, tuple[Snapshot, set[Verdict]]] = {
    "more addresses than apiservers seen": (
        cluster(NODE_RBAC, endpoints=("203.0.113.1", "203.0.113.2")),
        {V.MIXED, V.NODE_AUTHORIZER},
    ),
    "an outage on the one that was seen": (
        cluster(RBAC, endpoints=("203.0.113.1", "203.0.113.2")),
        {V.REFUSED},
    ),
    "a provider's control plane counts as one": (
        cluster(NODE_RBAC, endpoints=("203.0.113.1", "203.0.113.2"), version="v1.28.15-eks-abc"),
        {V.NODE_AUTHORIZER},
    ),
    "flags of one of two unread": (
        cluster(NODE_RBAC, replace(RBAC, name="cp2", flags=None, evidence="")),
        {V.MIXED, V.NODE_AUTHORIZER},
    ),
    "flags of one of two unread, the other leaks": (
        replace(
            cluster(
                NODE_RBAC,
                replace(RBAC, name="cp2", flags=None),
                bindings=(LEGACY_BINDING,),
            ),
        ),
        {V.OVER_GRANTED},
    ),
    "authorizers in a file, NodeRestriction told": (
        cluster(
            server(
                "--authorization-config=/etc/authz.yaml",
                "--enable-admission-plugins=NodeRestriction",
            )
        ),
        {V.ALWAYS_ALLOW, V.REFUSED, V.NODE_AUTHORIZER},
    ),
    "a webhook may grant more": (
        cluster(
            server(
                "--authorization-mode=Node,RBAC,Webhook",
                "--enable-admission-plugins=NodeRestriction",
            )
        ),
        {V.OVER_GRANTED, V.NODE_AUTHORIZER},
    ),
    "a webhook may heal an outage": (
        cluster(server("--authorization-mode=RBAC,Webhook")),
        {V.MIXED, V.REFUSED, V.INCOMPLETE, V.LEGACY_BINDING},
    ),
    "a webhook may complete what RBAC grants": (
        cluster(
            server("--authorization-mode=RBAC,Webhook"),
            bindings=(crb("core", "core", NODES),),
            cluster_roles=(CORE_ROLE,),
        ),
        {V.MIXED, V.INCOMPLETE, V.LEGACY_BINDING},
    ),
    "a webhook can't undo a grant": (
        cluster(server("--authorization-mode=Webhook,Node,RBAC"), bindings=(LEGACY_BINDING,)),
        {V.OVER_GRANTED},
    ),
    "AlwaysAllow behind a webhook": (
        cluster(server("--authorization-mode=Webhook,AlwaysAllow")),
        {V.ALWAYS_ALLOW},
    ),
    "three alike": (cluster(NODE_RBAC, NODE_RBAC, NODE_RBAC), {V.NODE_AUTHORIZER}),
    "no apiserver found": (
        cluster(),
        {V.ALWAYS_ALLOW, V.MIXED, V.REFUSED, V.UNRESTRICTED, V.NODE_AUTHORIZER},
    ),
}


@pytest.mark.parametrize(("snapshot", "possible"), SERVERS_UNSEEN.values(), ids=SERVERS_UNSEEN)
def test_apiservers_that_were_not_seen_or_understood(
    snapshot: Snapshot, possible: set[Verdict]
) -> None:
    assessment = judge(snapshot)

    assert set(assessment.possible) == possible
    if len(possible) > 1:
        assert assessment.missing
