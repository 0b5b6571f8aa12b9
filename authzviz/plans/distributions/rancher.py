"""k3s and RKE2: kube-apiserver-arg in their config.yaml, one server after another.

Both have Node,RBAC and NodeRestriction by themselves, so that something overrides them where they
are off. A value replaces k3s' own, NAME+= adds to it; RKE2 puts NodeRestriction before it.
Source: k3s pkg/util/args.go, pkg/daemons/control/server.go, rke2 pkg/cli/defaults/defaults.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Switch
from authzviz.plans import probing
from authzviz.plans.distributions import config_file, editing
from authzviz.plans.distributions.common import in_order, observation_of, troubles
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Step, Trouble
from authzviz.plans.servers import Server
from authzviz.plans.shell import heredoc, until
from authzviz.plans.words import flags_title


@dataclass(frozen=True, slots=True)
class Tool:
    """How k3s and RKE2 differ: names of files, service and kubectl, and what shows the flags."""

    name: str
    service: str
    kubectl: str

    @property
    def path(self) -> str:
        """Its configuration."""
        return f"/etc/rancher/{self.name}/config.yaml"

    @property
    def variables(self) -> tuple[str, ...]:
        """What the commands of a step begin with."""
        return (
            f"file={self.path}",
            f"copy=/root/{self.name}-config.yaml.before-node-authorizer",
        )

    def steps(self, ground: Ground) -> tuple[Step, ...]:
        """One step for each server, one after another."""
        return in_order(ground, self.step)

    def step(self, server: Server, why: str) -> Step:
        """The step at one server."""
        return Step(
            id=f"flags:{server.name}",
            title=flags_title(server),
            why=f"{why} {self.name} has both by itself: something overrides it.",
            where=server.machine,
            commands=(
                *config_file.commands(server),
                *self.variables,
                "new=$(mktemp)",
                _edit(server),
                *_checks(server),
                editing.put_in(),
                f"systemctl restart {self.service}",
            ),
            diff=editing.diff(self.path, server, "  - {}", dashes="") + config_file.diff(server),
            verify=self._verify(server),
            rollback=(
                *config_file.rollback(server),
                *self.variables,
                editing.put_back(),
                f"systemctl restart {self.service}",
            ),
            observation=observation_of(server),
            takes="1 to 2 minutes. Pods go on; with a single server the API is away meanwhile.",
            troubles=(*self._troubles(), *troubles(server.local_url)),
            watches_leases=True,
        )

    def _verify(self, server: Server) -> tuple[str, ...]:
        ready = f"{self.kubectl} get --raw=/readyz"
        shown = probing.process(server)
        if self.name == "k3s":  # its apiserver is no process of its own
            shown = probing.journal(server, self.service)
        return (*shown, until(ready, probing.SECONDS), probing.node_answers("", self.kubectl))

    def _troubles(self) -> tuple[Trouble, ...]:
        return (
            Trouble(
                "The override is somewhere else",
                f"{self.path} does not get …: edit it by hand",
                f"See {self.path}.d/*.yaml (set file= to it), systemctl cat {self.service}"
                f" (--kube-apiserver-arg in ExecStart) and /etc/systemd/system/{self.service}.env:"
                " there, take out --kube-apiserver-arg=authorization-mode=…, then systemctl"
                " daemon-reload.",
            ),
            Trouble(
                "The service does not start",
                f"journalctl -u {self.service} ends with: failed to parse config, or: is not a"
                " valid mode",
                "Do the rollback.",
            ),
        )


K3S = Tool("k3s", "k3s", "k3s kubectl")
RKE2 = Tool(
    "rke2",
    "rke2-server",
    "/var/lib/rancher/rke2/bin/kubectl --kubeconfig=/etc/rancher/rke2/rke2.yaml",
)
_SECTION = """\
# Only what stands under kube-apiserver-arg: the kubelet has arguments of the same name.
/^["']?[A-Za-z]/h
x
/^["']?kube-apiserver-arg/!{x;b}
x
/^[[:space:]]*#/b
"""


def _edit(server: Server) -> str:
    script = _SECTION + editing.script(server, "")
    return heredoc('sed -E -f /dev/stdin "$file" > "$new"', script)


def _checks(server: Server) -> tuple[str, ...]:
    """What is known to be off has to come on by this very file."""
    off = {
        editing.MODE: server.state.node_authorizer is Switch.OFF,
        editing.PLUGINS: server.state.node_restriction is Switch.OFF,
    }
    return tuple(
        editing.check(wanted) for wanted in editing.wanted_flags(server) if off[wanted.name]
    )
