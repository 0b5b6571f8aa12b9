"""A cluster of which nothing tells what installed it: each apiserver by how it is seen to run."""

from __future__ import annotations

from authzviz.plans.distributions import kubeadm, systemd
from authzviz.plans.distributions.common import in_order, needing
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Step
from authzviz.plans.servers import Server

_UNREAD = (
    "Its flags were not read: the commands go by what the file says, and the diff by what the"
    " apiserver answers."
)


def steps(ground: Ground) -> tuple[Step, ...]:
    """One step for each apiserver: at its manifest where a mirror pod shows it, else its unit."""
    return in_order(ground, _step)


def notes(ground: Ground) -> tuple[str, ...]:
    """What the steps take for granted."""
    servers = needing(ground)
    if not servers:
        return ()
    pods = all(server.is_static_pod for server in servers)
    how = "a static pod below /etc/kubernetes/manifests" if pods else "a unit of systemd"
    said = f"Nothing that was read tells what installed this cluster: the steps take it for {how}."
    return (said,) if any(server.has_flags for server in servers) else (said, _UNREAD)


def _step(server: Server, why: str) -> Step:
    return (kubeadm.step if server.is_static_pod else systemd.step)(server, why)
