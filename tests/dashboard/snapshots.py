"""Snapshots and kubeconfigs for tests: small, and whole unless told otherwise."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, TypeVar

from authzviz.engine.model import (
    Binding,
    Lease,
    Node,
    Outcome,
    PolicyRule,
    Read,
    Ready,
    Role,
    Snapshot,
)
from tests.engine.build import EMPTY_BINDING, LEGACY_BINDING, ok, server

T = TypeVar("T")

READ_AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
# In every fixture that holds a secret: must be found nowhere but sealed.
CANARY = "canary-5d1f0c-token"

KUBECONFIG = f"""\
apiVersion: v1
kind: Config
clusters:
- name: alpha
  cluster: {{server: "https://10.0.0.1:6443"}}
- name: beta
  cluster: {{server: "https://10.0.0.2:6443"}}
users:
- name: reader
  user: {{token: {CANARY}}}
- name: plugin
  user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: aws}}}}
contexts:
- name: alpha
  context: {{cluster: alpha, user: reader}}
- name: beta
  context: {{cluster: beta, user: reader}}
- name: gamma
  context: {{cluster: beta, user: plugin}}
"""


def one_context(server: str, token: str = CANARY) -> str:
    """A kubeconfig with one context, called only."""
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: only
  cluster: {{server: "{server}"}}
users:
- name: reader
  user: {{token: {token}}}
contexts:
- name: only
  context: {{cluster: only, user: reader}}
"""


def forbidden() -> Read[T]:
    """A read that was refused."""
    return Read(Outcome.FORBIDDEN, "GET /somewhere", "list things", why="403 Forbidden")


def snapshot(modes: str = "Node,RBAC", **changes: Any) -> Snapshot:
    """A cluster of one Ready node, with the Node authorizer unless `modes` says otherwise."""
    flags = (f"--authorization-mode={modes}", "--enable-admission-plugins=NodeRestriction")
    node_role = Role("system:node", rules=(PolicyRule(("get",), ("",), ("secrets",)),))
    whole = Snapshot(
        name="alpha",
        server="https://10.0.0.1:6443",
        read_at=READ_AT,
        server_time=READ_AT,
        version=ok("v1.37.2"),
        apiservers=ok((server(*flags),)),
        endpoints=ok(("10.0.0.1",)),
        cluster_roles=ok((node_role,)),
        cluster_role_bindings=ok((EMPTY_BINDING,)),
        roles=ok(()),
        role_bindings=ok(()),
        nodes=ok((Node("node1", Ready.TRUE, "v1.37.2"),)),
        leases=ok((Lease("node1", READ_AT),)),
    )
    return dataclasses.replace(whole, **changes)


def legacy_bindings() -> Read[tuple[Binding, ...]]:
    """The binding of system:node to Group system:nodes."""
    return ok((LEGACY_BINDING,))
