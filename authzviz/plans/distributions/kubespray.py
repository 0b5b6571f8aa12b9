"""kubespray: variables of the inventory, and one run of its play over the control plane.

Source: kubespray docs/operations/upgrades.md ("Graceful upgrade", "Node-based upgrade"),
roles/kubespray_defaults/defaults/main/main.yml, docs/operations/hardening.md.
"""

from __future__ import annotations

import json

from authzviz.engine.assessment import Switch
from authzviz.plans import probing
from authzviz.plans.distributions.common import needing, troubles
from authzviz.plans.ground import Ground, wanted_modes, wanted_plugins
from authzviz.plans.plan import Observation, Sees, Step, Trouble
from authzviz.plans.servers import Server
from authzviz.plans.shell import heredoc
from authzviz.plans.words import flags_why

_VARIABLES = (
    "inventory=inventory/mycluster  # the folder of hosts.yaml or inventory.ini",
    # The last of a group's files counts.
    'file="$inventory/group_vars/k8s_cluster/zz-node-authorizer.yml"',
    'hosts=$(ls "$inventory"/hosts.y*ml "$inventory"/inventory.ini 2> /dev/null | head -n 1)',
)
_LIMIT = "--limit 'kube_control_plane:etcd'"
_RUN = (
    'ansible-playbook playbooks/facts.yml -b -i "$hosts"',
    f'ansible-playbook upgrade-cluster.yml -b -i "$hosts" -e serial=1 {_LIMIT}',
)
_DOCUMENTATION = (
    "https://github.com/kubernetes-sigs/kubespray/blob/master/docs/operations/upgrades.md"
)


def steps(ground: Ground) -> tuple[Step, ...]:
    """One run for all apiservers; none where all have what they need."""
    servers = needing(ground)
    return (_step(ground, servers),) if servers else ()


def _step(ground: Ground, servers: tuple[Server, ...]) -> Step:
    variables = _variables(servers)
    version = ground.snapshot.version.value or "the version that runs"
    return Step(
        id="flags:kubespray",
        title="Set the inventory's variables and run the control plane's play",
        why=f"{flags_why(servers[0], is_first=True)} kubespray makes every manifest from them.",
        where="ansible",
        commands=(*_VARIABLES, heredoc('cat > "$file"', variables), *_RUN),
        diff=_diff(servers, variables),
        verify=tuple(probing.node_answers(server.url) for server in ground.servers),
        rollback=(*_VARIABLES, 'rm "$file"', *_RUN),
        observation=Observation(Sees.FLAGS),
        takes="10 to 20 minutes for each control plane node, which is cordoned and drained.",
        troubles=(*_TROUBLES, *troubles(servers[0].url)),
        caution=f"kube_version of the inventory has to be {version}: the play installs what stands"
        " there.",
        watches_leases=True,
        source=_DOCUMENTATION,
    )


def _variables(servers: tuple[Server, ...]) -> str:
    lines = []
    if any(not server.has_modes for server in servers):
        modes = next(server.state for server in servers if not server.has_modes)
        lines.append(f"authorization_modes: {json.dumps(wanted_modes(modes))}")
    lacking = [each for each in servers if each.state.node_restriction is not Switch.ON]
    if lacking:
        plugins = json.dumps(wanted_plugins(lacking[0].state))
        lines.append(f"kube_apiserver_enable_admission_plugins: {plugins}")
    return "\n".join(lines) + "\n"


def _diff(servers: tuple[Server, ...], variables: str) -> str:
    before = servers[0].state
    old = {
        "authorization_modes": before.authorization_modes,
        "kube_apiserver_enable_admission_plugins": before.admission_plugins,
    }
    lines = ["--- group_vars/k8s_cluster", "+++ group_vars/k8s_cluster", "@@ as they count @@"]
    for line in variables.splitlines():
        name = line.partition(":")[0]
        said = old[name]
        lines += [] if said is None else [f"-{name}: {json.dumps(said)}"]
        lines.append(f"+{line}")
    return "\n".join(lines) + "\n"


_TROUBLES = (
    Trouble(
        "The play changes nothing",
        "the manifests have the old flags, although the play ended well",
        "Plain cluster.yml leaves a control plane that exists as it is: upgrade-cluster.yml, or"
        " cluster.yml with -e upgrade_cluster_setup=true, writes the manifests anew.",
    ),
    Trouble(
        "Other variables win",
        "ansible -m debug -a var=authorization_modes kube_control_plane shows the old value",
        "host_vars, group_vars of kube_control_plane and -e come after k8s_cluster: change the"
        " value where it stands.",
    ),
    Trouble(
        "Its binding comes back",
        "kubespray:system:node has Group system:nodes again after an upgrade",
        "kubespray applies it only when /etc/kubernetes/node-crb.yml on the first control plane"
        " node changes: keep that file, and look again when another node becomes the first.",
    ),
)
