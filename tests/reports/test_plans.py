"""Plans as text, JSON, Markdown and a script: of every recorded cluster, and with hostile names."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from authzviz.plans.plan import Plan, State
from authzviz.reports.plan_json import plan_json
from authzviz.reports.plan_markdown import plan_markdown
from authzviz.reports.plan_shell import plan_shell
from authzviz.reports.plan_text import plan_text
from tests.plans.clusters import NAMES, plan
from tests.plans.hostile_names import HOSTILE, hostile_plan

STEP_KEYS = ("id", "title", "why", "where", "commands", "verify", "rollback", "state", "because")
QUIET = [(), ("list",), ("show", "1"), ("do", "1"), ("rollback", "1")]


def plain(plan: Plan) -> str:
    return plan_text(plan, lambda text, _color: text)


@pytest.mark.parametrize("name", NAMES)
def test_the_document_holds_what_others_rely_on(name: str) -> None:
    made = plan(name)
    document = json.loads(plan_json(made))

    assert [document[key] for key in ("cluster", "from", "to", "distribution")] == [
        made.cluster,
        made.start,
        "node-authorizer",
        made.distribution,
    ]
    steps = [step for phase in document["phases"] for step in phase["steps"]]
    assert len(steps) == len(made.steps)
    for step in steps:
        assert set(STEP_KEYS) <= set(step)
        assert step["state"] in set(State)
        assert step.get("diff") != ""
        assert step["rollback"] or not step["commands"]


@pytest.mark.parametrize("name", NAMES)
def test_the_text_names_every_step_and_command(name: str) -> None:
    text = plain(plan(name))

    for number, step in enumerate(plan(name).steps, start=1):
        assert re.search(rf"^{number}\. ", text, re.MULTILINE)
        for command in (*step.commands, *step.verify, *step.rollback):
            assert all(line in text for line in command.split("\n"))


@pytest.mark.parametrize("name", NAMES)
def test_prose_fits_eighty_columns(name: str) -> None:
    made = plan(name)
    shown = "\n".join(
        "\n".join((*step.commands, *step.verify, *step.rollback, step.diff)) for step in made.steps
    )
    for line in plain(made).splitlines():
        assert len(line) <= 80 or line.strip() in shown or " " not in line.strip()


@pytest.mark.parametrize("name", NAMES)
def test_the_runbook_has_a_box_for_every_step(name: str) -> None:
    made = plan(name)
    boxes = re.findall(r"^- \[([ x])\] \*\*(\w+)\*\*", plan_markdown(made), re.MULTILINE)

    assert boxes == [("x" if s.state == "done" else " ", s.state) for s in made.steps]


@pytest.mark.parametrize("name", NAMES)
def test_the_script_is_one_and_changes_nothing_by_itself(name: str) -> None:
    script = plan_shell(plan(name))

    subprocess.run(["/bin/bash", "-n"], input=script, check=True, text=True, timeout=30)
    listed = bash(script, "list").stdout.splitlines()
    assert len(listed) == max(1, len(plan(name).steps))
    assert "Usage:" in bash(script).stdout


def bash(
    script: str, *arguments: str, path: str = "/usr/bin:/bin", yes: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", script, "runbook", *arguments],
        env={"PATH": path, "AUTHZVIZ_YES": yes},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A folder with a kubectl that writes down what it is called with, and a reboot that tells."""
    for name in ("kubectl", "reboot"):
        stub = tmp_path / name
        stub.write_text(
            f"#!/bin/sh\nprintf '%s\\0' {name} \"$@\" >> '{tmp_path}/called'\n"
            f"printf '\\n' >> '{tmp_path}/called'\n"
        )
        stub.chmod(0o755)
    return tmp_path


def called(stubs: Path) -> list[list[str]]:
    """The words of each call, in order; newlines inside of words stay."""
    text = (stubs / "called").read_text(encoding="utf-8")
    return [call.split("\0") for call in text.split("\0\n") if call]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_step_runs_with_exactly_the_name(name: str, stubs: Path) -> None:
    script, path = plan_shell(hostile_plan(name)), f"{stubs}{os.pathsep}/usr/bin:/bin"
    for part in ("do", "verify", "rollback"):
        result = bash(script, part, "1", path=path, yes="1")
        assert result.returncode == 0, result.stderr

    assert called(stubs) == [
        ["kubectl", "do", "--", name],
        ["kubectl", "then", f"--x={name}"],
        ["kubectl", "verify", "--", name],
        ["kubectl", "rollback", "--", name],
    ]


@pytest.mark.parametrize("arguments", QUIET, ids=" ".join)
def test_without_a_yes_nothing_runs(arguments: tuple[str, ...], stubs: Path) -> None:
    bash(plan_shell(hostile_plan("x")), *arguments, path=f"{stubs}:/usr/bin:/bin")

    assert not (stubs / "called").exists()


@pytest.mark.parametrize("step", ["0", "2", "", "01", "x", "-1", "1;reboot", "$(reboot)"])
def test_no_such_step_is_wrong_usage(step: str, stubs: Path) -> None:
    result = bash(plan_shell(hostile_plan("x")), "do", step, path=f"{stubs}:/usr/bin:/bin", yes="1")

    assert result.returncode == 2
    assert not (stubs / "called").exists()


def test_what_fails_ends_the_step(stubs: Path) -> None:
    (stubs / "kubectl").write_text(f"#!/bin/sh\necho x >> '{stubs}/called'\nexit 7\n")
    result = bash(plan_shell(hostile_plan("x")), "do", "1", path=f"{stubs}:/usr/bin:/bin", yes="1")

    assert result.returncode == 7
    assert (stubs / "called").read_text() == "x\n"


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_json_gives_the_name_back_and_hides_nothing(name: str) -> None:
    text = plan_json(hostile_plan(name))

    assert text.isascii()
    assert json.loads(text)["phases"][0]["steps"][0]["where"] == name


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_terminal_obeys_nothing_in_the_text(name: str) -> None:
    text = plain(hostile_plan(name))

    assert all(letter == "\n" or letter.isprintable() for letter in text)
    assert ("Not to be copied" in text) is ("\u202e" in name)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_is_no_markup_in_the_runbook(name: str) -> None:
    text = plan_markdown(hostile_plan(name))
    outside, blocks = parted(text)

    assert blocks == [
        "\n".join(hostile_plan(name).steps[0].commands),
        hostile_plan(name).steps[0].diff.rstrip(),
        "\n".join(hostile_plan(name).steps[0].verify),
        "\n".join(hostile_plan(name).steps[0].rollback),
    ]
    assert not re.search(r"(?<!\\)[<\[](?![ x]\] )", without_code(outside))
    headings = [line for line in outside.splitlines() if line.startswith("#")]
    assert len(headings) == 3
    assert sum(line.startswith("|") for line in outside.splitlines()) == 3


def parted(text: str) -> tuple[str, list[str]]:
    """What stands outside of fenced blocks, and each block: as CommonMark ends a fence, at the
    first line of at least as many backticks.
    """
    outside: list[str] = []
    blocks: list[str] = []
    block: list[str] = []
    fence = ""
    for line in text.split("\n"):
        ticks = re.match(r"(`{3,})[^`]*$", line)
        if not fence and ticks:
            fence, block = ticks.group(1), []
        elif fence and re.fullmatch(rf" *`{{{len(fence)},}} *", line):
            blocks.append("\n".join(block))
            fence = ""
        elif fence:
            block.append(line)
        else:
            outside.append(line)
    assert not fence
    return "\n".join(outside), blocks


def without_code(text: str) -> str:
    return re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
