"""What RBAC writes into the audit annotation `authorization.k8s.io/reason`, understood.

Source: kubernetes v1.37.2 plugin/pkg/auth/authorizer/rbac/rbac.go (Authorize) and
pkg/registry/rbac/validation/rule.go (the describers, describeSubject). It is the same text in every
version from 1.8 on: what Node says before it has no place in an allowance.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

PREFIX = "RBAC: allowed by "

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_ALLOWED = re.compile(
    rf"{PREFIX}(ClusterRoleBinding|RoleBinding) {_QUOTED} of (?:ClusterRole|Role) {_QUOTED}"
    rf" to (User|Group|ServiceAccount) {_QUOTED}"
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """By which binding, through which subject of it RBAC allowed a request, as Grant has them."""

    binding: str
    subject: str


def allowed_by(reason: str) -> Allowed | None:
    """Who the reason says allowed it; None where it doesn't say that RBAC did."""
    found = _ALLOWED.match(reason)
    if found is None:
        return None
    kind, binding, _, subject_kind, subject = found.groups()
    binding, subject = _unquoted(binding), _unquoted(subject)
    if kind == "RoleBinding":
        # The describer puts the name first.
        name, _, namespace = binding.partition("/")
        binding = f"{namespace}/{name}"
    if subject_kind == "ServiceAccount":
        name, _, namespace = subject.partition("/")
        subject = f"{namespace}/{name}" if namespace else name
    return Allowed(f"{kind} {binding}", f"{subject_kind} {subject}")


def _unquoted(text: str) -> str:
    """A string that Go's %q wrote; Python reads its escapes the same way."""
    if "\\" not in text:
        return text
    try:
        return str(ast.literal_eval(f'"{text}"'))
    except (SyntaxError, ValueError):
        return text
