"""Clusters of a distribution's fixture with other flags and bindings: the starts of plans."""

from __future__ import annotations

from dataclasses import replace

from authzviz import engine
from authzviz.engine.model import (
    ApiServer,
    Authorizer,
    Binding,
    Flag,
    Read,
    RoleRef,
    Snapshot,
    Subject,
)
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Phase, PhaseId, Plan, Step
from tests.plans.clusters import read

FULL = ("kubeadm", "systemd", "kubespray", "k3s", "rke2")
"""Distributions whose steps are written in full."""
GROUP = Subject("Group", "system:nodes")
ON = ("authorization-mode=Node,RBAC", "enable-admission-plugins=NodeRestriction")
LEGACY = ("authorization-mode=RBAC", "enable-admission-plugins=PodSecurity")
STARTS: dict[str, tuple[tuple[str, ...], bool]] = {
    "legacy-binding": (LEGACY, True),
    "refused": (LEGACY, False),
    "always-allow": (("authorization-mode=AlwaysAllow",), False),
    "unrestricted": (("authorization-mode=Node,RBAC", "enable-admission-plugins=A"), False),
    "over-granted": (ON, True),
}
"""By verdict: the flags of the apiserver, and whether system:node has the group."""


def binding(*subjects: Subject, name: str = "system:node", namespace: str = "") -> Binding:
    """A binding to ClusterRole system:node."""
    return Binding(name, RoleRef("ClusterRole", "system:node"), namespace, subjects)


def server(
    like: ApiServer,
    *flags: str,
    name: str = "",
    authorizers: tuple[Authorizer, ...] | None = None,
    address: str = "",
) -> ApiServer:
    """An apiserver with these flags, "NAME=VALUE" each, and nothing that it answered itself."""
    return replace(
        like,
        name=name or like.name,
        flags=tuple(Flag(*flag.split("=", 1)) for flag in flags),
        evidence="/flagz",
        why="",
        defaults="",
        authorizers=authorizers,
        observed=None,
        other_sources=(),
        address=address or like.address,
    )


def cluster(distribution: str, *servers: ApiServer, bindings: tuple[Binding, ...] = ()) -> Snapshot:
    """The fixture with these apiservers, its own bindings to kubelets replaced by these."""
    snapshot = read(distribution)
    own = {"system:node", *(one.name for one in bindings)}
    # kubespray is known by its binding.
    kept = [
        replace(each, subjects=()) if each.name == "kubespray:system:node" else each
        for each in snapshot.cluster_role_bindings.value or ()
        if each.name not in own
    ]
    addresses = tuple(each.address.rpartition(":")[0] for each in servers)
    return replace(
        snapshot,
        apiservers=replace(snapshot.apiservers, value=servers),
        node_reviews=None,
        endpoints=replace(snapshot.endpoints, value=addresses),
        cluster_role_bindings=replace(
            snapshot.cluster_role_bindings,
            value=(*kept, *(one for one in bindings if not one.namespace)),
        ),
        role_bindings=replace(
            snapshot.role_bindings, value=tuple(one for one in bindings if one.namespace)
        ),
    )


def like(distribution: str) -> ApiServer:
    """The fixture's own apiserver."""
    return (read(distribution).apiservers.value or ())[0]


def start(distribution: str, verdict: str) -> Snapshot:
    """The fixture as it is where a plan starts from that verdict."""
    flags, is_bound = STARTS[verdict]
    subjects = (GROUP,) if is_bound else ()
    return cluster(distribution, server(like(distribution), *flags), bindings=(binding(*subjects),))


def planned(snapshot: Snapshot) -> Plan:
    """Its plan."""
    return plan_of(snapshot, engine.judge(snapshot))


def phase(plan: Plan, wanted: PhaseId) -> Phase | None:
    """The phase of the plan, None where it has none."""
    return next((each for each in plan.phases if each.id is wanted), None)


def steps(plan: Plan, begin: str) -> list[Step]:
    """Its steps whose id begins so."""
    return [step for step in plan.steps if step.id.startswith(begin)]


def declaring(snapshot: Snapshot, *flags: str) -> Snapshot:
    """The same with a kubeadm-config that gives the apiserver these flags."""
    read_ = snapshot.declared
    assert read_ is not None
    assert read_.value
    source = replace(read_.value[0], flags=tuple(Flag(*flag.split("=", 1)) for flag in flags))
    return replace(snapshot, declared=Read(read_.outcome, "x", "x", (source,)))
