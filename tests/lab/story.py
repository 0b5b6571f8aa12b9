"""The three clusters of `make lab`, and the outage on the first told step by step."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.lab.build import lab_binary
from tests.lab.cluster import Cluster, Flags, group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lab.rig import Lab

NODES = group("system:nodes")
_RBAC_ONLY = Flags(authorization_mode="RBAC", admission_plugins="NodeRestriction")
_NODE = Flags(authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")
_CLUSTERS = {"outage": _RBAC_ONLY, "legacy": _RBAC_ONLY, "node-authorizer": _NODE}
_NODE_NAME = "node1"


@dataclass(slots=True)
class Story:
    """The running clusters, and how far the outage has been mended."""

    outage: Cluster
    legacy: Cluster
    node_authorizer: Cluster
    _steps: Iterator[Callable[[], str]] = field(init=False)

    def __post_init__(self) -> None:
        self._steps = iter((self._bind, self._turn_node_authorizer_on))

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        return (self.outage, self.legacy, self.node_authorizer)

    def advance(self) -> str:
        """Take the next step on the outage cluster and return what was done."""
        step = next(self._steps, None)
        return step() if step else "The story is over: outage has the Node authorizer."

    def _bind(self) -> str:
        self.outage.set_subject("system:node", NODES)
        return "outage, fix 1: system:node is bound to Group system:nodes; node1 gets Ready."

    def _turn_node_authorizer_on(self) -> str:
        self.outage.remove_subjects("system:node")
        self.outage.restart(authorization_mode="Node,RBAC")
        return "outage, fix 2: the binding is empty, and the apiserver runs with Node,RBAC."

    def describe(self, kubeconfig: Path) -> str:
        """Return what is running and what to do with it, for a person."""
        rows = "\n".join(
            f"  {cluster.name:<16} {cluster.url}   --authorization-mode="
            f"{cluster.flags.authorization_mode}"
            for cluster in self.clusters
        )
        return f"""\
Three live clusters, each with a controller manager and the kubelet of {_NODE_NAME}:
{rows}
  legacy has ClusterRole system:node bound to Group system:nodes, as clusters from before 1.8 do.

  .venv/bin/authzviz check --kubeconfig {kubeconfig} --all-contexts

The outage: the kubelet of {_NODE_NAME} has a certificate, and is refused everything.
  export KUBECONFIG={kubeconfig}
  fix 1  kubectl --context outage set subject clusterrolebinding system:node --group=system:nodes
  undo   kubectl --context outage patch clusterrolebinding system:node --type=merge \\
           -p '{{"subjects":null}}'
  fix 2  is a flag, so the lab has to do it, and without kubectl does fix 1 too:
         kill -USR1 {os.getpid()}
         once: fix 1; twice: fix 1 undone, and the apiserver restarted with Node,RBAC.
  Where there is no kubectl: {lab_binary()} kubectl
"""


def start(lab: Lab) -> Story:
    """Return the story at its beginning: legacy and node-authorizer have a Ready node."""
    clusters = {name: lab.launch(name, flags) for name, flags in _CLUSTERS.items()}
    for cluster in clusters.values():
        cluster.wait_until_ready()
    clusters["legacy"].set_subject("system:node", NODES)
    kubelets = {name: lab.kubelet(cluster, _NODE_NAME) for name, cluster in clusters.items()}
    for cluster in clusters.values():
        lab.controller_manager(cluster)
    for name in ("legacy", "node-authorizer"):
        kubelets[name].wait_until_ready()
    return Story(*clusters.values())
