"""RBAC: which rules cover a request, and which bindings reach an identity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

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
            _add_binding(rbac, binding)
    return rbac


def reindexed(rbac: Rbac, before: Snapshot, after: Snapshot) -> Rbac:
    """The index of `after`, made from that of `before`, of whose bindings it shares most.

    Same as `index(after)`, but for the order of the bindings.
    """
    pairs = zip(lists_of(before), lists_of(after), strict=True)
    if all(old is new for old, new in pairs):
        return rbac
    roles = rbac.roles
    if before.cluster_roles is not after.cluster_roles:
        roles = {key: role for key, role in roles.items() if key[0] == "Role"}
        for role in after.cluster_roles.value or ():
            roles["ClusterRole", "", role.name] = role
    gone, new = _difference(before, after)
    fresh = replace(
        rbac,
        roles=roles,
        users=dict(rbac.users),
        groups=dict(rbac.groups),
        idle=[binding for binding in rbac.idle if binding not in gone],
    )
    for binding in (*gone, *new):
        _drop(fresh, binding)
    for binding in new:
        _add_binding(fresh, binding)
    return fresh


def _difference(before: Snapshot, after: Snapshot) -> tuple[list[Binding], list[Binding]]:
    """Bindings that are gone, and those that are new: what stays is the same object."""
    gone: list[Binding] = []
    added: list[Binding] = []
    for one, other in (
        (before.cluster_role_bindings, after.cluster_role_bindings),
        (before.role_bindings, after.role_bindings),
    ):
        if one is other:
            continue
        old, new = one.value or (), other.value or ()
        old_ids, new_ids = set(map(id, old)), set(map(id, new))
        gone += [binding for binding in old if id(binding) not in new_ids]
        added += [binding for binding in new if id(binding) not in old_ids]
    return gone, added


def _drop(rbac: Rbac, binding: Binding) -> None:
    """Take a binding off its subjects, by new lists: another index shares the old."""
    for subject in binding.subjects:
        bound, name = _place(rbac, binding, subject)
        left = [pair for pair in bound.pop(name, ()) if pair[0] is not binding]
        if left:
            bound[name] = left


def _add_binding(rbac: Rbac, binding: Binding) -> None:
    for subject in binding.subjects:
        bound, name = _place(rbac, binding, subject)
        bound.setdefault(name, []).append((binding, subject))
    if not binding.subjects and not binding.namespace:
        rbac.idle.append(binding)


def _place(rbac: Rbac, binding: Binding, subject: Subject) -> tuple[_Bound, str]:
    """Where a binding is kept by that subject; what no apiserver would store reaches nobody."""
    kind = subject.kind
    if kind == "Group":
        return rbac.groups, subject.name
    if kind == "User":
        return rbac.users, subject.name
    namespace = subject.namespace or binding.namespace
    if kind == "ServiceAccount" and namespace:
        return rbac.users, f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{subject.name}"
    return {}, ""


_Lists = tuple[
    Read[tuple[Role, ...]],
    Read[tuple[Binding, ...]],
    Read[tuple[Role, ...]],
    Read[tuple[Binding, ...]],
]


def lists_of(snapshot: Snapshot) -> _Lists:
    """The four lists that RBAC is made of."""
    return (
        snapshot.cluster_roles,
        snapshot.cluster_role_bindings,
        snapshot.roles,
        snapshot.role_bindings,
    )


def is_decisive_whole(snapshot: Snapshot) -> bool:
    """True where all four RBAC lists were read, every item understood."""
    return all(read.is_whole for read in lists_of(snapshot))
