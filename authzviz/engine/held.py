"""What one subject holds in one place, its rules found by verb and resource."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from authzviz.engine.decide import Said, said_by_rbac
from authzviz.engine.model import PolicyRule
from authzviz.engine.rbac import Reach, covers
from authzviz.engine.request import Request

_Key = tuple[str, str, str]
_Named = tuple[tuple[str, ...], Said]


@dataclass(frozen=True, slots=True)
class Held:
    """The rules that bindings of one scope (the cluster, or one namespace) give one subject.

    `plain` holds the resource names of rules without a star, and what RBAC then says, by verb,
    group and resource; `paths` likewise by verb and path. Rules with a star are few, and tried one
    by one. `unread` are the bindings to roles whose rules were not read.
    """

    plain: dict[_Key, list[_Named]] = field(default_factory=dict)
    paths: dict[tuple[str, str], Said] = field(default_factory=dict)
    starred: list[tuple[PolicyRule, Said]] = field(default_factory=list)
    starred_paths: list[tuple[PolicyRule, Said]] = field(default_factory=list)
    unread: list[Reach] = field(default_factory=list)

    def allowing(self, request: Request) -> Said | None:
        """What RBAC says where a binding allows the request, None where none is known to.

        Agrees with `covers`, rule by rule; whether the scope is the request's is the caller's.
        """
        if request.path:
            found = self.paths.get((request.verb, request.path))
            return found or _first(self.starred_paths, request)
        key = (request.verb, request.group, request.full_resource)
        for names, said in self.plain.get(key, ()):
            if not names or request.name in names:
                return said
        return _first(self.starred, request)


def held_by(reaches: Iterable[Reach]) -> dict[str, Held]:
    """What the bindings of one subject give it, by namespace; "" is the whole cluster.

    Time: O(rules x verbs x resources).
    """
    scopes: dict[str, Held] = {}
    for reach in reaches:
        namespace = reach.binding.namespace
        held = scopes.get(namespace)
        if held is None:
            held = scopes[namespace] = Held()
        if reach.is_unread:
            held.unread.append(reach)
        said = said_by_rbac(reach)
        for rule in reach.rules:
            _add(held, rule, said)
    return scopes


def _first(starred: list[tuple[PolicyRule, Said]], request: Request) -> Said | None:
    for rule, said in starred:
        if covers(rule, request):
            return said
    return None


def _add(held: Held, rule: PolicyRule, said: Said) -> None:
    if rule.resources:
        _add_resources(held, rule, said)
    if rule.non_resource_urls:
        _add_paths(held, rule, said)


def _add_resources(held: Held, rule: PolicyRule, said: Said) -> None:
    is_starred = "*" in rule.verbs or "*" in rule.api_groups
    if is_starred or any(resource.startswith("*") for resource in rule.resources):
        held.starred.append((rule, said))
        return
    named = (rule.resource_names, said)
    for verb in rule.verbs:
        for group in rule.api_groups:
            for resource in rule.resources:
                held.plain.setdefault((verb, group, resource), []).append(named)


def _add_paths(held: Held, rule: PolicyRule, said: Said) -> None:
    if "*" in rule.verbs or any(url.endswith("*") for url in rule.non_resource_urls):
        held.starred_paths.append((rule, said))
        return
    for verb in rule.verbs:
        for url in rule.non_resource_urls:
            held.paths.setdefault((verb, url), said)
