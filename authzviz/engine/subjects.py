"""Findings about names: users that aren't nodes, roles that don't exist, letters that deceive."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.assessment import Finding, Severity
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.identity import NODE_USER_PREFIX, looks_foreign, visible
from authzviz.engine.judging import Judged
from authzviz.engine.model import Binding, Snapshot, Subject
from authzviz.engine.phrases import listed

_MAX_NAMED = 5
_SYSTEM = "system:"


def kubelet_users(judged: Judged) -> Iterator[Finding]:
    """Users other than nodes that hold ClusterRole system:node."""
    found = [
        f"{describe_binding(binding)} to {describe_subject(subject)}"
        for binding, subject in _bound(judged.snapshot, role="system:node")
        if subject.kind == "User" and not subject.name.startswith(NODE_USER_PREFIX)
    ]
    if found:
        yield Finding(
            "kubelet-user",
            Severity.HIGH,
            "A user that is no node holds the permissions of all nodes",
            f"{_first(found)}. Node authorizer and NodeRestriction ignore such a user: whoever"
            " has its certificate reads all Secrets, and kubelets that use it live by the"
            " binding alone. Give each kubelet a certificate of its own, then remove it.",
        )


def dangling_role_refs(judged: Judged) -> Iterator[Finding]:
    """Grants to kubelets that refer to roles which don't exist."""
    found = [
        f"{grant.binding} refers to {grant.role}" for grant in judged.grants if grant.is_dangling
    ]
    if found:
        yield Finding(
            "dangling-role-ref",
            Severity.LOW,
            "A binding refers to a role that doesn't exist",
            f"{_first(found)}. It grants nothing now, and whatever a role of that name will hold."
            " Remove the binding, or create the role.",
        )


def foreign_names(judged: Judged) -> Iterator[Finding]:
    """Subjects with look-alike letters, bidi or zero-width marks; they are never matched."""
    found = [
        f"{describe_binding(binding)} names {subject.kind} {visible(subject.name)}"
        for subjects in (judged.rbac.users, judged.rbac.groups)
        # Nearly always no name of thousands is: one look at all of them tells.
        if looks_foreign("".join(subjects))
        for name, bound in subjects.items()
        if looks_foreign(name)
        for binding, subject in bound
        if looks_foreign(subject.name) and _resembles_system(subject.name)
    ]
    if found:
        yield Finding(
            "non-ascii-subject",
            Severity.MEDIUM,
            "A subject looks like a system name and is none",
            f"{_first(found)}. It reaches no kubelet. Find out who made it.",
        )


def upper_case_nodes(judged: Judged) -> Iterator[Finding]:
    """Nodes that bindings name in upper case: no certificate of a kubelet matches."""
    found = [name for name in judged.rbac.named_nodes() if name != name.lower()]
    if found:
        yield Finding(
            "upper-case-node",
            Severity.MEDIUM,
            "A binding names a node in upper case",
            f"{_first(found)}. Kubelets lower their names, so this matches no Node. A kubelet"
            " certificate with such a CN is refused by Node authorizer and NodeRestriction.",
        )


def _bound(snapshot: Snapshot, role: str) -> Iterator[tuple[Binding, Subject]]:
    """Every binding of that ClusterRole with each of its subjects."""
    lists = (snapshot.cluster_role_bindings.value or (), snapshot.role_bindings.value or ())
    for bindings in lists:
        for binding in bindings:
            ref = binding.role_ref
            if ref.name == role and ref.kind == "ClusterRole":
                for subject in binding.subjects:
                    yield binding, subject


def _resembles_system(name: str) -> bool:
    """True for what reads like a system's name: people and teams may well have foreign names."""
    visible_part = "".join(character for character in name if character.isprintable()).strip()
    start = visible_part[: len(_SYSTEM)]
    return len(start) == len(_SYSTEM) and all(
        seen == meant or not seen.isascii() for seen, meant in zip(start, _SYSTEM, strict=True)
    )


def _first(found: list[str]) -> str:
    more = len(found) - _MAX_NAMED
    return f"{listed(found[:_MAX_NAMED])}{f', and {more} more' if more > 0 else ''}"
