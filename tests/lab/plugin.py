"""Pytest fixtures for live clusters; all that a test starts ends with the test."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.lab.build import LAB
from tests.lab.go import BuildError
from tests.lab.rig import Lab, open_etcd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from tests.lab.cluster import Cluster
    from tests.lab.components import ControllerManager, Kubelet
    from tests.lab.etcd import Etcd
    from tests.lab.go import Program


class ClusterFactory(Protocol):
    def __call__(
        self,
        name: str = ...,
        *,
        authorization_mode: str | None = ...,
        admission_plugins: str | None = ...,
        authorization_config: str | None = ...,
        audit_policy: str | None = ...,
        objects: Sequence[Mapping[str, Any]] = ...,
        disabled_admission_plugins: str | None = ...,
        other_flags: Sequence[str] = ...,
    ) -> Cluster: ...


class PeerFactory(Protocol):
    def __call__(self, cluster: Cluster, **changes: Any) -> Cluster: ...


class KubeletFactory(Protocol):
    def __call__(self, cluster: Cluster, name: str = ...) -> Kubelet: ...


class ControllerManagerFactory(Protocol):
    def __call__(self, cluster: Cluster) -> ControllerManager: ...


def pytest_collection_finish(session: pytest.Session) -> None:
    build_first(session, lambda item: "lab_ground" in getattr(item, "fixturenames", ()), LAB)


def build_first(
    session: pytest.Session, needs: Callable[[pytest.Item], bool], program: Program
) -> None:
    """Build before the first test, where one needs it: its time limit is far shorter than that."""
    if not any(map(needs, session.items)):
        return
    if session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    # A failure is shown by the tests that needed it.
    with capture.global_and_fixture_disabled() if capture else nullcontext(), suppress(BuildError):
        program.binary()


@pytest.fixture(scope="session")
def lab_ground() -> Iterator[tuple[Etcd, Path, Path]]:
    """The etcd, the built components and the directory that the session's labs share."""
    with open_etcd() as ground:
        yield ground


@pytest.fixture
def lab(lab_ground: tuple[Etcd, Path, Path]) -> Iterator[Lab]:
    with Lab(*lab_ground) as lab:
        yield lab


@pytest.fixture
def cluster(lab: Lab) -> ClusterFactory:
    return lab.cluster


@pytest.fixture
def peer(lab: Lab) -> PeerFactory:
    return lab.peer


@pytest.fixture
def kubelet(lab: Lab) -> KubeletFactory:
    return lab.kubelet


@pytest.fixture
def controller_manager(lab: Lab) -> ControllerManagerFactory:
    return lab.controller_manager
