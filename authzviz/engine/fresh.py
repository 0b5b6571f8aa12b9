"""The default RBAC of a fresh cluster, as far as it reaches kubelets, and such a cluster whole.

Source: kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go, 1.7 to 1.37.
"""

from __future__ import annotations

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
from authzviz.engine.node import NODE_RULES, rules_for
from authzviz.engine.versions import clamp, minor_of

T = TypeVar("T")

SUBJECTLESS_SINCE = 8
"""Since 1.8 the binding system:node is created without subjects; 1.7 left them out where Node is
on.
"""
_SOURCE = "default RBAC"
_AUTHZ = "authorization.k8s.io"
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/openapi", "/openapi/*")
_INFO = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_EVERYTHING = (
    PolicyRule(("*",), ("*",), ("*",)),
    PolicyRule(("*",), non_resource_urls=("*",)),
)
_SELF_REVIEWS = PolicyRule(
    ("create",), (_AUTHZ,), ("selfsubjectaccessreviews", "selfsubjectrulesreviews")
)


@cache
def fresh_roles(minor: int) -> tuple[Role, ...]:
    """The default ClusterRoles that a default binding gives kubelets or admins, as of
    1.`minor`.
    """
    return (
        Role("cluster-admin", rules=_EVERYTHING),
        Role("system:basic-user", rules=(_SELF_REVIEWS,)),
        Role(
            "system:discovery",
            rules=(PolicyRule(("get",), non_resource_urls=(*_DISCOVERY, *_INFO)),),
        ),
        Role("system:node", rules=_node_rules(clamp(minor))),
    )


def fresh_bindings(minor: int, *, is_node_on: bool) -> tuple[Binding, ...]:
    """The default ClusterRoleBindings of those roles, as 1.`minor` creates them."""
    is_bound = minor < SUBJECTLESS_SINCE and not is_node_on
    nodes = (Subject("Group", NODES_GROUP),) if is_bound else ()
    authenticated = Subject("Group", AUTHENTICATED_GROUP)
    bound = (
        ("cluster-admin", (Subject("Group", MASTERS_GROUP),)),
        ("system:basic-user", (authenticated,)),
        ("system:discovery", (authenticated,)),
        ("system:node", nodes),
    )
    return tuple(
        Binding(name, RoleRef("ClusterRole", name), subjects=subjects) for name, subjects in bound
    )


def _node_rules(minor: int) -> tuple[PolicyRule, ...]:
    """The rules of ClusterRole system:node: the Node authorizer's, without their limits."""
    rules = []
    for group, resource in dict.fromkeys((rule.group, rule.resource) for rule in NODE_RULES):
        limited = rules_for(minor, group, resource)
        verbs = dict.fromkeys(verb for rule in limited for verb in rule.verbs)
        if verbs:
            rules.append(PolicyRule(tuple(verbs), (group,), (resource,)))
    return tuple(rules)


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
