"""What an apiserver does to RBAC by itself when it starts: it puts back what it was born with.

It adds what its own roles and bindings lack, and never takes away what they have too much: a
subject added by hand stays, a deleted binding comes back as the version in question creates it.
Source: kubernetes v1.37.2 pkg/registry/rbac/rest/storage_rbac.go and
plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (1.7 to 1.37, by default gates).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from authzviz.engine.chain import state_of
from authzviz.engine.fresh import NODE_ROLE, fresh_bindings, fresh_roles
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.model import Binding, PolicyRule, Read, Role, Snapshot
from authzviz.engine.rbac import covers
from authzviz.engine.request import Request
from authzviz.engine.versions import minor_of


@dataclass(frozen=True, slots=True)
class Started:
    """The snapshot after the start of its apiservers, and in words what they put back."""

    snapshot: Snapshot
    effects: tuple[str, ...]


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
    fresh = fresh_bindings(minor, is_node_on="Node" in modes)
    bindings = _bindings(snapshot.cluster_role_bindings, fresh, effects)
    after = replace(snapshot, cluster_roles=roles, cluster_role_bindings=bindings)
    return Started(after, tuple(effects))


def _modes(snapshot: Snapshot) -> frozenset[str]:
    """The modes of all apiservers that tell; where none does, RBAC if its objects are there."""
    states = [state_of(server) for server in snapshot.apiservers.value or ()]
    if any(state.authorization_modes is not None for state in states):
        return frozenset(mode for state in states for mode in state.authorization_modes or ())
    return frozenset(("RBAC",) if has_bootstrapped_rbac(snapshot) else ())


def has_bootstrapped_rbac(snapshot: Snapshot) -> bool:
    """True where system:node is there: only an apiserver that asks RBAC creates role and binding.

    Source: kubernetes v1.37.2 pkg/controlplane/apiserver/config.go (the hook is off without RBAC).
    """
    names = {role.name for role in snapshot.cluster_roles.value or ()}
    names |= {binding.name for binding in snapshot.cluster_role_bindings.value or ()}
    return NODE_ROLE in names


def _roles(read: Read[tuple[Role, ...]], minor: int, effects: list[str]) -> Read[tuple[Role, ...]]:
    roles = {role.name: role for role in read.value or ()}
    changed = dict(roles)
    for fresh in fresh_roles(minor):
        there = roles.get(fresh.name)
        if there is None and read.is_whole:
            changed[fresh.name] = fresh
        elif there is not None:
            missing = tuple(_missing(there, fresh))
            if missing:
                changed[fresh.name] = replace(there, rules=(*there.rules, *missing))
                if fresh.name == NODE_ROLE:
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
            f"{describe_binding(there)} refers to {there.role_ref.kind}"
            f" {there.role_ref.name}: it is deleted and created anew{_with(fresh)}"
        )
        return fresh
    missing = tuple(subject for subject in fresh.subjects if subject not in there.subjects)
    if not missing:
        return there
    effects.append(
        f"{describe_binding(there)} gets back {', '.join(map(describe_subject, missing))}"
    )
    return replace(there, subjects=(*there.subjects, *missing))


def _created(binding: Binding) -> str:
    return f"{describe_binding(binding)} is created{_with(binding)}"


def _with(binding: Binding) -> str:
    return (
        f", with {', '.join(map(describe_subject, binding.subjects))}"
        if binding.subjects
        else ", without subjects"
    )
