"""The default RBAC of a fresh cluster, as far as it reaches kubelets, and such a cluster whole.

Source: kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go, 1.7 to 1.37.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TypeVar

from authzviz.engine import chain
from authzviz.engine.identity import AUTHENTICATED_GROUP, MASTERS_GROUP, NODES_GROUP
from authzviz.engine.model import (
    ApiServer,
    Binding,
    Outcome,
    PolicyRule,
    Read,
    Role,
    RoleRef,
    Snapshot,
    Subject,
)
from authzviz.engine.versions import NEWEST_MINOR, clamp, minor_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Row:
    """Rules of ClusterRole system:node, by default gates, in the versions that have them."""

    verbs: tuple[str, ...]
    group: str
    resources: tuple[str, ...]
    since: int = 7
    until: int = NEWEST_MINOR


_READ, _WRITE = ("get", "list", "watch"), ("create", "update", "patch")
_CERTS, _STORAGE, _DRA = "certificates.k8s.io", "storage.k8s.io", "resource.k8s.io"
_NODE_ROWS = (
    _Row(("create",), "authentication.k8s.io", ("tokenreviews",)),
    _Row(
        ("create",), "authorization.k8s.io", ("subjectaccessreviews", "localsubjectaccessreviews")
    ),
    _Row(_READ, "", ("services", "nodes", "pods")),
    _Row(_WRITE, "", ("nodes", "events")),
    _Row(("delete",), "", ("nodes",), until=12),
    _Row(("update", "patch"), "", ("nodes/status",)),
    _Row(("create", "delete"), "", ("pods",)),
    _Row(("update",), "", ("pods/status",)),
    _Row(("patch",), "", ("pods/status",), since=11),
    _Row(("create",), "", ("pods/eviction",), since=8),
    _Row(("get",), "", ("secrets", "configmaps", "endpoints")),
    _Row(("get",), "", ("persistentvolumeclaims", "persistentvolumes")),
    _Row(("list", "watch"), "", ("secrets", "configmaps"), since=11),
    _Row(("get", "update", "patch"), "", ("persistentvolumeclaims/status",), since=11),
    _Row(("create",), "", ("serviceaccounts/token",), since=12),
    _Row(("get",), "", ("serviceaccounts",), since=34),
    _Row(("create", *_READ), _CERTS, ("certificatesigningrequests",)),
    _Row(_READ, _CERTS, ("clustertrustbundles",), since=37),
    _Row(("create", *_READ), _CERTS, ("podcertificaterequests",), since=37),
    _Row(("get", *_WRITE, "delete"), "coordination.k8s.io", ("leases",), since=14),
    _Row(("get",), _STORAGE, ("volumeattachments",), since=10),
    _Row(("get", *_WRITE, "delete"), _STORAGE, ("csinodes",), since=14),
    _Row(_READ, _STORAGE, ("csidrivers",), since=14),
    _Row(_READ, "node.k8s.io", ("runtimeclasses",), since=14),
    _Row(("get",), _DRA, ("resourceclaims",), since=34),
    _Row(("deletecollection",), _DRA, ("resourceslices",), since=34),
    _Row(_WRITE, "events.k8s.io", ("events",), since=35),
)

SUBJECTLESS_SINCE = 8
"""Since 1.8 the binding system:node is created without subjects; 1.7 left them out where Node is
on.
"""
NODE_ROLE = "system:node"
"""The ClusterRole of kubelets, and the ClusterRoleBinding of the same name."""
_SOURCE = "default RBAC"
_AUTHZ = "authorization.k8s.io"
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/openapi", "/openapi/*")
_INFO = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_EVERYTHING = (
    PolicyRule(("*",), ("*",), ("*",)),
    PolicyRule(("*",), non_resource_urls=("*",)),
)
_SELF_REVIEWS = (
    PolicyRule(("create",), (_AUTHZ,), ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
)
_SELF_REVIEWS_1_28 = (
    *_SELF_REVIEWS,
    PolicyRule(("create",), ("authentication.k8s.io",), ("selfsubjectreviews",)),
)


@cache
def fresh_roles(minor: int) -> tuple[Role, ...]:
    """The default ClusterRoles that a default binding gives kubelets or admins, as of
    1.`minor`.
    """
    return (
        Role("cluster-admin", rules=_EVERYTHING),
        Role("system:basic-user", rules=_SELF_REVIEWS if minor < 28 else _SELF_REVIEWS_1_28),
        Role(
            "system:discovery",
            rules=(PolicyRule(("get",), non_resource_urls=(*_DISCOVERY, *_INFO)),),
        ),
        Role("system:public-info-viewer", rules=(PolicyRule(("get",), non_resource_urls=_INFO),)),
        Role(NODE_ROLE, rules=_node_rules(clamp(minor))),
    )


def fresh_bindings(minor: int, *, is_node_on: bool) -> tuple[Binding, ...]:
    """The default ClusterRoleBindings of those roles, as 1.`minor` creates them."""
    is_bound = minor < SUBJECTLESS_SINCE and not is_node_on
    subjects = {
        "cluster-admin": (Subject("Group", MASTERS_GROUP),),
        NODE_ROLE: (Subject("Group", NODES_GROUP),) if is_bound else (),
    }
    everybody = (Subject("Group", AUTHENTICATED_GROUP),)
    return tuple(
        Binding(
            role.name,
            RoleRef("ClusterRole", role.name),
            subjects=subjects.get(role.name, everybody),
        )
        for role in fresh_roles(minor)
    )


def _node_rules(minor: int) -> tuple[PolicyRule, ...]:
    return tuple(
        PolicyRule(row.verbs, (row.group,), row.resources)
        for row in _NODE_ROWS
        if row.since <= minor <= row.until
    )


def fresh_cluster(
    server: ApiServer, git_version: str, read_at: datetime, assumed: tuple[str, ...]
) -> Snapshot:
    """The cluster that an apiserver with these flags would make: default RBAC and no node yet.

    Only an apiserver that asks RBAC creates roles and bindings; where its authorizers can't be
    told, they are taken for absent, which tells nothing either way: they grant kubelets no need.
    """
    modes = chain.state_of(server).authorization_modes or ()
    minor = minor_of(git_version) or 0
    has_rbac = "RBAC" in modes
    roles = fresh_roles(minor) if has_rbac else ()
    bindings = fresh_bindings(minor, is_node_on="Node" in modes) if has_rbac else ()
    return Snapshot(
        name=server.name,
        server="",
        read_at=read_at,
        server_time=None,
        version=_assumed(git_version),
        apiservers=_assumed((server,)),
        endpoints=_assumed(()),
        cluster_roles=_assumed(roles),
        cluster_role_bindings=_assumed(bindings),
        roles=_assumed(()),
        role_bindings=_assumed(()),
        nodes=_assumed(()),
        leases=_assumed(()),
        is_live=False,
        assumed=assumed,
    )


def _assumed(value: T) -> Read[T]:
    return Read(Outcome.OK, _SOURCE, "", value)
