"""Clusters with any RBAC, for properties that hold whatever is granted."""

from __future__ import annotations

from hypothesis import strategies as st

from authzviz.engine.model import ApiServer, Binding, PolicyRule, Role, RoleRef, Snapshot, Subject
from tests.engine.build import (
    AUTHENTICATED,
    CORE_ROLE,
    EMPTY_BINDING,
    NODE1,
    NODES,
    cluster,
    server,
)

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "*", "impersonate", "use")
RESOURCES = (
    *("secrets", "pods", "pods/status", "nodes", "nodes/status", "leases", "configmaps"),
    *("services", "*", "events", "serviceaccounts/token", "csinodes", "users", "*/status"),
    *("certificatesigningrequests/selfnodeclient", "persistentvolumeclaims"),
)
GROUPS = ("", "coordination.k8s.io", "*", "storage.k8s.io", "certificates.k8s.io", "apps")
NAMES = ((), ("node1",), ("kubelet-config-1.28", "node1"), ("kubeadm-config",), ("node2",))
URLS = ("/api", "/metrics", "*", "/healthz/*", "/version")
NAMESPACES = st.sampled_from(("kube-system", "kube-node-lease", "a"))
SUBJECTS = (
    NODES,
    AUTHENTICATED,
    NODE1,
    *(Subject("User", name) for name in ("system:node:node2", "system:node:gone", "alice")),
    Subject("Group", "others"),
)


def _some(values: tuple[str, ...], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


RULES = st.lists(
    st.builds(
        PolicyRule, _some(VERBS, 3), _some(GROUPS, 2), _some(RESOURCES, 3), st.sampled_from(NAMES)
    )
    | st.builds(
        lambda verbs, urls: PolicyRule(verbs, non_resource_urls=urls),
        _some(VERBS, 2),
        _some(URLS, 2),
    ),
    max_size=3,
).map(tuple)
CLUSTER_ROLES = st.tuples(RULES, RULES).map(
    lambda every: tuple(Role(f"r{i}", rules=rules) for i, rules in enumerate(every))
)
ROLES = st.lists(st.tuples(NAMESPACES, RULES), max_size=2).map(
    lambda every: tuple(Role(f"n{i}", *each) for i, each in enumerate(every))
)
BOUND = st.lists(st.sampled_from(SUBJECTS), max_size=3, unique=True).map(tuple)
BINDINGS = st.lists(
    st.tuples(
        st.sampled_from(("r0", "r1", "core", "system:node", "cluster-admin", "nowhere")), BOUND
    ),
    max_size=3,
).map(
    lambda every: tuple(
        Binding(f"b{i}", RoleRef("ClusterRole", role), "", bound)
        for i, (role, bound) in enumerate(every)
    )
)
ROLE_BINDINGS = st.lists(
    st.tuples(
        NAMESPACES,
        st.sampled_from((("ClusterRole", "r0"), ("Role", "n0"), ("ClusterRole", "system:node"))),
        BOUND,
    ),
    max_size=2,
).map(
    lambda every: tuple(
        Binding(f"c{i}", RoleRef(*role), namespace, bound)
        for i, (namespace, role, bound) in enumerate(every)
    )
)
MODES = st.sampled_from(("Node,RBAC", "RBAC", "RBAC", "Node,RBAC,Webhook"))
SERVERS = st.lists(
    st.builds(
        lambda modes, plugins: server(f"--authorization-mode={modes}", *plugins),
        MODES,
        st.sampled_from(((), ("--enable-admission-plugins=NodeRestriction",))),
    ),
    min_size=1,
    max_size=2,
).map(
    lambda every: tuple(
        ApiServer(f"cp{i}", each.flags, each.evidence) for i, each in enumerate(every)
    )
)
SNAPSHOTS: st.SearchStrategy[Snapshot] = st.builds(
    lambda servers, bindings, cluster_roles, roles, role_bindings, version: cluster(
        *servers,
        bindings=(EMPTY_BINDING, *bindings),
        cluster_roles=(*cluster_roles, CORE_ROLE),
        roles=roles,
        role_bindings=role_bindings,
        version=version,
    ),
    SERVERS,
    BINDINGS,
    CLUSTER_ROLES,
    ROLES,
    ROLE_BINDINGS,
    st.sampled_from(("v1.13.12", "v1.28.15", "v1.37.2")),
)


def bindings_of(snapshot: Snapshot) -> tuple[Binding, ...]:
    """All bindings that were read."""
    lists = (snapshot.cluster_role_bindings.value, snapshot.role_bindings.value)
    return tuple(binding for each in lists for binding in each or ())
