"""Ansible plays: ansible-lint is content, and they do on made-up hosts what the plan says."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from authzviz.engine.assessment import Verdict
from authzviz.plans.plan import HostFlags, Plan
from authzviz.reports.plan_ansible import plan_ansible
from tests.plans.clusters import NAMES, plan
from tests.plans.hostile_names import HOSTILE, hostile_plan
from tests.reports.plays import BIN, Hosts, changed, environment, hosts, planned

MANIFEST = """\
apiVersion: v1
kind: Pod
spec:
  containers:
  - command:
    - kube-apiserver
    - --authorization-mode=RBAC
    - --enable-admission-plugins=PodSecurity
    - --secure-port=6443
    image: registry.k8s.io/kube-apiserver:v1.28.15
"""
UNIT = """\
[Service]
# was: --authorization-mode=AlwaysAllow
ExecStartPre=/bin/true --quietly
ExecStart=/usr/local/bin/kube-apiserver \\
  --authorization-mode=RBAC \\
  --secure-port=6443
Restart=always
"""
K3S = """\
kubelet-arg:
  - authorization-mode=Webhook
kube-apiserver-arg:
  - "authorization-mode=RBAC"
  - enable-admission-plugins=PodSecurity
kube-controller-manager-arg:
  - authorization-mode=other
"""
MODES = "authorization-mode=Node,RBAC"
PLUGINS = "enable-admission-plugins=PodSecurity,NodeRestriction"


def linted() -> dict[str, Plan]:
    """A plan of each kind, and one of each name that tries to be more than a name."""
    kinds = ("kubeadm", "unknown", "k3s", "rke2", "kubespray", "talos")
    return {
        **{kind: planned(kind) for kind in kinds},
        "always-allow": replace(planned("kubeadm"), start=Verdict.ALWAYS_ALLOW),
        "target": plan("v1.37.2-node-authorizer"),
        **{
            f"hostile-{n}": hostile_plan(name, "kubectl") for n, name in enumerate(HOSTILE.values())
        },
    }


def test_ansible_lint_is_content_with_every_play(tmp_path: Path) -> None:
    for name, made in linted().items():
        (tmp_path / f"{name}.yml").write_text(plan_ansible(made))
    files = sorted(file.name for file in tmp_path.glob("*.yml"))
    done = subprocess.run(
        [BIN / "ansible-lint", "--offline", "--strict", "--profile=production", "--", *files],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_every_plan_has_a_play(name: str) -> None:
    text = plan_ansible(plan(name))

    assert text.isascii()
    assert text == plan_ansible(plan(name))
    assert yaml.safe_load(text)


def tasks_of(made: Plan) -> list[dict[str, Any]]:
    return [task for play in yaml.safe_load(plan_ansible(made)) for task in play["tasks"]]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_stays_a_name(name: str) -> None:
    made = hostile_plan(name, "kubectl")
    (task,) = (task for task in tasks_of(made) if task["name"] == "Do step 1")
    command = task["ansible.builtin.shell"]["cmd"]
    for opening in ("{{", "{%", "{#"):
        command = command.replace(f"{{{{ '{opening}' }}}}", opening)

    assert command == "\n".join(("set -euo pipefail", *made.steps[0].commands, ""))
    comments = [line for line in plan_ansible(made).splitlines() if line.startswith("    # ")]
    assert len(comments) == 2
    assert all(line.isprintable() for line in comments)


def test_no_text_of_a_cluster_says_what_begins_a_template() -> None:
    flags = HostFlags("cp1", "6443", None, ("#jinja2: variable_start_string:'[['\n[[ 7*7 }}",))
    play = yaml.safe_load(plan_ansible(replace(planned("unknown"), flags=(flags,))))[1]

    (plugin,) = play["vars"]["planned_plugins"]
    assert plugin.startswith("{{ '#jinja2:' }} variable_start_string")


def test_no_host_is_edited_where_the_modes_are_in_a_file() -> None:
    flags = HostFlags("cp1", "6443", None, None, is_file_configured=True)
    text = plan_ansible(replace(planned("kubeadm"), flags=(flags,)))

    assert "--authorization-config" in text
    assert "kube_control_plane" not in text
    assert "node_is_on_everywhere" in text


def test_what_was_not_read_is_not_expected_of_hosts() -> None:
    flags = HostFlags("cp1", "6443", None, None)
    play = yaml.safe_load(plan_ansible(replace(planned("unknown"), flags=(flags,))))[1]

    assert not {"planned_modes", "planned_plugins"} & set(play["vars"])


EDITS = {
    "kubeadm": (
        MANIFEST,
        MANIFEST.replace("authorization-mode=RBAC", MODES).replace(
            "enable-admission-plugins=PodSecurity", PLUGINS
        ),
        [],
    ),
    "unknown": (
        UNIT,
        UNIT.replace(
            "  --authorization-mode=RBAC",
            f"  --enable-admission-plugins=NodeRestriction --{MODES}",
        ),
        ["systemctl daemon-reload", "systemctl restart kube-apiserver"],
    ),
    "rke2": (
        K3S,
        K3S.replace('"authorization-mode=RBAC', f'"{MODES}').replace(
            "enable-admission-plugins=PodSecurity", PLUGINS
        ),
        ["systemctl daemon-reload", "systemctl restart rke2-server"],
    ),
}


def restarted(made: Hosts) -> list[str]:
    return [c for c in made.called() if c.startswith(("systemctl d", "systemctl r"))]


@pytest.mark.parametrize("kind", EDITS)
def test_a_play_edits_once_and_its_rollback_restores(kind: str, tmp_path: Path) -> None:
    before, after, restarts = EDITS[kind]
    with hosts(tmp_path, before, kind, "cp1") as made:
        file = made.file("cp1")
        was = file.stat()
        looked = made.run("--check", "--diff")
        assert (file.read_text(), file.stat().st_mtime_ns) == (before, was.st_mtime_ns)
        assert not (tmp_path / "cp1/copy").exists()
        assert any(line[:1] == "+" and MODES in line for line in looked.splitlines())
        assert not [c for c in made.called() if c.startswith(("systemctl r", "patch", "apply"))]

        made.run()
        assert file.read_text() == after
        assert (tmp_path / "cp1/copy").read_text() == before
        assert [
            c for c in made.called() if c.startswith(("systemctl d", "systemctl r"))
        ] == restarts

        assert changed(made.run()) == 0
        assert file.read_text() == after
        made.called()

        made.run("--tags", "rollback")
        assert file.read_text() == before
        assert [
            c for c in made.called() if c.startswith(("systemctl d", "systemctl r"))
        ] == restarts


def test_grants_go_only_after_evidence_and_come_back(tmp_path: Path) -> None:
    with hosts(tmp_path, MANIFEST, "kubeadm", "cp1", "cp2") as made:
        assert "No grant is taken away" in made.run()
        assert made.file("cp1").read_text() == made.file("cp2").read_text() == EDITS["kubeadm"][1]
        assert not [call for call in made.called() if call.startswith("patch")]

        made.run("-e", "confirmed_evidence=true")
        assert (tmp_path / "bin/removed").exists()

        assert changed(made.run("-e", "confirmed_evidence=true")) == 0
        made.run("--tags", "rollback")
        assert not (tmp_path / "bin/removed").exists()
        assert "name: system:nodes" in (tmp_path / "bin/applied").read_text()
        assert made.file("cp2").read_text() == MANIFEST
