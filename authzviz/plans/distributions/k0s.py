"""k0s: spec.api.extraArgs in the file of each controller.

Source: docs.k0sproject.io, configuration; k0s pkg/component/controller/apiserver.go: its own
arguments are Node,RBAC and NodeRestriction, and extraArgs replace them key by key.
"""

from __future__ import annotations

import json
from shlex import quote

from authzviz.engine.assessment import Switch
from authzviz.plans import probing
from authzviz.plans.distributions import editing
from authzviz.plans.distributions.common import in_order, observation_of, troubles
from authzviz.plans.ground import Ground, wanted_modes, wanted_plugins
from authzviz.plans.plan import Step, Trouble
from authzviz.plans.servers import Server
from authzviz.plans.words import flags_title

_SOURCE = "k0s, https://docs.k0sproject.io/stable/configuration/"
_FILE = "/etc/k0s/k0s.yaml"
_VARIABLES = (f"file={_FILE}", "copy=/root/k0s.yaml.before-node-authorizer")
_RESTART = ("k0s stop", "k0s start")
_KUBECTL = "k0s kubectl"


def steps(ground: Ground) -> tuple[Step, ...]:
    """One step for each controller that needs one, one after another."""
    return in_order(ground, _step)


def _step(server: Server, why: str) -> Step:
    arguments = {"authorization-mode": ",".join(wanted_modes(server.state))}
    if server.state.node_restriction is not Switch.ON:
        arguments["enable-admission-plugins"] = ",".join(wanted_plugins(server.state))
    patch = json.dumps({"spec": {"api": {"extraArgs": arguments}}}, separators=(",", ":"))
    merge = f'{_KUBECTL} patch --local -f "$file" --type=merge -p {quote(patch)} -o yaml'
    return Step(
        id=f"flags:{server.name}",
        title=flags_title(server),
        why=why,
        where=server.machine,
        commands=(
            *_VARIABLES,
            "new=$(mktemp)",
            f'{merge} > "$new"',
            editing.put_in(),
            *_RESTART,
        ),
        diff=_diff(server, arguments),
        verify=(
            f"k0s config validate --config={_FILE}",
            *probing.process(server),
            probing.node_answers(kubectl=_KUBECTL),
        ),
        rollback=(*_VARIABLES, 'cat "$copy" > "$file"', *_RESTART),
        observation=observation_of(server),
        takes="1 to 3 minutes for each controller",
        troubles=(*_TROUBLES, *troubles(server.local_url)),
        caution="k0sctl writes this file anew: with it, change spec.k0s.config in k0sctl.yaml and"
        " run k0sctl apply instead, or as well.",
        watches_leases=True,
        source=_SOURCE,
    )


def _diff(server: Server, arguments: dict[str, str]) -> str:
    was = server.state.authorization_modes
    lines = [f"--- {_FILE}", f"+++ {_FILE}", " spec:", "   api:", "     extraArgs:"]
    if was is not None:
        lines.append(f"-      authorization-mode: {editing.printable(','.join(was))}")
    values = ((key, editing.printable(value)) for key, value in arguments.items())
    return "\n".join([*lines, *(f"+      {key}: {value}" for key, value in values)]) + "\n"


_TROUBLES = (
    Trouble(
        "There is no such file",
        f"the path {_FILE} does not exist",
        "k0s runs with its own defaults, which are the target, or with another file: k0s status and"
        " systemctl cat k0scontroller show --config.",
    ),
    Trouble(
        "Comments are gone from the file",
        "the file is in another order than before",
        "Only its form changed. To keep it, put the lines of the difference in by hand.",
    ),
)
