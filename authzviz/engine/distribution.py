"""What installed the cluster, as far as what was read tells, with the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from authzviz.engine.model import Node, Snapshot


@dataclass(frozen=True, slots=True)
class Distribution:
    """Its name as `check` prints it, and the sentence that says how it was told."""

    name: str
    evidence: str


_BY_VERSION = (
    ("-eks-", "eks"),
    ("-gke.", "gke"),
    ("+k3s", "k3s"),
    ("+rke2", "rke2"),
    ("+k0s", "k0s"),
)
_BY_ANNOTATION = (
    ("rke2.io/", "rke2"),
    ("k3s.io/", "k3s"),
    ("machineconfiguration.openshift.io/", "openshift"),
    ("talos.dev/", "talos"),
    ("k0sproject.io/", "k0s"),
    ("microk8s.io/", "microk8s"),
    ("kops.k8s.io/", "kops"),
)
# Mark of the provider id, of the node's name, and what they tell together.
_BY_PROVIDER = (
    ("kind://", "", "kind"),
    ("k3s://", "", "k3s"),
    ("azure://", "aks-", "aks"),
    ("gce://", "gke-", "gke"),
)
_BY_BINDING = (
    ("kubespray:", "kubespray"),
    ("system:talos-nodes", "talos"),
    ("system:nodes:autopilot", "k0s"),
    ("system:openshift:", "openshift"),
    ("eks:", "eks"),
    ("system:aks-client-node", "aks"),
    ("kops:", "kops"),
    ("kops-controller", "kops"),
    ("microk8s", "microk8s"),
)
# How the evidence of flags out of a file begins; kube.flag_files writes it.
_BY_FILE = (("kubeadm ", "kubeadm"), ("k3s ", "k3s"), ("rke2 ", "rke2"))
_KUBEADM_ANNOTATION = "kubeadm.alpha.kubernetes.io/cri-socket"


def distribution_of(snapshot: Snapshot) -> Distribution:
    """The distribution; "unknown" with what was looked at where nothing tells.

    What is particular comes first: kubespray and kind are made with kubeadm, and look like it.
    """
    for clues in (_version, _annotations, _providers, _bindings, _evidence, _kubeadm):
        for clue in clues(snapshot):
            return clue
    return Distribution("unknown", "nothing that was read tells what installed this cluster")


def _version(snapshot: Snapshot) -> Iterator[Distribution]:
    version = snapshot.version.value or ""
    for mark, name in _BY_VERSION:
        if mark in version:
            yield Distribution(name, f"its version is {version}")


def _annotations(snapshot: Snapshot) -> Iterator[Distribution]:
    for node in snapshot.nodes.value or ():
        for key, _ in node.annotations:
            for prefix, name in _BY_ANNOTATION:
                if key.startswith(prefix):
                    yield Distribution(name, f"node {node.name} has annotation {key}")


def _providers(snapshot: Snapshot) -> Iterator[Distribution]:
    for node in snapshot.nodes.value or ():
        name = _of_provider(node) if node.provider_id else ""
        if name:
            yield Distribution(name, f"node {node.name} has provider id {node.provider_id}")


def _of_provider(node: Node) -> str:
    for mark, prefix, name in _BY_PROVIDER:
        if node.provider_id.startswith(mark) and node.name.startswith(prefix):
            return name
    return ""


def _bindings(snapshot: Snapshot) -> Iterator[Distribution]:
    prefixes = tuple(prefix for prefix, _ in _BY_BINDING)
    for binding in snapshot.cluster_role_bindings.value or ():
        if binding.name.startswith(prefixes):
            name = next(name for prefix, name in _BY_BINDING if binding.name.startswith(prefix))
            yield Distribution(name, f"there is a ClusterRoleBinding {binding.name}")


def _evidence(snapshot: Snapshot) -> Iterator[Distribution]:
    for server in snapshot.apiservers.value or ():
        for prefix, name in _BY_FILE:
            if server.evidence.startswith(prefix):
                yield Distribution(name, f"its flags are from {server.evidence}")
        if "openshift-kube-apiserver" in server.evidence:
            yield Distribution("openshift", f"its apiserver is {server.evidence}")


def _kubeadm(snapshot: Snapshot) -> Iterator[Distribution]:
    for node in snapshot.nodes.value or ():
        for key, _ in node.annotations:
            if key == _KUBEADM_ANNOTATION:
                yield Distribution("kubeadm", f"node {node.name} has annotation {key}")
    for binding in snapshot.cluster_role_bindings.value or ():
        if binding.name.startswith("kubeadm:"):
            yield Distribution("kubeadm", f"there is a ClusterRoleBinding {binding.name}")
    for server in snapshot.apiservers.value or ():
        if server.evidence.startswith("mirror pod kube-system/kube-apiserver-"):
            yield Distribution("kubeadm", f"{server.evidence} is as kubeadm makes it")
