"""A change that somebody thinks of, from the words of flags and of kubectl."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from authzviz.engine.flags import BadFlagError, split_record
from authzviz.engine.model import Binding, RoleRef, Subject

SUBJECT_KINDS = ("Group", "User", "ServiceAccount")


class ChangeError(ValueError):
    """A change that can't be made to this cluster; the text says why, and what there is.

    `part` is the field of Change that it is about.
    """

    def __init__(self, said: str, part: str) -> None:
        super().__init__(said)
        self.part = part


@dataclass(frozen=True, slots=True)
class Change:
    """What is changed; None or empty leaves things as they are.

    `authorization_modes` and `admission_plugins` become the flags --authorization-mode and
    --enable-admission-plugins of every apiserver. Bindings are named as `check` names them: "NAME"
    or "ClusterRoleBinding NAME", "NAMESPACE/NAME" or "RoleBinding NAMESPACE/NAME". They are dropped
    first, then `added`; then `dropped_subjects` are taken, and `added_subjects` given, both pairs
    of a binding and a subject. `kubernetes_version` is "1.33" or "v1.33.2".
    """

    authorization_modes: tuple[str, ...] | None = None
    admission_plugins: tuple[str, ...] | None = None
    dropped: tuple[str, ...] = ()
    added: tuple[Binding, ...] = ()
    dropped_subjects: tuple[tuple[str, Subject], ...] = ()
    added_subjects: tuple[tuple[str, Subject], ...] = ()
    kubernetes_version: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A change as it is written on a command line or in an address.

    Modes and plugins are values of flags, None where they are not given; subjects are
    "BINDING=KIND:NAME", new bindings "NAME=CLUSTERROLE".
    """

    authorization_mode: str | None = None
    admission_plugins: str | None = None
    drop_binding: tuple[str, ...] = ()
    add_binding: tuple[str, ...] = ()
    drop_subject: tuple[str, ...] = ()
    add_subject: tuple[str, ...] = ()
    kubernetes_version: str = ""


def change_of(words: Words) -> Change:
    """The change that the words mean, flags as an apiserver reads them. Raises ChangeError."""
    return Change(
        _values(words.authorization_mode, "authorization_modes"),
        _values(words.admission_plugins, "admission_plugins"),
        words.drop_binding,
        tuple(_binding(text) for text in words.add_binding),
        _subjects(words.drop_subject, "dropped_subjects"),
        _subjects(words.add_subject, "added_subjects"),
        words.kubernetes_version,
    )


def subject_words(binding: str, subject: Subject) -> str:
    """A binding and one of its subjects as `Words` has them: "BINDING=KIND:NAME"."""
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    return f"{binding}={subject.kind}:{name}"


def full_name(binding: Binding) -> str:
    """The binding's name as a change has it: "NAME", "NAMESPACE/NAME" of a RoleBinding."""
    return f"{binding.namespace}/{binding.name}" if binding.namespace else binding.name


def plain_name(name: str) -> str:
    """The same of a name that may have its kind before it."""
    return name.removeprefix("ClusterRoleBinding ").removeprefix("RoleBinding ")


def _values(flag: str | None, part: str) -> tuple[str, ...] | None:
    try:
        return None if flag is None else split_record(flag)
    except BadFlagError as bad:
        raise ChangeError(f"no apiserver reads this: {bad}", part) from None


def _binding(text: str) -> Binding:
    name, _, role = text.partition("=")
    namespace, _, short = plain_name(name).rpartition("/")
    if not (short and role):
        raise ChangeError(
            f'"{text}" is no new binding: NAME=CLUSTERROLE is expected, such as'
            " system:node=system:node",
            "added",
        )
    return Binding(short, RoleRef("ClusterRole", role), namespace)


# A binding's name may hold "=" and ":", and a subject's anything.
_SUBJECT = re.compile(rf"(.+?)=({'|'.join(SUBJECT_KINDS)}):(.+)", re.DOTALL)


def _subjects(texts: Iterable[str], part: str) -> tuple[tuple[str, Subject], ...]:
    return tuple(_subject(text, part) for text in texts)


def _subject(text: str, part: str) -> tuple[str, Subject]:
    found = _SUBJECT.fullmatch(text)
    if found is None:
        raise ChangeError(
            f'"{text}" names no subject of a binding: BINDING=KIND:NAME is expected, such as'
            f" system:node=Group:system:nodes; kinds are {', '.join(SUBJECT_KINDS)}",
            part,
        )
    binding, kind, name = found.groups()
    if kind != "ServiceAccount":
        return plain_name(binding), Subject(kind, name)
    namespace, _, short = name.partition("/")
    if not (namespace and short):
        raise ChangeError(
            f'"{name}" is no ServiceAccount: its name is written NAMESPACE/NAME', part
        )
    return plain_name(binding), Subject(kind, short, namespace)
