"""RBAC, asked request by request: which binding allows what to whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from authzviz.engine.assessment import Decision
from authzviz.engine.decide import NO_OPINION, Said, said_by_rbac
from authzviz.engine.grants import describe_binding, describe_role
from authzviz.engine.held import Held, held_by
from authzviz.engine.identity import Identity
from authzviz.engine.rbac import Rbac
from authzviz.engine.request import Request


@dataclass(slots=True)
class Rights:
    """The RBAC of one cluster. A subject's rules are sorted when it is first asked about: of
    thousands that bindings name, few ever are.
    """

    rbac: Rbac
    _users: dict[str, dict[str, Held]] = field(default_factory=dict)
    _groups: dict[str, dict[str, Held]] = field(default_factory=dict)
    _heard_of: tuple[frozenset[str], frozenset[str]] | None = None

    def decide(self, identity: Identity, request: Request) -> Said:
        """ALLOW by a binding; UNKNOWN where what was not read may allow; else NO, no opinion.

        Source: kubernetes v1.37.2 pkg/registry/rbac/validation/rule.go, VisitRulesFor.
        """
        scopes = self._scopes(identity, request.namespace)
        for held in scopes:
            reach = held.allowing(request)
            if reach is not None:
                return said_by_rbac(reach)
        unread = self._unread(scopes, request)
        return Said(Decision.UNKNOWN, "RBAC", because=unread) if unread else NO_OPINION

    def unheard_of(self, request: Request) -> str:
        """Words about a verb or resource that no rule names, "" where rules know both: RBAC
        compares letters, and a singular or a typing error is refused like anything else.
        """
        if self._heard_of is None:
            self._heard_of = _heard_of(self.rbac)
        verbs, resources = self._heard_of
        if request.resource and request.resource not in resources:
            return f'; no rule names resource "{request.resource}"'
        if request.verb not in verbs:
            return f'; no rule names verb "{request.verb}"'
        return ""

    def _scopes(self, identity: Identity, namespace: str) -> list[Held]:
        """What the identity's groups and its user hold in the whole cluster, and there."""
        each = [self._of_group(group) for group in identity.groups]
        each.append(self._of_user(identity.user))
        found = [held[""] for held in each if "" in held]
        if namespace:
            found += [held[namespace] for held in each if namespace in held]
        return found

    def _of_group(self, group: str) -> dict[str, Held]:
        held = self._groups.get(group)
        if held is None:
            held = self._groups[group] = held_by(self.rbac.of_group(group))
        return held

    def _of_user(self, user: str) -> dict[str, Held]:
        held = self._users.get(user)
        if held is None:
            held = self._users[user] = held_by(self.rbac.of_user(user))
        return held

    def _unread(self, scopes: list[Held], request: Request) -> str:
        """What was not read and may allow the request, in words; "" for nothing."""
        if self.rbac.is_open:
            return "ClusterRoleBindings were not read as a whole"
        if self.rbac.is_open_in_namespaces and request.namespace:
            return "RoleBindings were not read as a whole"
        for held in scopes:
            for reach in held.unread:
                role, binding = describe_role(reach.binding), describe_binding(reach.binding)
                return f"{role}, to which {binding} refers, was not read"
        return ""


def _heard_of(rbac: Rbac) -> tuple[frozenset[str], frozenset[str]]:
    """Every verb, and every resource without its subresource, that some rule names."""
    rules = [rule for role in rbac.roles.values() for rule in role.rules]
    verbs = frozenset(verb for rule in rules for verb in rule.verbs)
    resources = {resource for rule in rules for resource in rule.resources}
    return verbs, frozenset(resource.split("/", maxsplit=1)[0] for resource in resources)
