"""A plan from each start, for each distribution whose steps are written in full."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from authzviz import engine
from authzviz.engine.model import Subject
from authzviz.plans.plan import PhaseId, Sees, State
from authzviz.plans.servers import Server
from tests.plans.clusters import plan
from tests.plans.variants import (
    FULL,
    GROUP,
    LEGACY,
    ON,
    STARTS,
    binding,
    cluster,
    declaring,
    like,
    phase,
    planned,
    server,
    start,
    steps,
)


@pytest.mark.parametrize("verdict", STARTS)
@pytest.mark.parametrize("distribution", FULL)
def test_a_plan_has_the_phases_of_its_start(distribution: str, verdict: str) -> None:
    snapshot = start(distribution, verdict)
    plan = planned(snapshot)

    assert plan.start == engine.judge(snapshot).verdict == verdict
    assert (phase(plan, PhaseId.QUICK_WAY) is not None) == (verdict == "refused")
    assert (phase(plan, PhaseId.NODE_AUTHORIZER) is None) == (verdict == "over-granted")
    grants = phase(plan, PhaseId.REMOVE_GRANTS)
    assert (grants is not None) == (verdict in ("legacy-binding", "refused", "over-granted"))
    assert plan.phases[-1].id is PhaseId.VERIFY
    assert verdict != "refused" or plan.phases[0].id is PhaseId.QUICK_WAY


WANTED = {
    "legacy-binding": ("Node,RBAC", "PodSecurity,NodeRestriction"),
    "refused": ("Node,RBAC", "PodSecurity,NodeRestriction"),
    "always-allow": ("Node,RBAC", "NodeRestriction"),
    "unrestricted": ("", "A,NodeRestriction"),
}


@pytest.mark.parametrize(("verdict", "wanted"), WANTED.items(), ids=WANTED)
@pytest.mark.parametrize("distribution", FULL)
def test_a_step_holds_the_values_of_the_cluster(
    distribution: str, verdict: str, wanted: tuple[str, str]
) -> None:
    (step,) = steps(planned(start(distribution, verdict)), "flags")
    removed = [line for line in step.diff.splitlines() if line.startswith("-") and line[1] != "-"]
    added = [line for line in step.diff.splitlines() if line.startswith("+") and line[1] != "+"]
    plain = ["".join(c for c in line if c not in '" []') for line in (*removed, *added)]

    for value in filter(None, wanted):
        assert any(value in line for line in plain[len(removed) :])
    for flag in STARTS[verdict][0]:
        value = flag.partition("=")[2]
        if "authorization-mode" in flag and not wanted[0]:
            assert not any("authorization" in line for line in plain)
        elif distribution != "rke2" or "RBAC" in value:
            assert any(line.rstrip("\\").endswith(value) for line in plain[: len(removed)])
    assert step.observation.sees is Sees.FLAGS
    assert step.state is State.TODO
    assert step.watches_leases


@pytest.mark.parametrize("distribution", [each for each in FULL if each != "kubespray"])
def test_apiservers_are_changed_one_after_another_and_only_those_that_need_it(
    distribution: str,
) -> None:
    like_it = like(distribution)
    servers = (
        server(like_it, *LEGACY, name="kube-apiserver-cp1", address="192.0.2.1:6443"),
        server(like_it, *ON, name="kube-apiserver-cp2", address="192.0.2.2:6443"),
        server(like_it, *LEGACY, name="kube-apiserver-cp3", address="192.0.2.3:6444"),
    )

    plan = planned(cluster(distribution, *servers, bindings=(binding(GROUP),)))
    first, last = steps(plan, "flags")

    assert plan.start == "mixed"
    assert (first.where, last.where) == ("cp1", "cp3")
    assert not first.why.startswith("Only after")
    assert last.why.startswith("Only after the apiserver before it is verified.")
    if distribution in ("systemd", "kubeadm"):
        assert "6444/readyz" in "".join(last.verify)


def test_an_apiserver_that_asks_rbac_first_asks_node_first_before_grants_go() -> None:
    late = server(like("kubeadm"), "authorization-mode=RBAC,Node", ON[1])

    over = planned(cluster("kubeadm", late, bindings=(binding(GROUP),)))
    clean = planned(cluster("kubeadm", late))

    (step,) = steps(over, "flags")
    assert (step.observation.sees, step.state) == (Sees.ORDER, State.TODO)
    assert "Ask Node before RBAC" in step.title
    assert not clean.phases


def test_the_way_out_of_an_outage_is_taken_back_by_the_real_way() -> None:
    plan = planned(start("kubeadm", "refused"))
    quick = phase(plan, PhaseId.QUICK_WAY)
    grants = phase(plan, PhaseId.REMOVE_GRANTS)

    assert quick is not None
    assert quick.is_optional
    assert quick.steps[0].commands == (
        "kubectl set subject clusterrolebinding system:node --group=system:nodes",
    )
    assert quick.steps[0].state is State.TODO
    assert grants is not None
    (back,) = grants.steps
    assert (back.observation.target, back.observation.subject) == ("system:node", GROUP)
    assert back.state is State.DONE
    assert back.because == "the quick way is not taken, or taken back already: nothing to do"


def test_a_binding_that_is_gone_is_made_anew_and_others_of_it_stay() -> None:
    other = Subject("User", "bob")
    flags = server(like("kubeadm"), *LEGACY)
    gone = cluster("kubeadm", flags)
    kept = cluster("kubeadm", flags, bindings=(binding(other),))

    (made,) = steps(planned(gone), "bind-group")
    (added,) = steps(planned(kept), "bind-group")

    assert made.commands[0].startswith("kubectl create clusterrolebinding system:node")
    assert '"path": "/subjects/0"' in made.rollback[0]
    assert '"path": "/subjects/1"' in added.rollback[0]


DECLARED = {
    "RBAC alone": (("authorization-mode=RBAC",), "    authorization-mode: RBAC"),
    "other plugins": (("enable-admission-plugins=A",), "+    value: A,NodeRestriction"),
}


@pytest.mark.parametrize(("flags", "line"), DECLARED.values(), ids=DECLARED)
def test_what_kubeadm_would_put_back_is_changed_too(flags: tuple[str, ...], line: str) -> None:
    plan = planned(declaring(start("kubeadm", "legacy-binding"), *flags))
    (step,) = steps(plan, "declared")

    assert line in step.diff
    assert (step.observation.sees, step.state) == (Sees.DECLARED, State.TODO)


AS_IT_IS = {
    "kubeadm's own": (),
    "the target": ON,
    "a value that is none": ('authorization-mode="',),
}


@pytest.mark.parametrize("flags", AS_IT_IS.values(), ids=AS_IT_IS)
def test_a_kubeadm_config_that_is_right_or_unreadable_is_left_alone(flags: tuple[str, ...]) -> None:
    plan = planned(declaring(start("kubeadm", "legacy-binding"), *flags))

    assert not steps(plan, "declared")


def test_a_kubeadm_config_of_strange_values_is_for_a_person() -> None:
    strange = declaring(start("kubeadm", "legacy-binding"), "enable-admission-plugins=$(reboot)")
    (step,) = steps(planned(strange), "declared")

    assert not step.commands
    assert "edit configmap" in step.caution
    assert all(shlex.split(command) for command in step.verify)


def test_kind_works_within_its_machines() -> None:
    (step,) = steps(planned(cluster("kind", server(like("kind"), *LEGACY))), "flags")

    assert step.commands[0].startswith("docker exec --interactive -- kind-control-plane bash")


MACHINES = {
    "a mirror pod": ("kubeadm", "kube-apiserver-cp1", "cp1"),
    "an address": ("systemd", "kube-apiserver at 198.51.100.7:6443", "192.0.2.1"),
    "a node's annotation": ("k3s", "kube-apiserver at 198.51.100.7:6443", "server1"),
}


@pytest.mark.parametrize(("distribution", "name", "machine"), MACHINES.values(), ids=MACHINES)
def test_a_step_names_the_machine(distribution: str, name: str, machine: str) -> None:
    live = server(like(distribution), *LEGACY, name=name)
    snapshot = cluster(distribution, replace(live, evidence=like(distribution).evidence))

    (step,) = steps(planned(snapshot), "flags")

    assert step.where == machine


def test_where_nothing_tells_what_installed_it_a_mirror_pod_tells_where_the_edit_goes() -> None:
    static = plan("v1.28.15-seed-fix1-legacy")
    flagz = plan("v1.37.2-legacy")
    unread = plan("systemd")

    assert "kube-apiserver.yaml" in steps(static, "flags")[0].diff
    assert "static pod" in static.notes[0]
    assert "kube-apiserver.service" in steps(flagz, "flags")[0].diff
    assert [len(each.notes) for each in (static, flagz, unread)] == [1, 1, 2]
    assert not plan("v1.28.15-leftover").notes


def test_an_apiserver_of_which_nothing_is_known_has_what_it_is_called() -> None:
    state = engine.judge(start("systemd", "refused")).apiservers[0]
    bare = Server(state)

    assert bare.port == "6443"
    assert bare.url.endswith(":6443")
    assert not bare.flags
