"""The edits as printed, run on files of several shapes: once, twice, and rolled back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from authzviz.engine.model import Authorizer, Snapshot
from authzviz.kube.unit_file import command_of
from authzviz.plans.plan import Step
from tests.plans.carrying_out import Host
from tests.plans.variants import cluster, like, planned, server, start, steps

UNIT = "/etc/systemd/system/kube-apiserver.service"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
_RESTRICTED = "--enable-admission-plugins=NodeRestriction"


def _step(snapshot: Snapshot) -> Step:
    (step,) = steps(planned(snapshot), "flags")
    return step


def _edited(step: Step, path: str, before: str, home: Path) -> str:
    """The file after the commands, which a second run leaves as it is and the rollback undoes."""
    host = Host(home)
    file = host.write(path, before)
    file.chmod(0o640)
    first = host.run(step.commands)
    assert first.returncode == 0, first.stderr
    after = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    second = host.run(step.commands)
    assert second.returncode == 0, second.stderr
    assert file.read_text() == after
    undone = host.run(step.rollback)
    assert undone.returncode == 0, undone.stderr
    assert file.read_text() == before
    assert not list((home / "tmp").iterdir())
    return after


EXEC = "[Service]\nExecStartPre=/bin/test --x\nExecStart=/usr/local/bin/kube-apiserver"
UNITS = {
    "a flag a line": (
        (
            f"{EXEC} \\\n  --v=2 \\\n  --authorization-mode=RBAC \\\n"
            "  --enable-admission-plugins=A,B \\\n  --etcd-servers=x\n"
            "ExecReload=/bin/kill $MAINPID\n"
        ),
        [
            "--v=2",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=A,B,NodeRestriction",
        ],
    ),
    "one line": (
        f"{EXEC} --authorization-mode=RBAC --enable-admission-plugins=A --v=2\n",
        ["--authorization-mode=Node,RBAC", "--enable-admission-plugins=A,NodeRestriction", "--v=2"],
    ),
    "values quoted": (
        f"{EXEC} --authorization-mode=\"RBAC,Webhook\" --enable-admission-plugins='A,B'\n",
        [
            "--authorization-mode=Node,RBAC,Webhook",
            "--enable-admission-plugins=A,B,NodeRestriction",
        ],
    ),
    "words quoted": (
        f'{EXEC} "--authorization-mode=RBAC" "--enable-admission-plugins=A"\n',
        ["--authorization-mode=Node,RBAC", "--enable-admission-plugins=A,NodeRestriction"],
    ),
    "values after a space, underscores": (
        f"{EXEC} \\\n  --authorization_mode RBAC \\\n  --enable_admission_plugins A\n",
        ["--authorization-mode=Node,RBAC", "--enable_admission_plugins=A,NodeRestriction"],
    ),
    "no flag of either": (
        f"{EXEC} \\\n  --v=2 \\\n  --etcd-servers=x\n",
        [_RESTRICTED, "--authorization-mode=Node,RBAC", "--v=2", "--etcd-servers=x"],
    ),
    "no flag of either, one quoted line": (
        f'{EXEC} "--v=2"\n',
        [_RESTRICTED, "--authorization-mode=Node,RBAC", "--v=2"],
    ),
    "AlwaysAllow, no plugins": (
        f"{EXEC} --authorization-mode=AlwaysAllow --enable-admission-plugins= --v=2\n",
        ["--authorization-mode=Node,RBAC", _RESTRICTED, "--v=2"],
    ),
    "the other order": (
        f"{EXEC} --authorization-mode=RBAC,Node --enable-admission-plugins=NodeRestriction,A\n",
        ["--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction,A"],
    ),
    "a flag in a comment": (
        f"# --authorization-mode=RBAC\n{EXEC} --authorization-mode=RBAC\n",
        [_RESTRICTED, "--authorization-mode=Node,RBAC"],
    ),
    "the whole list, switched off by name": (
        (
            f"{EXEC} --authorization-mode=RBAC --admission-control=A"
            " --disable-admission-plugins=B,NodeRestriction --v=2\n"
        ),
        [
            "--authorization-mode=Node,RBAC",
            "--admission-control=A,NodeRestriction",
            "--disable-admission-plugins=B",
            "--v=2",
        ],
    ),
}


@pytest.mark.parametrize(("before", "flags"), UNITS.values(), ids=UNITS)
def test_a_unit_of_any_shape_is_edited(before: str, flags: list[str], tmp_path: Path) -> None:
    after = _edited(_step(_unread("systemd")), UNIT, before, tmp_path)

    assert list(command_of(after).words[1 : len(flags) + 1]) == flags


def _unread(distribution: str) -> Snapshot:
    """A cluster whose flags nobody read, and which serves nobody: both may be anything."""
    known = like(distribution)
    observed = known.observed
    if observed is not None:
        observed = replace(observed, metrics=None)
    unread = replace(known, flags=None, observed=observed, other_sources=())
    return cluster(distribution, unread)


ENVIRONMENTS = {
    "there": (
        'KUBE_API_ARGS="--authorization-mode=RBAC --enable-admission-plugins=A --v=2"\n',
        (
            'KUBE_API_ARGS="--authorization-mode=Node,RBAC'
            ' --enable-admission-plugins=A,NodeRestriction --v=2"\n'
        ),
    ),
    "absent": (
        "OTHER=x\nKUBE_API_ARGS='--v=2'\nKUBE_ETCD='--etcd-servers=x'\n",
        (
            f"OTHER=x\nKUBE_API_ARGS='{_RESTRICTED} --authorization-mode=Node,RBAC --v=2'\n"
            "KUBE_ETCD='--etcd-servers=x'\n"
        ),
    ),
}


@pytest.mark.parametrize(("before", "after"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_the_same_commands_edit_an_environment_file(
    before: str, after: str, tmp_path: Path
) -> None:
    step = _step(_unread("systemd"))
    path = "/etc/kubernetes/apiserver"
    commands = tuple(command.replace(UNIT, path) for command in step.commands)
    rollback = tuple(command.replace(UNIT, path) for command in step.rollback)

    moved = replace(step, commands=commands, rollback=rollback)
    assert _edited(moved, path, before, tmp_path) == after


REFUSED = {
    "flags in variables": (f"{EXEC} $KUBE_API_ARGS --v=2\n", "set file= to its EnvironmentFile="),
    "no flags at all": ("[Service]\nExecStart=/opt/start.sh\n", "edit it by hand"),
    "a value that nobody understands": (
        f"{EXEC} --authorization-mode=$(cat /x)\n",
        "",
    ),
}


@pytest.mark.parametrize(("before", "said"), REFUSED.values(), ids=REFUSED)
def test_a_unit_that_is_not_as_expected_is_left_alone(
    before: str, said: str, tmp_path: Path
) -> None:
    host = Host(tmp_path)
    file = host.write(UNIT, before)

    done = host.run(_step(_unread("systemd")).commands)

    assert done.returncode != 0
    assert said in done.stderr
    assert file.read_text() == before
    assert "systemctl" not in done.stdout


_POD = """\
apiVersion: v1
kind: Pod
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=192.0.2.1
{flags}    image: registry.k8s.io/kube-apiserver:v1.31.4
    name: kube-apiserver
"""
MANIFESTS = {
    "plain": (
        "    - --authorization-mode=RBAC\n    - --enable-admission-plugins=PodSecurity\n",
        (
            "    - --authorization-mode=Node,RBAC\n"
            "    - --enable-admission-plugins=PodSecurity,NodeRestriction\n"
        ),
    ),
    "quoted": (
        "    - \"--authorization-mode=RBAC\"\n    - '--enable-admission-plugins=PodSecurity'\n",
        (
            '    - "--authorization-mode=Node,RBAC"\n'
            "    - '--enable-admission-plugins=PodSecurity,NodeRestriction'\n"
        ),
    ),
}


@pytest.mark.parametrize(("before", "after"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_is_edited_elsewhere_and_moved_in(
    before: str, after: str, tmp_path: Path
) -> None:
    step = _step(start("kubeadm", "legacy-binding"))

    assert _edited(step, MANIFEST, _POD.format(flags=before), tmp_path) == _POD.format(flags=after)
    assert [each.name for each in (tmp_path / MANIFEST[1:]).parent.iterdir()] == [
        "kube-apiserver.yaml"
    ]


def test_a_manifest_gets_flags_that_it_does_not_have(tmp_path: Path) -> None:
    step = _step(cluster("kubeadm", server(like("kubeadm"))))

    after = _edited(step, MANIFEST, _POD.format(flags=""), tmp_path)

    assert (
        f"    - kube-apiserver\n    - {_RESTRICTED}\n    - --authorization-mode=Node,RBAC" in after
    )


CONFIGURATIONS = {
    "a list": (
        (
            "token: x\nkube-apiserver-arg:\n  - authorization-mode=RBAC\n"
            '  - "enable-admission-plugins=PodSecurity"\n'
            "kubelet-arg:\n- authorization-mode=Webhook\n"
        ),
        (
            "token: x\nkube-apiserver-arg:\n  - authorization-mode=Node,RBAC\n"
            '  - "enable-admission-plugins=PodSecurity,NodeRestriction"\n'
            "kubelet-arg:\n- authorization-mode=Webhook\n"
        ),
    ),
    "after the kubelet's, on one line": (
        (
            "kubelet-arg: authorization-mode=Webhook\n"
            'kube-apiserver-arg: ["authorization-mode=RBAC", "enable-admission-plugins=A"]\n'
        ),
        (
            "kubelet-arg: authorization-mode=Webhook\n"
            'kube-apiserver-arg: ["authorization-mode=Node,RBAC",'
            ' "enable-admission-plugins=A,NodeRestriction"]\n'
        ),
    ),
    "appended, with a comment": (
        (
            "# authorization-mode=RBAC\nkube-apiserver-arg+:\n# - authorization-mode=RBAC\n"
            "- authorization-mode=RBAC\n- enable-admission-plugins=A\n"
        ),
        (
            "# authorization-mode=RBAC\nkube-apiserver-arg+:\n# - authorization-mode=RBAC\n"
            "- authorization-mode=Node,RBAC\n- enable-admission-plugins=A,NodeRestriction\n"
        ),
    ),
}


@pytest.mark.parametrize(("before", "after"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_only_arguments_of_the_apiserver_are_edited(
    before: str, after: str, tmp_path: Path
) -> None:
    step = _step(start("k3s", "legacy-binding"))

    assert _edited(step, "/etc/rancher/k3s/config.yaml", before, tmp_path) == after


def test_what_k3s_appends_to_its_own_list_stays(tmp_path: Path) -> None:
    rke2 = server(
        like("rke2"), "authorization-mode=RBAC", "enable-admission-plugins=NodeRestriction"
    )
    before = (
        "kube-apiserver-arg:\n- authorization-mode=RBAC\n- enable-admission-plugins+=PodSecurity\n"
    )

    after = _edited(_step(cluster("rke2", rke2)), "/etc/rancher/rke2/config.yaml", before, tmp_path)

    assert after == before.replace("=RBAC", "=Node,RBAC")


AUTHORIZERS = {
    "RBAC alone": ("- type: RBAC\n  name: rbac\n", "- type: Node\n  name: node\n- type: RBAC\n"),
    "indented": (
        "  - name: rbac\n    type: RBAC\n",
        "  - type: Node\n    name: node\n  - name: rbac",
    ),
}


@pytest.mark.parametrize(("before", "after"), AUTHORIZERS.values(), ids=AUTHORIZERS)
@pytest.mark.parametrize("distribution", ["kubeadm", "systemd"])
def test_node_goes_into_the_file_that_holds_the_authorizers(
    distribution: str, before: str, after: str, tmp_path: Path
) -> None:
    path = "/etc/kubernetes/authorization $(x).yaml"
    head = (
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n"
    )
    live = server(
        like(distribution),
        f"authorization-config={path}",
        "enable-admission-plugins=NodeRestriction",
        authorizers=(Authorizer("RBAC", "rbac"),),
    )
    step = _step(cluster(distribution, live))

    assert f"{head}{after}" in _edited(step, path, head + before, tmp_path)
    assert "+- type: Node" in step.diff
    assert not any("--authorization-mode" in command for command in step.commands)


def test_kubespray_gets_variables_that_count_last_and_one_run_of_its_play(tmp_path: Path) -> None:
    step = _step(start("kubespray", "legacy-binding"))
    host = Host(tmp_path)
    host.write("inventory/mycluster/hosts.yaml", "")
    variables = host.write("inventory/mycluster/group_vars/k8s_cluster/k8s-cluster.yml", "")

    done = host.run(step.commands)
    made = variables.with_name("zz-node-authorizer.yml")
    text = made.read_text()
    undone = host.run(step.rollback)

    assert yaml.safe_load(text) == {
        "authorization_modes": ["Node", "RBAC"],
        "kube_apiserver_enable_admission_plugins": ["PodSecurity", "NodeRestriction"],
    }
    assert "upgrade-cluster.yml -b -i inventory/mycluster/hosts.yaml -e serial=1" in done.stdout
    assert undone.returncode == 0
    assert not made.exists()
