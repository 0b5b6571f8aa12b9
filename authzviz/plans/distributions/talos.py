"""Talos: the machine configuration of each node of the control plane.

Source: docs.siderolabs.com, editing-machine-configuration, reference KubeAuthorizerConfig; talos
internal/app/machined control_plane.go: Node and RBAC are put in where .cluster.apiServer lacks
them, and the documents of later versions are taken as they are.
"""

from __future__ import annotations

import json
from shlex import quote

from authzviz.engine.versions import minor_of
from authzviz.plans import probing
from authzviz.plans.distributions import editing
from authzviz.plans.distributions.common import in_order, observation_of, troubles
from authzviz.plans.ground import Ground, wanted_modes
from authzviz.plans.plan import Step, Trouble
from authzviz.plans.servers import Server
from authzviz.plans.words import flags_title

_SOURCE = (
    "Talos, https://docs.siderolabs.com/talos/latest/configure-your-talos-cluster/"
    "system-configuration/editing-machine-configuration; which form the configuration has is not"
    " verified"
)
_PODS = "kubectl --namespace=kube-system get pods --selector=k8s-app=kube-apiserver --output=yaml"
_KEEP = (
    'test -e "$copy" || talosctl --nodes="$node" get machineconfig v1alpha1'
    " --output=jsonpath='{.spec}' > \"$copy\""
)
_DOCUMENTS_SINCE = 37
_DOCUMENTS = """\
apiVersion: v1alpha1
kind: KubeAuthorizerConfig
name: node
type: Node
---
apiVersion: v1alpha1
kind: KubeAuthorizerConfig
name: rbac
type: RBAC
"""


def steps(ground: Ground) -> tuple[Step, ...]:
    """One step for each node of the control plane that needs one, one after another."""
    minor = minor_of(ground.snapshot.version.value or "")
    is_new = minor is not None and minor >= _DOCUMENTS_SINCE
    return in_order(ground, lambda server, why: _step(server, why, is_new=is_new))


def _step(server: Server, why: str, *, is_new: bool) -> Step:
    patch = _DOCUMENTS if is_new else _legacy(server)
    variables = (
        f"node={quote(server.address.rpartition(':')[0].strip('[]') or server.machine)}",
        'copy="$HOME/talos-$(printf %s "$node" | cksum | cut -d " " -f 1).before.yaml"',
    )
    return Step(
        id=f"flags:{server.name}",
        title=flags_title(server),
        why=why,
        where="talosctl",
        commands=(
            *variables,
            _KEEP,
            f'talosctl --nodes="$node" patch machineconfig --mode=no-reboot --patch={quote(patch)}',
        ),
        diff="--- the machine configuration\n+++ the machine configuration\n"
        + "".join(f"+{editing.printable(line)}\n" for line in patch.splitlines()),
        verify=(
            variables[0],
            'talosctl --nodes="$node" processes | grep kube-apiserver',
            f"{_PODS} | grep -E -e '--(authorization-|enable-admission-plugins)'",
            probing.node_answers(server.url),
        ),
        rollback=(
            *variables,
            'talosctl --nodes="$node" apply-config --mode=no-reboot --file="$copy"',
        ),
        observation=observation_of(server),
        takes="1 to 3 minutes: Talos writes the static pod anew, without a reboot",
        troubles=(*_TROUBLES, *troubles(server.url)),
        caution="A copy that is there already is kept: remove one of an older change first.",
        watches_leases=True,
        source=_SOURCE,
    )


def _legacy(server: Server) -> str:
    arguments = {"authorization-mode": ",".join(wanted_modes(server.state))}
    return json.dumps({"cluster": {"apiServer": {"extraArgs": arguments}}}, separators=(",", ":"))


_TROUBLES = (
    Trouble(
        "Talos does not take the patch",
        "configuration validation failed",
        "From the version on whose reference has KubeAPIServerConfig, the mode is not taken among"
        " extraArgs: add a document KubeAuthorizerConfig of type Node before that of RBAC.",
    ),
    Trouble(
        "NodeRestriction is still off",
        "disable-admission-plugins: NodeRestriction",
        "Talos always turns it on: take it out of disable-admission-plugins, among extraArgs.",
    ),
)
