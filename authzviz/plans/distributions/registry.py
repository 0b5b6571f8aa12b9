"""Which file knows how a distribution's apiservers get their flags."""

from __future__ import annotations

from collections.abc import Callable

from authzviz.plans.distributions import (
    aks,
    eks,
    gke,
    k0s,
    kind,
    kops,
    kubeadm,
    kubespray,
    microk8s,
    openshift,
    rancher,
    talos,
    unknown,
)
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Step

_STEPS: dict[str, Callable[[Ground], tuple[Step, ...]]] = {
    "kubeadm": kubeadm.steps,
    "kubespray": kubespray.steps,
    "k3s": rancher.K3S.steps,
    "rke2": rancher.RKE2.steps,
    "kind": kind.steps,
    "kops": kops.steps,
    "talos": talos.steps,
    "openshift": openshift.steps,
    "microk8s": microk8s.steps,
    "k0s": k0s.steps,
    "eks": eks.steps,
    "aks": aks.steps,
    "gke": gke.steps,
}


def steps_for(ground: Ground) -> tuple[Step, ...]:
    """The steps that give every apiserver Node before RBAC, and NodeRestriction."""
    return _STEPS.get(ground.distribution, unknown.steps)(ground)
