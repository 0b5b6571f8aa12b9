"""Each preflight check: what passes it, what fails it, and what leaves it open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authzviz import engine
from authzviz.engine.model import (
    Lease,
    Node,
    Outcome,
    Pod,
    Ready,
    SigningRequest,
    Snapshot,
    Subject,
)
from authzviz.plans.checks import IDS, check
from authzviz.plans.plan import State
from tests.engine.build import (
    AUTHENTICATED,
    DEFAULT_BINDINGS,
    DEFAULT_ROLES,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE_RBAC,
    NODES,
    NOW,
    RBAC,
    crb,
    lease,
    node,
    ok,
    rb,
    server,
    unread,
)

DONE, TODO, UNKNOWN, MANUAL = State.DONE, State.TODO, State.UNKNOWN, State.MANUAL
CP1, CP2 = (replace(RBAC, name=f"cp{i}", address=f"192.0.2.{i}:6443") for i in (1, 2))
N1, N2 = (replace(NODE_RBAC, name=f"cp{i}", address=f"192.0.2.{i}:6443") for i in (1, 2))
BASE = Snapshot(
    name="c",
    server="https://192.0.2.1:6443",
    read_at=NOW,
    server_time=NOW,
    version=ok("v1.28.15"),
    apiservers=ok((CP1, CP2)),
    endpoints=ok(("192.0.2.1:6443", "192.0.2.2:6443")),
    cluster_roles=ok(DEFAULT_ROLES),
    cluster_role_bindings=ok((*DEFAULT_BINDINGS, LEGACY_BINDING)),
    roles=ok(()),
    role_bindings=ok(()),
    nodes=ok((node("node1"), node("node2"))),
    leases=ok((lease("node1"), lease("node2"))),
    pods=ok(()),
    signing_requests=ok(()),
)


def request(name: str, *organizations: str, state: str = "approved") -> SigningRequest:
    signer = "kubernetes.io/kube-apiserver-client-kubelet"
    orgs = organizations or ("system:nodes",)
    return SigningRequest("csr", signer, "x", NOW, state, name, orgs)


def bound(*bindings: Any) -> dict[str, Any]:
    return {"cluster_role_bindings": ok((*DEFAULT_BINDINGS, *bindings))}


SUBJECTS = {
    "a user kubelet": Subject("User", "kubelet"),
    "an agent": Subject("ServiceAccount", "a"),
}
NODE_WEBHOOK = server("--authorization-mode=Node,RBAC,Webhook", "--enable-admission-plugins=X")
UNTOLD = replace(CP2, flags=None)
CASES: dict[str, tuple[str, dict[str, Any], State, str]] = {
    "apiservers: all told": ("apiservers", {}, DONE, "2 apiservers"),
    "apiservers: one missed": (
        "apiservers",
        {"apiservers": ok((CP1,))},
        TODO,
        "1 of 2 apiservers seen: nothing was seen of 192.0.2.2:6443",
    ),
    "apiservers: one not told": ("apiservers", {"apiservers": ok((CP1, UNTOLD))}, UNKNOWN, "cp2"),
    "apiservers: list forbidden": (
        "apiservers",
        {"endpoints": unread(BASE.endpoints)},
        UNKNOWN,
        "permit it to",
    ),
    "apiservers: flags forbidden": (
        "apiservers",
        {"apiservers": unread(BASE.apiservers)},
        UNKNOWN,
        "forbidden",
    ),
    "apiservers: some not understood": (
        "apiservers",
        {"apiservers": ok((CP1, CP2), "a pod")},
        TODO,
        "more apiservers",
    ),
    "control plane: two": ("control-plane", {}, DONE, "2 apiservers"),
    "control plane: one": (
        "control-plane",
        {"endpoints": ok(("192.0.2.1:6443",)), "apiservers": ok((CP1,))},
        MANUAL,
        "the API is down while it restarts",
    ),
    "control plane: not listed": (
        "control-plane",
        {"endpoints": unread(BASE.endpoints)},
        UNKNOWN,
        "forbidden",
    ),
    "control plane: an empty list": (
        "control-plane",
        {"endpoints": ok(()), "apiservers": ok(())},
        UNKNOWN,
        "lists no apiserver",
    ),
    "version: known": ("version", {}, DONE, "before 1.32"),
    "version: with selectors": (
        "version",
        {"version": ok("v1.32.0"), "nodes": ok((Node("n", Ready.TRUE, "v1.30.0"),))},
        DONE,
        "from 1.32 on",
    ),
    "version: before the Node authorizer": (
        "version",
        {"version": ok("v1.6.13")},
        TODO,
        "came with 1.7",
    ),
    "version: unknown word": ("version", {"version": ok("new")}, UNKNOWN, '"new"'),
    "version: not read": ("version", {"version": unread(BASE.version)}, UNKNOWN, "forbidden"),
    "version: nodes not read": ("version", {"nodes": unread(BASE.nodes)}, UNKNOWN, "kubelets"),
    "version: a node tells none": (
        "version",
        {"nodes": ok((Node("n", Ready.TRUE),))},
        UNKNOWN,
        "don't tell",
    ),
    "version: a newer kubelet": (
        "version",
        {"nodes": ok((Node("n", Ready.TRUE, "v1.29.0"),))},
        TODO,
        "n (1.29)",
    ),
    "version: many old kubelets": (
        "version",
        {"nodes": ok(tuple(Node(f"n{i}", Ready.TRUE, "v1.24.0") for i in range(5)))},
        TODO,
        "and 2 more",
    ),
    "nodes: all well": ("nodes", {}, DONE, "2 nodes, all Ready"),
    "nodes: none": ("nodes", {"nodes": ok(())}, TODO, "no node"),
    "nodes: not read": ("nodes", {"nodes": unread(BASE.nodes)}, UNKNOWN, "Nodes"),
    "nodes: leases not read": (
        "nodes",
        {"leases": unread(BASE.leases, Outcome.FAILED)},
        UNKNOWN,
        "the read failed",
    ),
    "nodes: leases read in part": (
        "nodes",
        {"leases": ok((lease("node1"), lease("node2")), "x")},
        UNKNOWN,
        "not all could be understood",
    ),
    "nodes: one NotReady": (
        "nodes",
        {"nodes": ok((node("node1"), node("node2", Ready.FALSE)))},
        TODO,
        "1 of 2 nodes Ready",
    ),
    "nodes: one silent": (
        "nodes",
        {"leases": ok((lease("node1"), lease("node2", 600)))},
        TODO,
        "no fresh Lease of node2",
    ),
    "nodes: one that never renewed": (
        "nodes",
        {"leases": ok((lease("node1"), Lease("node2", None)))},
        TODO,
        "no fresh Lease of node2",
    ),
    "nodes: the outage": ("nodes", {"nodes": ok(()), **bound(EMPTY_BINDING)}, TODO, "the outage"),
    "names: nothing shows them": ("names", {}, MANUAL, "node1 and node2"),
    "names: a certificate each": (
        "names",
        {
            "signing_requests": ok(
                (request("system:node:node1"), request("system:node:node2"), request("jane"))
            )
        },
        DONE,
        "all 2 nodes",
    ),
    "names: a request that was denied": (
        "names",
        {"signing_requests": ok((request("system:node:node1", state="denied"),))},
        MANUAL,
        "node1 and node2",
    ),
    "names: requests not read": (
        "names",
        {"signing_requests": None},
        MANUAL,
        "not read whole: CertificateSigningRequests",
    ),
    "names: proven, bindings not read": (
        "names",
        {
            "signing_requests": ok((request("system:node:node1"), request("system:node:node2"))),
            "cluster_role_bindings": unread(BASE.cluster_role_bindings),
        },
        MANUAL,
        "ClusterRoleBindings",
    ),
    "names: nodes not read": ("names", {"nodes": unread(BASE.nodes)}, UNKNOWN, "forbidden"),
    "names: no node": ("names", {"nodes": ok(()), "leases": ok(())}, MANUAL, "no node yet"),
    "names: upper case asked for": (
        "names",
        {"signing_requests": ok((request("system:node:Node1"),))},
        TODO,
        "a signing request says Node1, the Node is called node1",
    ),
    "names: without the domain": (
        "names",
        {
            "nodes": ok((node("node1.example.com"),)),
            "leases": ok((lease("node1.example.com"),)),
            "signing_requests": ok((request("system:node:node1"),)),
        },
        TODO,
        "the Node is called node1.example.com",
    ),
    "names: with a domain too much": (
        "names",
        {"signing_requests": ok((request("system:node:node1.example.com"),))},
        TODO,
        "the Node is called node1",
    ),
    "names: a node that is gone": (
        "names",
        {"signing_requests": ok((request("system:node:node3"),))},
        MANUAL,
        "node1",
    ),
    "names: another machine of a domain": (
        "names",
        {
            "nodes": ok((node("10.0.0.1"),)),
            "leases": ok((lease("10.0.0.1"), lease("10.0.0.2"))),
        },
        MANUAL,
        "10.0.0.1",
    ),
    "names: a binding in upper case": (
        "names",
        bound(crb("b", "system:node", Subject("User", "system:node:GONE"))),
        TODO,
        "binding b says GONE in upper case",
    ),
    "names: a Node in upper case": ("names", {"nodes": ok((node("Node9"),))}, TODO, "Node Node9"),
    "names: without the group": (
        "names",
        {"signing_requests": ok((request("system:node:node1", "nodes"),))},
        TODO,
        "lacks O = system:nodes",
    ),
    "identity: no read shows it": ("identity", {}, MANUAL, "its machine alone"),
    "identity: leases although refused": (
        "identity",
        bound(EMPTY_BINDING),
        TODO,
        "Leases are renewed although",
    ),
    "identity: system:masters asked for": (
        "identity",
        {"signing_requests": ok((request("node1", "system:masters"),))},
        TODO,
        "O = system:masters",
    ),
    "static pods: none refers": (
        "static-pods",
        {
            "pods": ok(
                (Pod("a", "b", "node1", secrets=("s",)), Pod("a", "m", "node1", is_mirror=True))
            )
        },
        DONE,
        "no static pod",
    ),
    "static pods: one refers": (
        "static-pods",
        {"pods": ok((Pod("kube-system", "m", "node1", is_mirror=True, secrets=("s",)),))},
        TODO,
        "kube-system/m",
    ),
    "static pods: not asked for": ("static-pods", {"pods": None}, MANUAL, "not asked for"),
    "static pods: read in part": ("static-pods", {"pods": ok((), "x")}, MANUAL, "understood"),
    "other users: none": ("other-users", {}, DONE, "nobody but nodes"),
    "other users: a node's own user": (
        "other-users",
        bound(crb("b", "system:node", Subject("User", "system:node:node1"), AUTHENTICATED)),
        DONE,
        "nobody but nodes",
    ),
    **{
        f"other users: {who}": (
            "other-users",
            bound(crb("b", "system:node", NODES, subject)),
            TODO,
            subject.name,
        )
        for who, subject in SUBJECTS.items()
    },
    "other users: in a namespace": (
        "other-users",
        {
            "role_bindings": ok(
                (rb("b", "ns", "system:node", Subject("User", "kubelet"), kind="ClusterRole"),)
            )
        },
        TODO,
        "RoleBinding ns/b",
    ),
    "other users: many": (
        "other-users",
        bound(crb("b", "system:node", *(Subject("User", f"u{i}") for i in range(7)))),
        TODO,
        "and 2 more",
    ),
    "other users: not read": (
        "other-users",
        {"role_bindings": unread(BASE.role_bindings)},
        UNKNOWN,
        "RoleBindings: forbidden",
    ),
    "extra grants: just the binding": (
        "extra-grants",
        {},
        DONE,
        "but ClusterRoleBinding system:node",
    ),
    "extra grants: none": ("extra-grants", bound(EMPTY_BINDING), DONE, "nothing gives"),
    "extra grants: two": (
        "extra-grants",
        bound(LEGACY_BINDING, crb("more", "system:node", NODES)),
        DONE,
        "While one stays it hides",
    ),
    "extra grants: everyone": (
        "extra-grants",
        bound(crb("all", "cluster-admin", AUTHENTICATED)),
        TODO,
        "everyone who is signed in",
    ),
    "extra grants: roles not read": (
        "extra-grants",
        {"cluster_roles": unread(BASE.cluster_roles)},
        UNKNOWN,
        "ClusterRoles",
    ),
    "extra grants: a webhook": (
        "extra-grants",
        {"apiservers": ok((NODE_WEBHOOK,))},
        UNKNOWN,
        "webhook",
    ),
    "permissions: all there": ("permissions", {}, DONE, "nothing"),
    "permissions: one forbidden": (
        "permissions",
        {"nodes": unread(BASE.nodes)},
        TODO,
        "list things",
    ),
    "permissions: one failed": (
        "permissions",
        {"nodes": unread(BASE.nodes, Outcome.FAILED)},
        UNKNOWN,
        "another reason",
    ),
    "distribution: unknown": ("distribution", {"apiservers": ok(())}, MANUAL, "takes it for"),
    "distribution: known": ("distribution", {"version": ok("v1.28.1+k3s1")}, DONE, "k3s"),
    "opaque: none": ("opaque", {}, DONE, "no webhook"),
    "opaque: not asked": ("opaque", {"apiservers": ok((NODE_WEBHOOK,))}, UNKNOWN, "not asked"),
    "opaque: no apiserver": ("opaque", {"apiservers": ok(())}, UNKNOWN, "not asked"),
    "opaque: flags not known": ("opaque", {"apiservers": ok((UNTOLD,))}, UNKNOWN, "can't be told"),
    "order: Node first": ("order", {"apiservers": ok((N1, N2))}, DONE, "Node first"),
    "order: no Node": ("order", {}, TODO, "no Node authorizer yet"),
    "order: one is unseen": ("order", {"apiservers": ok((N1,))}, UNKNOWN, "not every"),
    "order: of one alone": ("order:cp1", {"apiservers": ok((N1,))}, DONE, "Node,RBAC"),
    "order: of one that is gone": ("order:cp9", {}, UNKNOWN, "cp9 is not seen"),
    "order: RBAC first": (
        "order",
        {"apiservers": ok((server("--authorization-mode=RBAC,Node"),))},
        TODO,
        "RBAC,Node",
    ),
    "order: not told": ("order", {"apiservers": ok((UNTOLD,))}, UNKNOWN, "can't be told"),
    "AlwaysAllow: gone": ("always-allow", {}, DONE, "no apiserver"),
    "AlwaysAllow: there": ("always-allow", {"apiservers": ok((server(),))}, TODO, "cp1 still"),
    "AlwaysAllow: not told": ("always-allow", {"apiservers": ok((UNTOLD,))}, UNKNOWN, "not known"),
    "inherited: yes": ("inherited", {}, TODO, "would refuse"),
    "inherited: refused now": ("inherited", bound(EMPTY_BINDING), TODO, "the same change"),
    "inherited: no": ("inherited", {"apiservers": ok((N1, N2))}, DONE, "serves"),
    "inherited: not told": ("inherited", {"apiservers": ok((UNTOLD,))}, UNKNOWN, "not known"),
    "answers: not asked": ("answers", {}, UNKNOWN, "not asked"),
    "no such check": ("nonsense", {}, MANUAL, "say when"),
}


@pytest.mark.parametrize(("id_", "changes", "state", "said"), CASES.values(), ids=CASES)
def test_a_check_says_how_it_stands(
    id_: str, changes: dict[str, Any], state: State, said: str
) -> None:
    snapshot = replace(BASE, **changes)

    found, because = check(id_, snapshot, engine.judge(snapshot))

    assert (found, said in because) == (state, True), because


READS_OF = {
    "apiservers": ("apiservers", "endpoints"),
    "control-plane": ("endpoints",),
    "version": ("version", "nodes"),
    "nodes": ("nodes", "leases"),
    "names": ("nodes", "leases", "cluster_role_bindings", "role_bindings"),
    "other-users": ("cluster_role_bindings", "role_bindings"),
    "extra-grants": ("cluster_role_bindings", "role_bindings", "cluster_roles", "roles"),
    "opaque": ("apiservers",),
    "order": ("apiservers",),
    "always-allow": ("apiservers",),
    "inherited": ("apiservers", "version"),
    "permissions": (),
    "answers": ("apiservers", "cluster_roles", "cluster_role_bindings", "role_bindings"),
}


@pytest.mark.parametrize("outcome", [Outcome.FORBIDDEN, Outcome.FAILED])
@pytest.mark.parametrize("id_", READS_OF)
def test_no_check_passes_on_what_was_not_read(id_: str, outcome: Outcome) -> None:
    for name in READS_OF[id_]:
        changes: dict[str, Any] = {name: unread(BASE.reads[name], outcome)}
        snapshot = replace(BASE, **changes)
        state, because = check(id_, snapshot, engine.judge(snapshot))
        assert state is not State.DONE, (name, because)


def test_every_check_has_its_reads_or_no_read_shows_it() -> None:
    assert set(IDS) == {*READS_OF, "identity", "static-pods", "distribution"}
