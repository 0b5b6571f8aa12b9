"""kubeadm: a static pod's manifest on each machine, and ConfigMap kubeadm-config.

Source: kubernetes.io, "Reconfiguring a kubeadm cluster"; kubernetes v1.37.2
cmd/kubeadm/app/phases/controlplane/manifests.go, app/util/arguments.go.
"""

from __future__ import annotations

from authzviz.plans import probing
from authzviz.plans.distributions import config_file, editing, kubeadm_config
from authzviz.plans.distributions.common import in_order, observation_of, troubles
from authzviz.plans.distributions.editing import Wanted
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Step, Trouble
from authzviz.plans.servers import Server
from authzviz.plans.words import flags_title

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
_VARIABLES = (
    f"file={MANIFEST}",
    # Whatever lies in the manifests' own directory is started, a copy too.
    "copy=/root/kube-apiserver.yaml.before-node-authorizer",
    "new=/etc/kubernetes/kube-apiserver.yaml.new",
)
_BACK = (*_VARIABLES, 'cp -p "$copy" "$new"', 'mv "$new" "$file"')
_RESTART = "crictl ps -q --name kube-apiserver | xargs -r crictl stop"
_KUBECTL = "kubectl --kubeconfig=/etc/kubernetes/admin.conf"


def steps(ground: Ground) -> tuple[Step, ...]:
    """One step for each manifest, one after another, then the ConfigMap that upgrades go by."""
    return (*in_order(ground, step), *kubeadm_config.steps(ground))


def step(server: Server, why: str) -> Step:
    """The step at one apiserver."""
    url = server.url
    flags = bool(editing.wanted_flags(server))
    return Step(
        id=f"flags:{server.name}",
        title=flags_title(server),
        why=why,
        where=server.machine,
        commands=(*config_file.commands(server), *(_edit(server) if flags else (_RESTART,))),
        diff=editing.diff(MANIFEST, server, "    - {}") + config_file.diff(server),
        verify=(
            *probing.process(server),
            probing.readyz(server, url, _KUBECTL),
            probing.node_answers(url, _KUBECTL),
        ),
        rollback=(*config_file.rollback(server), *(_BACK if flags else (_RESTART,))),
        observation=observation_of(server),
        takes="1 to 3 minutes: the kubelet sees the new manifest and starts the pod anew.",
        troubles=(*_TROUBLES, *troubles(url)),
        watches_leases=True,
    )


def _edit(server: Server) -> tuple[str, ...]:
    wanted = editing.wanted_flags(server)
    return (
        *_VARIABLES,
        'cp -p "$file" "$new"',
        editing.edit(server),
        *(each for flag in wanted for each in _put(server, flag)),
        'cmp -s "$new" "$file" || { cp -p "$file" "$copy" && mv "$new" "$file"; }',
        'rm -f "$new"',
    )


def _put(server: Server, wanted: Wanted) -> tuple[str, ...]:
    """After the program, where the manifest has no flag of that name."""
    if server.has_flags and wanted.name in server.flags:
        return (editing.check(wanted),)
    insert = f"""\
if ! grep -Eq -e '^[^#]*--{wanted.pattern}' "$new"; then
  sed -i -E 's/^( *)- ["\\x27]?kube-apiserver["\\x27]?$/&\\n\\1- --{wanted.flag}/' "$new"
fi"""
    return (insert, editing.check(wanted))


_TROUBLES = (
    Trouble(
        "The pod does not come back",
        "crictl ps -a --name kube-apiserver shows Exited, and the attempts grow",
        "Its log says why: /var/log/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log. The"
        " rollback puts the manifest back; the kubelet takes it within a minute.",
    ),
    Trouble(
        "The kubelet does not see the new manifest",
        "the process still runs with the old flags after 3 minutes",
        "systemctl restart kubelet; journalctl -u kubelet shows what it can't parse.",
    ),
    Trouble(
        "There is no admin.conf",
        "error: stat /etc/kubernetes/admin.conf: no such file or directory",
        "Ask with any admin's kubeconfig instead; from another machine, too.",
    ),
)
