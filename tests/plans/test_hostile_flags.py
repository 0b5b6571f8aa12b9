"""Flags that try to be commands, patterns or templates: whatever a plan prints says only words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from authzviz import engine
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Plan
from tests.kube import distributions
from tests.plans.clusters import read
from tests.plans.starts import MODES, PLUGINS, with_flags

HOSTILE = {
    "a command": "RBAC$(reboot)",
    "an escaped command": "RBAC\\$(reboot)",
    "backticks": "`reboot`",
    "the end of single quotes": "x'; reboot; '",
    "the end of double quotes": 'x"; reboot; "',
    "a template": "{{ lookup('pipe', 'reboot') }}",
    "another template": "#jinja2: variable_start_string:'[['\n[[ lookup('pipe', 'reboot') }}",
    "lines": "x\nEOF\nreboot",
    "a command of sed": "x/;e reboot",
}
_STUBS = (
    *("reboot", "kubectl", "journalctl", "talosctl", "docker", "microk8s", "k3s", "k0s", "kops"),
    *("curl", "pgrep", "grep", "tr", "sed", "cp", "mv", "rm", "cmp", "cat", "snap", "systemctl"),
    *("crictl", "xargs", "ansible-playbook", "basename", "head", "tail", "cut", "cksum", "test"),
    *("ls", "ps", "openssl", "authzviz", "jq", "sort", "uniq", "audit2rbac", "mktemp", "tee"),
    *("install", "mkdir", "aws", "oc", "az", "gcloud", "hostname", "sleep", "chmod", "date"),
)


WHERE = {"modes": (f"{MODES}RBAC,", f"{PLUGINS}X"), "plugins": (f"{MODES}RBAC", f"{PLUGINS}X,")}


def plan_with(name: str, flag: str, where: str) -> Plan:
    """The plan of a distribution whose apiserver says that among its modes or its plugins."""
    quoted = '"' + flag.replace('"', '""') + '"'
    flags = (each + quoted if each.endswith(",") else each for each in WHERE[where])
    snapshot = with_flags(read(name), *flags)
    return plan_of(snapshot, engine.judge(snapshot))


def run(home: Path, commands: list[str]) -> None:
    """Run them by bash where every program is a stub that notes its name."""
    programs = home / "bin"
    programs.mkdir()
    for name in _STUBS:
        (programs / name).write_text(f'#!/bin/sh\necho {name} >> "{home}/called"\n')
        (programs / name).chmod(0o700)
    (programs / "timeout").write_text('#!/bin/sh\nshift\n"$@"\n')
    (programs / "timeout").chmod(0o700)
    for name in ("sh", "bash"):
        (programs / name).symlink_to(f"/bin/{name}")
    script = re.sub(r"(?<![\w/.])/(etc|root|var|proc|home)/", f"{home}/", "\n".join(commands))
    subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=home,
        env={"PATH": str(programs), "HOME": str(home), "EKS_CLUSTER": "x", "NODE": "x"},
        capture_output=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("flag", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", distributions.names())
def test_no_flag_becomes_a_command(name: str, flag: str, where: str, tmp_path: Path) -> None:
    steps = plan_with(name, flag, where).steps
    run(
        tmp_path,
        [each for step in steps for each in (*step.commands, *step.verify, *step.rollback)],
    )

    assert "reboot" not in (tmp_path / "called").read_text().split()


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("flag", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", distributions.names())
def test_no_flag_that_is_no_word_goes_on(name: str, flag: str, where: str) -> None:
    plan = plan_with(name, flag, where)

    for flags in plan.flags:
        words = (*(flags.modes or ()), *(flags.plugins or ()))
        assert all(re.fullmatch("[A-Za-z]+", word) for word in words)
