"""Pytest fixtures for real trackers."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.lab.plugin import build_first
from tests.trackers.gitea import Gitea, Repository, running_gitea
from tests.trackers.gitea_build import GITEA
from tests.trackers.redmine import Redmine, running_redmine

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_finish(session: pytest.Session) -> None:
    build_first(session, _needs_gitea, GITEA)


@pytest.fixture(scope="session")
def running_tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitea]:
    """The Gitea that the session's tests share; `gitea` is how they get it."""
    with running_gitea(tmp_path_factory.mktemp("gitea")) as gitea:
        yield gitea


@pytest.fixture
def gitea(running_tracker: Gitea) -> Gitea:
    """A Gitea that runs: a test may kill it, the next one finds it started again."""
    running_tracker.restart()
    return running_tracker


@pytest.fixture
def repository(gitea: Gitea) -> Repository:
    """A repository of the test's own, without issues."""
    return gitea.repository(f"clusters-{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def redmine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redmine]:
    """The Redmine that the session's tests share."""
    with running_redmine(tmp_path_factory.mktemp("redmine")) as redmine:
        yield redmine


def _needs_gitea(item: pytest.Item) -> bool:
    """Whether it names the fixture, or is marked where it only asks for it in its course."""
    names = getattr(item, "fixturenames", ())
    return "running_tracker" in names or item.get_closest_marker("gitea") is not None
