"""Where an apiserver's flags are set, by distribution."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where the edit goes, as a sentence; `is_fixed` where the provider owns the flags."""

    sentence: str
    is_fixed: bool = False


_MANIFEST = "Edit a copy of /etc/kubernetes/manifests/kube-apiserver.yaml elsewhere and move it in"
_PROVIDER = "The provider sets these flags: ask for it there"

_PLACES = {
    "kubeadm": Place(
        f"{_MANIFEST}; change ConfigMap kube-system/kubeadm-config too, or the next upgrade"
        " reverts it."
    ),
    "kind": Place(f"{_MANIFEST}, or set apiServer.extraArgs in the kind configuration."),
    "kubespray": Place(
        "Set authorization_modes and kube_apiserver_enable_admission_plugins (NodeRestriction"
        " must be in it) and run the control plane's play."
    ),
    "k3s": Place(
        "Remove the override under kube-apiserver-arg in /etc/rancher/k3s/config.yaml (k3s has"
        " both on by itself) and restart k3s, one server after the other."
    ),
    "rke2": Place(
        "Remove the override under kube-apiserver-arg in /etc/rancher/rke2/config.yaml and restart"
        " rke2-server, one server after the other."
    ),
    "kops": Place(
        "Set spec.kubeAPIServer.authorizationMode, then kops update cluster --yes and kops"
        " rolling-update cluster --yes."
    ),
    "talos": Place(
        "Set cluster.apiServer in the machine configuration, with talosctl patch mc, one control"
        " plane node after the other."
    ),
    "openshift": Place(
        "OpenShift sets authorizers itself; only bindings can be changed.", is_fixed=True
    ),
    "microk8s": Place(
        "Run microk8s enable rbac, then add NodeRestriction to --enable-admission-plugins in"
        " /var/snap/microk8s/current/args/kube-apiserver and restart"
        " snap.microk8s.daemon-kubelite, on each node."
    ),
    "k0s": Place("Set spec.api.extraArgs, then k0s stop and k0s start on each controller."),
    "eks": Place(f"{_PROVIDER}; only bindings can be changed.", is_fixed=True),
    "aks": Place(f"{_PROVIDER} (az aks update, node restriction).", is_fixed=True),
    "gke": Place(f"{_PROVIDER}; look for legacy authorization.", is_fixed=True),
}
_UNKNOWN = Place(
    "Edit the template that its manifest or unit file is made from, so that the next run doesn't"
    " revert it; under systemd then: systemctl daemon-reload && systemctl restart kube-apiserver."
)


def place_of(distribution: str) -> Place:
    """Where that distribution's apiserver flags are set."""
    return _PLACES.get(distribution, _UNKNOWN)
