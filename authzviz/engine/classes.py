"""Nodes that are alike to RBAC, so that each kind is judged once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from authzviz.engine.identity import NODE_USER_PREFIX, kubelet_of
from authzviz.engine.model import PolicyRule, Snapshot
from authzviz.engine.rbac import Rbac, Reach, index

UNNAMED_NODE = "any-new-node"
"""Stands for a node that no binding names and that doesn't exist yet."""
SHOWN_NAMES = 100


@dataclass(frozen=True, slots=True)
class NodeClass:
    """Nodes that the same RBAC rules reach.

    `count` is how many of them exist. `is_certain` is False for a node that rules name, and that
    may exist or not: nodes were not read.
    """

    example: str
    names: tuple[str, ...]
    count: int
    is_certain: bool
    reaches: tuple[Reach, ...]


def classes_of(snapshot: Snapshot, rbac: Rbac) -> tuple[NodeClass, ...]:
    """Every class of nodes: those that exist, those that bindings name, and the next to join.

    The class of the next node to join comes first. Time: O(nodes + bindings).
    """
    sorter = _Sorter(rbac)
    kinds = _kinds(snapshot, sorter.key, (sorter,))
    return tuple(_class(rbac, kind) for kind in kinds)


def examples_of(snapshot: Snapshot) -> dict[str, str]:
    """For every node that exists, the example of the nodes that are alike to RBAC."""
    sorter = _Sorter(index(snapshot))
    kinds = _kinds(snapshot, sorter.key, (sorter,))
    return {name: kind.example for kind in kinds for name in kind.names}


def classes_in_both(
    snapshot: Snapshot, before: Rbac, after: Rbac
) -> tuple[tuple[NodeClass, NodeClass], ...]:
    """Classes of nodes that are alike before and after the bindings change, as each sees them.

    Both sides have the same nodes: those of the snapshot, and those that bindings of either name.
    """
    one, other = _Sorter(before), _Sorter(after)

    def key(node: str) -> _Key:
        return one.key(node), other.key(node)

    kinds = _kinds(snapshot, key, (one, other))
    return tuple((_class(before, kind), _class(after, kind)) for kind in kinds)


@dataclass(frozen=True, slots=True)
class _Kind:
    example: str
    names: list[str]
    is_certain: bool


def _kinds(
    snapshot: Snapshot, key_of: Callable[[str], _Key], sorters: tuple[_Sorter, ...]
) -> list[_Kind]:
    existing = [node.name for node in snapshot.nodes.value or ()]
    bound = {name for sorter in sorters for name in sorter.rbac.named_nodes()}
    named = {name for sorter in sorters for name in sorter.names_in_rules}
    first = key_of(UNNAMED_NODE)
    found: dict[_Key, list[str]] = {first: []}
    examples = {first: UNNAMED_NODE}
    # Nearly all nodes are named by nothing, and so alike.
    special = bound | named | {UNNAMED_NODE}
    plain = [name for name in existing if name not in special]
    if plain:
        found.setdefault(key_of(plain[0]), []).extend(plain)
    for name in existing:
        if name in special:
            found.setdefault(key_of(name), []).append(name)
    certain = set(found)
    for name in sorted(bound.difference(existing)):
        key = key_of(name)
        certain.add(key)
        found.setdefault(key, [])
        examples.setdefault(key, name)
    if not snapshot.nodes.is_whole:
        for name in sorted(named):
            found.setdefault(key_of(name), [])
            examples.setdefault(key_of(name), name)
    return [
        _Kind(names[0] if names else examples[key], names, key in certain)
        for key, names in found.items()
    ]


_Key = tuple[object, ...]


@dataclass(slots=True)
class _Sorter:
    """Keys by which nodes are alike: the rules that reach them, their own name in rules aside."""

    rbac: Rbac
    names_in_rules: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By node, which of the rules that reach every kubelet name it."""
    _ids: dict[tuple[PolicyRule, ...], int] = field(default_factory=dict)
    _seen: dict[tuple[str, str, str], tuple[frozenset[str], int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shared = [rule for reach in self.rbac.of(kubelet_of("")) for rule in reach.rules]
        for number, rule in enumerate(shared):
            names = rule.resource_names if _is_about_own_objects(rule) else ()
            for name in names:
                self.names_in_rules[name] = (*self.names_in_rules.get(name, ()), number)

    def key(self, node: str) -> _Key:
        user = NODE_USER_PREFIX + node
        named = self.names_in_rules.get(node, ())
        if user not in self.rbac.users:
            return named and (named,)
        return (named, *sorted({self._reach_key(r, node) for r in self.rbac.of_user(user)}))

    def _reach_key(self, reach: Reach, node: str) -> tuple[str, int]:
        if reach.is_unread:
            return reach.binding.namespace, -1
        ref, namespace = reach.binding.role_ref, reach.binding.namespace
        # Hashing rules costs, and many bindings share few roles.
        role = (namespace, ref.kind, ref.name)
        if role not in self._seen:
            names = frozenset(name for rule in reach.rules for name in rule.resource_names)
            self._seen[role] = names, self._id(reach.rules)
        names, number = self._seen[role]
        if node in names:
            number = self._id(tuple(_without_own_name(rule, node) for rule in reach.rules))
        return namespace, number

    def _id(self, rules: tuple[PolicyRule, ...]) -> int:
        return self._ids.setdefault(rules, len(self._ids))


def _is_about_own_objects(rule: PolicyRule) -> bool:
    return any(
        resource.split("/")[0] in ("nodes", "leases", "csinodes", "*")
        for resource in rule.resources
    )


def _without_own_name(rule: PolicyRule, node: str) -> PolicyRule:
    names = tuple("<self>" if name == node else name for name in rule.resource_names)
    return replace(rule, resource_names=names)


def _class(rbac: Rbac, kind: _Kind) -> NodeClass:
    return NodeClass(
        example=kind.example,
        names=tuple(kind.names[:SHOWN_NAMES]),
        count=len(kind.names),
        is_certain=kind.is_certain,
        reaches=_distinct(rbac.of(kubelet_of(kind.example))),
    )


def _distinct(reaches: Iterable[Reach]) -> tuple[Reach, ...]:
    """One reach of each role in each namespace: more of them allow no more."""
    kept: dict[tuple[str, str, str], Reach] = {}
    for reach in reaches:
        ref = reach.binding.role_ref
        kept.setdefault((reach.binding.namespace, ref.kind, ref.name), reach)
    return tuple(kept.values())
