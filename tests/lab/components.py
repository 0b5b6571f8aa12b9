"""What runs against a lab cluster: kubelets and the controller manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from tests.lab.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.lab.cluster import Cluster

_READY_SECONDS = 60
_CONTROLLERS = "node-lifecycle-controller,serviceaccount-controller,namespace-controller"


class Kubelet:
    """The real kubelet's code over a fake container runtime, as `system:node:<name>`.

    A mirror pod written by hand for its own Node is deleted by it, as by any kubelet.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name = name
        self._cluster = cluster
        self._directory = cluster.directory / name
        self._directory.mkdir(mode=0o700, exist_ok=True)
        credential = cluster.node_certificate(name)
        (self._directory / "kubeconfig").write_text(cluster.kubeconfig(credential))
        self.process = self.start()

    def start(self) -> Process:
        """Start it, anew where it was stopped; returns before it has registered."""
        # A killed kubelet leaves its socket behind, and the next one can't listen on it.
        (self._directory / "cri.sock").unlink(missing_ok=True)
        self.process = _start(
            self._cluster,
            f"kubelet of {self.name}",
            self._directory / "kubelet.log",
            "hollow-node",
            f"--name={self.name}",
            f"--kubeconfig={self._directory / 'kubeconfig'}",
            f"--root-dir={self._directory}",
        )
        return self.process

    def stop(self) -> None:
        self.process.stop()

    def log_text(self) -> str:
        return self.process.log_text()

    def wait_for_log(self, text: str, *, seconds: float = _READY_SECONDS) -> None:
        """Return when the kubelet has written this; raise LabError when it doesn't.

        A quote is matched as itself: the log escapes those within its values.
        """
        self.process.wait_until(
            lambda: text in self.log_text().replace('\\"', '"'), repr(text), seconds=seconds
        )

    def wait_until_ready(self, *, seconds: float = _READY_SECONDS) -> None:
        """Return when the cluster shows this kubelet's Node as Ready."""
        self._wait(lambda: self._cluster.is_ready(self.name), "Ready", seconds)

    def wait_until_not_ready(self, *, seconds: float = _READY_SECONDS) -> None:
        """Return when the controller manager has given the silent Node up."""
        self._wait(lambda: not self._cluster.is_ready(self.name), "NotReady", seconds)

    def wait_until_leased(self, *, seconds: float = _READY_SECONDS) -> None:
        """Return when this kubelet has its Lease, up to 10 s after its Node is Ready."""
        self._wait(lambda: self._cluster.has_lease(self.name), "with a Lease", seconds)

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        self._cluster.process.wait_until(condition, f"{self.name} {what}", seconds=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class ControllerManager:
    """The controllers that a lab needs; a Node that goes silent is NotReady after about 20 s."""

    def __init__(self, cluster: Cluster) -> None:
        path = cluster.directory / "controller-manager.kubeconfig"
        path.write_text(cluster.kubeconfig())
        self.process = _start(
            cluster,
            f"kube-controller-manager of {cluster.name}",
            cluster.directory / "kube-controller-manager.log",
            "kube-controller-manager",
            f"--kubeconfig={path}",
            f"--controllers={_CONTROLLERS}",
            "--node-monitor-grace-period=20s",
            "--leader-elect=false",
            "--secure-port=0",
        )

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _start(cluster: Cluster, name: str, log: Path, *command: str) -> Process:
    return Process(name, [cluster.binary, *command], directory=cluster.directory, log=log)
