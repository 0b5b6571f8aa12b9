"""The evidence phase: a log, what has to happen meanwhile, an account for each agent, the proof."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from authzviz.engine.model import Binding, Role, RoleRef, Subject
from authzviz.evidence.audit import AuditEvidence, Proof, Use
from authzviz.plans import evidence_phase, own_accounts
from authzviz.plans.audit_logging import policy_of
from authzviz.plans.ground import Ground
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Sees, State, Step
from tests.dashboard.auditlogs import AGENT, BREAKS, NOTHING
from tests.plans.clusters import NAMES, judged, plan, read

LEFTOVER = "v1.37.2-leftover"
KUBELET = replace(AGENT, user_agent="kubelet/v1.37.2", is_kubelet=True, verb="get")


def steps(name: str, audit: AuditEvidence | None = None) -> dict[str, Step]:
    """The steps of the phase by their ids; none where there is no phase."""
    found = evidence_phase.phase(Ground(read(name), judged(name), audit))
    return {step.id: step for step in found.steps} if found else {}


def used(*uses: Use, **fields: Any) -> AuditEvidence:
    return replace(BREAKS, uses=uses or (replace(AGENT, **fields),))


@pytest.mark.parametrize("name", NAMES)
def test_where_something_is_removed_it_is_first_seen_that_nobody_needs_it(name: str) -> None:
    found = steps(name)

    assert bool(found) is bool(Ground(read(name), judged(name)).excess)
    if found:
        assert next(iter(found)) == "evidence:log"
        assert list(found)[-1] == "evidence"
        assert found["evidence"].observation.sees is Sees.AUDIT


@pytest.mark.parametrize("name", NAMES)
def test_every_step_says_how_to_see_it_and_what_to_do_by_hand(name: str) -> None:
    for step in steps(name).values():
        assert step.title
        assert step.why
        assert step.where
        assert step.verify
        assert not step.commands
        assert (step.observation.sees is Sees.NOTHING) is (step.id != "evidence")


TURNED_ON = {
    "kubeadm": "mountPath: /etc/kubernetes/audit-policy.yaml",
    "kubespray": "kubernetes_audit: true",
    "k3s": "kube-apiserver-arg:",
    "rke2": "audit-policy-file: /etc/rancher/rke2/audit-policy.yaml",
    "kops": "auditPolicyFile:",
    "microk8s": "--audit-policy-file=",
    "systemd": "--audit-log-path=",
    "unheard-of": "--audit-log-path=",
    "k0s": "audit-log-path:",
    "talos": "",
    "openshift": "",
    "eks": "",
    "aks": "",
    "gke": "",
}


@pytest.mark.parametrize(("distribution", "line"), TURNED_ON.items(), ids=TURNED_ON)
def test_the_log_is_turned_on_as_the_distribution_does_it(distribution: str, line: str) -> None:
    judgement = replace(judged(LEFTOVER), distribution=distribution)
    found = evidence_phase.phase(Ground(read(LEFTOVER), judgement))

    assert found is not None
    step = found.steps[0]
    assert line in step.diff
    assert bool(step.diff) is bool(line)
    assert step.source
    subprocess.run(["/bin/bash", "-n", "-c", step.verify[0]], check=True)


def test_the_policy_logs_metadata_of_those_whom_the_grants_reach() -> None:
    one_user = yaml.safe_load(policy_of(Ground(read("v1.37.2-leftover"), judged(LEFTOVER))))
    bound = Ground(read("v1.28.15-one-user"), judged("v1.28.15-one-user"))

    assert one_user["kind"] == "Policy"
    assert one_user["rules"][0] == {"level": "Metadata", "userGroups": ["system:nodes"]}
    assert one_user["rules"][-1] == {"level": "None"}
    users = {subject.name for _, _, subject in bound.excess if subject.kind == "User"}
    named = {user for rule in yaml.safe_load(policy_of(bound))["rules"] for user in _users(rule)}
    assert named == users


def _users(rule: dict[str, Any]) -> list[str]:
    return list(rule.get("users", ()))


RBAC_FIRST = {"v1.37.2-legacy": True, "openshift": True, LEFTOVER: False}


@pytest.mark.parametrize(("name", "is_late"), RBAC_FIRST.items(), ids=RBAC_FIRST)
def test_it_says_where_the_log_proves_nothing_yet(name: str, is_late: bool) -> None:
    found = steps(name)

    if found:
        said = "proves nothing before Node is asked first" in found["evidence:log"].caution
        assert said is is_late


def test_the_state_comes_from_the_log_that_was_given() -> None:
    bindings = tuple(
        grant.binding for grant, _, _ in Ground(read(LEFTOVER), judged(LEFTOVER)).excess
    )
    nothing = replace(NOTHING, bindings=bindings)
    without = {step.id: step for step in plan(LEFTOVER).steps}
    proven = {step.id: step for step in plan_of(read(LEFTOVER), judged(LEFTOVER), nothing).steps}

    assert without["evidence"].state is State.UNKNOWN
    assert proven["evidence"].state is State.DONE
    assert proven["evidence"].because == nothing.because


def test_an_agent_gets_what_it_used_and_nothing_else(tmp_path: Path) -> None:
    audit = used(
        replace(AGENT, user_agent="flannel/v0.24"),
        replace(AGENT, user_agent="flannel/v0.25", verb="watch"),
        replace(AGENT, user_agent="flannel/v0.25", resource="leases.coordination.k8s.io"),
        replace(AGENT, user_agent="flannel/v0.25", resource="pods/log", namespace="default"),
        replace(AGENT, user_agent="flannel/v0.25", resource="/metrics", verb="get"),
    )
    found = steps(LEFTOVER, audit)
    step = found["evidence:agent:flannel"]
    objects = applied(step.commands[0], tmp_path)

    assert [(each["kind"], each["metadata"].get("namespace", "")) for each in objects] == [
        ("ServiceAccount", "kube-system"),
        *(("ClusterRole", ""), ("ClusterRoleBinding", "")),
        *(("Role", "default"), ("RoleBinding", "default")),
    ]
    assert {each["metadata"]["name"] for each in objects} == {"flannel-own"}
    assert objects[1]["rules"] == [
        {"verbs": ["list", "watch"], "apiGroups": [""], "resources": ["nodes"]},
        {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
        {"verbs": ["list"], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"]},
    ]
    assert objects[3]["rules"] == [
        {"verbs": ["list"], "apiGroups": [""], "resources": ["pods/log"]}
    ]
    account = {"kind": "ServiceAccount", "name": "flannel-own", "namespace": "kube-system"}
    assert objects[2]["subjects"] == objects[4]["subjects"] == [account]
    assert applied(step.rollback[0], tmp_path) == objects
    as_it = "--as=system:serviceaccount:kube-system:flannel-own"
    assert f"kubectl auth can-i list leases.coordination.k8s.io {as_it}" in step.verify
    assert (
        f"kubectl auth can-i list pods --subresource=log --namespace=default {as_it}" in step.verify
    )
    assert list(found).index("evidence:agent:flannel") < list(found).index("evidence")


def applied(command: str, directory: Path) -> list[Any]:
    """What kubectl gets when the command is run as it stands."""
    stub = directory / "kubectl"
    stub.write_text('#!/bin/sh\ncat > "$OUT"\n')
    stub.chmod(0o755)
    out = directory / "out"
    environment = {"PATH": f"{directory}:{os.environ['PATH']}", "OUT": str(out)}
    subprocess.run(["/bin/bash", "-eu", "-c", command], env=environment, check=True, cwd=directory)
    return list(yaml.safe_load_all(out.read_text()))


HOSTILE = (
    "$(reboot)",
    "`reboot`",
    "--server=x",
    "a\nEOF\nreboot",
    "'; reboot; '",
    "\u202enode",
    "*",
    "..",
    "",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_a_log_grant_and_run_nothing(name: str, tmp_path: Path) -> None:
    audit = used(
        replace(AGENT, user_agent=name, verb=name),
        replace(AGENT, user_agent=name, resource=name),
        replace(AGENT, user_agent=name, resource=f"/{name}*"),
        replace(AGENT, user_agent=name, namespace=name or "*"),
        replace(AGENT, user_agent=name, verb="escalate"),
        replace(AGENT, user_agent=name, verb="impersonate"),
        replace(AGENT, user_agent=name),
    )
    agents = [step for key, step in steps(LEFTOVER, audit).items() if "agent" in key]

    assert len(agents) == 1
    objects = applied(agents[0].commands[0], tmp_path)
    assert [each["kind"] for each in objects] == [
        *("ServiceAccount", "ClusterRole", "ClusterRoleBinding")
    ]
    assert objects[1]["rules"] == [{"verbs": ["list"], "apiGroups": [""], "resources": ["nodes"]}]
    assert "6 kinds of use" in agents[0].caution
    for command in agents[0].verify:
        subprocess.run(["/bin/bash", "-n", "-c", command], check=True)
        assert command.startswith("kubectl auth can-i list nodes --as=")


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    snapshot = read(LEFTOVER)
    roles, bindings = snapshot.cluster_roles, snapshot.role_bindings
    account = Subject("ServiceAccount", "agent-own1", "default")
    taken = replace(
        snapshot,
        cluster_roles=replace(roles, value=(*(roles.value or ()), Role("agent-own"))),
        role_bindings=replace(
            bindings, value=(Binding("b", RoleRef("Role", "r"), "default", (account,)),)
        ),
    )
    ground = Ground(taken, judged(LEFTOVER), used())

    (step,) = own_accounts.steps(ground)

    assert applied(step.commands[0], tmp_path)[0]["metadata"]["name"] == "agent-own2"


def test_there_are_no_more_agents_than_a_plan_can_hold() -> None:
    audit = used(*(replace(AGENT, user_agent=f"agent-{number}/1") for number in range(99)))

    found = [key for key in steps(LEFTOVER, audit) if "agent" in key]

    assert len(found) == own_accounts.MOST_AGENTS


def test_kubelets_that_need_the_grants_themselves_are_a_step_of_their_own() -> None:
    found = steps(LEFTOVER, used(KUBELET))

    assert "1,240 requests of kubelets" in found["evidence:kubelets"].why
    assert not [key for key in found if "agent" in key]


@pytest.mark.parametrize("proof", [Proof.NOTHING_BREAKS, Proof.TOO_LITTLE, Proof.PROVES_NOTHING])
def test_no_account_is_made_on_weaker_grounds(proof: Proof) -> None:
    found = steps(LEFTOVER, replace(used(), proof=proof))

    assert not [key for key in found if "agent" in key or "kubelets" in key]


def test_the_name_of_the_cluster_is_no_option_and_no_command() -> None:
    snapshot = replace(read(LEFTOVER), name="--x $(reboot)")
    found = evidence_phase.phase(Ground(snapshot, judged(LEFTOVER)))

    assert found is not None
    assert found.steps[-1].verify == (
        "authzviz evidence --bundle='--x $(reboot).json.gz' audit*.log*",
    )
