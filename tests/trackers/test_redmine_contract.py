"""A real Redmine is held to the contract of all trackers, and answers as it was recorded."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from authzviz.tickets.registry import KINDS
from tests.replay import TOKEN
from tests.tickets.fake_redmine import recorded
from tests.tickets.stage import Stage
from tests.tickets.test_contract import *  # noqa: F403
from tests.trackers.redmine import Project, Redmine
from tests.trackers.redmine_record import Recorder, record_issue, record_project
from tests.trackers.redmine_stage import RealRedmine

# What the request was, and what is null until somebody has signed in on a page.
VARYING = {"request", "last_login_on"}
pytestmark = [pytest.mark.soak, pytest.mark.lab]


@pytest.fixture
def project(redmine: Redmine) -> Project:
    """A project of the test's own, without issues."""
    return redmine.project(f"clusters-{secrets.token_hex(4)}")


@pytest.fixture  # type: ignore[no-redef]
def stage(project: Project, kind: str) -> Iterator[Stage]:
    """In place of the contract's: the real one with an empty project."""
    values = {"url": "{url}", "project": project.identifier}
    with Stage(KINDS["redmine"], RealRedmine(project), values, {"key": TOKEN}).standing() as one:
        yield one


@pytest.mark.parametrize("kind", ["redmine"])
def test_it_answers_as_it_was_recorded(project: Project, kind: str) -> None:
    recorder = Recorder(project)

    record_project(recorder)
    record_issue(recorder)

    assert {name: shape(one) for name, one in recorder.answers.items()} == {
        name: shape(one) for name, one in recorded().items()
    }


def shape(value: Any) -> Any:
    """Names and types without the values that differ from run to run."""
    if isinstance(value, dict):
        kept = {name: shape(one) for name, one in value.items() if name not in VARYING}
        return {**kept, "status": value["status"]} if "headers" in value else kept
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__
