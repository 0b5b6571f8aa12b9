"""kind: kubeadm's static pod within the container that is the node.

Source: kind.sigs.k8s.io, "Design: node image"; what is done within is kubeadm's.
"""

from __future__ import annotations

from dataclasses import replace
from shlex import quote

from authzviz.plans.distributions import kubeadm
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Sees, Step
from authzviz.plans.shell import heredoc

_SOURCE = "kind, https://kind.sigs.k8s.io/docs/design/node-image/"
_HINT = (
    "With podman or nerdctl in place of docker, say so in the commands. A cluster made anew gets"
    " the flags from kubeadmConfigPatches in its kind configuration."
)


def steps(ground: Ground) -> tuple[Step, ...]:
    """kubeadm's steps, each within the node's container."""
    return tuple(_within(step) for step in kubeadm.steps(ground))


def _within(step: Step) -> Step:
    if step.observation.sees not in (Sees.FLAGS, Sees.ORDER):
        return step
    return replace(
        step,
        commands=(_run(step.where, *step.commands),),
        verify=tuple(_run(step.where, each) for each in step.verify),
        rollback=(_run(step.where, *step.rollback),),
        where="the machine that runs kind",
        caution=_HINT,
        source=_SOURCE,
    )


def _run(node: str, *commands: str) -> str:
    command = f"docker exec --interactive -- {quote(node)} bash -eu"
    return heredoc(command, "\n".join(commands))
