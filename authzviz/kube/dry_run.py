"""Whether NodeRestriction is on, asked as a kubelet that nobody has: where an operator said so.

A kubelet may only have the lease of its own name, and NodeRestriction is what says so, before
anything is stored. The right to impersonate kubelets is a dangerous one to hold, which is why
nothing but this question is ever asked with it.
Source: kubernetes v1.37.2 plugin/pkg/admission/noderestriction/admission.go (admitLease);
k8s.io/apiserver pkg/endpoints/filters/impersonation (since 1.36 a right to be any node, which is
lost by naming a group).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from authzviz.engine import permissions
from authzviz.engine.identity import (
    AUTHENTICATED_GROUP,
    NODE_USER_PREFIX,
    NODES_GROUP,
    Identity,
)
from authzviz.engine.least_role import FIRST_CONSTRAINED_MINOR
from authzviz.engine.read import Read
from authzviz.engine.request import LEASE_NAMESPACE, Request
from authzviz.kube.connection import Question
from authzviz.kube.errors import ReadFailed, ReadForbidden
from authzviz.kube.lists import attempt, message_of
from authzviz.kube.reviews import is_allowed

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

_SOURCE = "dry run of another node's lease, as a node that nobody has"
OLDEST_MINOR = 14
"""Nodes have leases, and dry runs are on, since then."""


def read_restriction(connection: Connection, nobody: str, minor: int | None) -> Read[bool]:
    """True where NodeRestriction refused, False where nothing did; `nobody` is no node's name."""
    needed = (
        (permissions.BE_ANY_NODE, permissions.CREATE_LEASES_AS_ANY_NODE)
        if minor is not None and minor >= FIRST_CONSTRAINED_MINOR
        else (permissions.BE_THE_PROBE_NODE, permissions.BE_OF_ALL_NODES)
    )
    permission = " and ".join(each.words for each in needed)
    return attempt(_SOURCE, permission, lambda: _is_restricted(connection, nobody, minor))


def _is_restricted(connection: Connection, nobody: str, minor: int | None) -> bool:
    if minor is None or minor < OLDEST_MINOR:
        known = "of an unknown version" if minor is None else f"1.{minor}"
        raise ReadFailed(f"not asked of an apiserver {known}: dry runs are sure from 1.14 on")
    # As a mere user, who is in no group of nodes, only a refusal of NodeRestriction's would tell.
    alone = _asked(connection, nobody, ()) if minor >= FIRST_CONSTRAINED_MINOR else None
    try:
        answer = alone or _asked(connection, nobody, (NODES_GROUP,))
    except ReadForbidden:
        if alone is None or _may_as_mere_user(connection, nobody):
            raise
        answer = alone
    if answer is None:
        raise ReadFailed("the authorizers refused the lease before NodeRestriction was asked")
    return answer


def _may_as_mere_user(connection: Connection, nobody: str) -> bool:
    """True where that user may create the lease without being a node: then nobody knows whether
    NodeRestriction, which minds nodes only, was asked about one.

    Raises ReadForbidden where that may not be asked.
    """
    user = Identity(NODE_USER_PREFIX + nobody, (AUTHENTICATED_GROUP,))
    request = Request("create", "leases", "coordination.k8s.io", namespace=LEASE_NAMESPACE)
    return is_allowed(connection, user, request)


def _asked(connection: Connection, nobody: str, groups: tuple[str, ...]) -> bool | None:
    """The answer as this identity, None where no authorizer let it as far as admission.

    Raises ReadForbidden where it may not be impersonated.
    """
    identity = {"Impersonate-User": NODE_USER_PREFIX + nobody}
    if groups:
        identity["Impersonate-Group"] = groups[0]
    answer = connection.post(Question.LEASE_DRY_RUN, _lease(f"{nobody}-other"), headers=identity)
    if answer.status == 201:
        return False
    said = message_of(answer.body)
    if "is forbidden: can only access node lease with the same name" in said:
        return True
    if "does not support dry run" in said:
        return False  # a webhook says so, and webhooks are asked after NodeRestriction
    if answer.status == 403 and "impersonate" in said:
        raise ReadForbidden(connection.clean(said))
    if answer.status == 403:
        return None
    raise ReadFailed(f"the apiserver answered {answer.status}: {connection.clean(said)}")


def _lease(name: str) -> bytes:
    return msgspec.json.encode(
        {
            "kind": "Lease",
            "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40},
        }
    )
