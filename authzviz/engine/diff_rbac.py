"""What changed about RBAC: bindings that reach kubelets and the roles they name, one by one; the
rest counted.

Time: O(bindings + roles); whatever is the same on both sides is skipped by comparing values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from authzviz.engine.chain import state_of
from authzviz.engine.differences import SHOWN, About, Change, named
from authzviz.engine.grants import describe_binding, describe_role, describe_subject, grants_of
from authzviz.engine.identity import KUBELET_GROUPS, named_node
from authzviz.engine.model import Binding, PolicyRule, Read, Role, Snapshot, Subject
from authzviz.engine.phrases import counted, words_of
from authzviz.engine.rbac import index
from authzviz.engine.versions import NEWEST_MINOR, clamp, minor_of

_Item = TypeVar("_Item", Binding, Role)
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A list on both sides, by namespace and name; `is_sure_*` where absence means something."""

    old: dict[_Key, Binding]
    new: dict[_Key, Binding]
    is_sure_old: bool
    is_sure_new: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """What became of one binding: `verb` as in "is new", `rest` of the sentence, and the subjects
    that it is about.
    """

    binding: Binding
    verb: str
    rest: str
    subjects: tuple[Subject, ...]
    is_loss: bool


def changed_rbac(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """Bindings that reach kubelets, rules of the roles they name, and how many others changed."""
    said = [
        each
        for one, other in (
            (before.cluster_role_bindings, after.cluster_role_bindings),
            (before.role_bindings, after.role_bindings),
        )
        for each in _of_bindings(one, other)
    ]
    yield from _told(said, before, after)
    yield from _roles(before, after)
    yield from _others(before, after)


def reaches_kubelets(binding: Binding) -> bool:
    """True where some kubelet is among the binding's subjects."""
    return any(_is_kubelet(subject) for subject in binding.subjects)


def _is_kubelet(subject: Subject) -> bool:
    if subject.kind == "Group":
        return subject.name in KUBELET_GROUPS
    return named_node(subject) is not None


def _of_bindings(
    before: Read[tuple[Binding, ...]], after: Read[tuple[Binding, ...]]
) -> Iterator[_Said]:
    """What became of each binding that reaches, or reached, kubelets."""
    if before.value is None or after.value is None:
        return
    pair = _Pair(_keyed(before.value), _keyed(after.value), before.is_whole, after.is_whole)
    for key, binding in pair.new.items():
        old = pair.old.get(key)
        if old is None:
            yield from _new(binding, is_sure=pair.is_sure_old)
        elif old != binding:
            yield from _changed(old, binding)
    for key, binding in pair.old.items():
        if key not in pair.new:
            yield from _gone(binding, is_sure=pair.is_sure_new)


def _keyed(items: tuple[_Item, ...]) -> dict[_Key, _Item]:
    return {(item.namespace, item.name): item for item in items}


def _kubelets(binding: Binding) -> tuple[Subject, ...]:
    return tuple(subject for subject in binding.subjects if _is_kubelet(subject))


def _new(binding: Binding, *, is_sure: bool) -> Iterator[_Said]:
    reached = _kubelets(binding)
    if reached:
        verb = "is new" if is_sure else "is seen, and may be new"
        rest = f": it binds {describe_role(binding)} to {_names(reached)}"
        yield _Said(binding, verb, rest, reached, is_loss=False)


def _gone(binding: Binding, *, is_sure: bool) -> Iterator[_Said]:
    reached = _kubelets(binding)
    if reached:
        verb = "is gone" if is_sure else "is not seen any more; whether it is gone can't be told"
        rest = f": it bound {describe_role(binding)} to {_names(reached)}"
        yield _Said(binding, verb, rest, reached if is_sure else (), is_loss=True)


def _changed(old: Binding, new: Binding) -> Iterator[_Said]:
    olds, news = set(old.subjects), set(new.subjects)
    lost = tuple(subject for subject in _kubelets(old) if subject not in news)
    got = tuple(subject for subject in _kubelets(new) if subject not in olds)
    kept = tuple(subject for subject in _kubelets(new) if subject in olds)
    if lost:
        yield _Said(old, f"lost {_names(lost)}", "", lost, is_loss=True)
    if got:
        rest = f", and so binds {describe_role(new)} to it" if len(got) == 1 else ""
        yield _Said(new, f"got {_names(got)}", rest, got, is_loss=False)
    if kept and old.role_ref != new.role_ref:
        verb = f"names {describe_role(new)}, and named {describe_role(old)}"
        yield _Said(new, verb, "", kept, is_loss=False)
    if kept and old.is_reconciled != new.is_reconciled:
        does = "is put back" if new.is_reconciled else "is no longer put back"
        yield _Said(new, f"{does} as it was when an apiserver starts", "", (), is_loss=False)
    others = sum(not _is_kubelet(subject) for subject in olds ^ news)
    if others and (lost or got or kept):
        verb = f"got or lost {counted(others, 'subject')} that no kubelet is"
        yield _Said(new, verb, "", (), is_loss=False)


def _names(subjects: tuple[Subject, ...]) -> str:
    return named([describe_subject(subject) for subject in subjects])


def _told(said: list[_Said], before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """Each in a sentence with its meaning; bindings of single nodes that are alike in one."""
    alike: dict[tuple[str, str], list[_Said]] = {}
    for each in said:
        if each.subjects and all(named_node(subject) for subject in each.subjects):
            verb = each.verb if each.verb.startswith("is ") else each.verb.split()[0]
            alike.setdefault((verb, describe_role(each.binding)), []).append(each)
    many = {id(one): key for key, group in alike.items() if len(group) > SHOWN for one in group}
    meaning = _Meaning(before, after)
    for each in said:
        if id(each) not in many:
            words = f"{describe_binding(each.binding)} {each.verb}{each.rest}"
            yield Change(About.BINDING, words, meaning.of(each))
    for (verb, role), group in alike.items():
        if len(group) > SHOWN:
            names = named([describe_binding(each.binding) for each in group])
            does = {"got": "got", "lost": "lost"}.get(verb, verb.replace("is ", "are ", 1))
            ends = " their node" if does in {"got", "lost"} else ""
            words = f"{len(group)} bindings of single nodes to {role} {does}{ends}: {names}"
            yield Change(About.BINDING, words, meaning.of(group[0], "each of them"))


class _Meaning:
    """What bindings mean for kubelets; the index is made only where something asks."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self._sides = {True: before, False: after}
        self._beyond: dict[bool, dict[tuple[str, str], tuple[str, ...]]] = {}
        self._is_node_off = _is_node_off(after)

    def of(self, said: _Said, whom: str = "") -> str:
        """What the binding gives these subjects, or gave; "" where that is about none."""
        if not said.subjects:
            return ""
        may = "could" if said.is_loss else "may"
        beyond = self._on(is_loss=said.is_loss)
        binding = describe_binding(said.binding)
        found = (beyond.get((binding, describe_subject(each)), ()) for each in said.subjects)
        worst = max(found, key=len)
        does = words_of(worst) if worst else "do nothing"
        words = (
            f"through it {whom or _whom(said.subjects)} {may}, beyond the Node authorizer, {does}"
        )
        if said.is_loss and self._is_node_off:
            words += "; with the Node authorizer off, what no other binding grants is refused"
        return words

    def _on(self, *, is_loss: bool) -> dict[tuple[str, str], tuple[str, ...]]:
        """What each grant of that side gives beyond the Node authorizer."""
        if is_loss not in self._beyond:
            snapshot = self._sides[is_loss]
            minor = clamp(minor_of(snapshot.version.value or "") or NEWEST_MINOR)
            grants = grants_of(index(snapshot), minor)
            self._beyond[is_loss] = {(one.binding, one.subject): one.beyond for one in grants}
        return self._beyond[is_loss]


def _is_node_off(snapshot: Snapshot) -> bool:
    """True where every apiserver's authorizers are known, and none lets Node or all through."""
    modes = [state_of(one).authorization_modes for one in snapshot.apiservers.value or ()]
    return bool(modes) and all(
        each is not None and not {"Node", "AlwaysAllow"}.intersection(each) for each in modes
    )


def _whom(subjects: tuple[Subject, ...]) -> str:
    nodes = [named_node(subject) or "" for subject in subjects]
    return "every kubelet" if "" in nodes else f"the kubelet of {named(nodes)}"


def _roles(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """What the roles grant otherwise that bindings to kubelets name."""
    for kind, old, new in (
        ("ClusterRole", before.cluster_roles, after.cluster_roles),
        ("Role", before.roles, after.roles),
    ):
        if old.value is None or new.value is None:
            continue
        wanted = _named_roles(before, kind) | _named_roles(after, kind)
        one, other = _keyed(old.value), _keyed(new.value)
        for key in sorted(wanted):
            name = f"{kind} {'/'.join(part for part in key if part)}"
            yield from _role(name, one.get(key), other.get(key), old, new)


def _named_roles(snapshot: Snapshot, kind: str) -> set[_Key]:
    """The roles of this kind that bindings to kubelets name."""
    reads = (snapshot.cluster_role_bindings, snapshot.role_bindings)
    return {
        ("" if kind == "ClusterRole" else binding.namespace, binding.role_ref.name)
        for read in reads
        for binding in read.value or ()
        if binding.role_ref.kind == kind and reaches_kubelets(binding)
    }


def _role(
    name: str,
    old: Role | None,
    new: Role | None,
    before: Read[tuple[Role, ...]],
    after: Read[tuple[Role, ...]],
) -> Iterator[Change]:
    bound = "which bindings to kubelets name"
    if old is None and new is not None and before.is_whole:
        yield Change(About.ROLE, f"{name}, {bound}, is new", _grants("grants", new.rules))
    elif old is not None and new is None:
        ends = "is gone" if after.is_whole else "is not seen; whether it is gone can't be told"
        yield Change(About.ROLE, f"{name}, {bound}, {ends}")
    elif old is not None and new is not None and old.rules != new.rules:
        olds, news = set(old.rules), set(new.rules)
        added = tuple(rule for rule in new.rules if rule not in olds)
        removed = tuple(rule for rule in old.rules if rule not in news)
        if added:
            yield Change(About.ROLE, f"{name} got {_grants('the right to', added)}")
        if removed:
            yield Change(About.ROLE, f"{name} lost {_grants('the right to', removed)}")


def _grants(verb: str, rules: tuple[PolicyRule, ...]) -> str:
    return f"{verb} {'; '.join(rule_words(rule) for rule in rules[:SHOWN])}" + (
        f"; and {counted(len(rules) - SHOWN, 'more rule')}" if len(rules) > SHOWN else ""
    )


def rule_words(rule: PolicyRule) -> str:
    """A rule in words: "get, list secrets", "get leases in group coordination.k8s.io"."""
    verbs = ", ".join(rule.verbs) or "nothing"
    if rule.non_resource_urls:
        return f"{verbs} {', '.join(rule.non_resource_urls)}"
    groups = [group for group in rule.api_groups if group]
    words = f"{verbs} {', '.join(rule.resources)}"
    if groups:
        words += f" in group{'s' if len(groups) > 1 else ''} {', '.join(groups)}"
    if rule.resource_names:
        words += f" named {named(list(rule.resource_names))}"
    return words


def _others(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """How many objects changed that reach no kubelet, by kind."""
    parts = []
    wanted = {
        kind: _named_roles(before, kind) | _named_roles(after, kind)
        for kind in ("ClusterRole", "Role")
    }
    for kind, roles in (
        ("ClusterRole", (before.cluster_roles, after.cluster_roles)),
        ("Role", (before.roles, after.roles)),
    ):
        parts += _counts(kind, *roles, told=wanted[kind])
    for kind, bindings in (
        ("ClusterRoleBinding", (before.cluster_role_bindings, after.cluster_role_bindings)),
        ("RoleBinding", (before.role_bindings, after.role_bindings)),
    ):
        told = {
            (one.namespace, one.name)
            for read in bindings
            for one in read.value or ()
            if reaches_kubelets(one)
        }
        parts += _counts(kind, *bindings, told=told)
    if parts:
        yield Change(About.OTHER_RBAC, f"Other RBAC, which reaches no kubelet: {', '.join(parts)}")


def _counts(
    kind: str,
    before: Read[tuple[_Item, ...]],
    after: Read[tuple[_Item, ...]],
    told: set[_Key],
) -> list[str]:
    """Such as "2 Roles new", leaving out what is told by name; nothing that can't be told."""
    if before.value is None or after.value is None:
        return []
    old, new = _keyed(before.value), _keyed(after.value)
    found: Counter[str] = Counter()
    for key, item in new.items():
        if key not in told and key not in old:
            found["new"] += before.is_whole
        elif key not in told:
            found["changed"] += old[key] != item
    found["gone"] = sum(key not in new and key not in told for key in old) * after.is_whole
    return [
        f"{counted(found[what], kind)} {what}" for what in ("new", "gone", "changed") if found[what]
    ]
