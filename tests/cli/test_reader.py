"""`authzviz reader`: what it prints can be applied and run as it is, and is what docs/ shows."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from authzviz.cli import app
from authzviz.engine.least_role import least_role
from authzviz.reports.reader_recipe import reader_recipe
from authzviz.reports.reader_role import Reader, reader_role

PAGE = Path(__file__).parents[2] / "docs" / "reader.md"


def reader(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["reader", *arguments], catch_exceptions=False)


def objects(*arguments: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(reader(*arguments).stdout))


SHOWN = {"role": ("yaml", ()), "kubeconfig": ("sh", ("--format", "kubeconfig"))}


@pytest.mark.parametrize(("language", "arguments"), SHOWN.values(), ids=SHOWN)
def test_the_page_shows_what_the_command_prints(language: str, arguments: tuple[str, ...]) -> None:
    assert f"```{language}\n{reader(*arguments).stdout}```" in PAGE.read_text()


ROLES: dict[str, Reader] = {
    "newest": Reader(37),
    "with pods: no right to those of kube-system then": Reader(37, with_pods=True),
    "of the oldest": Reader(8),
    "OpenShift": Reader(33, "openshift"),
    "no static pods": Reader(33, "eks"),
    "with the probe": Reader(37, with_probe=True),
}


@pytest.mark.parametrize("name", ROLES)
def test_the_objects_grant_the_least_role_and_nothing_else(name: str) -> None:
    wanted = ROLES[name]

    found = list(yaml.safe_load_all(reader_role(wanted)))

    assert granted(found) == sorted(each.words for each in wanted.permissions)
    bound = {
        (one["roleRef"]["kind"], one["metadata"].get("namespace"))
        for one in found
        if "roleRef" in one
    }
    held = {(one["kind"], one["metadata"].get("namespace")) for one in found if "rules" in one}
    assert bound == held


def granted(found: list[dict[str, Any]]) -> list[str]:
    """The objects' rules, in the words of permissions."""
    words = []
    for one in found:
        namespace = one["metadata"].get("namespace", "")
        for rule in one.get("rules", ()):
            words += [
                f"{verb} {url}" for verb in rule["verbs"] for url in rule.get("nonResourceURLs", ())
            ]
            for resource in rule.get("resources", ()):
                (group,) = rule["apiGroups"]
                kind = f"{resource}.{group}" if group else resource
                names = rule.get("resourceNames", [""])
                words += [
                    f"{verb} {kind} {name}".rstrip() + (f" in {namespace}" if namespace else "")
                    for verb in rule["verbs"]
                    for name in names
                ]
    return sorted(words)


def test_every_rule_says_what_it_is_for() -> None:
    lines = reader("--with-pods").stdout.splitlines()

    rules = [n for n, line in enumerate(lines) if line.startswith("  - ")]
    assert rules
    assert [lines[n] for n in rules if not lines[n - 1].startswith("  # ")] == []


def test_names_that_yaml_takes_for_something_else_stay_names() -> None:
    found = objects("--namespace", "null", "--name", "123")

    assert found[0]["metadata"]["name"] == "null"
    assert found[1]["metadata"] == {"name": "123", "namespace": "null"}
    assert found[3]["subjects"] == [{"kind": "ServiceAccount", "name": "123", "namespace": "null"}]


def test_the_probe_before_constrained_impersonation_comes_with_a_warning() -> None:
    probed = "--with-node-restriction-probe"

    assert "WARNING" in reader(probed, "--kubernetes-version", "1.35").stdout
    assert "WARNING" not in reader(probed, "--kubernetes-version", "1.36").stdout
    assert "impersonate" not in reader().stdout


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "version": (("--kubernetes-version", "newest"), "such as 1.28"),
    "distribution": (("--distribution", "redhat"), "there are kubeadm, kind"),
    "namespace": (("--namespace", "a b"), "--namespace 'a b'"),
    "name": (("--name", "-x"), "--name '-x'"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_said_and_exits_with_2(arguments: tuple[str, ...], message: str) -> None:
    result = reader(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


HOSTILE = "it's $(touch pwned)`touch pwned`\n; touch pwned #"
KUBECTL = """#!/bin/sh
for argument; do printf '%s\\0' "$argument" >> "$CALLS"; done
printf '\\n\\0' >> "$CALLS"
echo VE9LRU4=
"""


@pytest.mark.parametrize("minor", [19, 37])
def test_the_recipe_runs_and_lets_no_name_through(minor: int, tmp_path: Path) -> None:
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o700)
    calls = tmp_path / "calls"
    recipe = reader_recipe(Reader(minor), cluster=f"-{HOSTILE}", server=f"https://h/{HOSTILE}")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(calls)}

    subprocess.run(
        ["/bin/sh", "-eu"],
        input=recipe,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
        timeout=30,
    )

    arguments = calls.read_text().split("\0")
    assert f"-{HOSTILE}" in arguments
    assert f"--server=https://h/{HOSTILE}" in arguments
    assert not (tmp_path / "pwned").exists()


def test_tokens_are_made_where_they_can_be() -> None:
    assert "create token" in reader_recipe(Reader(24))
    assert "create token" not in reader_recipe(Reader(23))
    assert shlex.split(reader_recipe(Reader(23)), comments=True)


def test_it_starts_without_web_framework_and_client() -> None:
    code = (
        "import sys; from authzviz.cli import app; app(['reader'], standalone_mode=False);"
        " print(*sys.modules, file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert not {"django", "kubernetes", "urllib3", "cryptography", "yaml", "msgspec"} & set(
        done.stderr.split()
    )


def test_each_permission_says_which_answers_hang_on_it() -> None:
    for minor in range(7, 38):
        for each in least_role(minor, "unknown", with_pods=True, with_probe=True):
            assert each.answers, each.words
