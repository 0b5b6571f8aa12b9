"""What a snapshot keeps of an object, as the Kubernetes object that it was read from."""

from __future__ import annotations

import re
from typing import Any

import yaml

from authzviz.engine.model import Authorizer, Binding, Flag, Node, PolicyRule, Ready, Role, Subject

_RBAC = "rbac.authorization.k8s.io"
_WIDTH = 120
Manifest = dict[str, Any]


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # one of two
    """Quotes also the names that only others than this library take for numbers and booleans."""


Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9][0-9_.]*[eE][-+]?[0-9]+$|0o[0-7]+$|[yYnN]$"),
    list("-+0123456789yYnN"),
)


def to_yaml(manifest: Manifest) -> str:
    """The object as YAML; whatever is not ASCII is escaped, so that nothing in it can deceive."""
    return str(yaml.dump(manifest, Dumper=Dumper, sort_keys=False, width=_WIDTH))


def of_role(role: Role) -> Manifest:
    """The Role, or the ClusterRole where it has no namespace."""
    found = _head(f"{_RBAC}/v1", "Role" if role.namespace else "ClusterRole", role)
    if role.is_aggregated:
        found["aggregationRule"] = {}
    return {**found, "rules": [_rule(rule) for rule in role.rules]}


def of_binding(binding: Binding) -> Manifest:
    """The RoleBinding, or the ClusterRoleBinding where it has no namespace."""
    kind = "RoleBinding" if binding.namespace else "ClusterRoleBinding"
    found = _head(f"{_RBAC}/v1", kind, binding)
    if not binding.is_reconciled:
        found["metadata"]["annotations"] = {"rbac.authorization.kubernetes.io/autoupdate": "false"}
    ref = binding.role_ref
    found["roleRef"] = {"apiGroup": _RBAC, "kind": ref.kind, "name": ref.name}
    if binding.subjects:
        found["subjects"] = [_subject(subject) for subject in binding.subjects]
    return found


def of_node(node: Node) -> Manifest:
    """The Node; what was kept of its labels stands among the annotations. Where its condition was
    not read by itself there is none.
    """
    found: Manifest = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}}
    if node.annotations:
        found["metadata"]["annotations"] = dict(node.annotations)
    if node.provider_id:
        found["spec"] = {"providerID": node.provider_id}
    status: Manifest = {}
    if node.ready in _STATUS:
        status["conditions"] = [_condition(node)]
    if node.kubelet_version:
        status["nodeInfo"] = {"kubeletVersion": node.kubelet_version}
    return {**found, **({"status": status} if status else {})}


def of_flags(flags: tuple[Flag, ...]) -> Manifest:
    """The command of a kube-apiserver's container with these flags."""
    words = (f"--{flag.name}={flag.value}" for flag in flags)
    return {"command": ["kube-apiserver", *words]}


def of_authorizers(authorizers: tuple[Authorizer, ...]) -> Manifest:
    """The AuthorizationConfiguration, without what webhooks are asked by."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": [{"type": each.type, "name": each.name} for each in authorizers],
    }


def _head(version: str, kind: str, named: Role | Binding) -> Manifest:
    metadata = {"name": named.name}
    if named.namespace:
        metadata["namespace"] = named.namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _rule(rule: PolicyRule) -> Manifest:
    fields = {
        "apiGroups": rule.api_groups,
        "resources": rule.resources,
        "resourceNames": rule.resource_names,
        "nonResourceURLs": rule.non_resource_urls,
        "verbs": rule.verbs,
    }
    return {name: list(values) for name, values in fields.items() if values}


def _subject(subject: Subject) -> Manifest:
    found = {"kind": subject.kind, "name": subject.name}
    if subject.kind in ("User", "Group"):
        found["apiGroup"] = _RBAC
    if subject.namespace:
        found["namespace"] = subject.namespace
    return found


_STATUS = {Ready.TRUE: "True", Ready.FALSE: "False", Ready.UNKNOWN: "Unknown"}


def _condition(node: Node) -> Manifest:
    found = {"type": "Ready", "status": _STATUS[node.ready]}
    if node.since:
        found["lastTransitionTime"] = f"{node.since:%Y-%m-%dT%H:%M:%SZ}"
    if node.reason:
        found["reason"] = node.reason
    if node.message:
        found["message"] = node.message
    return found
