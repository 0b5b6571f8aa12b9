"""RBAC, asked request by request: which binding allows what to whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from authzviz.engine.assessment import Decision
from authzviz.engine.decide import NO_OPINION, Said
from authzviz.engine.grants import describe_binding, describe_role
from authzviz.engine.held import Held, held_by
from authzviz.engine.identity import Identity
from authzviz.engine.rbac import Rbac
from authzviz.engine.request import Request

_Scopes = dict[str, Held]
_NOTHING: _Scopes = {}


@dataclass(slots=True)
class Rights:
    """The RBAC of one cluster. A subject's rules are sorted when it is first asked about: of
    thousands that bindings name, few ever are.
    """

    rbac: Rbac
    _users: dict[str, _Scopes] = field(default_factory=dict)
    _groups: dict[str, _Scopes] = field(default_factory=dict)
    _heard_of: tuple[frozenset[str], frozenset[str]] | None = None

    def decide(self, identity: Identity, request: Request) -> Said:
        """ALLOW by a binding; UNKNOWN where what was not read may allow; else NO, no opinion.

        Source: kubernetes v1.37.2 pkg/registry/rbac/validation/rule.go, VisitRulesFor.
        """
        scopes = self._scopes(identity, request.namespace)
        for held in scopes:
            said = held.allowing(request)
            if said is not None:
                return said
        unread = "" if self.rbac.is_whole else self._unread(scopes, request)
        return Said(Decision.UNKNOWN, "RBAC", because=unread) if unread else NO_OPINION

    def unheard_of(self, request: Request) -> str:
        """Words about a verb or resource that no rule names, "" where rules know both: RBAC
        compares letters, and a singular or a typing error is refused like anything else. "" also
        where not all rules were read.
        """
        if not self.rbac.is_whole:
            return ""
        if self._heard_of is None:
            self._heard_of = _heard_of(self.rbac)
        verbs, resources = self._heard_of
        if request.resource and request.resource not in resources:
            return f'no rule names resource "{request.resource}"'
        if request.verb not in verbs:
            return f'no rule names verb "{request.verb}"'
        return ""

    def _scopes(self, identity: Identity, namespace: str) -> list[Held]:
        """What the identity's groups and its user hold in the whole cluster, and there."""
        found = []
        for scopes in (*map(self._of_group, identity.groups), self._of_user(identity.user)):
            if "" in scopes:
                found.append(scopes[""])
            if namespace and namespace in scopes:
                found.append(scopes[namespace])
        return found

    def _of_group(self, group: str) -> _Scopes:
        if group not in self.rbac.groups:
            return _NOTHING  # and nothing is kept: strangers may be many
        if group not in self._groups:
            self._groups[group] = held_by(self.rbac.of_group(group))
        return self._groups[group]

    def _of_user(self, user: str) -> _Scopes:
        if user not in self.rbac.users:
            return _NOTHING
        if user not in self._users:
            self._users[user] = held_by(self.rbac.of_user(user))
        return self._users[user]

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
