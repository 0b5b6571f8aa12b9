"""RBAC: which rules cover a request, and which bindings reach an identity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from authzviz.engine.identity import (
    KUBELET_GROUPS,
    NODE_USER_PREFIX,
    SERVICE_ACCOUNT_PREFIX,
    Identity,
)
from authzviz.engine.model import Binding, PolicyRule, Read, Role, Snapshot, Subject
from authzviz.engine.request import Request

_KINDS = ("ClusterRole", "Role")


def covers(rule: PolicyRule, request: Request) -> bool:
    """True where the rule allows the request, wherever its binding reaches.

    Source: kubernetes v1.37.2 pkg/apis/rbac/v1/evaluation_helpers.go and
    plugin/pkg/auth/authorizer/rbac/rbac.go, RuleAllows.
    """
    if request.verb not in rule.verbs and "*" not in rule.verbs:
        return False
    if request.path:
        return any(_covers_path(pattern, request.path) for pattern in rule.non_resource_urls)
    return (
        (request.group in rule.api_groups or "*" in rule.api_groups)
        and _covers_resource(rule.resources, request)
        and (not rule.resource_names or request.name in rule.resource_names)
    )


def _covers_path(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern.rstrip("*"))
    return pattern == path


def _covers_resource(resources: tuple[str, ...], request: Request) -> bool:
    if "*" in resources or request.full_resource in resources:
        return True
    return bool(request.subresource) and f"*/{request.subresource}" in resources


@dataclass(frozen=True, slots=True)
class Reach:
    """One binding through one of its subjects, with its role.

    `role` is None where there is no such role (`is_dangling`), or where it could not be read: then
    it may hold anything.
    """

    binding: Binding
    subject: Subject
    role: Role | None
    is_dangling: bool = False

    @property
    def is_unread(self) -> bool:
        """True where the role exists, for all that is known, but its rules were not read."""
        return self.role is None and not self.is_dangling

    @property
    def rules(self) -> tuple[PolicyRule, ...]:
        """The rules that are known to reach the subject."""
        return self.role.rules if self.role else ()

    def may_allow(self, request: Request) -> bool:
        """True where the binding reaches the request's scope: a RoleBinding only its namespace."""
        return not self.binding.namespace or (
            not request.path and request.namespace == self.binding.namespace
        )

    def allows(self, request: Request) -> bool:
        """True where a known rule allows the request."""
        return self.may_allow(request) and any(covers(rule, request) for rule in self.rules)


_Bound = dict[str, list[tuple[Binding, Subject]]]


@dataclass(frozen=True, slots=True)
class Rbac:
    """All bindings of a snapshot, by subject.

    `is_open` where ClusterRoleBindings may exist that were not read, `is_open_in_namespaces` where
    RoleBindings may; then absence proves nothing. `idle` are the ClusterRoleBindings without
    subjects, which reach nobody.
    """

    roles: dict[tuple[str, str, str], Role]
    are_cluster_roles_whole: bool
    are_roles_whole: bool
    is_open: bool
    is_open_in_namespaces: bool
    users: _Bound = field(default_factory=dict)
    groups: _Bound = field(default_factory=dict)
    idle: list[Binding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True where all four lists were read: then absence proves that nothing is granted."""
        is_open = self.is_open or self.is_open_in_namespaces
        return not is_open and self.are_cluster_roles_whole and self.are_roles_whole

    def of(self, identity: Identity) -> Iterator[Reach]:
        """Every binding that reaches the identity, those of its groups first."""
        for group in identity.groups:
            yield from self.of_group(group)
        yield from self.of_user(identity.user)

    def of_group(self, group: str) -> Iterator[Reach]:
        """Every binding that reaches the group."""
        return self._reaches(self.groups.get(group, ()))

    def of_user(self, user: str) -> Iterator[Reach]:
        """Every binding that reaches the user by name."""
        return self._reaches(self.users.get(user, ()))

    def idle_for(self, request: Request) -> Binding | None:
        """A ClusterRoleBinding whose role covers the request, but which has no subjects."""
        for binding in self.idle:
            role = self.roles.get(("ClusterRole", "", binding.role_ref.name))
            if role and any(covers(rule, request) for rule in role.rules):
                return binding
        return None

    def named_nodes(self) -> list[str]:
        """The nodes that bindings name as users."""
        return [
            user.removeprefix(NODE_USER_PREFIX)
            for user in self.users
            if user.startswith(NODE_USER_PREFIX) and user != NODE_USER_PREFIX
        ]

    def to_kubelets(self) -> Iterator[Reach]:
        """Every binding that reaches some kubelet, through each of its subjects."""
        for group in sorted(KUBELET_GROUPS, reverse=True):
            yield from self.of_group(group)
        for name in self.named_nodes():
            yield from self.of_user(NODE_USER_PREFIX + name)

    def _reaches(self, bound: Iterable[tuple[Binding, Subject]]) -> Iterator[Reach]:
        # Made on demand: of thousands of bindings few reach a kubelet.
        for binding, subject in bound:
            ref, namespace = binding.role_ref, binding.namespace
            is_cluster_role = ref.kind == "ClusterRole"
            role = self.roles.get((ref.kind, "" if is_cluster_role else namespace, ref.name))
            is_whole = self.are_cluster_roles_whole if is_cluster_role else self.are_roles_whole
            # What refers to another kind, or to a Role from the whole cluster, never finds one.
            is_absent = is_whole or ref.kind not in _KINDS or not (is_cluster_role or namespace)
            yield Reach(binding, subject, role, is_dangling=role is None and is_absent)


def index(snapshot: Snapshot) -> Rbac:
    """The bindings of a snapshot, by the subjects they reach. Time: O(bindings + roles).

    Service accounts are users to RBAC: "system:serviceaccount:<namespace>:<name>".
    """
    roles = {("ClusterRole", "", role.name): role for role in snapshot.cluster_roles.value or ()}
    for role in snapshot.roles.value or ():
        roles["Role", role.namespace, role.name] = role
    rbac = Rbac(
        roles=roles,
        are_cluster_roles_whole=snapshot.cluster_roles.is_whole,
        are_roles_whole=snapshot.roles.is_whole,
        is_open=not snapshot.cluster_role_bindings.is_whole,
        is_open_in_namespaces=not snapshot.role_bindings.is_whole,
    )
    for bindings in (snapshot.cluster_role_bindings.value, snapshot.role_bindings.value):
        for binding in bindings or ():
            for subject in binding.subjects:
                _add(rbac, binding, subject)
            if not binding.subjects and not binding.namespace:
                rbac.idle.append(binding)
    return rbac


def _add(rbac: Rbac, binding: Binding, subject: Subject) -> None:
    if subject.kind == "Group":
        rbac.groups.setdefault(subject.name, []).append((binding, subject))
    elif subject.kind == "User":
        rbac.users.setdefault(subject.name, []).append((binding, subject))
    elif subject.kind == "ServiceAccount":
        namespace = subject.namespace or binding.namespace
        if not namespace:
            return  # no apiserver stores this, and to its RBAC it would be nobody
        user = f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{subject.name}"
        rbac.users.setdefault(user, []).append((binding, subject))


def is_decisive_whole(snapshot: Snapshot) -> bool:
    """True where all four RBAC lists were read, every item understood."""
    lists: tuple[Read[tuple[Role, ...]] | Read[tuple[Binding, ...]], ...] = (
        snapshot.cluster_roles,
        snapshot.cluster_role_bindings,
        snapshot.roles,
        snapshot.role_bindings,
    )
    return all(read.is_whole for read in lists)
