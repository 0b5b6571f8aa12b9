"""Who asks: users and groups, which of them are kubelets, and names that only look like a system's.

Names are compared as they are, byte by byte, as the apiserver does.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from authzviz.engine.model import Subject

NODES_GROUP = "system:nodes"
AUTHENTICATED_GROUP = "system:authenticated"
UNAUTHENTICATED_GROUP = "system:unauthenticated"
SERVICE_ACCOUNTS_GROUP = "system:serviceaccounts"
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"
ANONYMOUS_USER = "system:anonymous"
MASTERS_GROUP = "system:masters"
NODE_USER_PREFIX = "system:node:"
KUBELET_GROUPS = frozenset((NODES_GROUP, AUTHENTICATED_GROUP))


@dataclass(frozen=True, slots=True)
class Identity:
    """A user with its groups."""

    user: str
    groups: tuple[str, ...] = ()

    @property
    def node_name(self) -> str | None:
        """The node that the Node authorizer takes this identity for, None where it takes it for
        none.

        Source: kubernetes v1.37.2 pkg/auth/nodeidentifier/default.go, NodeIdentity.
        """
        if NODES_GROUP not in self.groups or not self.user.startswith(NODE_USER_PREFIX):
            return None
        return self.user.removeprefix(NODE_USER_PREFIX)


def kubelet_of(node: str) -> Identity:
    """The identity of that node's kubelet."""
    return Identity(NODE_USER_PREFIX + node, (NODES_GROUP, AUTHENTICATED_GROUP))


def impersonated(user: str, groups: tuple[str, ...]) -> Identity:
    """The identity that an apiserver makes of `kubectl --as USER --as-group GROUP...`: it adds the
    groups that every such user has.

    Source: kubernetes v1.37.2 staging k8s.io/apiserver pkg/endpoints/filters/impersonation.
    """
    if not groups and user.startswith(SERVICE_ACCOUNT_PREFIX):
        namespace = user.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")[0]
        groups = (SERVICE_ACCOUNTS_GROUP, f"{SERVICE_ACCOUNTS_GROUP}:{namespace}")
    if user == ANONYMOUS_USER:
        added = {UNAUTHENTICATED_GROUP}
    else:
        added = {AUTHENTICATED_GROUP} if UNAUTHENTICATED_GROUP not in groups else set()
    return Identity(user, (*groups, *added.difference(groups)))


def named_node(subject: Subject) -> str | None:
    """The node whose kubelet this subject is, None for every other subject."""
    if subject.kind != "User" or not subject.name.startswith(NODE_USER_PREFIX):
        return None
    return subject.name.removeprefix(NODE_USER_PREFIX) or None


def looks_foreign(name: str) -> bool:
    """True where a name holds anything but visible ASCII: look-alikes, bidi and zero-width marks,
    spaces.
    """
    return not (name.isascii() and name.isprintable() and " " not in name)


def visible(name: str) -> str:
    """The name with every character that is not visible ASCII spelled out, such as
    "<CYRILLIC SMALL LETTER DZE>ystem:nodes".
    """
    return "".join(_spelled(character) for character in name)


def _spelled(character: str) -> str:
    if "!" <= character <= "~":
        return character
    return f"<{unicodedata.name(character, f'U+{ord(character):04X}')}>"
