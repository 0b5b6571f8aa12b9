"""`manage.py add_clusters`: every context of many kubeconfigs, as the page would add them."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dashboard.models import AuditEvent, Cluster, User
from dashboard.services import reading
from tests.dashboard.conftest import FakeSource
from tests.dashboard.snapshots import CANARY, KUBECONFIG, forbidden, one_context, snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two kubeconfigs: alpha, beta and gamma, which runs a command; and one more server."""
    (tmp_path / "fleet.yaml").write_text(KUBECONFIG)
    (tmp_path / "only.yaml").write_text(one_context("https://10.0.0.9:6443"))
    return [str(tmp_path / "fleet.yaml"), str(tmp_path / "only.yaml")]


def add(*arguments: str) -> tuple[int, list[str]]:
    """The exit status and the lines that were printed, without the folders of files."""
    out = StringIO()
    status = 0
    try:
        call_command("add_clusters", *arguments, stdout=out)
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert CANARY not in out.getvalue()
    return status, [line.rpartition("/fleet.yaml: ")[2] for line in out.getvalue().splitlines()]


def names() -> list[str]:
    return sorted(Cluster.objects.values_list("name", flat=True))


def test_each_context_has_a_line_and_what_can_be_added_is(files: list[str]) -> None:
    status, lines = add(*files)

    assert status == 1
    assert names() == ["alpha", "beta", "only"]
    assert lines[:2] == ["alpha: added: answers, v1.37.2", "beta: added: answers, v1.37.2"]
    assert lines[2].startswith("gamma: refused: ")
    assert lines[-1] == "3 added, 0 skipped, 1 refused"


def test_all_added_exits_with_0(files: list[str]) -> None:
    assert add(files[1]) == (
        0,
        [f"{files[1]}: only: added: answers, v1.37.2", "1 added, 0 skipped, 0 refused"],
    )


def test_interval_labels_and_who_added_them_are_kept(files: list[str], editor: User) -> None:
    add(
        files[1],
        "--interval",
        "300",
        "--label",
        "env=prod",
        "--label",
        "team=core",
        "--as",
        "editor",
    )

    cluster = Cluster.objects.get()
    assert (cluster.interval_seconds, cluster.created_by) == (300, editor)
    assert cluster.labels == {"env": "prod", "team": "core"}
    assert set(AuditEvent.objects.values_list("actor_name", flat=True)) == {"editor"}


def test_by_default_the_command_line_added_them(files: list[str]) -> None:
    add(files[1])

    assert AuditEvent.objects.get().actor_name == "command line"


def test_a_server_is_added_once(files: list[str]) -> None:
    add(*files)

    status, lines = add(*files)

    assert len(names()) == 3
    assert lines[0] == "alpha: skipped: https://10.0.0.1:6443 is alpha already"
    assert (status, lines[-1]) == (1, "0 added, 3 skipped, 1 refused")


def test_a_server_that_two_contexts_have_is_added_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(one_context("https://10.0.0.9:6443"))

    status, lines = add(str(tmp_path / "a"), str(tmp_path / "b"))

    assert (status, names(), lines[-1]) == (0, ["only"], "1 added, 1 skipped, 0 refused")


def test_what_does_not_answer_is_refused_unless_told_otherwise(
    files: list[str], source: FakeSource
) -> None:
    source.error = reading.ReadError("connection refused")

    assert add(files[1])[0] == 1
    assert names() == []
    status, lines = add(files[1], "--even-if-unreachable")
    assert (status, names()) == (0, ["only"])
    assert "added: does not answer: connection refused" in lines[0]


def test_an_address_that_is_not_allowed_is_refused_even_so(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text(one_context("https://169.254.169.254:6443"))

    status, lines = add(str(tmp_path / "metadata"), "--even-if-unreachable")

    assert (status, names()) == (1, [])
    assert "refused" in lines[0]


def test_a_name_that_leads_to_such_an_address_is_refused_even_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "resolve", lambda host, port: ["169.254.169.254"])
    (tmp_path / "name").write_text(one_context("https://innocent.example:6443"))

    assert add(str(tmp_path / "name"), "--even-if-unreachable")[0] == 1
    assert names() == []


def test_what_can_not_be_read_is_said(files: list[str], source: FakeSource) -> None:
    source.snapshot = snapshot(nodes=replace(forbidden(), permission="list nodes"))

    assert "added: answers, v1.37.2; not read, for want of: list nodes" in add(files[1])[1][0]


def test_a_trial_adds_nothing(files: list[str]) -> None:
    status, lines = add(*files, "--dry-run")

    assert (status, names()) == (1, [])
    assert lines[0] == "alpha: would be added: answers, v1.37.2"
    assert lines[-1] == "3 would be added, 0 skipped, 1 refused"


def test_a_file_that_is_no_kubeconfig_holds_up_no_other(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "none").write_text(f"token: {CANARY}\n- nonsense")

    status, lines = add(str(tmp_path / "none"), files[1])

    assert (status, names()) == (1, ["only"])
    assert "none: refused: " in lines[0]


def test_names_are_printed_on_one_line_with_nothing_hidden(tmp_path: Path) -> None:
    text = one_context("https://10.0.0.9:6443").replace("name: only", 'name: "o\\e[2J\\nx"')
    (tmp_path / "odd").write_text(text)

    _, lines = add(str(tmp_path / "odd"))

    assert len(lines) == 2
    assert "\x1b" not in lines[0]


WRONG: dict[str, tuple[list[str], str]] = {
    "a file that is not there": (["/nowhere"], "/nowhere: No such file"),
    "an interval too short": (["/dev/null", "--interval", "1"], "--interval"),
    "a label that is none": (["/dev/null", "--label", "=x"], "--label"),
    "nobody of that name": (["/dev/null", "--as", "nobody"], "--as: no active user 'nobody'"),
    "someone who may only look": (["/dev/null", "--as", "viewer"], "--as: no active user"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_said_before_anything_is_added(
    arguments: list[str], message: str, viewer: User, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    good.write_text(one_context("https://10.0.0.9:6443"))

    with pytest.raises(CommandError, match=message):
        add(str(good), *arguments)

    assert names() == []


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    with pytest.raises(CommandError, match="not a text"):
        add(str(tmp_path / "binary"))
