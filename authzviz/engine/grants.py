"""Every RBAC grant that reaches kubelets, and what it gives beyond the Node authorizer."""

from __future__ import annotations

from authzviz.engine.assessment import Grant
from authzviz.engine.beyond import Excess, excess_of
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.identity import AUTHENTICATED_GROUP, named_node
from authzviz.engine.model import Binding, Subject
from authzviz.engine.rbac import Rbac, Reach

Excesses = dict[tuple[str, str, str, str], tuple[Excess, ...]]
"""Excess by binding's namespace, kind and name of the role, and the node that alone is reached."""


def grants_of(rbac: Rbac, minor: int, settings: Settings = BY_DEFAULT) -> tuple[Grant, ...]:
    """The grants that reach kubelets, the worst beyond the Node authorizer first, then by name."""
    seen: Excesses = {}
    ranked = []
    for reach in rbac.to_kubelets():
        excess = _excess(reach, minor, seen, settings)
        rank = excess[0].rank if excess else _BENIGN
        grant = _grant(reach, excess)
        ranked.append((rank, reach.subject.kind == "User", grant.binding, grant.subject, grant))
    return tuple(each[-1] for each in sorted(ranked, key=lambda each: each[:-1]))


_BENIGN = 1_000


def is_beyond(reach: Reach, minor: int, seen: Excesses, settings: Settings = BY_DEFAULT) -> bool:
    """True where the binding is known to give a kubelet more than the Node authorizer.

    `seen` is kept between calls for one snapshot, version and gates: many bindings share few roles.
    """
    return bool(_excess(reach, minor, seen, settings))


def describe_binding(binding: Binding) -> str:
    """The binding as people say it: "ClusterRoleBinding NAME", "RoleBinding NAMESPACE/NAME"."""
    if binding.namespace:
        return f"RoleBinding {binding.namespace}/{binding.name}"
    return f"ClusterRoleBinding {binding.name}"


def describe_role(binding: Binding) -> str:
    """The role that a binding refers to: "ClusterRole NAME", "Role NAMESPACE/NAME"."""
    ref = binding.role_ref
    return (
        f"Role {binding.namespace}/{ref.name}" if ref.kind == "Role" else f"{ref.kind} {ref.name}"
    )


def describe_subject(subject: Subject) -> str:
    """The subject as people say it: "Group system:nodes"."""
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    return f"{subject.kind} {name}"


def _excess(reach: Reach, minor: int, seen: Excesses, settings: Settings) -> tuple[Excess, ...]:
    ref, namespace = reach.binding.role_ref, reach.binding.namespace
    key = (namespace, ref.kind, ref.name, "")
    if key not in seen and any(rule.resource_names for rule in reach.rules):
        # What is own matters only to rules that name objects: all others are alike for all nodes.
        key = (*key[:3], named_node(reach.subject) or "")
    if key not in seen:
        owner = key[3] or None
        seen[key] = excess_of(
            reach.rules, namespace=namespace, owner=owner, minor=minor, settings=settings
        )
    return seen[key]


def _grant(reach: Reach, excess: tuple[Excess, ...]) -> Grant:
    return Grant(
        binding=describe_binding(reach.binding),
        role=describe_role(reach.binding),
        subject=describe_subject(reach.subject),
        rules=len(reach.rules),
        beyond_node_authorizer=bool(excess),
        beyond=tuple(each.words for each in excess),
        reaches=_reaches(reach.subject),
        is_dangling=reach.is_dangling,
        exposes=excess[0].exposes if excess else "",
    )


def _reaches(subject: Subject) -> str:
    node = named_node(subject)
    if node is not None:
        return f"the kubelet of node {node}"
    if subject.name == AUTHENTICATED_GROUP:
        return "every signed-in user, every kubelet among them"
    return "every kubelet"
