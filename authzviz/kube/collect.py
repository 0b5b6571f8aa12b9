"""One poll of one cluster: everything that is needed to judge it, read once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from authzviz.engine.model import Binding, Lease, Node, Outcome, Read, Role, Snapshot
from authzviz.engine.permissions import GET_VERSION, LIST_RBAC
from authzviz.kube import room
from authzviz.kube.apiservers import read_mirror_pods
from authzviz.kube.connection import Connection
from authzviz.kube.control_plane import Guide, Listed, ask_others, places_of, read_of, told_by
from authzviz.kube.credentials import Credentials, expires_at
from authzviz.kube.endpoints import read_endpoints
from authzviz.kube.errors import (
    ClusterUnreachable,
    NotAnApiserver,
    ReadFailed,
    ReadForbidden,
    Unauthorized,
)
from authzviz.kube.kubeadm_config import read_declared
from authzviz.kube.lists import Kind, expect, read_list
from authzviz.kube.node_args import with_node_args
from authzviz.kube.nodes import read_leases, read_nodes
from authzviz.kube.objects import UNDECODABLE, BindingJson, RoleJson, to_binding, to_role
from authzviz.kube.observe import Manner, made_up_name, observe, observe_more
from authzviz.kube.openshift import read_openshift
from authzviz.kube.pods import read_attachments, read_claims, read_pods, read_volumes
from authzviz.kube.remembered import NOTHING, Remembered
from authzviz.kube.reviews import read_node_reviews
from authzviz.kube.room import held_by_binding, held_by_role
from authzviz.kube.sampled import nodes_to_ask
from authzviz.kube.signing_requests import read_signing_requests
from authzviz.net import AddressPolicy

MAX_BYTES = 512 << 20
# Pods are read at a command line, in a process of its own.
_TIMES_MORE_WITH_PODS = 16
T = TypeVar("T")
J = TypeVar("J")
# Tokens and certificates have validity limits that less than this seldom decides.
_SKEW_MINUTES = 5


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    git_version: str


def collect(
    credentials: Credentials,
    *,
    name: str,
    policy: AddressPolicy,
    deadline_seconds: float = 30.0,
    max_bytes: int = MAX_BYTES,
    with_pods: bool = False,
    apiserver_urls: tuple[str, ...] = (),
    may_impersonate: bool = False,
    remembered: Remembered = NOTHING,
) -> Snapshot:
    """What the cluster says now; each read ends as ok, forbidden or failed, never as empty.

    Raises ClusterUnreachable where not even /version is answered. Takes at most
    `deadline_seconds`, and takes at most `max_bytes` from the other side. What decides most is
    read first, so that a slow cluster still tells it. `with_pods` reads what pods use, too: the
    names of secrets, config maps, claims and volumes. `apiserver_urls` are asked each by itself,
    with the same credentials; `may_impersonate` allows the dry run that tells NodeRestriction.
    `remembered` is what the last poll saw: what it read just now is not read again.
    """
    errand = _Errand(
        name, credentials, policy, with_pods, apiserver_urls, may_impersonate, remembered
    )
    if credentials.exec_plugin:
        from authzviz.kube.exec_plugin import signed_in

        errand = replace(errand, credentials=signed_in(credentials, seconds=deadline_seconds))
    with Connection(
        errand.credentials,
        policy,
        deadline_seconds=deadline_seconds,
        max_bytes=max_bytes,
        max_kept_bytes=(_TIMES_MORE_WITH_PODS if with_pods else 1) * room.MAX_BYTES,
    ) as connection:
        return _snapshot(connection, errand)


@dataclass(frozen=True, slots=True)
class _Errand:
    """What `collect` was asked for, and when."""

    name: str
    credentials: Credentials
    policy: AddressPolicy
    with_pods: bool
    apiserver_urls: tuple[str, ...]
    may_impersonate: bool
    remembered: Remembered
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class _Objects:
    """What every cluster has: RBAC's four lists, leases and nodes."""

    cluster_roles: Read[tuple[Role, ...]]
    cluster_role_bindings: Read[tuple[Binding, ...]]
    roles: Read[tuple[Role, ...]]
    role_bindings: Read[tuple[Binding, ...]]
    leases: Read[tuple[Lease, ...]]
    nodes: Read[tuple[Node, ...]]

    def nodes_to_ask(self, now: datetime) -> tuple[str, ...]:
        """As sampled.nodes_to_ask, of what was read."""
        reads = (self.cluster_role_bindings, self.role_bindings)
        bindings = (binding for read in reads for binding in read.value or ())
        return nodes_to_ask(bindings, self.nodes.value or (), self.leases.value or (), now)


def _snapshot(connection: Connection, errand: _Errand) -> Snapshot:
    """Everything, what decides most first."""
    version = _read_version(connection, errand.credentials)
    manner = Manner(made_up_name(), version.value or "", errand.may_impersonate, errand.remembered)
    pods = read_mirror_pods(connection)
    endpoints, addresses = read_endpoints(connection)
    observed = observe(connection, manner)
    objects = _objects(connection)
    openshift = read_openshift(connection, pods, objects.cluster_role_bindings, objects.nodes)
    listed = Listed(openshift.pods, addresses, errand.apiserver_urls, manner.version)
    places = places_of(listed, connection)
    chosen = objects.nodes_to_ask(connection.server_time or errand.started_at)
    node_reviews = read_node_reviews(connection, chosen, manner.nobody, observed.reviews)
    signing_requests = errand.remembered.signing_requests_of(errand.started_at)
    signing_requests = signing_requests or read_signing_requests(connection, manner.version)
    of_pods = _about_pods(connection) if errand.with_pods else {}
    declared = read_declared(connection)
    ask_others(places, Guide(errand.credentials, errand.policy, connection, manner))
    main = next(place for place in places if place.is_main)
    observed = observe_more(connection, main.server.name, observed, manner)
    main.server = told_by(main.server, observed)
    apiservers = with_node_args(read_of(places, openshift.pods), objects.nodes)
    return Snapshot(
        name=errand.name,
        server=str(connection.server),
        read_at=errand.started_at,
        server_time=connection.server_time,
        version=version,
        apiservers=openshift.fill(apiservers),
        endpoints=endpoints,
        cluster_roles=objects.cluster_roles,
        cluster_role_bindings=objects.cluster_role_bindings,
        roles=objects.roles,
        role_bindings=objects.role_bindings,
        nodes=objects.nodes,
        leases=objects.leases,
        node_reviews=node_reviews,
        signing_requests=signing_requests,
        declared=declared,
        **of_pods,
    )


def _objects(connection: Connection) -> _Objects:
    return _Objects(
        cluster_roles=_rbac(connection, "clusterroles", _CLUSTER_ROLES),
        cluster_role_bindings=_rbac(connection, "clusterrolebindings", _CLUSTER_ROLE_BINDINGS),
        roles=_rbac(connection, "roles", _ROLES),
        role_bindings=_rbac(connection, "rolebindings", _ROLE_BINDINGS),
        leases=read_leases(connection),
        nodes=read_nodes(connection),
    )


def _about_pods(connection: Connection) -> dict[str, Any]:
    """What pods use, by the names of Snapshot's fields."""
    return {
        "pods": read_pods(connection),
        "claims": read_claims(connection),
        "volumes": read_volumes(connection),
        "volume_attachments": read_attachments(connection),
    }


def _read_version(connection: Connection, credentials: Credentials) -> Read[str]:
    source, permission = "GET /version", GET_VERSION.words
    try:
        answer = connection.get("/version", max_bytes=1 << 20)
    except ReadFailed as failed:
        raise NotAnApiserver(f"{connection.server.host}: {failed.message}") from None
    if answer.status == 401:
        raise Unauthorized(_why_unauthorized(connection, credentials))
    try:
        body = expect(connection, answer)
        version = msgspec.json.decode(body, type=_Version).git_version
    except ReadForbidden as refused:
        return Read(Outcome.FORBIDDEN, source, permission, why=refused.message)
    except ReadFailed as failed:
        kind = ClusterUnreachable if answer.status >= 429 else NotAnApiserver
        raise kind(f"{connection.server.host}: {failed.message}") from None
    except UNDECODABLE:
        version = ""
    if not re.match(r"v[0-9]+\.[0-9]+", version):
        raise NotAnApiserver(
            f"{connection.server.host} gave an unexpected answer to /version: is it a"
            " kube-apiserver, or the login page of something before it?"
        )
    return Read(Outcome.OK, source, permission, connection.clean(version))


def _why_unauthorized(connection: Connection, credentials: Credentials) -> str:
    # By the apiserver's own clock, which is the one that decides.
    now = connection.server_time or datetime.now(UTC)
    end = expires_at(credentials)
    said = f"{connection.server.host} does not accept the credentials (401 Unauthorized)"
    if end and end < now:
        said = f"the credentials expired on {end:%Y-%m-%d %H:%M} UTC (401 Unauthorized)"
    minutes = round((now - datetime.now(UTC)).total_seconds() / 60)
    if abs(minutes) < _SKEW_MINUTES:
        return said
    direction = "ahead of" if minutes > 0 else "behind"
    return f"{said}; its clock is {abs(minutes)} minutes {direction} ours"


_ROLES = Kind(
    "RoleList",
    RoleJson,
    to_role,
    is_lasting=True,
    per_object=160,
    per_value=80,
    held=held_by_role,
)
_CLUSTER_ROLES = msgspec.structs.replace(_ROLES, list_kind="ClusterRoleList")
_ROLE_BINDINGS = Kind(
    "RoleBindingList",
    BindingJson,
    to_binding,
    is_lasting=True,
    per_object=250,
    per_value=60,
    held=held_by_binding,
)
_CLUSTER_ROLE_BINDINGS = msgspec.structs.replace(_ROLE_BINDINGS, list_kind="ClusterRoleBindingList")


def _rbac(connection: Connection, resource: str, kind: Kind[J, T]) -> Read[tuple[T, ...]]:
    path = f"/apis/rbac.authorization.k8s.io/v1/{resource}"
    return read_list(connection, path, LIST_RBAC[resource].words, kind)
