"""What changed under a plan is said where none of its steps explains it, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz import engine
from authzviz.engine.model import Flag, Node, Ready, Snapshot
from authzviz.plans import changed_ground as module
from authzviz.plans.changed_ground import changed_ground
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Plan
from tests.engine.build import (
    AUTHENTICATED,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    lease,
    unread,
)
from tests.plans.clusters import NAMES, judged, plan, read

LEASES = (lease("node1"), lease("node2"))
LEGACY = cluster(RBAC, bindings=(LEGACY_BINDING,), leases=LEASES)
OTHER = crb("system:node", "cluster-admin", NODES)


def made(snapshot: Snapshot) -> Plan:
    return plan_of(snapshot, engine.judge(snapshot))


def said(before: Snapshot, now: Snapshot) -> str:
    return "\n".join(changed_ground(made(before), now, engine.judge(now)))


def reflagged(snapshot: Snapshot, *flags: tuple[str, str]) -> Snapshot:
    servers = snapshot.apiservers
    changed = replace(servers.value[0], flags=tuple(Flag(*flag) for flag in flags))  # type: ignore[index]
    return replace(snapshot, apiservers=replace(servers, value=(changed,)))


NOTHING_NEW = {
    "the same": LEGACY,
    "Node is on": cluster(NODE_RBAC, bindings=(LEGACY_BINDING,), leases=LEASES),
    "the target": cluster(NODE_RBAC, bindings=(EMPTY_BINDING,), leases=LEASES),
    "later": replace(LEGACY, leases=replace(LEGACY.leases, value=(lease("node1", 1),))),
    "a newer patch": replace(LEGACY, version=replace(LEGACY.version, value="v1.28.16")),
}


@pytest.mark.parametrize("now", NOTHING_NEW.values(), ids=NOTHING_NEW)
def test_what_the_steps_explain_is_not_said(now: Snapshot) -> None:
    assert said(LEGACY, now) == ""


NEW = {
    "a new apiserver": (
        cluster(RBAC, replace(RBAC, name="cp2"), bindings=(LEGACY_BINDING,), leases=LEASES),
        "Apiserver cp2 is new",
    ),
    "an apiserver less": (
        cluster(replace(RBAC, name="cp2"), bindings=(LEGACY_BINDING,), leases=LEASES),
        "Apiserver cp1 is seen no more",
    ),
    "a new minor version": (
        replace(LEGACY, version=replace(LEGACY.version, value="v1.29.1")),
        "Kubernetes is v1.29.1 now, and was v1.28.15",
    ),
    "a new grant": (
        cluster(RBAC, bindings=(LEGACY_BINDING, crb("mine", "system:node", NODES)), leases=LEASES),
        "mine grants Group system:nodes more than the Node authorizer would",
    ),
    "a new subject": (
        cluster(
            RBAC, bindings=(crb("system:node", "system:node", NODES, AUTHENTICATED),), leases=LEASES
        ),
        "system:node grants Group system:authenticated more",
    ),
    "removed too early": (
        cluster(RBAC, bindings=(EMPTY_BINDING,), leases=LEASES),
        "Kubelets are refused now",
    ),
    "flags that are neither": (
        reflagged(LEGACY, ("authorization-mode", "Webhook,RBAC")),
        "The flags of cp1 are neither what they were nor what the step makes them",
    ),
}


@pytest.mark.parametrize(("now", "words"), NEW.values(), ids=NEW)
def test_what_the_plan_does_not_know_is_said(now: Snapshot, words: str) -> None:
    assert words in said(LEGACY, now)


def test_another_distribution_is_said() -> None:
    k3s = Node("node1", Ready.TRUE, "v1.28.15+k3s1")
    now = replace(LEGACY, nodes=replace(LEGACY.nodes, value=(k3s,)))
    now = replace(now, version=replace(now.version, value="v1.28.15+k3s1"))

    assert engine.judge(now).distribution == "k3s"
    assert "The cluster is k3s" in said(LEGACY, now)


def test_much_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    grants = tuple(crb(f"grant{n}", "system:node", NODES) for n in range(40))
    now = cluster(RBAC, bindings=(LEGACY_BINDING, *grants), leases=LEASES)

    found = changed_ground(made(LEGACY), now, engine.judge(now))

    assert len(found) == module.MOST
    assert found[-1].startswith("and ")


@pytest.mark.parametrize("name", NAMES)
def test_no_ground_changes_under_a_plan_of_just_now(name: str) -> None:
    assert changed_ground(plan(name), read(name), judged(name)) == ()


@pytest.mark.parametrize("name", NAMES)
def test_what_can_not_be_read_any_more_never_fails(name: str) -> None:
    snapshot = read(name)
    for missing in snapshot.reads:
        partial = replace(snapshot, **{missing: unread(snapshot.reads[missing])})  # type: ignore[arg-type]
        found = changed_ground(plan(name), partial, engine.judge(partial))
        assert all(found)
