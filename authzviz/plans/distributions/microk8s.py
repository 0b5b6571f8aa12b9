"""MicroK8s: the add-on rbac, and the file of arguments on each machine.

Source: microk8s.io/docs/configuring-services; canonical/microk8s-core-addons addons/rbac/enable,
which sets --authorization-mode=RBAC,Node; kubernetes spf13/pflag: lists given twice add up.
"""

from __future__ import annotations

from shlex import quote

from authzviz.engine.assessment import Switch
from authzviz.plans import probing
from authzviz.plans.distributions import editing
from authzviz.plans.distributions.common import in_order, observation_of, troubles
from authzviz.plans.ground import Ground, wanted_modes
from authzviz.plans.plan import Observation, Sees, Step, Trouble
from authzviz.plans.servers import Server
from authzviz.plans.words import flags_title

_SOURCE = "MicroK8s, https://microk8s.io/docs/configuring-services"
_ADDON = "MicroK8s, https://microk8s.io/docs/multi-user and addons/rbac of microk8s-core-addons"
_FILE = "/var/snap/microk8s/current/args/kube-apiserver"
_VARIABLES = (f"file={_FILE}", "copy=/root/microk8s-kube-apiserver.before-node-authorizer")
_RESTART = "snap restart microk8s.daemon-kubelite"
_KUBECTL = "microk8s kubectl"
_RESTRICTED = f"--{editing.PLUGINS}=NodeRestriction"
_ADD_RESTRICTION = f'grep -q NodeRestriction "$new" || echo {_RESTRICTED} >> "$new"'


def steps(ground: Ground) -> tuple[Step, ...]:
    """The add-on where RBAC is off, then one step for each machine of the control plane."""
    opened = [server for server in ground.servers if server.state.always_allow is Switch.ON]
    return (*((_enable(opened[0]),) if opened else ()), *in_order(ground, _step))


def _enable(server: Server) -> Step:
    return Step(
        id="flags:microk8s-rbac",
        title="Enable the add-on rbac",
        why="It takes AlwaysAllow out of the arguments, sets RBAC,Node and restarts: kubelets are"
        " served by Node from then on, everyone else by RBAC alone.",
        where=server.machine,
        commands=("microk8s enable rbac",),
        verify=(
            f"grep -e --authorization-mode {_FILE}",
            f"{_KUBECTL} get nodes",
            probing.node_answers(kubectl=_KUBECTL),
        ),
        rollback=("microk8s disable rbac",),
        observation=Observation(Sees.CHECK, "always-allow"),
        takes="a minute, in which the API is down on this machine",
        troubles=(
            Trouble(
                "An add-on that lived by AlwaysAllow stops",
                'is forbidden: User "system:serviceaccount:',
                "Grant its ServiceAccount what it lacks, or roll back and find out first.",
            ),
        ),
        caution="With several machines it may change all of them at once: its script sends the"
        " change to the others of a cluster.",
        watches_leases=True,
        source=_ADDON,
    )


def _step(server: Server, why: str) -> Step:
    modes = ",".join(wanted_modes(server.state))
    return Step(
        id=f"flags:{server.name}",
        title=flags_title(server),
        why=f"{why} The add-on asks RBAC first, and then no audit log shows what kubelets would"
        " lose: here Node comes first.",
        where=server.machine,
        commands=(
            *_VARIABLES,
            "new=$(mktemp)",
            # A second --authorization-mode adds to the first: every one goes, one comes.
            f'grep -v -e "^--authorization[-_]mode" -e "^{_RESTRICTED}$" "$file" > "$new"',
            f"printf '%s\\n' {quote(f'--{editing.MODE}={modes}')} >> \"$new\"",
            _ADD_RESTRICTION,
            editing.put_in(),
            _RESTART,
        ),
        diff=_diff(server, modes),
        verify=(
            f'test "$(grep -c -e --authorization-mode {_FILE})" = 1',
            f"grep -e {quote(f'--{editing.MODE}={modes}')} {_FILE}",
            f"grep -e NodeRestriction {_FILE}",
            probing.node_answers(kubectl=_KUBECTL),
        ),
        rollback=(*_VARIABLES, 'cat "$copy" > "$file"', _RESTART),
        observation=observation_of(server),
        takes="a minute, in which the API is down on this machine",
        troubles=(*_TROUBLES, *troubles(server.local_url)),
        caution="Before MicroK8s 1.21 the service is microk8s.daemon-apiserver.",
        watches_leases=True,
        source=_SOURCE,
    )


def _diff(server: Server, modes: str) -> str:
    before = server.state.authorization_modes
    lines = [f"--- {_FILE}", f"+++ {_FILE}"]
    if before is not None:
        lines.append(f"---authorization-mode={editing.printable(','.join(before))}")
    lines.append(f"+--authorization-mode={editing.printable(modes)}")
    if server.state.node_restriction is not Switch.ON:
        lines.append("+--enable-admission-plugins=NodeRestriction")
    return "\n".join(lines) + "\n"


_TROUBLES = (
    Trouble(
        "AlwaysAllow is still in the chain",
        "grep -c --authorization-mode says 2",
        "The flag stands there twice, and both count: a second one adds to AlwaysAllow instead of"
        " replacing it. Take the first line away and restart.",
    ),
    Trouble(
        "RBAC is first again",
        "--authorization-mode=RBAC,Node",
        "microk8s enable rbac, run again, sets its own order: do this step once more.",
    ),
)
