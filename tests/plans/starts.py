"""Every distribution's fixture from every place where a way may start."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from authzviz import engine
from authzviz.engine.apiserver import ApiServer, Flag, FlagSource
from authzviz.engine.model import Binding, Snapshot
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Plan
from tests.engine.build import EMPTY_BINDING, LEGACY_BINDING, NODE_ROLE, ok
from tests.plans.clusters import read

DOCUMENTED = ("aks", "eks", "gke", "k0s", "kind", "kops", "microk8s", "openshift", "talos")
"""The fixtures whose distributions' commands are from documentation."""
MODES = "--authorization-mode="
PLUGINS = "--enable-admission-plugins="
RESTRICTED = f"{PLUGINS}NodeRestriction"
Change = Callable[[Snapshot], Snapshot]


def with_flags(snapshot: Snapshot, *flags: str, second: tuple[str, ...] | None = None) -> Snapshot:
    """The cluster with these flags alone to tell what its apiservers do; `second` are those of one
    apiserver more.
    """
    servers = [s for s in snapshot.apiservers.value or () if not s.is_alias]
    changed = [_shown(server, flags) for server in servers]
    if second is not None:
        other = replace(servers[0], name="kube-apiserver-second", address="192.0.2.2:6443")
        changed.append(_shown(other, second))
    addresses = tuple(f"192.0.2.{i + 1}:6443" for i in range(len(changed)))
    return replace(snapshot, apiservers=ok(tuple(changed)), endpoints=ok(addresses))


def _shown(server: ApiServer, flags: tuple[str, ...]) -> ApiServer:
    parsed = tuple(Flag(*flag.removeprefix("--").split("=", 1)) for flag in flags)
    none: tuple[FlagSource, ...] = ()
    return replace(
        server, flags=parsed, why="", authorizers=None, other_sources=none, observed=None
    )


def bound(snapshot: Snapshot, *bindings: Binding) -> Snapshot:
    """The cluster with these bindings in place of system:node's own."""
    kept = (
        each for each in snapshot.cluster_role_bindings.value or () if each.name != "system:node"
    )
    roles = snapshot.cluster_roles.value or ()
    if not any(role.name == NODE_ROLE.name for role in roles):
        roles = (*roles, NODE_ROLE)  # which an apiserver without RBAC doesn't make
    return replace(
        snapshot,
        cluster_roles=ok(roles),
        cluster_role_bindings=ok((*kept, *bindings)),
        node_reviews=None,
    )


def _start(*flags: str, binding: Binding = EMPTY_BINDING, second: str = "") -> Change:
    other = (f"{MODES}{second}", RESTRICTED) if second else None
    return lambda snapshot: bound(with_flags(snapshot, *flags, second=other), binding)


def _unreadable(snapshot: Snapshot) -> Snapshot:
    hidden = tuple(
        replace(server, flags=None, why="not shown", other_sources=(), observed=None)
        for server in snapshot.apiservers.value or ()
    )
    return bound(replace(snapshot, apiservers=ok(hidden)), EMPTY_BINDING)


STARTS: dict[str, Change] = {
    "legacy": _start(f"{MODES}RBAC", RESTRICTED, binding=LEGACY_BINDING),
    "outage": _start(f"{MODES}RBAC", RESTRICTED),
    "outage, no restriction": _start(f"{MODES}RBAC"),
    "no restriction": _start(f"{MODES}Node,RBAC"),
    "leftover": _start(f"{MODES}Node,RBAC", RESTRICTED, binding=LEGACY_BINDING),
    "RBAC first": _start(f"{MODES}RBAC,Node", RESTRICTED, binding=LEGACY_BINDING),
    "half done": _start(f"{MODES}Node,RBAC", RESTRICTED, second="RBAC", binding=LEGACY_BINDING),
    "AlwaysAllow": _start(f"{MODES}AlwaysAllow"),
    "AlwaysAllow after RBAC": _start(f"{MODES}RBAC,AlwaysAllow", RESTRICTED),
    "no flag at all": _start(RESTRICTED),
    "webhook first": _start(f"{MODES}Webhook,Node,RBAC", RESTRICTED),
    "webhook last": _start(f"{MODES}Node,RBAC,Webhook", RESTRICTED, binding=LEGACY_BINDING),
    "ABAC": _start(f"{MODES}ABAC,RBAC", binding=LEGACY_BINDING),
    "unreadable": _unreadable,
}


@functools.cache
def started(distribution: str, start: str) -> Snapshot:
    """That distribution's fixture from that start."""
    return STARTS[start](read(distribution))


def plan_from(distribution: str, start: str) -> Plan:
    """Its plan."""
    snapshot = started(distribution, start)
    return plan_of(snapshot, engine.judge(snapshot))
