"""The lab as one thing that is opened and closed: what it starts ends with it."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.lab.build import lab_binary
from tests.lab.cluster import Cluster, Flags
from tests.lab.components import ControllerManager, Kubelet
from tests.lab.etcd import Etcd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_PREFIX = "authzviz-lab-"
_MEMORY = Path("/dev/shm")
_MEMORY_BYTES = 4 << 30
_YOUNG_SECONDS = 10
_numbers = count(1)


class Lab:
    """Starts clusters and what runs on them, and ends them all when it is closed."""

    def __init__(self, etcd: Etcd, binary: Path, directory: Path) -> None:
        self.etcd = etcd
        self._binary = binary
        self._directory = directory
        self._running = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def cluster(
        self,
        name: str = "lab",
        *,
        authorization_mode: str | None = None,
        admission_plugins: str | None = None,
        authorization_config: str | None = None,
        audit_policy: str | None = None,
        objects: Sequence[Mapping[str, Any]] = (),
        disabled_admission_plugins: str | None = "ServiceAccount",
        other_flags: Sequence[str] = (),
    ) -> Cluster:
        """Return a ready cluster; None leaves a flag out, so that Kubernetes' default holds.

        `authorization_config` and `audit_policy` are the files' texts; `objects` are applied in
        order.
        """
        flags = Flags(
            authorization_mode=authorization_mode,
            admission_plugins=admission_plugins,
            authorization_config=authorization_config,
            audit_policy=audit_policy,
            disabled_admission_plugins=disabled_admission_plugins,
            others=tuple(other_flags),
        )
        cluster = self.launch(name, flags)
        cluster.wait_until_ready()
        cluster.apply(objects)
        return cluster

    def peer(self, cluster: Cluster, **changes: Any) -> Cluster:
        """Return a second apiserver of this cluster, ready; `changes` are fields of Flags.

        It has the same data, authority and keys, and a port of its own.
        """
        directory = self._directory / f"{cluster.name}-{next(_numbers)}"
        directory.mkdir(mode=0o700)
        flags = replace(cluster.flags, **changes)
        peer = Cluster(cluster.name, self.etcd, self._binary, directory, flags, peer=cluster)
        self._running.callback(peer.stop)
        peer.wait_until_ready()
        return peer

    def launch(self, name: str, flags: Flags) -> Cluster:
        """Return a cluster that is still starting: several come up together faster."""
        directory = self._directory / f"{name}-{next(_numbers)}"
        directory.mkdir(mode=0o700)
        cluster = Cluster(name, self.etcd, self._binary, directory, flags)
        self._running.callback(cluster.stop)
        return cluster

    def kubelet(self, cluster: Cluster, name: str = "node1") -> Kubelet:
        """Return a kubelet that has been started; it registers when it is let."""
        kubelet = Kubelet(cluster, name)
        self._running.callback(kubelet.stop)
        return kubelet

    def controller_manager(self, cluster: Cluster) -> ControllerManager:
        """Return a controller manager that has been started."""
        return self._running.enter_context(ControllerManager(cluster))


@contextmanager
def open_lab() -> Iterator[Lab]:
    """Yield a lab with an etcd of its own; its directory goes with it."""
    with open_etcd() as (etcd, binary, directory), Lab(etcd, binary, directory) as lab:
        yield lab


@contextmanager
def open_etcd() -> Iterator[tuple[Etcd, Path, Path]]:
    """Yield what labs can share: an etcd, the built components, a directory."""
    binary = lab_binary()
    with _directory() as directory, Etcd(directory) as etcd:
        yield etcd, binary, directory


@contextmanager
def _directory() -> Iterator[Path]:
    """Yield a directory, in memory where there is room; what killed labs left is removed."""
    root = _root()
    for old in root.glob(f"{_PREFIX}*"):
        _remove_if_abandoned(old)
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=root, ignore_cleanup_errors=True) as name,
        (Path(name) / "lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name)


def _remove_if_abandoned(directory: Path) -> None:
    """A living lab holds the lock in its directory, but not in its first moment."""
    with suppress(OSError):
        if time.time() - directory.stat().st_mtime < _YOUNG_SECONDS:
            return
        with (directory / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)


def _root() -> Path:
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES:
        return _MEMORY
    return Path(tempfile.gettempdir())
