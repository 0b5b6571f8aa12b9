"""How steps stand by what was read: each kind of observation, and what is never concluded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authzviz import engine
from authzviz.engine.model import Flag, FlagSource, Ready, Snapshot, Subject
from authzviz.evidence.audit import AuditEvidence, LogReach, Proof
from authzviz.plans.following import Seen, followed, stand_of
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Observation, Sees, State
from tests.engine.build import (
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    lease,
    node,
    ok,
    rb,
    server,
    unread,
)
from tests.plans.clusters import NAMES, judged, read

NO_PLUGIN = server("--authorization-mode=Node,RBAC")
ALLOWING = server(
    "--authorization-mode=Node,RBAC,AlwaysAllow", "--enable-admission-plugins=NodeRestriction"
)
RBAC_FIRST = server("--authorization-mode=RBAC,Node", "--enable-admission-plugins=NodeRestriction")
UNREADABLE = replace(NODE_RBAC, name="cp2", flags=None, why="its pod is gone")
SECOND = replace(NODE_RBAC, name="cp2")
LEASES = (lease("node1"), lease("node2"))
FLAGS, EVERY = Observation(Sees.FLAGS, "cp1"), Observation(Sees.FLAGS)
GONE = Observation(Sees.SUBJECT_GONE, "system:node", NODES)
BOUND = Observation(Sees.SUBJECT_BOUND, "system:node", NODES)
IN_SPACE = Observation(Sees.SUBJECT_GONE, "kube-system/agent", NODES)
HEALTH, TARGET, LOG = Observation(Sees.NODES), Observation(Sees.VERDICT), Observation(Sees.AUDIT)
DECLARED = Observation(Sees.DECLARED)
WHOLE = cluster(NODE_RBAC, leases=LEASES)


def log(proof: Proof, *bindings: str) -> AuditEvidence:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    reach = LogReach(at, at, 9, 9, 2, 2)
    return AuditEvidence(proof, f"the log says {proof}", bindings, (), reach)


def declares(*flags: tuple[str, str]) -> Snapshot:
    source = FlagSource("ConfigMap kubeadm-config", tuple(Flag(*f) for f in flags), "kubeadm")
    return replace(WHOLE, declared=ok((source,)))


def read_of(name: str) -> Observation:
    return Observation(Sees.READ, name)


def stand(
    observation: Observation, snapshot: Snapshot, audit: AuditEvidence | None = None
) -> tuple[State, str]:
    return stand_of(observation, Seen(snapshot, engine.judge(snapshot), audit))


CASES = {
    "flags set": (FLAGS, WHOLE, State.DONE),
    "flags set in the other order": (FLAGS, cluster(RBAC_FIRST), State.DONE),
    "flags without Node": (FLAGS, cluster(RBAC), State.TODO),
    "flags without NodeRestriction": (FLAGS, cluster(NO_PLUGIN), State.TODO),
    "flags with AlwaysAllow left": (FLAGS, cluster(ALLOWING), State.TODO),
    "flags of an apiserver that vanished": (
        Observation(Sees.FLAGS, "cp9"),
        WHOLE,
        State.UNKNOWN,
    ),
    "flags of none": (EVERY, cluster(), State.UNKNOWN),
    "flags unread": (EVERY, replace(WHOLE, apiservers=unread(WHOLE.apiservers)), State.UNKNOWN),
    "flags of one unread": (EVERY, cluster(NODE_RBAC, UNREADABLE), State.UNKNOWN),
    "flags of the other unread": (FLAGS, cluster(NODE_RBAC, UNREADABLE), State.DONE),
    "one lacks them, one is unread": (EVERY, cluster(RBAC, UNREADABLE), State.TODO),
    "all of two": (EVERY, cluster(NODE_RBAC, SECOND), State.DONE),
    "all that were seen, but there are more": (
        EVERY,
        cluster(NODE_RBAC, endpoints=("203.0.113.1", "203.0.113.2")),
        State.UNKNOWN,
    ),
    "declared as it is to be": (
        DECLARED,
        declares(("authorization-mode", "Node,RBAC")),
        State.DONE,
    ),
    "nothing declared but defaults": (DECLARED, declares(), State.DONE),
    "declared without Node": (DECLARED, declares(("authorization-mode", "RBAC")), State.TODO),
    "declared plugins replace the default": (
        DECLARED,
        declares(("enable-admission-plugins", "PodSecurity")),
        State.TODO,
    ),
    "declared in a file": (
        DECLARED,
        declares(("authorization-config", "/etc/authorization.yaml")),
        State.UNKNOWN,
    ),
    "declared so that nothing starts": (
        DECLARED,
        declares(("authorization-mode", '"Node')),
        State.UNKNOWN,
    ),
    "declared nowhere": (DECLARED, replace(WHOLE, declared=ok(())), State.UNKNOWN),
    "declared, not asked for": (DECLARED, WHOLE, State.UNKNOWN),
    "subject gone": (GONE, WHOLE, State.DONE),
    "subject bound still": (GONE, cluster(NODE_RBAC, bindings=(LEGACY_BINDING,)), State.TODO),
    "binding gone": (GONE, cluster(NODE_RBAC, bindings=()), State.DONE),
    "another subject left": (
        GONE,
        cluster(NODE_RBAC, bindings=(crb("system:node", "view", Subject("User", "ann")),)),
        State.DONE,
    ),
    "bindings unread": (
        GONE,
        replace(WHOLE, cluster_role_bindings=unread(WHOLE.cluster_role_bindings)),
        State.UNKNOWN,
    ),
    "the list has gaps, the binding is there": (
        GONE,
        replace(WHOLE, cluster_role_bindings=ok((EMPTY_BINDING,), "item 2")),
        State.DONE,
    ),
    "the list has gaps, the binding is not there": (
        GONE,
        replace(WHOLE, cluster_role_bindings=ok((), "item 2")),
        State.UNKNOWN,
    ),
    "in a namespace, still": (
        IN_SPACE,
        cluster(NODE_RBAC, role_bindings=(rb("agent", "kube-system", "x", NODES),)),
        State.TODO,
    ),
    "in another namespace": (
        IN_SPACE,
        cluster(NODE_RBAC, role_bindings=(rb("agent", "default", "x", NODES),)),
        State.DONE,
    ),
    "in a namespace, unread": (
        IN_SPACE,
        replace(WHOLE, role_bindings=unread(WHOLE.role_bindings)),
        State.UNKNOWN,
    ),
    "bound": (BOUND, cluster(RBAC, bindings=(LEGACY_BINDING,)), State.DONE),
    "not bound yet": (BOUND, cluster(RBAC), State.TODO),
    "bound to what is not there": (BOUND, cluster(RBAC, bindings=()), State.TODO),
    "bound, unread": (
        BOUND,
        replace(WHOLE, cluster_role_bindings=unread(WHOLE.cluster_role_bindings)),
        State.UNKNOWN,
    ),
    "read": (read_of("leases"), WHOLE, State.DONE),
    "refused": (read_of("nodes"), replace(WHOLE, nodes=unread(WHOLE.nodes)), State.TODO),
    "read in part": (read_of("nodes"), replace(WHOLE, nodes=ok((), "row 3")), State.TODO),
    "not asked for": (read_of("pods"), WHOLE, State.TODO),
    "flags known": (read_of("flags"), WHOLE, State.DONE),
    "flags known of one of two": (read_of("flags"), cluster(NODE_RBAC, UNREADABLE), State.TODO),
    "flags of an unseen one": (
        read_of("flags"),
        cluster(NODE_RBAC, endpoints=("203.0.113.1", "203.0.113.2")),
        State.TODO,
    ),
    "no flags": (read_of("flags"), cluster(), State.TODO),
    "nodes well": (HEALTH, WHOLE, State.DONE),
    "no nodes": (HEALTH, cluster(NODE_RBAC, nodes=()), State.UNKNOWN),
    "a node without a Lease": (
        HEALTH,
        cluster(NODE_RBAC, leases=(lease("node1"),)),
        State.TODO,
    ),
    "a Lease is overdue": (
        HEALTH,
        cluster(NODE_RBAC, leases=(lease("node1"), lease("node2", 300))),
        State.TODO,
    ),
    "a node is not Ready": (
        HEALTH,
        cluster(NODE_RBAC, nodes=(node("node1"), node("node2", Ready.FALSE)), leases=LEASES),
        State.TODO,
    ),
    "nodes unread": (HEALTH, replace(WHOLE, nodes=unread(WHOLE.nodes)), State.UNKNOWN),
    "leases unread": (HEALTH, replace(WHOLE, leases=unread(WHOLE.leases)), State.UNKNOWN),
    "target reached": (TARGET, WHOLE, State.DONE),
    "target not reached": (TARGET, cluster(RBAC), State.TODO),
    "target not known": (
        TARGET,
        replace(WHOLE, role_bindings=unread(WHOLE.role_bindings)),
        State.UNKNOWN,
    ),
    "by hand": (Observation(Sees.NOTHING), WHOLE, State.MANUAL),
    "no log": (LOG, WHOLE, State.UNKNOWN),
}


@pytest.mark.parametrize(("observation", "snapshot", "state"), CASES.values(), ids=CASES)
def test_what_a_read_shows(observation: Observation, snapshot: Snapshot, state: State) -> None:
    found, because = stand(observation, snapshot)

    assert (found, bool(because)) == (state, True), because


LEGACY = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))
NAME = "ClusterRoleBinding system:node"
LOGS = {
    "nothing breaks": (LEGACY, log(Proof.NOTHING_BREAKS, NAME), State.DONE),
    "nothing breaks of another binding": (
        LEGACY,
        log(Proof.NOTHING_BREAKS, "ClusterRoleBinding other"),
        State.UNKNOWN,
    ),
    "breaks": (LEGACY, log(Proof.BREAKS, NAME), State.TODO),
    "too little": (LEGACY, log(Proof.TOO_LITTLE, NAME), State.UNKNOWN),
    "proves nothing": (LEGACY, log(Proof.PROVES_NOTHING, NAME), State.UNKNOWN),
    "RBAC is asked first by now": (
        cluster(RBAC_FIRST, bindings=(LEGACY_BINDING,)),
        log(Proof.NOTHING_BREAKS, NAME),
        State.UNKNOWN,
    ),
    "Node is off by now": (
        cluster(RBAC, bindings=(LEGACY_BINDING,)),
        log(Proof.BREAKS, NAME),
        State.UNKNOWN,
    ),
    "the grants are gone": (WHOLE, log(Proof.NOTHING_BREAKS, NAME), State.DONE),
}


@pytest.mark.parametrize(("snapshot", "audit", "state"), LOGS.values(), ids=LOGS)
def test_what_an_audit_log_shows(snapshot: Snapshot, audit: AuditEvidence, state: State) -> None:
    found, because = stand(LOG, snapshot, audit)

    assert (found, bool(because)) == (state, True), because


def test_why_a_log_does_not_count_is_said() -> None:
    seen = Seen(LEGACY, engine.judge(LEGACY), why_no_audit="it is for other grants")

    assert stand_of(LOG, seen) == (State.UNKNOWN, "it is for other grants")


EARLY = {
    "kubelets are refused": (cluster(RBAC), "kubelets are refused now: roll this step back"),
    "others still serve them": (
        cluster(RBAC, bindings=(crb("mine", "system:node", NODES),)),
        "other bindings still grant them",
    ),
    "on one of two": (cluster(NODE_RBAC, replace(RBAC, name="cp2")), "while cp2 runs without"),
}


@pytest.mark.parametrize(("snapshot", "said"), EARLY.values(), ids=EARLY)
def test_a_grant_that_went_too_early_is_done_and_says_so(snapshot: Snapshot, said: str) -> None:
    state, because = stand(GONE, snapshot)

    assert state is State.DONE
    assert because.startswith("too early")
    assert said in because


READS = ("apiservers", "cluster_role_bindings", "role_bindings", "cluster_roles", "roles")
ALL_READS = (*READS, "nodes", "leases", "endpoints")


def without(snapshot: Snapshot, names: frozenset[str]) -> Snapshot:
    failed = {name: unread(snapshot.reads[name]) for name in names}
    if "declared" in names and snapshot.declared is not None:
        failed["declared"] = unread(snapshot.declared)
    return replace(snapshot, **failed)  # type: ignore[arg-type]


@given(
    name=st.sampled_from(NAMES),
    failed=st.frozensets(st.sampled_from(ALL_READS), min_size=1),
)
def test_no_step_becomes_done_because_something_was_not_read(
    name: str, failed: frozenset[str]
) -> None:
    snapshot = read(name)
    plan = plan_of(snapshot, judged(name))
    before = {step.id for step in plan.steps if step.state is State.DONE}
    partial = without(snapshot, failed)

    after = followed(plan, Seen(partial, engine.judge(partial)))

    assert {step.id for step in after.steps if step.state is State.DONE} <= before
