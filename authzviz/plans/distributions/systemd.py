"""A kube-apiserver that systemd runs, as Ansible roles and "the hard way" install it."""

from __future__ import annotations

from authzviz.engine.assessment import ApiServerState
from authzviz.plans.ground import Ground, wanted_modes, wanted_plugins
from authzviz.plans.plan import Observation, Sees, Step

_UNIT = "/etc/systemd/system/kube-apiserver.service"
_COPY = "/root/kube-apiserver.service.before"


def steps(ground: Ground) -> tuple[Step, ...]:
    """One step for each apiserver."""
    return tuple(_step(state) for state, _ in ground.apiservers)


def _step(state: ApiServerState) -> Step:
    modes, plugins = ",".join(wanted_modes(state)), ",".join(wanted_plugins(state))
    restart = "systemctl daemon-reload && systemctl restart kube-apiserver"
    return Step(
        id=f"flags:{state.name}",
        title=f"Node before RBAC on {state.name}",
        why="Kubelets are served by Node from then on, and by the binding no more.",
        where=state.name,
        commands=(
            f"cp -p {_UNIT} {_COPY}",
            f"sed -i 's/--authorization-mode=[^ ]*/--authorization-mode={modes}/' {_UNIT}",
            restart,
        ),
        diff=f"--- {_UNIT}\n+++ {_UNIT}\n+ --authorization-mode={modes}\n"
        f"+ --enable-admission-plugins={plugins}\n",
        verify=("curl -sk https://127.0.0.1:6443/readyz",),
        rollback=(f"cp -p {_COPY} {_UNIT}", restart),
        observation=Observation(Sees.FLAGS, state.name),
        watches_leases=True,
    )
