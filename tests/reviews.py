"""The reviews of a recorded apiserver: as it answered them, else as the engine says it would."""

from __future__ import annotations

import functools
import gzip
import json
import re
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from authzviz.engine import node
from authzviz.engine.assessment import Decision
from authzviz.engine.authorize import Authorization, Chain, authorization_of
from authzviz.engine.identity import Identity
from authzviz.engine.model import ApiServer, Outcome, Read, Snapshot
from authzviz.engine.request import Request
from authzviz.kube.apiservers import read_mirror_pods
from authzviz.kube.connection import Answer, Connection
from authzviz.kube.flagz import read_flagz
from authzviz.kube.lists import Kind, read_list
from authzviz.kube.objects import BindingJson, RoleJson, to_binding, to_role
from authzviz.kube.room import Room
from tests.replay import RECORDINGS, Post, Reply, recorded_reply, responses, status_reply

_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
# Identities and names of the recordings' truth: a node that nobody has, and an object.
_GHOST, _UNUSED = "ghost", "unused"
_BOUND = re.compile(r"(\S+) (\S+) binds (\S+) (\S+) to (\S+) (\S+)")


def review_of(recording: str, post: Post) -> Reply:
    """What the recorded apiserver answers to a review, 404 for any other POST."""
    if post.path == _RULES:
        rule = {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["*"]}
        return created(post, {"resourceRules": [rule], "nonResourceRules": [], "incomplete": False})
    if post.path != _REVIEWS:
        return status_reply(404, post.path)
    allowed, reason = _decided(recording, post.body["spec"])
    return created(post, {"allowed": allowed, **({"reason": reason} if reason else {})})


def created(post: Post, status: dict[str, Any]) -> Reply:
    """A review with its answer."""
    body = json.dumps({**post.body, "status": status}).encode()
    return 201, {"Content-Type": "application/json"}, body


def _decided(recording: str, spec: dict[str, Any]) -> tuple[bool, str]:
    identity = Identity(spec["user"], tuple(spec["groups"]))
    asked = spec["resourceAttributes"]
    request = Request(
        asked["verb"],
        asked["resource"],
        asked.get("group", ""),
        asked.get("subresource", ""),
        asked.get("namespace", ""),
        asked.get("name", ""),
    )
    recorded = _truth(recording).get(_key(*_as_recorded(identity, request)))
    if recorded is not None:
        allowed, reason = recorded
        return allowed, reason.replace(f"'{_GHOST}'", f"'{identity.node_name}'")
    return _by_engine(recording, identity, request)


def _as_recorded(identity: Identity, request: Request) -> tuple[str, Request]:
    """The recording's name for the identity, and the request with its name for the object."""
    name = identity.node_name
    if name is None:
        return ("badname" if "system:nodes" in identity.groups else ""), request
    who = name if name == "node1" else _GHOST
    own = {name: who}.get(request.name, request.name)
    return who, Request(
        request.verb,
        request.resource,
        request.group,
        request.subresource,
        request.namespace,
        own if request.resource in ("leases", "nodes") else _UNUSED,
    )


def _key(who: str, request: Request) -> tuple[str, ...]:
    return (
        who,
        request.verb,
        request.group,
        request.resource,
        request.subresource,
        request.namespace,
        request.name,
    )


@functools.cache
def _truth(recording: str) -> dict[tuple[str, ...], tuple[bool, str]]:
    with gzip.open(RECORDINGS / f"{recording}.json.gz") as file:
        found = json.load(file).get("truth", [])
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    return {
        (who, *(request[field] for field in fields)): (allowed, reason)
        for who, request, allowed, reason in found
        if "resource" in request
    }


def _by_engine(recording: str, identity: Identity, request: Request) -> tuple[bool, str]:
    authorization = _authorization(recording)
    said = authorization.decide(identity, request)
    if said.decision is Decision.ALLOW:
        bound = _BOUND.fullmatch(said.because) if said.by == "RBAC" else None
        words = 'RBAC: allowed by {} "{}" of {} "{}" to {} "{}"'
        return True, words.format(*bound.groups()) if bound else ""
    (chain,) = authorization.chains
    return False, _silence_of_node(chain, identity, request)


def _silence_of_node(chain: Chain, identity: Identity, request: Request) -> str:
    """What the Node authorizer says where it has no opinion."""
    name = identity.node_name
    if name is None or "Node" not in (chain.modes or ()):
        return ""
    answer = node.decide(name, request, chain.minor)
    if answer.decision is Decision.CONDITIONAL:
        reason = f"no relationship found between node '{name}' and this object"
    else:
        reason = answer.because
    return f"node: {reason}" if reason and chain.minor >= 37 else reason


@functools.cache
def _authorization(recording: str) -> Authorization:
    return authorization_of(_snapshot(recording))


def _snapshot(recording: str) -> Snapshot:
    """What decides: flags, roles and bindings."""
    connection = cast("Connection", _Recorded(recording))
    pods = read_mirror_pods(connection).read
    flagz = read_flagz(connection)
    servers = pods.value or (ApiServer("it", flagz.value, "/flagz"),)
    unread: Read[Any] = Read(Outcome.FAILED, "", "", why="not needed here")

    def roles(resource: str, kind: str) -> Any:
        return read_list(connection, f"{_RBAC}/{resource}", "", Kind(kind, RoleJson, to_role))

    def bindings(resource: str, kind: str) -> Any:
        return read_list(connection, f"{_RBAC}/{resource}", "", Kind(kind, BindingJson, to_binding))

    return Snapshot(
        name=recording,
        server="",
        read_at=datetime.now(UTC),
        server_time=None,
        version=Read(Outcome.OK, "", "", recording.partition("-")[0]),
        apiservers=Read(Outcome.OK, "", "", servers),
        endpoints=unread,
        cluster_roles=roles("clusterroles", "ClusterRoleList"),
        cluster_role_bindings=bindings("clusterrolebindings", "ClusterRoleBindingList"),
        roles=roles("roles", "RoleList"),
        role_bindings=bindings("rolebindings", "RoleBindingList"),
        nodes=unread,
        leases=unread,
    )


class _Recorded:
    """A connection that needs none."""

    def __init__(self, recording: str) -> None:
        self._responses = responses(recording)
        self.room = Room()

    def get(self, path: str, *, accept: str = "application/json", **_: Any) -> Answer:
        url = urlsplit(path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        bare = url.path
        status, headers, body = recorded_reply(self._responses, bare, asked, accept)
        return Answer(status, headers["Content-Type"], bytearray(body))

    def clean(self, text: str) -> str:
        return text
