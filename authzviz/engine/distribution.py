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
# Labels and annotations of nodes, by the domain before the slash or, with a slash, by their start.
# Sources: k3s and rke2 pkg/nodeconfig/nodeconfig.go; talos pkg/machinery/constants; k0s
# pkg/constant/constant_shared.go (K0SNodeRoleLabel); microk8s microk8s-resources/default-args/
# kubelet (since 1.14: issue 308 there); kops pkg/nodelabels; openshift machine-config-operator
# pkg/daemon/constants, templates/common; labels that EKS, AKS and GKE document for node pools.
_BY_MARK = (
    ("rke2.io", "rke2"),
    ("k3s.io", "k3s"),
    ("openshift.io", "openshift"),
    ("talos.dev", "talos"),
    ("k0sproject.io", "k0s"),
    ("microk8s.io", "microk8s"),
    ("kops.k8s.io", "kops"),
    ("eks.amazonaws.com", "eks"),
    ("cloud.google.com/gke-", "gke"),
    ("kubernetes.azure.com/cluster", "aks"),
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
    ("aks-cluster-admin-binding", "aks"),
    ("aks-service-rolebinding", "aks"),
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
            name = _of_mark(key)
            # aks-engine, which ran apiservers of one's own, set the label that AKS sets.
            if name and not (name == "aks" and _has_control_plane(snapshot)):
                yield Distribution(name, f"node {node.name} has {key}")


def _of_mark(key: str) -> str:
    domain = f".{key.partition('/')[0]}"
    for mark, name in _BY_MARK:
        if key.startswith(mark) if "/" in mark else domain.endswith(f".{mark}"):
            return name
    return ""


def _has_control_plane(snapshot: Snapshot) -> bool:
    return any(node.is_control_plane for node in snapshot.nodes.value or ())


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
        if any(key == _KUBEADM_ANNOTATION for key, _ in node.annotations):
            yield Distribution("kubeadm", f"node {node.name} has {_KUBEADM_ANNOTATION}")
    for binding in snapshot.cluster_role_bindings.value or ():
        if binding.name.startswith("kubeadm:"):
            yield Distribution("kubeadm", f"there is a ClusterRoleBinding {binding.name}")
    for source in (snapshot.declared.value or ()) if snapshot.declared else ():
        yield Distribution("kubeadm", f"there is {source.evidence}")
    yield from _static_pods(snapshot)


def _static_pods(snapshot: Snapshot) -> Iterator[Distribution]:
    if snapshot.declared and snapshot.declared.value == ():
        return  # Each of kubeadm's clusters has a kubeadm-config: these pods are somebody else's.
    for server in snapshot.apiservers.value or ():
        if server.evidence.startswith("mirror pod kube-system/kube-apiserver-"):
            yield Distribution("kubeadm", f"{server.evidence} is as kubeadm makes it")
