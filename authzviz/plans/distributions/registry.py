"""Which file knows how a distribution's apiservers get their flags."""

from __future__ import annotations

from collections.abc import Callable

from authzviz.plans.distributions import kubeadm, kubespray, rancher, unknown
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Step

_STEPS: dict[str, Callable[[Ground], tuple[Step, ...]]] = {
    "kubeadm": kubeadm.steps,
    "kind": kubeadm.kind_steps,
    "kubespray": kubespray.steps,
    "k3s": rancher.K3S.steps,
    "rke2": rancher.RKE2.steps,
}


def steps_for(ground: Ground) -> tuple[Step, ...]:
    """The steps that give every apiserver Node before RBAC, and NodeRestriction."""
    return _STEPS.get(ground.distribution, unknown.steps)(ground)
