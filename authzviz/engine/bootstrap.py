"""What an apiserver does to RBAC by itself when it starts: it puts back what it was born with.

It adds what its own roles and bindings lack, and never takes away what they have too much: a
subject added by hand stays, a deleted binding comes back as the version in question creates it.
Source: kubernetes v1.37.2 pkg/registry/rbac/rest/storage_rbac.go and
plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (1.7 to 1.37, by default gates).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from authzviz.engine.chain import state_of
from authzviz.engine.identity import AUTHENTICATED_GROUP, NODES_GROUP
from authzviz.engine.model import Binding, PolicyRule, Read, Role, RoleRef, Snapshot, Subject
from authzviz.engine.rbac import covers
from authzviz.engine.request import Request
from authzviz.engine.versions import NEWEST_MINOR, clamp, minor_of

NODE_BINDING = "system:node"
_LAST_WITH_SUBJECT = 7
"""Up to 1.7 the binding system:node was born with its subject, from then on only without Node."""
_AUTHENTICATED = (Subject("Group", AUTHENTICATED_GROUP),)


@dataclass(frozen=True, slots=True)
class Started:
    """The snapshot after the start of its apiservers, and in words what they put back."""

    snapshot: Snapshot
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
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
_AUTHZ = "authorization.k8s.io"
_SELF_REVIEWS = (
    _Row(("create",), _AUTHZ, ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
    _Row(("create",), "authentication.k8s.io", ("selfsubjectreviews",), since=28),
)
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC)


@cache
def roles_of(minor: int) -> tuple[Role, ...]:
    """The ClusterRoles that reach kubelets, or would, as 1.`minor` creates them."""
    minor = clamp(minor)
    return (
        Role(NODE_BINDING, rules=_rules(_NODE_ROWS, minor)),
        Role("system:basic-user", rules=_rules(_SELF_REVIEWS, minor)),
        Role("system:discovery", rules=(PolicyRule(("get",), non_resource_urls=_DISCOVERY),)),
        Role("system:public-info-viewer", rules=(PolicyRule(("get",), non_resource_urls=_PUBLIC),)),
    )


def bindings_of(minor: int, *, is_node_on: bool) -> tuple[Binding, ...]:
    """Their ClusterRoleBindings, as 1.`minor` creates them with the Node authorizer on or off."""
    is_bound = clamp(minor) <= _LAST_WITH_SUBJECT and not is_node_on
    subjects = (Subject("Group", NODES_GROUP),) if is_bound else ()
    return tuple(
        Binding(
            role.name,
            RoleRef("ClusterRole", role.name),
            subjects=subjects if role.name == NODE_BINDING else _AUTHENTICATED,
        )
        for role in roles_of(minor)
    )


def started(snapshot: Snapshot) -> Started:
    """The snapshot as it is after the next start of its apiservers.

    Nothing is put back where no apiserver asks RBAC, where the version can't be told, or into a
    list that was not read.
    """
    minor = minor_of(snapshot.version.value or "")
    modes = _modes(snapshot)
    if minor is None or "RBAC" not in modes:
        return Started(snapshot, ())
    effects: list[str] = []
    roles = _roles(snapshot.cluster_roles, minor, effects)
    fresh = bindings_of(minor, is_node_on="Node" in modes)
    bindings = _bindings(snapshot.cluster_role_bindings, fresh, effects)
    after = replace(snapshot, cluster_roles=roles, cluster_role_bindings=bindings)
    return Started(after, tuple(effects))


def _rules(rows: tuple[_Row, ...], minor: int) -> tuple[PolicyRule, ...]:
    return tuple(
        PolicyRule(row.verbs, (row.group,), row.resources)
        for row in rows
        if row.since <= minor <= row.until
    )


def _modes(snapshot: Snapshot) -> frozenset[str]:
    """The modes of all apiservers whose flags tell; RBAC too where its own binding is there."""
    states = [state_of(server) for server in snapshot.apiservers.value or ()]
    modes = {mode for state in states for mode in state.authorization_modes or ()}
    if not any(state.authorization_modes is not None for state in states):
        names = {binding.name for binding in snapshot.cluster_role_bindings.value or ()}
        modes = {"RBAC"} if NODE_BINDING in names else set()
    return frozenset(modes)


def _roles(read: Read[tuple[Role, ...]], minor: int, effects: list[str]) -> Read[tuple[Role, ...]]:
    roles = {role.name: role for role in read.value or ()}
    changed = dict(roles)
    for fresh in roles_of(minor):
        there = roles.get(fresh.name)
        if there is None and read.is_whole:
            changed[fresh.name] = fresh
        elif there is not None:
            missing = tuple(_missing(there, fresh))
            if missing:
                changed[fresh.name] = replace(there, rules=(*there.rules, *missing))
                if fresh.name == NODE_BINDING:
                    effects.append(
                        f"ClusterRole {fresh.name} gets what it lacks of the rules of 1.{minor}"
                    )
    return read if changed == roles else replace(read, value=tuple(changed.values()))


def _missing(role: Role, fresh: Role) -> Iterator[PolicyRule]:
    """The fresh rules that the role lacks, one verb each, as the apiserver adds them."""
    for rule in fresh.rules:
        for verb in rule.verbs:
            for resource in rule.resources:
                plain, _, subresource = resource.partition("/")
                request = Request(verb, plain, rule.api_groups[0], subresource)
                if not any(covers(each, request) for each in role.rules):
                    yield PolicyRule((verb,), rule.api_groups, (resource,))
            for url in rule.non_resource_urls:
                if not any(covers(each, Request(verb, path=url)) for each in role.rules):
                    yield PolicyRule((verb,), non_resource_urls=(url,))


def _bindings(
    read: Read[tuple[Binding, ...]], fresh: tuple[Binding, ...], effects: list[str]
) -> Read[tuple[Binding, ...]]:
    wanted = {binding.name: binding for binding in fresh}
    there = read.value or ()
    changed = [
        _put_back(binding, wanted.pop(binding.name), effects) if binding.name in wanted else binding
        for binding in there
    ]
    if read.is_whole:
        changed += wanted.values()
        effects.extend(_created(binding) for binding in wanted.values())
    return read if tuple(changed) == there else replace(read, value=tuple(changed))


def _put_back(there: Binding, fresh: Binding, effects: list[str]) -> Binding:
    if not there.is_reconciled:
        return there
    if there.role_ref != fresh.role_ref:
        effects.append(
            f"ClusterRoleBinding {there.name} refers to {there.role_ref.kind}"
            f" {there.role_ref.name}: it is deleted and created anew{_with(fresh)}"
        )
        return fresh
    missing = tuple(subject for subject in fresh.subjects if subject not in there.subjects)
    if not missing:
        return there
    effects.append(f"ClusterRoleBinding {there.name} gets back {_listed(missing)}")
    return replace(there, subjects=(*there.subjects, *missing))


def _created(binding: Binding) -> str:
    return f"ClusterRoleBinding {binding.name} is created{_with(binding)}"


def _with(binding: Binding) -> str:
    return f", with {_listed(binding.subjects)}" if binding.subjects else ", without subjects"


def _listed(subjects: tuple[Subject, ...]) -> str:
    return ", ".join(f"{subject.kind} {subject.name}" for subject in subjects)
