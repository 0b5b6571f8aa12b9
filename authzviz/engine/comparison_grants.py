"""The grants that reach kubelets, a row for each, over all clusters of a comparison."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.assessment import Grant
from authzviz.engine.compared import Side, Subject, Value
from authzviz.engine.comparison_rows import Line, some_of, unknown
from authzviz.engine.identity import NODE_USER_PREFIX
from authzviz.engine.phrases import counted

MOST_GRANT_ROWS = 40
_TO_NODE = f"User {NODE_USER_PREFIX}"
_SHOWN_BINDINGS = 3

Key = tuple[str, str, str]
"""Binding, role and subject. Grants to single nodes are one row for each role: the binding is
empty then, since each has one of its own."""


def grant_lines(sides: tuple[Side, ...]) -> tuple[tuple[Line, ...], int]:
    """The rows, what goes beyond the Node authorizer first; and how many more there would be."""
    by_key = [_by_key(side) for side in sides]
    keys = {key: None for each in by_key for key in each}
    ranked = sorted(keys, key=lambda key: (not any(_is_beyond(e.get(key)) for e in by_key), key))
    shown = ranked[:MOST_GRANT_ROWS]
    lines = tuple(
        (
            _subject(key, number),
            tuple(_value(side, key, each) for side, each in zip(sides, by_key, strict=True)),
        )
        for number, key in enumerate(shown, start=1)
    )
    return lines, len(ranked) - len(shown)


def is_to_node(grant: Grant) -> bool:
    """True for a grant to the kubelet of one node, by its name."""
    return grant.subject.startswith(_TO_NODE)


def _by_key(side: Side) -> dict[Key, list[Grant]]:
    found: dict[Key, list[Grant]] = {}
    for grant in side.assessment.grants:
        single = is_to_node(grant)
        key = ("" if single else grant.binding, grant.role, "" if single else grant.subject)
        found.setdefault(key, []).append(grant)
    return found


def _is_beyond(grants: list[Grant] | None) -> bool:
    return any(grant.beyond_node_authorizer for grant in grants or ())


def _subject(key: Key, number: int) -> Subject:
    binding, role, subject = key
    if not binding:
        return Subject(f"grant-{number}", "Bindings to single nodes", f"{role}, to nodes by name")
    return Subject(f"grant-{number}", binding, f"{role}, to {subject}")


def _value(side: Side, key: Key, grants: dict[Key, list[Grant]]) -> Value:
    found = grants.get(key)
    if found is None:
        return _absent(side, key[0])
    if not key[0]:
        names = some_of(sorted(grant.binding for grant in found), _SHOWN_BINDINGS)
        return Value(_given(found[0]), f"{counted(len(found), 'binding')}: {names}")
    return _of_one(side, found[0])


def _of_one(side: Side, grant: Grant) -> Value:
    if grant.is_dangling:
        return Value("granted, but its role doesn't exist")
    roles = side.snapshot
    read = roles.cluster_roles if grant.role.startswith("ClusterRole ") else roles.roles
    if not grant.rules and not read.is_whole:
        return unknown("which rules it holds was not read", "granted")
    rules = counted(grant.rules, "rule")
    worst = f"{rules}, among them: {some_of(grant.beyond, 1)}"
    return Value(
        _given(grant),
        worst if grant.beyond else rules,
        tells=" ".join((_given(grant), rules, *grant.beyond)),
    )


def _given(grant: Grant) -> str:
    return "granted, beyond the Node authorizer" if grant.beyond_node_authorizer else "granted"


def _absent(side: Side, binding: str) -> Value:
    wide, narrow = side.snapshot.cluster_role_bindings, side.snapshot.role_bindings
    lists = {"ClusterRoleBinding": (wide,), "RoleBinding": (narrow,)}
    needed = lists.get(binding.partition(" ")[0], (wide, narrow))
    unread = [read for read in needed if not read.is_whole]
    return unknown(unread[0].why, "not read") if unread else Value("not granted")


def beyond_of_all(side: Side) -> Iterator[Grant]:
    """The grants that give every kubelet of the cluster more than the Node authorizer would."""
    for grant in side.assessment.grants:
        if grant.beyond_node_authorizer and not is_to_node(grant):
            yield grant
