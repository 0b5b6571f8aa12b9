"""Grants in full: the binding, its role, and each of its rules held against the Node authorizer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from authzviz.engine.assessment import Grant
from authzviz.engine.beyond import Excess, excess_of
from authzviz.engine.fresh import NODE_ROLE
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.identity import named_node
from authzviz.engine.judging import judged_minor
from authzviz.engine.model import Binding, PolicyRule, Role, Snapshot
from authzviz.engine.rbac import Reach, index


@dataclass(frozen=True, slots=True)
class JudgedRule:
    """One rule, and what of it the Node authorizer would not allow; empty where it is benign."""

    rule: PolicyRule
    excess: tuple[Excess, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A grant with what it stands for; `role` is None where there is none, or it was not read."""

    grant: Grant
    binding: Binding
    role: Role | None
    rules: tuple[JudgedRule, ...]


def resolved(
    snapshot: Snapshot, grants: Collection[Grant], settings: Settings = BY_DEFAULT
) -> tuple[Resolved, ...]:
    """These grants of the snapshot in full, in their order; what it doesn't hold is left out.

    `settings` are the feature gates that the grants were judged by.
    """
    wanted = {(grant.binding, grant.subject) for grant in grants}
    found: dict[tuple[str, str], Reach] = {}
    for reach in index(snapshot).to_kubelets():
        key = describe_binding(reach.binding), describe_subject(reach.subject)
        if key in wanted:
            found[key] = reach
    minor = judged_minor(snapshot)[0]
    pairs = ((grant, found.get((grant.binding, grant.subject))) for grant in grants)
    return tuple(_resolved(grant, reach, minor, settings) for grant, reach in pairs if reach)


def idle_node_bindings(snapshot: Snapshot) -> tuple[Binding, ...]:
    """The bindings to ClusterRole system:node that have no subjects and so reach nobody."""
    lists = (snapshot.cluster_role_bindings.value, snapshot.role_bindings.value)
    return tuple(
        binding
        for bindings in lists
        for binding in bindings or ()
        if not binding.subjects
        and (binding.role_ref.kind, binding.role_ref.name) == ("ClusterRole", NODE_ROLE)
    )


def _resolved(grant: Grant, reach: Reach, minor: int, settings: Settings) -> Resolved:
    owner = named_node(reach.subject)
    namespace = reach.binding.namespace
    rules = tuple(
        JudgedRule(
            rule,
            excess_of((rule,), namespace=namespace, owner=owner, minor=minor, settings=settings),
        )
        for rule in reach.rules
    )
    return Resolved(grant, reach.binding, reach.role, rules)
