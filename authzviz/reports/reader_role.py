"""The least role as objects for `kubectl apply`: a ServiceAccount and what it may, with reasons.

Written as text, so that each rule has its comment; what it is made of is the engine's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from authzviz.engine.least_role import FIRST_CONSTRAINED_MINOR, least_role
from authzviz.engine.permissions import PROBE_NODE, Permission

NAMESPACE, NAME = "authzviz", "reader"
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""What a namespace and a ServiceAccount may be called here."""

_PLAIN = re.compile(r"[a-z][a-zA-Z0-9./-]*", re.ASCII)
_NO_TEXT_IN_YAML = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Reader:
    """A ServiceAccount that may only read, for one version and distribution.

    `minor` and `distribution` as the engine has them; `namespace` and `name` are DNS labels.
    """

    minor: int
    distribution: str = "unknown"
    with_pods: bool = False
    with_probe: bool = False
    namespace: str = NAMESPACE
    name: str = NAME

    @property
    def role_name(self) -> str:
        """What its roles and bindings are called."""
        return f"{self.namespace}-{self.name}"

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """What it may."""
        return least_role(
            self.minor,
            self.distribution,
            with_pods=self.with_pods,
            with_probe=self.with_probe,
        )


def reader_role(reader: Reader) -> str:
    """Namespace, ServiceAccount, roles and bindings as YAML; each rule says what it is for."""
    by_namespace: dict[str, list[Permission]] = {}
    for permission in reader.permissions:
        by_namespace.setdefault(permission.namespace, []).append(permission)
    documents = [_account(reader)]
    for namespace, permissions in by_namespace.items():
        documents.append(_role(reader, namespace, permissions))
        documents.append(_binding(reader, namespace))
    return _heading(reader) + "---\n".join(documents)


def _heading(reader: Reader) -> str:
    where = "" if reader.distribution == "unknown" else f", {reader.distribution}"
    lines = [
        f"The least that authzviz needs to read Kubernetes 1.{reader.minor}{where}.",
        "Where a rule is left out, the cluster's page says which answers are missing.",
    ]
    if reader.with_probe:
        lines += _warning(reader.minor)
    return "".join(f"# {line}\n" for line in lines)


def _warning(minor: int) -> list[str]:
    if minor >= FIRST_CONSTRAINED_MINOR:
        return [
            f"It may act as node {PROBE_NODE}, to create Leases and for nothing else.",
            f"Never call a Node {PROBE_NODE}.",
        ]
    return [
        f"WARNING: it may act as user system:node:{PROBE_NODE} in group system:nodes, in every",
        "request. Where RBAC grants that group more than the Node authorizer does, as the legacy",
        "binding does, whoever holds these credentials can read every Secret.",
    ]


def _account(reader: Reader) -> str:
    namespace = _text(reader.namespace)
    return (
        "apiVersion: v1\nkind: Namespace\n"
        f"metadata: {{name: {namespace}}}\n"
        "---\n"
        "apiVersion: v1\nkind: ServiceAccount\n"
        f"metadata: {{name: {_text(reader.name)}, namespace: {namespace}}}\n"
    )


def _metadata(reader: Reader, namespace: str) -> str:
    where = f", namespace: {namespace}" if namespace else ""
    return f"metadata: {{name: {_text(reader.role_name)}{where}}}\n"


def _role(reader: Reader, namespace: str, permissions: list[Permission]) -> str:
    kind = "Role" if namespace else "ClusterRole"
    head = f"apiVersion: {_GROUP}/v1\nkind: {kind}\n{_metadata(reader, namespace)}rules:\n"
    return head + "".join(_rule(each) for each in _merged(permissions))


def _binding(reader: Reader, namespace: str) -> str:
    kind = "Role" if namespace else "ClusterRole"
    return (
        f"apiVersion: {_GROUP}/v1\nkind: {kind}Binding\n{_metadata(reader, namespace)}"
        f"roleRef: {{apiGroup: {_GROUP}, kind: {kind}, name: {_text(reader.role_name)}}}\n"
        f"subjects: [{{kind: ServiceAccount, name: {_text(reader.name)},"
        f" namespace: {_text(reader.namespace)}}}]\n"
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    """Permissions that make one rule: all its verbs on all its resources, and no other."""

    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    like: Permission


def _merged(permissions: list[Permission]) -> Iterable[_Rule]:
    """The permissions as few rules, those that are for the same with the same verbs together."""
    verbs: dict[Permission, list[str]] = {}
    for each in permissions:
        verbs.setdefault(_but(each, is_resource_kept=True), []).append(each.verb)
    kinds: dict[tuple[Permission, tuple[str, ...]], list[str]] = {}
    for each, found in verbs.items():
        kinds.setdefault((_but(each), tuple(found)), []).append(each.resource)
    return [_Rule(found, tuple(resources), like) for (like, found), resources in kinds.items()]


def _but(permission: Permission, *, is_resource_kept: bool = False) -> Permission:
    """The permission without its verb, and without its resource unless that is kept."""
    return Permission(
        verb="",
        resource=permission.resource if is_resource_kept else "",
        group=permission.group,
        namespace=permission.namespace,
        name=permission.name,
        path=permission.path,
        answers=permission.answers,
        is_optional=permission.is_optional,
    )


def _rule(rule: _Rule) -> str:
    like = rule.like
    lines = [f"  # {'optional: ' if like.is_optional else ''}{like.answers}"]
    if like.path:
        lines.append(f"  - nonResourceURLs: {_list([like.path])}")
    else:
        lines.append(f"  - apiGroups: {_list([like.group])}")
        lines.append(f"    resources: {_list(rule.resources)}")
        if like.name:
            lines.append(f"    resourceNames: {_list([like.name])}")
    lines.append(f"    verbs: {_list(rule.verbs)}")
    return "".join(f"{line}\n" for line in lines)


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, words))}]"


def _text(word: str) -> str:
    """The word as a YAML string: plain where YAML takes it for nothing else."""
    is_path = word.startswith("/") and bool(_PLAIN.fullmatch(word[1:]))
    is_plain = bool(_PLAIN.fullmatch(word)) and word not in _NO_TEXT_IN_YAML
    return word if is_plain or is_path else json.dumps(word)
