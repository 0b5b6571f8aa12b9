"""One request as an authorizer sees it, and the identity that makes it."""

from __future__ import annotations

from dataclasses import dataclass

LEASE_NAMESPACE = "kube-node-lease"
"""Where the nodes' Leases are."""


@dataclass(frozen=True, slots=True)
class Request:
    """A resource request, or with `path` a non-resource one.

    `resource` is without its subresource; `name` is empty for create and for lists;
    `field_selector` as kubectl writes it ("spec.nodeName=node1").
    """

    verb: str
    resource: str = ""
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """The resource as RBAC rules write it: "pods/status"."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource
