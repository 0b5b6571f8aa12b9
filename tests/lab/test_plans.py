"""Plans carried out on live clusters exactly as printed, ticked off by what is read, and undone."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from authzviz.engine.assessment import Verdict
from authzviz.plans.plan import PhaseId, Sees, State
from authzviz.reports.plan_shell import plan_shell
from tests.lab.carrying import Site
from tests.lab.cluster import cluster_role_binding, group, user
from tests.lab.process import LabError

if TYPE_CHECKING:
    from authzviz.plans.plan import Plan, Step
    from tests.lab.cluster import Cluster
    from tests.lab.components import Kubelet
    from tests.lab.plugin import (
        ClusterFactory,
        ControllerManagerFactory,
        KubeletFactory,
        PeerFactory,
    )

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ground")]

BINDING = "system:node"
NODES = group("system:nodes")
LEGACY = cluster_role_binding(BINDING, BINDING, [NODES])
RESTRICTION = "NodeRestriction"
UNIT = "/etc/systemd/system/kube-apiserver.service"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CHANGING = (PhaseId.QUICK_WAY, PhaseId.NODE_AUTHORIZER, PhaseId.REMOVE_GRANTS)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
ROBOT = {"kind": "ServiceAccount", "name": "robot", "namespace": "kube-system"}


def test_the_legacy_binding_is_left_for_the_node_authorizer_and_taken_back(
    cluster: ClusterFactory, kubelet: KubeletFactory, controller_manager: ControllerManagerFactory
) -> None:
    live = cluster(authorization_mode="RBAC", objects=[LEGACY])
    controller_manager(live)
    node = kubelet(live, "node1")
    site = Site(live)
    node.wait_until_ready()
    before, since = state_of(site), ready_since(live, node)
    plan = site.plan()

    do_all(site, plan, changing(plan))

    assert site.wait_for_verdict(Verdict.NODE_AUTHORIZER) is Verdict.NODE_AUTHORIZER
    assert live.subjects(BINDING) == []
    (alive,) = (step for step in plan.steps if step.observation.sees is Sees.NODES)
    assert site.is_verified(alive)
    assert site.wait_for_state(plan, alive, State.DONE)[alive.id] is State.DONE
    undo_all(site, plan, changing(plan))
    assert site.wait_for_verdict(Verdict.LEGACY_BINDING) is Verdict.LEGACY_BINDING
    assert state_of(site) == before
    assert ready_since(live, node) == since


def test_two_apiservers_get_their_flags_one_after_another(
    cluster: ClusterFactory, peer: PeerFactory
) -> None:
    one = cluster(authorization_mode="RBAC", admission_plugins=RESTRICTION, objects=[LEGACY])
    other = peer(one)
    site = Site(one, other)
    before = state_of(site)
    plan = site.plan()
    first, second = (step for step in changing(plan) if step.observation.sees is Sees.FLAGS)

    do_all(site, plan, [first])

    half = site.states(plan)
    assert (half[first.id], half[second.id]) == (State.DONE, State.TODO)
    assert site.seen().assessment.verdict is Verdict.MIXED
    do_all(site, plan, changing(plan)[1:])
    assert site.wait_for_verdict(Verdict.NODE_AUTHORIZER) is Verdict.NODE_AUTHORIZER
    undo_all(site, plan, changing(plan))
    assert site.wait_for_verdict(Verdict.LEGACY_BINDING) is Verdict.LEGACY_BINDING
    assert state_of(site) == before


def test_of_a_bindings_subjects_only_the_nodes_are_removed(cluster: ClusterFactory) -> None:
    monitor, one_node = user("monitor"), user("system:node:node1")
    subjects = [one_node, monitor, NODES, ROBOT]
    shared = cluster_role_binding(BINDING, BINDING, subjects)
    live = cluster(authorization_mode="Node,RBAC", admission_plugins=RESTRICTION, objects=[shared])
    site = Site(live)
    before = state_of(site)
    plan = site.plan()

    do_all(site, plan, changing(plan))

    assert live.subjects(BINDING) == [monitor, ROBOT]
    undo_all(site, plan, changing(plan))
    assert live.subjects(BINDING) == subjects
    assert state_of(site) == before


def test_the_outage_is_healed_the_quick_way_and_then_the_real_way(
    cluster: ClusterFactory, kubelet: KubeletFactory, controller_manager: ControllerManagerFactory
) -> None:
    live = cluster(authorization_mode="RBAC", admission_plugins=RESTRICTION)
    controller_manager(live)
    node = kubelet(live, "node1")
    site = Site(live)
    node.wait_for_log("is forbidden")
    before = state_of(site)
    plan = site.plan()
    quick, *real = changing(plan)

    site.carry_out(quick)
    node.wait_until_ready(seconds=15)
    since = ready_since(live, node)
    assert site.wait_for_state(plan, quick, State.DONE)[quick.id] is State.DONE
    do_all(site, plan, real)

    assert site.wait_for_verdict(Verdict.NODE_AUTHORIZER) is Verdict.NODE_AUTHORIZER
    assert live.subjects(BINDING) == []
    assert ready_since(live, node) == since
    undo_all(site, plan, real)
    assert site.wait_for_verdict(Verdict.LEGACY_BINDING) is Verdict.LEGACY_BINDING
    assert ready_since(live, node) == since
    site.roll_back(quick)
    assert site.wait_for_verdict(Verdict.REFUSED) is Verdict.REFUSED
    assert state_of(site) == before


def test_a_mistyped_mode_is_seen_and_rolled_back(cluster: ClusterFactory) -> None:
    live = cluster(authorization_mode="RBAC", admission_plugins=RESTRICTION, objects=[LEGACY])
    site = Site(live)
    before = state_of(site)
    step = next(each for each in changing(site.plan()) if each.observation.sees is Sees.FLAGS)
    machine = site.machine(step)
    restart = next(n for n, each in enumerate(step.commands) if each.startswith("systemctl"))
    mistyped = f"sed -i 's/Node,RBAC/Nod,RBAC/' {UNIT}"

    machine.run([*step.commands[:restart], mistyped, *step.commands[restart:]])
    with suppress(LabError):
        live.wait_until_ready()

    assert not live.process.is_running()
    log = machine.run(["journalctl -u kube-apiserver -n 50 --no-pager"]).replace("\\", "")
    assert any(trouble.looks.rpartition(": ")[2] in log for trouble in step.troubles)
    site.roll_back(step)
    assert state_of(site) == before


def test_the_script_of_a_plan_does_verifies_and_undoes_its_steps(cluster: ClusterFactory) -> None:
    live = cluster(authorization_mode="RBAC", objects=[LEGACY])
    site = Site(live)
    before = state_of(site)
    plan = site.plan()
    machine = site.machine(changing(plan)[0])
    numbers = [number for number, step in enumerate(plan.steps, 1) if step in changing(plan)]
    machine.put("plan.sh", plan_shell(plan))

    for number in numbers:
        machine.run([f"AUTHZVIZ_YES=1 bash plan.sh do {number}", f"bash plan.sh verify {number}"])

    assert site.wait_for_verdict(Verdict.NODE_AUTHORIZER) is Verdict.NODE_AUTHORIZER
    for number in reversed(numbers):
        machine.run([f"AUTHZVIZ_YES=1 bash plan.sh rollback {number}"])
        live.wait_until_ready()
    assert site.wait_for_verdict(Verdict.LEGACY_BINDING) is Verdict.LEGACY_BINDING
    assert state_of(site) == before


def changing(plan: Plan) -> list[Step]:
    """The steps that change how kubelets are authorized."""
    return [step for phase in plan.phases if phase.id in CHANGING for step in phase.steps]


def do_all(site: Site, plan: Plan, steps: list[Step]) -> None:
    """Carry the steps out; each was to do, and is seen to be done, by its own commands too."""
    for step in steps:
        assert site.states(plan)[step.id] is State.TODO
        assert not site.is_verified(step)
        site.carry_out(step)
        assert site.wait_for_state(plan, step, State.DONE)[step.id] is State.DONE


def undo_all(site: Site, plan: Plan, steps: list[Step]) -> None:
    """Roll the steps back, the last one first; each is seen to be undone."""
    for step in reversed(steps):
        site.roll_back(step)
        assert site.wait_for_state(plan, step, State.TODO)[step.id] is State.TODO


def ready_since(live: Cluster, node: Kubelet) -> str:
    """Since when the Node is Ready without a break."""
    conditions = live.admin.get(f"/api/v1/nodes/{node.name}")["status"]["conditions"]
    (ready,) = (each for each in conditions if each["type"] == "Ready")
    assert ready["status"] == "True"
    return str(ready["lastTransitionTime"])


def state_of(site: Site) -> tuple[dict[str, Any], list[list[str]]]:
    """All that a plan may change: every RBAC object, and the flags of every unit file."""
    return rbac_of(site.live), [machine.arguments() for machine in site.machines.values()]


def rbac_of(live: Cluster) -> dict[str, Any]:
    """Every RBAC object, without what the apiserver and kubectl note of writes."""
    found = {}
    for kind in ("clusterroles", "clusterrolebindings", "roles", "rolebindings"):
        for each in live.admin.get(f"{RBAC}/{kind}")["items"]:
            metadata = each["metadata"]
            for name in ("resourceVersion", "managedFields"):
                metadata.pop(name)
            annotations = metadata.pop("annotations", {})
            annotations.pop(LAST_APPLIED, None)
            name = f"{kind}/{metadata.get('namespace', '')}/{metadata['name']}"
            found[name] = {**each, "annotations": annotations}
    return found
