"""RBAC's objects, as rbac.authorization.k8s.io/v1 has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule of a Role or ClusterRole, as rbac.authorization.k8s.io/v1 has it."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A Role, or a ClusterRole (namespace empty)."""

    name: str
    namespace: str = ""
    rules: tuple[PolicyRule, ...] = ()
    is_aggregated: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a binding reaches: kind is User, Group or ServiceAccount; only the last has a
    namespace.
    """

    kind: str
    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class RoleRef:
    """The role a binding refers to: kind is ClusterRole or Role."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Binding:
    """A RoleBinding, or a ClusterRoleBinding (namespace empty).

    `is_reconciled` is False only where the annotation rbac.authorization.kubernetes.io/autoupdate
    is "false".
    """

    name: str
    role_ref: RoleRef
    namespace: str = ""
    subjects: tuple[Subject, ...] = ()
    is_reconciled: bool = True
