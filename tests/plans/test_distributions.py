"""Each distribution's plan from each start: complete, marked as documentation, and safe to run."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from shlex import quote

import pytest

from authzviz import engine
from authzviz.engine.assessment import Switch
from authzviz.engine.model import ApiServer, Snapshot
from authzviz.engine.places import place_of
from authzviz.plans.making import plan_of
from authzviz.plans.plan import PhaseId, Plan, Sees, State, Step
from tests.engine.build import EMPTY_BINDING, ok
from tests.plans.carrying_out import Host
from tests.plans.hostile_names import HOSTILE
from tests.plans.starts import (
    DOCUMENTED,
    MODES,
    PLUGINS,
    RESTRICTED,
    STARTS,
    bound,
    plan_from,
    started,
    with_flags,
)

ALL = [(name, start) for name in DOCUMENTED for start in STARTS]
FIXED = [name for name in DOCUMENTED if place_of(name).is_fixed]
OWN = [name for name in DOCUMENTED if not place_of(name).is_fixed]


def of_flags(plan: Plan) -> list[Step]:
    """The steps of the phase that changes flags."""
    phases = [phase for phase in plan.phases if phase.id is PhaseId.NODE_AUTHORIZER]
    return [step for phase in phases for step in phase.steps]


@pytest.mark.parametrize(("name", "start"), ALL)
def test_every_step_of_every_start_is_complete(name: str, start: str) -> None:
    plan = plan_from(name, start)

    assert plan.phases
    assert len({step.id for step in plan.steps}) == len(plan.steps)
    for step in plan.steps:
        assert step.title, step.id
        assert step.why, step.id
        assert step.where, step.id
        assert step.verify, step.id
        assert step.because, step.id
        assert step.rollback or not step.commands, step.id


@pytest.mark.parametrize(("name", "start"), ALL)
def test_no_step_of_documentation_passes_for_tried(name: str, start: str) -> None:
    plan = plan_from(name, start)

    for step in of_flags(plan):
        assert step.source or step.observation.sees is Sees.DECLARED, step.id
    assert "were not tried" in plan.notes[-1] or any("not tried" in note for note in plan.notes)
    assert not any(word in step.source for step in plan.steps for word in ("tested", "seen"))


@pytest.mark.parametrize(("name", "start"), ALL)
def test_a_shell_can_read_every_command(name: str, start: str) -> None:
    shell = shutil.which("sh") or "sh"
    steps = plan_from(name, start).steps
    lines = [line for step in steps for line in (*step.commands, *step.verify, *step.rollback)]

    run = subprocess.run(
        [shell, "-n"], input="\n".join(lines), text=True, capture_output=True, check=False
    )

    assert run.returncode == 0, run.stderr


STARTS_WITHOUT_NODE = ("legacy", "outage", "AlwaysAllow", "ABAC", "no flag at all")


@pytest.mark.parametrize("start", STARTS_WITHOUT_NODE)
@pytest.mark.parametrize("name", OWN)
def test_who_owns_the_flags_changes_them_and_can_go_back(name: str, start: str) -> None:
    steps = [step for step in of_flags(plan_from(name, start)) if step.id.startswith("flags:")]

    changing = [step for step in steps if step.commands]
    assert changing
    assert all("Node,RBAC" in f"{step.diff}{step.commands}" for step in changing if step.diff) or (
        start == "ABAC"
    )
    assert any(step.watches_leases for step in changing)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", FIXED)
def test_what_a_provider_fixes_is_looked_at_and_not_changed(name: str, start: str) -> None:
    plan = plan_from(name, start)
    served = engine.judge(started(name, start)).node_authorizer is Switch.ON

    assert "sets its apiservers' flags itself" in " ".join(plan.notes)
    assert ("take none away" in " ".join(plan.notes)) is not served
    changing = {step.id for step in of_flags(plan) if step.commands}
    allowed = {"flags:aks-node-restriction", "flags:gke-legacy-authorization", "always-allow:grant"}
    assert changing <= allowed


def test_openshift_says_that_an_audit_log_proves_nothing() -> None:
    plan = plan_from("openshift", "leftover")

    assert any("an audit log proves nothing here" in note for note in plan.notes)
    assert PhaseId.REMOVE_GRANTS in {phase.id for phase in plan.phases}


def test_gke_turns_abac_off_where_it_is_in_the_chain() -> None:
    assert "flags:gke-legacy-authorization" in {s.id for s in plan_from("gke", "ABAC").steps}
    assert "flags:gke-legacy-authorization" not in {s.id for s in plan_from("gke", "legacy").steps}


KOPS_ROLES = {
    "v1.16.8": 'rolling-update cluster --name="$KOPS_CLUSTER_NAME" --yes',
    "v1.24.1": "--instance-group-roles=master --yes",
    "v1.30.6": "--instance-group-roles=control-plane --yes",
}


@pytest.mark.parametrize(("version", "said"), KOPS_ROLES.items())
def test_kops_renews_only_the_control_plane_where_it_can(version: str, said: str) -> None:
    snapshot = replace(started("kops", "legacy"), version=ok(version))
    plan = plan_of(snapshot, engine.judge(snapshot))

    rolling = next(step for step in plan.steps if step.id == "flags:kops-rolling-update")
    assert said in rolling.commands[-1]


def test_kops_takes_always_allow_out_of_the_spec() -> None:
    spec = next(s for s in plan_from("kops", "AlwaysAllow").steps if s.id == "flags:kops-spec")

    assert '"authorization":{"alwaysAllow":null,"rbac":{}}' in "\n".join(spec.commands)


def test_kops_leaves_plugins_that_were_not_read_to_a_person() -> None:
    snapshot = started("kops", "unreadable")
    plan = plan_of(snapshot, engine.judge(snapshot))
    spec = next(step for step in plan.steps if step.id == "flags:kops-spec")

    assert "by hand" in spec.caution
    assert "enableAdmissionPlugins" not in "\n".join(spec.commands)


def test_talos_gets_documents_where_its_version_has_them() -> None:
    snapshot = replace(started("talos", "legacy"), version=ok("v1.37.0"))
    plan = plan_of(snapshot, engine.judge(snapshot))
    step = next(step for step in of_flags(plan))

    assert "KubeAuthorizerConfig" in step.commands[-1]
    assert "extraArgs" in of_flags(plan_from("talos", "legacy"))[0].commands[-1]


def test_steps_within_kind_run_in_the_node_itself() -> None:
    steps = [s for s in of_flags(plan_from("kind", "legacy")) if s.observation.sees is Sees.FLAGS]

    assert steps
    for step in steps:
        for command in (*step.commands, *step.verify, *step.rollback):
            assert command.startswith("docker exec --interactive -- kind-control-plane bash -eu <<")


def test_microk8s_keeps_its_arguments_and_has_each_flag_once(tmp_path: Path) -> None:
    host = Host(tmp_path)
    path = "/var/snap/microk8s/current/args/kube-apiserver"
    before = "--secure-port=16443\n--authorization-mode=RBAC\n--authorization_mode=AlwaysAllow\n"
    file = host.write(path, before)
    step = next(s for s in of_flags(plan_from("microk8s", "outage, no restriction")))

    done = host.run(step.commands, ("/var/snap/", "/root/"))
    after = file.read_text()
    undone = host.run(step.rollback, ("/var/snap/", "/root/"))

    assert (done.returncode, undone.returncode) == (0, 0)
    assert after.splitlines() == [
        "--secure-port=16443",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
    ]
    assert file.read_text() == before


KUBELETS = {
    "k3s": ("systemctl restart k3s", "journalctl -u k3s", "/k3s/agent/client-kubelet.crt"),
    "rke2": ("systemctl restart rke2", "/logs/kubelet.log", "/rke2/agent/client-kubelet.crt"),
    "k0s": ("systemctl restart k0s", "journalctl -u k0s", "/var/lib/k0s/kubelet/pki/"),
    "microk8s": ("snap restart microk8s.daemon-kubelite", "kubelite", "certs/kubelet.crt"),
    "talos": ("talosctl", "logs kubelet", "talosctl"),
    "kubeadm": ("systemctl restart kubelet", "journalctl -u kubelet", "/var/lib/kubelet/pki/"),
}


@pytest.mark.parametrize(("name", "said"), KUBELETS.items(), ids=KUBELETS)
def test_a_kubelet_is_looked_at_where_its_distribution_has_it(
    name: str, said: tuple[str, str, str]
) -> None:
    found = {step.id: step for step in plan_from(name, "legacy").steps}
    restart, rotation = found["kubelet-restart"], found["certificate-rotation"]
    requests = [each for each in rotation.verify if "certificatesigningrequests" in each]

    assert said[0] in restart.title
    assert said[1] in restart.verify[1]
    assert said[2] in rotation.verify[0]
    assert bool(requests) is (name in ("kubeadm", "k0s", "talos"))


def test_kubelets_of_eks_have_no_certificate_that_rotates() -> None:
    assert "certificate-rotation" not in {s.id for s in plan_from("eks", "legacy").steps}


ORDERS = ("kops", "k0s", "microk8s", "talos", "kind")


@pytest.mark.parametrize("name", ORDERS)
def test_a_webhook_before_node_is_asked_after_it(name: str) -> None:
    steps = [step for step in of_flags(plan_from(name, "webhook first")) if "order" in step.id]

    assert steps
    assert "Node,Webhook,RBAC" in "".join(step.diff for step in steps)
    assert all(step.state in (State.TODO, State.UNKNOWN) for step in steps)


@pytest.mark.parametrize("name", ORDERS)
def test_rbac_before_node_is_reordered_where_grants_are_to_go(name: str) -> None:
    steps = of_flags(plan_from(name, "RBAC first"))

    assert "Node,RBAC" in "".join(step.diff for step in steps)
    assert not any(step.state is State.DONE for step in steps)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_from_always_allow_other_clients_come_first(name: str) -> None:
    ids = [step.id for step in of_flags(plan_from(name, "AlwaysAllow"))]

    first = next(i for i, id_ in enumerate(ids) if id_.startswith("flags:"))
    assert ids[:first] == [
        f"always-allow:{id_}" for id_ in ("way-in", "record", "clients", "grant")
    ]
    assert ids[-1] == "always-allow:refused"


def hostile(name: str, said: str) -> Snapshot:
    """That distribution with one apiserver and one node called so, and a plugin and mode too."""
    snapshot = with_flags(
        started(name, "legacy"), f"{MODES}RBAC", f"{PLUGINS}{said}", second=("RBAC", RESTRICTED)[:0]
    )
    servers: list[ApiServer] = []
    for number, server in enumerate(snapshot.apiservers.value or ()):
        called = f"kube-apiserver-{said}{number}"
        servers.append(replace(server, name=called, address=f"{said}:6443"))
    nodes = tuple(replace(node, name=said) for node in snapshot.nodes.value or ())
    return bound(replace(snapshot, apiservers=ok(tuple(servers)), nodes=ok(nodes)), EMPTY_BINDING)


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", OWN)
def test_names_from_a_cluster_stay_names_in_a_shell(name: str, said: str, tmp_path: Path) -> None:
    snapshot = hostile(name, said)
    plan = plan_of(snapshot, engine.judge(snapshot))
    # Whatever would be run says so: nothing but the commands themselves may be asked for.
    stubs = "\n".join(f"{tool}() {{ :; }}" for tool in _TOOLS)
    reboot = tmp_path / "rebooted"
    guard = f"reboot() {{ : > {quote(str(reboot))}; }}"
    env = {"PATH": "/nowhere", "HOME": str(tmp_path)}

    steps = [step for step in plan.steps if step.id.startswith(("flags:", "order:"))]
    lines = [line for step in steps for line in (*step.commands, *step.verify, *step.rollback)]
    text = "\n".join((guard, stubs, *lines))
    run = subprocess.run(
        [_BASH, "-u"], input=text, text=True, capture_output=True, check=False, env=env
    )

    assert steps
    assert "syntax error" not in run.stderr
    assert "command not found" not in run.stderr
    assert not reboot.exists()


_BASH = shutil.which("bash") or "/bin/bash"
_TOOLS = (
    *("docker", "kubectl", "kops", "k0s", "talosctl", "snap", "timeout", "grep", "sed", "cat"),
    *("cp", "cmp", "rm", "mktemp", "microk8s", "cksum", "cut", "curl"),
)
