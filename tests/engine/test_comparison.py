"""Clusters side by side: what differs is marked, what is unknown equals nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authzviz.engine import judge
from authzviz.engine.compared import Comparison, Row
from authzviz.engine.comparison import compare
from authzviz.engine.comparison_grants import MOST_GRANT_ROWS
from authzviz.engine.model import Outcome, Ready, Role, Snapshot, Subject
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
    lease,
    node,
    ok,
    rb,
    rule,
    server,
)
from tests.engine.test_unread import READS, SNAPSHOTS, without

TARGET = cluster(NODE_RBAC)
OUTAGE = cluster(RBAC, nodes=())
LEGACY = cluster(RBAC, bindings=(LEGACY_BINDING,))


def compared(*snapshots: Snapshot, baseline: str | None = None) -> Comparison:
    """The snapshots side by side, called a, b, c ..."""
    names = "abcdefgh"
    sides = [(names[n], each, judge(each)) for n, each in enumerate(snapshots)]
    return compare(sides, baseline)


def row(comparison: Comparison, id_: str) -> Row:
    return next(row for row in comparison.rows if row.id == id_)


def texts(comparison: Comparison, id_: str) -> list[str]:
    return [cell.text for cell in row(comparison, id_).cells]


def marked(comparison: Comparison, id_: str) -> str:
    """A letter a cell: "≠" differs, "?" is unknown, "=" neither."""
    cells = row(comparison, id_).cells
    return "".join("?" if c.is_unknown else "≠" if c.is_different else "=" for c in cells)


UNREAD_FLAGS = without(TARGET, "apiservers")
MARKS = {
    "one of three differs from most": ((TARGET, TARGET, OUTAGE), None, "==≠"),
    "of two that differ none is usual": ((TARGET, OUTAGE), None, "≠≠"),
    "of two pairs none is usual": ((TARGET, OUTAGE, OUTAGE, TARGET), None, "≠≠≠≠"),
    "alike": ((TARGET, TARGET), None, "=="),
    "the baseline is what others are held against": ((TARGET, TARGET, OUTAGE), "c", "≠≠="),
    "a baseline that is nobody is none": ((TARGET, TARGET, OUTAGE), "z", "==≠"),
    "unknown differs from nothing": ((TARGET, UNREAD_FLAGS, OUTAGE, TARGET), None, "=?≠="),
    "one that is known differs from no unknown": ((TARGET, UNREAD_FLAGS), None, "=?"),
    "nothing differs from an unknown baseline": ((TARGET, UNREAD_FLAGS, OUTAGE), "b", "=?="),
    "nobody knows": ((UNREAD_FLAGS, UNREAD_FLAGS), None, "??"),
}


@pytest.mark.parametrize(("snapshots", "baseline", "marks"), MARKS.values(), ids=MARKS)
def test_what_differs_is_marked(
    snapshots: tuple[Snapshot, ...], baseline: str | None, marks: str
) -> None:
    comparison = compared(*snapshots, baseline=baseline)
    found = row(comparison, "node-authorizer")

    assert marked(comparison, "node-authorizer") == marks
    assert found.is_same == (set(marks) == {"="} and len(set(map(id, snapshots))) == 1)
    assert found.is_untold == (set(marks) == {"?"})
    assert comparison.baseline == (baseline if baseline in set(comparison.names) else None)


OTHER_SERVER = server("--authorization-mode=RBAC", name="cp2")
TWO = cluster(NODE_RBAC, OTHER_SERVER)
HALF_TOLD = cluster(NODE_RBAC, server(name="cp2"))
DARK = replace(NODE_RBAC, flags=None, why="no pod shows them")
WEBHOOK = cluster(server("--authorization-mode=Node,RBAC,Webhook"))
SICK = cluster(
    NODE_RBAC,
    nodes=(node("node1", Ready.FALSE), node("node2"), node("node3")),
    leases=(lease("node3", 900),),
)
NO_BINDING = replace(TARGET, cluster_role_bindings=ok(()))
OTHER_ROLE = cluster(NODE_RBAC, bindings=(crb("system:node", "view", NODES),))
USERS = (Subject("User", f"u{number}") for number in range(1, 6))
CROWD = cluster(
    RBAC,
    bindings=(crb("system:node", "system:node", *USERS),),
)
NO_ROLE = replace(TARGET, cluster_roles=ok(DEFAULT_ROLES[1:]))
LEAN_RULES = (*NODE_ROLE.rules[1:], rule("get", "jobs", "batch"))
LEAN_ROLE = replace(
    TARGET,
    cluster_roles=ok((replace(NODE_ROLE, rules=LEAN_RULES),)),
)
VALUES: dict[str, tuple[Snapshot, str, str, str]] = {
    "a verdict, with its sentence": (OUTAGE, "verdict", "refused", "Nothing lets"),
    "nobody answers": (OUTAGE, "answered-by", "nobody", ""),
    "a binding answers": (LEGACY, "answered-by", "RBAC", "through ClusterRoleBinding system:node"),
    "Node answers": (TARGET, "answered-by", "Node", ""),
    "nodes are answered by others": (
        cluster(RBAC, bindings=(EMPTY_BINDING, crb("one", "system:node", NODE1))),
        "answered-by",
        "RBAC for 1 node; nobody for 1 node",
        "",
    ),
    "only the next node is refused": (
        cluster(RBAC, bindings=(crb("one", "system:node", NODE1),), nodes=(node("node1"),)),
        "answered-by",
        "RBAC for 1 node; nobody for a node yet to join",
        "",
    ),
    "apiservers agree": (cluster(NODE_RBAC, NODE_RBAC), "authorizers", "Node,RBAC", ""),
    "apiservers disagree": (TWO, "authorizers", "cp1: Node,RBAC; cp2: RBAC", ""),
    "a switch that is here on and there off": (
        TWO,
        "node-authorizer",
        "on for some apiservers, off for others",
        "",
    ),
    "no plugin is turned on": (
        cluster(server("--authorization-mode=RBAC")),
        "plugins",
        "none",
        "",
    ),
    "a webhook": (WEBHOOK, "opaque", "Webhook", ""),
    "no webhook": (TARGET, "opaque", "none", ""),
    "as many apiservers as there are": (TWO, "apiservers", "2", ""),
    "no subjects": (TARGET, "node-binding", "no subjects", ""),
    "the group": (LEGACY, "node-binding", "Group system:nodes", ""),
    "many subjects": (CROWD, "node-binding", "User u1; User u2; User u3; and 2 more", ""),
    "no binding": (NO_BINDING, "node-binding", "doesn't exist", ""),
    "a binding of another role": (OTHER_ROLE, "node-binding", "binds ClusterRole view", "Group"),
    "the default role": (TARGET, "node-role", "as its version creates it", "1.28"),
    "no role": (NO_ROLE, "node-role", "doesn't exist", ""),
    "a role with less and more": (
        LEAN_ROLE,
        "node-role",
        "1 missing, 1 extra",
        "lacks create tokenreviews.authentication.k8s.io; adds get jobs.batch",
    ),
    "a version": (TARGET, "version", "v1.28.15", ""),
    "kubelets": (TARGET, "kubelets", "v1.28.15", ""),
    "no kubelet": (OUTAGE, "kubelets", "no kubelet", ""),
    "all nodes are Ready": (TARGET, "nodes", "all Ready", "2 nodes"),
    "no nodes": (OUTAGE, "nodes", "no nodes", ""),
    "nodes are not well": (SICK, "nodes", "1 of 3 Ready", "1 NotReady, 1 silent"),
}


@pytest.mark.parametrize(("snapshot", "id_", "text", "detail"), VALUES.values(), ids=VALUES)
def test_a_cell_says_what_a_cluster_has(
    snapshot: Snapshot, id_: str, text: str, detail: str
) -> None:
    (cell,) = row(compared(snapshot), id_).cells

    assert (cell.text, cell.is_unknown) == (text, False)
    assert cell.detail.startswith(detail)


NOBODY_SEEN = cluster()
ODD_VERSION = replace(TARGET, version=ok("weekly"))
UNKNOWNS: dict[str, tuple[Snapshot, str, str]] = {
    "a verdict": (without(TARGET, *READS), "verdict", "unknown"),
    "who answers": (UNREAD_FLAGS, "answered-by", "can't be told"),
    "no apiserver was seen": (NOBODY_SEEN, "authorizers", "can't be told"),
    "no flags are known": (cluster(DARK), "authorizers", "can't be told"),
    "flags of one are not known": (
        cluster(NODE_RBAC, replace(DARK, name="cp2")),
        "authorizers",
        "cp1: Node,RBAC; cp2: can't be told",
    ),
    "a switch": (cluster(DARK), "node-restriction", "can't be told"),
    "what else is in the chain": (cluster(DARK), "opaque", "can't be told"),
    "apiservers were not read": (UNREAD_FLAGS, "apiservers", "can't be told"),
    "more apiservers than were seen": (
        replace(TARGET, endpoints=ok(("192.0.2.1", "192.0.2.2"))),
        "apiservers",
        "1 seen",
    ),
    "the binding": (without(TARGET, "cluster_role_bindings"), "node-binding", "not read"),
    "a binding among what was not understood": (
        replace(TARGET, cluster_role_bindings=ok((), "one of them")),
        "node-binding",
        "not read",
    ),
    "the role": (without(TARGET, "cluster_roles"), "node-role", "not read"),
    "the role of an odd version": (ODD_VERSION, "node-role", "can't be told"),
    "the version": (without(TARGET, "version"), "version", "can't be told"),
    "the distribution": (NOBODY_SEEN, "distribution", "can't be told"),
    "kubelets": (without(TARGET, "nodes"), "kubelets", "not read"),
    "nodes": (without(TARGET, "nodes"), "nodes", "not read"),
}


@pytest.mark.parametrize(("snapshot", "id_", "text"), UNKNOWNS.values(), ids=UNKNOWNS)
def test_what_was_not_read_is_said_to_be_unknown(snapshot: Snapshot, id_: str, text: str) -> None:
    comparison = compared(snapshot, snapshot)

    assert texts(comparison, id_) == [text, text]
    assert row(comparison, id_).is_untold
    assert not row(comparison, id_).is_same


def test_no_path_is_no_answer() -> None:
    comparison = compare([("a", TARGET, replace(judge(TARGET), paths=()))])

    assert row(comparison, "answered-by").is_untold


def test_a_known_distribution_is_said() -> None:
    assert texts(compared(TARGET), "distribution") == ["kubeadm"]


def grant(comparison: Comparison, title: str) -> Row:
    groups = {group.id: group for group in comparison.groups}
    return next(each for each in groups["grants"].rows if each.title == title)


NODE_GRANT = "ClusterRoleBinding system:node"
IN_TEAM = rb("secrets", "team", "secrets", NODES)
SECRETS = Role("secrets", "team", (rule("get", "secrets"),))
TEAM = cluster(NODE_RBAC, roles=(SECRETS,), role_bindings=(IN_TEAM,))
NAMED = cluster(
    RBAC,
    bindings=tuple(
        crb(f"n{n}", "system:node", Subject("User", f"system:node:n{n}")) for n in range(5)
    ),
)
GRANTS: dict[str, tuple[Snapshot, str, str, str, bool]] = {
    "granted": (
        LEGACY,
        NODE_GRANT,
        "granted, beyond the Node authorizer",
        "22 rules, among them: ",
        False,
    ),
    "benign": (TARGET, "ClusterRoleBinding system:basic-user", "granted", "1 rule", False),
    "not granted": (TARGET, NODE_GRANT, "not granted", "", False),
    "not granted, for all that is known": (
        without(TARGET, "cluster_role_bindings"),
        NODE_GRANT,
        "not read",
        "refused",
        True,
    ),
    "granted, with rules that nobody read": (
        without(LEGACY, "cluster_roles"),
        NODE_GRANT,
        "granted",
        "which rules it holds was not read",
        True,
    ),
    "granted, by a role that doesn't exist": (
        replace(LEGACY, cluster_roles=ok(DEFAULT_ROLES[1:])),
        NODE_GRANT,
        "granted, but its role doesn't exist",
        "",
        False,
    ),
    "in a namespace": (
        TEAM,
        "RoleBinding team/secrets",
        "granted, beyond the Node authorizer",
        "1 rule, among them: get secrets in namespace team",
        False,
    ),
    "in a namespace that was not read": (
        without(TARGET, "role_bindings"),
        "RoleBinding team/secrets",
        "not read",
        "refused",
        True,
    ),
    "to single nodes": (
        NAMED,
        "Bindings to single nodes",
        "granted, beyond the Node authorizer",
        "5 bindings: ClusterRoleBinding n0; ClusterRoleBinding n1; ClusterRoleBinding n2; and 2",
        False,
    ),
    "to single nodes, for all that is known": (
        without(TARGET, "role_bindings"),
        "Bindings to single nodes",
        "not read",
        "refused",
        True,
    ),
}


@pytest.mark.parametrize(
    ("snapshot", "title", "text", "detail", "is_unknown"), GRANTS.values(), ids=GRANTS
)
def test_each_grant_is_a_row(
    snapshot: Snapshot, title: str, text: str, detail: str, is_unknown: bool
) -> None:
    cell = grant(compared(snapshot, LEGACY, TEAM, NAMED), title).cells[0]

    assert (cell.text, cell.is_unknown) == (text, is_unknown)
    assert cell.detail.startswith(detail)


def test_grants_beyond_come_first_and_the_rest_is_counted() -> None:
    many = tuple(crb(f"b{n:02}", "system:discovery", NODES) for n in range(MOST_GRANT_ROWS))
    comparison = compared(cluster(RBAC, bindings=(*many, LEGACY_BINDING)))
    grants = next(group for group in comparison.groups if group.id == "grants")

    assert (grants.rows[0].title, grants.rows[0].note) == (
        NODE_GRANT,
        "ClusterRole system:node, to Group system:nodes",
    )
    assert len(grants.rows) == MOST_GRANT_ROWS
    assert grants.left_out == 4  # with the three that everybody has


@given(
    st.lists(
        st.builds(
            lambda snapshot, names, outcome: without(snapshot, *names, outcome=outcome),
            SNAPSHOTS,
            st.sets(st.sampled_from(READS)),
            st.sampled_from((Outcome.FORBIDDEN, Outcome.FAILED)),
        ),
        max_size=4,
    ),
    st.sampled_from((None, "a", "b", "z")),
)
def test_unknown_never_equals_anything(snapshots: list[Snapshot], baseline: str | None) -> None:
    comparison = compared(*snapshots, baseline=baseline)

    assert comparison.names == tuple("abcd"[: len(snapshots)])
    for each in comparison.rows:
        assert len(each.cells) == len(snapshots)
        unknown = [cell for cell in each.cells if cell.is_unknown]
        known = {cell.text for cell in each.cells if not cell.is_unknown}
        assert not any(cell.is_different for cell in unknown)
        assert not (each.is_same and unknown)
        assert each.is_untold == (not known)
        assert all(cell.text for cell in each.cells)
    for cause in comparison.causes:
        assert cause.title
        assert cause.clusters
        assert set(cause.clusters) <= set(comparison.names)
