"""The bindings of a cluster after a change: dropped, made anew, with subjects given and taken.

As kubectl does it: `delete`, `create clusterrolebinding`, `set subject`. Only what is there can be
dropped or changed: a typo would otherwise be believed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from authzviz.engine.change import Change, ChangeError, full_name, plain_name
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.identity import KUBELET_GROUPS, named_node
from authzviz.engine.model import Binding, Read, Snapshot, Subject

_SHOWN = 30
_Pairs = dict[str, list[Subject]]


def rebound(snapshot: Snapshot, change: Change) -> Snapshot:
    """The snapshot with the change's bindings. Raises ChangeError for what isn't there."""
    edits = _Edits(snapshot, change)
    if not edits.names:
        return snapshot
    return replace(
        snapshot,
        cluster_role_bindings=edits.made(snapshot.cluster_role_bindings, is_namespaced=False),
        role_bindings=edits.made(snapshot.role_bindings, is_namespaced=True),
    )


def reaches_kubelets(binding: Binding) -> bool:
    """True where one of its subjects is a kubelet, or a group that every kubelet is in."""
    return any(
        named_node(subject) is not None
        or (subject.kind == "Group" and subject.name in KUBELET_GROUPS)
        for subject in binding.subjects
    )


class _Edits:
    """What happens to each binding that the change names."""

    def __init__(self, snapshot: Snapshot, change: Change) -> None:
        self._snapshot = snapshot
        self.dropped = {plain_name(name) for name in change.dropped}
        self.added = {full_name(binding): binding for binding in change.added}
        self.taken, self.given = _paired(change.dropped_subjects), _paired(change.added_subjects)
        self.names = {*self.dropped, *self.added, *self.taken, *self.given}
        self._there = self._found()
        self._check()

    def made(
        self, read: Read[tuple[Binding, ...]], *, is_namespaced: bool
    ) -> Read[tuple[Binding, ...]]:
        """The list after the change; the very same where nothing of it changes."""
        if not any(("/" in name) is is_namespaced for name in self.names):
            return read
        kept = []
        # Names alone sort out nearly all of thousands of bindings.
        touched = _short(self.names)
        for binding in read.value or ():
            name = full_name(binding) if binding.name in touched else ""
            if name not in self.dropped:
                kept.append(self._with_subjects(binding, name))
        for name, binding in self.added.items():
            if bool(binding.namespace) is is_namespaced:
                kept.append(self._with_subjects(binding, name))
        return replace(read, value=tuple(kept))

    def _with_subjects(self, binding: Binding, name: str) -> Binding:
        if name not in self.taken and name not in self.given:
            return binding
        taken = self.taken.get(name, ())
        kept = tuple(subject for subject in binding.subjects if subject not in taken)
        new = tuple(s for s in dict.fromkeys(self.given.get(name, ())) if s not in kept)
        return replace(binding, subjects=(*kept, *new))

    def _found(self) -> dict[str, Binding]:
        """The bindings that are there, of those that the change names."""
        short, reads = (
            _short(self.names),
            (
                self._snapshot.cluster_role_bindings,
                self._snapshot.role_bindings,
            ),
        )
        named = (each for read in reads for each in read.value or () if each.name in short)
        return {full_name(binding): binding for binding in named}

    def _check(self) -> None:
        for name in self.dropped:
            self._there_or_raise(name, "dropped")
        for name, binding in self.added.items():
            self._check_new(name, binding)
        for name, subjects in self.taken.items():
            self._check_taken(self._there_or_raise(name, "dropped_subjects"), subjects)
        for name in self.given:
            self._there_or_raise(name, "added_subjects")

    def _check_new(self, name: str, binding: Binding) -> None:
        self._read_or_raise(name, "added")
        if name in self._there and name not in self.dropped:
            raise ChangeError(
                f"there is a {describe_binding(binding)} already: give it a subject, or drop it"
                " by the same change",
                "added",
            )
        roles, ref = self._snapshot.cluster_roles, binding.role_ref
        is_known = any(role.name == ref.name for role in roles.value or ())
        if ref.kind == "ClusterRole" and roles.is_whole and not is_known:
            raise ChangeError(f"no ClusterRole {ref.name} to bind", "added")

    def _check_taken(self, binding: Binding, subjects: Iterable[Subject]) -> None:
        for subject in subjects:
            if subject not in binding.subjects:
                there = ", ".join(map(describe_subject, binding.subjects[:_SHOWN])) or "none"
                raise ChangeError(
                    f"{describe_binding(binding)} has no subject {describe_subject(subject)};"
                    f" it has: {there}",
                    "dropped_subjects",
                )

    def _there_or_raise(self, name: str, part: str) -> Binding:
        """The binding that the change drops, or whose subjects it changes."""
        self._read_or_raise(name, part)
        if part != "dropped" and name in self.added:
            return self.added[name]
        if name not in self._there:
            there = ", ".join(_reaching(self._snapshot)[:_SHOWN]) or "none"
            raise ChangeError(f"no {_kind(name)} {name}; those that reach kubelets: {there}", part)
        if part != "dropped" and name in self.dropped:
            raise ChangeError(f"{_kind(name)} {name} is dropped by the same change", part)
        return self._there[name]

    def _read_or_raise(self, name: str, part: str) -> None:
        is_namespaced = "/" in name
        read = (
            self._snapshot.role_bindings if is_namespaced else self._snapshot.cluster_role_bindings
        )
        if read.value is None:
            raise ChangeError(
                f"{_kind(name)}s were not read ({read.why or read.outcome}): what becomes of"
                f" {name} can't be told",
                part,
            )


def _kind(name: str) -> str:
    return "RoleBinding" if "/" in name else "ClusterRoleBinding"


def _short(names: Iterable[str]) -> set[str]:
    return {name.rpartition("/")[2] for name in names}


def _paired(pairs: Iterable[tuple[str, Subject]]) -> _Pairs:
    found: _Pairs = {}
    for name, subject in pairs:
        found.setdefault(plain_name(name), []).append(subject)
    return found


def _reaching(snapshot: Snapshot) -> list[str]:
    every = (*(snapshot.cluster_role_bindings.value or ()), *(snapshot.role_bindings.value or ()))
    return [describe_binding(binding) for binding in every if reaches_kubelets(binding)]
