"""Snapshots for tests: a default cluster, and what a case changes about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from authzviz.engine.model import (
    ApiServer,
    Binding,
    Flag,
    Lease,
    Node,
    Outcome,
    PolicyRule,
    Read,
    Ready,
    Role,
    RoleRef,
    Snapshot,
    Subject,
)

T = TypeVar("T")

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
NODES = Subject("Group", "system:nodes")
AUTHENTICATED = Subject("Group", "system:authenticated")
NODE1 = Subject("User", "system:node:node1")


def ok(value: T, *gaps: str) -> Read[T]:
    return Read(Outcome.OK, "/path", "list things", value, gaps=gaps)


def unread(read: Read[T], outcome: Outcome = Outcome.FORBIDDEN) -> Read[T]:
    return replace(read, outcome=outcome, value=None, why="refused", gaps=())


def rule(
    verbs: str, resources: str = "", groups: str = "core", *, names: str = "", urls: str = ""
) -> PolicyRule:
    """A rule from words; the group "core" is the empty one."""
    return PolicyRule(
        tuple(verbs.split()),
        tuple("" if group == "core" else group for group in groups.split()) if resources else (),
        tuple(resources.split()),
        tuple(names.split()),
        tuple(urls.split()),
    )


# ClusterRole system:node as 1.28 creates it.
NODE_ROLE = Role(
    "system:node",
    rules=(
        rule("create", "tokenreviews", "authentication.k8s.io"),
        rule("create", "localsubjectaccessreviews subjectaccessreviews", "authorization.k8s.io"),
        rule("get list watch", "services"),
        rule("create get list watch", "nodes"),
        rule("patch update", "nodes/status"),
        rule("patch update", "nodes"),
        rule("create patch update", "events"),
        rule("get list watch", "pods"),
        rule("create delete", "pods"),
        rule("patch update", "pods/status"),
        rule("create", "pods/eviction"),
        rule("get list watch", "configmaps secrets"),
        rule("get", "persistentvolumeclaims persistentvolumes"),
        rule("get", "endpoints"),
        rule("create get list watch", "certificatesigningrequests", "certificates.k8s.io"),
        rule("create delete get patch update", "leases", "coordination.k8s.io"),
        rule("get", "volumeattachments", "storage.k8s.io"),
        rule("create", "serviceaccounts/token"),
        rule("get patch update", "persistentvolumeclaims/status"),
        rule("get list watch", "csidrivers", "storage.k8s.io"),
        rule("create delete get patch update", "csinodes", "storage.k8s.io"),
        rule("get list watch", "runtimeclasses", "node.k8s.io"),
    ),
)
# What keeps a node Ready, and nothing else.
CORE_ROLE = Role(
    "core",
    rules=(
        rule("create get", "nodes"),
        rule("patch", "nodes/status"),
        rule("get create update", "leases", "coordination.k8s.io"),
    ),
)
ADMIN_ROLE = Role("cluster-admin", rules=(rule("*", "*", "*"), rule("*", urls="*")))
DEFAULT_ROLES = (
    NODE_ROLE,
    ADMIN_ROLE,
    Role(
        "system:basic-user",
        rules=(
            rule(
                "create", "selfsubjectaccessreviews selfsubjectrulesreviews", "authorization.k8s.io"
            ),
        ),
    ),
    Role(
        "system:discovery", rules=(rule("get", urls="/api /api/* /apis /apis/* /healthz /version"),)
    ),
    Role(
        "system:public-info-viewer", rules=(rule("get", urls="/healthz /livez /readyz /version/"),)
    ),
)


def crb(name: str, role: str, *subjects: Subject) -> Binding:
    return Binding(name, RoleRef("ClusterRole", role), subjects=subjects)


def rb(name: str, namespace: str, role: str, *subjects: Subject, kind: str = "Role") -> Binding:
    return Binding(name, RoleRef(kind, role), namespace, subjects)


EMPTY_BINDING = crb("system:node", "system:node")
LEGACY_BINDING = crb("system:node", "system:node", NODES)
DEFAULT_BINDINGS = (
    crb("cluster-admin", "cluster-admin", Subject("Group", "system:masters")),
    crb("system:basic-user", "system:basic-user", AUTHENTICATED),
    crb("system:discovery", "system:discovery", AUTHENTICATED),
    crb(
        "system:public-info-viewer",
        "system:public-info-viewer",
        AUTHENTICATED,
        Subject("Group", "system:unauthenticated"),
    ),
)


def server(*flags: str, name: str = "cp1") -> ApiServer:
    """An apiserver with flags such as "--authorization-mode=RBAC"."""
    parsed = tuple(Flag(*flag.removeprefix("--").split("=", 1)) for flag in flags)
    return ApiServer(name, parsed, f"mirror pod kube-system/kube-apiserver-{name}")


RBAC = server("--authorization-mode=RBAC", "--enable-admission-plugins=NodeRestriction")
NODE_RBAC = server("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction")


def node(name: str, ready: Ready = Ready.TRUE) -> Node:
    return Node(name, ready, "v1.28.15")


def lease(name: str, seconds_ago: int = 5) -> Lease:
    return Lease(name, NOW - timedelta(seconds=seconds_ago))


def cluster(
    *servers: ApiServer,
    bindings: tuple[Binding, ...] = (EMPTY_BINDING,),
    cluster_roles: tuple[Role, ...] = (),
    roles: tuple[Role, ...] = (),
    role_bindings: tuple[Binding, ...] = (),
    version: str = "v1.28.15",
    nodes: tuple[Node, ...] = (node("node1"), node("node2")),
    leases: tuple[Lease, ...] = (),
    endpoints: tuple[str, ...] = (),
) -> Snapshot:
    """A cluster of which everything was read: default RBAC and what the case adds."""
    return Snapshot(
        name="prod",
        server="https://203.0.113.7:6443",
        read_at=NOW,
        server_time=NOW,
        version=ok(version),
        apiservers=ok(servers),
        endpoints=ok(endpoints or tuple(f"203.0.113.{i}" for i in range(len(servers)))),
        cluster_roles=ok((*DEFAULT_ROLES, *cluster_roles)),
        cluster_role_bindings=ok((*DEFAULT_BINDINGS, *bindings)),
        roles=ok(roles),
        role_bindings=ok(role_bindings),
        nodes=ok(nodes),
        leases=ok(leases),
    )
