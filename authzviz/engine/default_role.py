"""ClusterRole system:node held against the one that its version of Kubernetes creates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from authzviz.engine.fresh import NODE_ROLE, fresh_roles
from authzviz.engine.model import PolicyRule, Role
from authzviz.engine.rbac import covers
from authzviz.engine.request import Request

MOST_RIGHTS = 200


@dataclass(frozen=True, slots=True)
class RoleDifference:
    """What a role lacks of the default and what it holds beyond it, in words ("get, list
    leases.coordination.k8s.io"); at most 200 rights either way are looked at.
    """

    missing: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Right:
    """One verb on one resource, or on one path; `names` where the rule names objects."""

    verb: str
    group: str = ""
    resource: str = ""
    names: tuple[str, ...] = ()
    path: str = ""

    @property
    def request(self) -> Request:
        """What asks for just this right; of the names the first stands for all."""
        if self.path:
            return Request(self.verb, path=self.path)
        plain, _, subresource = self.resource.partition("/")
        name = self.names[0] if self.names else ""
        return Request(self.verb, plain, self.group, subresource, name=name)

    @property
    def target(self) -> str:
        """What the verb is for, in words."""
        if self.path:
            return self.path
        words = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{words} named {', '.join(self.names[:3])}" if self.names else words


@lru_cache(maxsize=256)  # clusters of one version have the same role, as a rule
def against_default(role: Role, minor: int) -> RoleDifference:
    """What tells the role from ClusterRole system:node as 1.`minor` creates it.

    Rules are compared by what they allow: how they are split and ordered doesn't matter.
    """
    fresh = next(each for each in fresh_roles(minor) if each.name == NODE_ROLE)
    return RoleDifference(
        missing=_words(_beyond(fresh.rules, role.rules)),
        extra=_words(_beyond(role.rules, fresh.rules)),
    )


def _beyond(rules: tuple[PolicyRule, ...], base: tuple[PolicyRule, ...]) -> Iterator[_Right]:
    """The rights in the rules that the base doesn't cover, each once."""
    seen: set[_Right] = set()
    for rule in rules:
        for right in _rights(rule):
            if right not in seen:
                seen.add(right)
                request = right.request
                if not any(covers(each, request) for each in base):
                    yield right


def _rights(rule: PolicyRule) -> Iterator[_Right]:
    for verb in dict.fromkeys(rule.verbs):
        for group in dict.fromkeys(rule.api_groups):
            for resource in dict.fromkeys(rule.resources):
                yield _Right(verb, group, resource, rule.resource_names)
        for path in dict.fromkeys(rule.non_resource_urls):
            yield _Right(verb, path=path)


def _words(rights: Iterator[_Right]) -> tuple[str, ...]:
    verbs: dict[str, list[str]] = {}
    for right in islice(rights, MOST_RIGHTS):
        verbs.setdefault(right.target, []).append(right.verb)
    return tuple(f"{', '.join(each)} {target}" for target, each in verbs.items())
