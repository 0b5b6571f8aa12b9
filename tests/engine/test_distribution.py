"""What installed a cluster, and where its flags are set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge
from authzviz.engine.model import ApiServer, FlagSource, Node, Ready, Snapshot, Subject
from tests.engine.build import EMPTY_BINDING, NODES, cluster, crb, node, ok, server, unread

UNIT = replace(server("--authorization-mode=Node,RBAC"), evidence="/flagz")


def with_node(name: str = "n1", provider_id: str = "", *annotations: str) -> Snapshot:
    marked = Node(
        name,
        Ready.TRUE,
        provider_id=provider_id,
        annotations=tuple((annotation, "") for annotation in annotations),
    )
    return cluster(UNIT, nodes=(node("n0"), marked))


def with_binding(name: str, version: str = "v1.28.15") -> Snapshot:
    kubeadm = crb("kubeadm:get-nodes", "view", Subject("Group", "bootstrappers"))
    return cluster(UNIT, bindings=(EMPTY_BINDING, kubeadm, crb(name, "x", NODES)), version=version)


def with_server(evidence: str) -> Snapshot:
    return cluster(ApiServer("cp1", UNIT.flags, evidence))


def with_control_plane(snapshot: Snapshot) -> Snapshot:
    nodes = snapshot.nodes.value or ()
    return replace(snapshot, nodes=ok((*nodes, replace(node("m1"), is_control_plane=True))))


def declaring(*sources: FlagSource) -> Snapshot:
    return replace(cluster(UNIT), declared=ok(sources))


CASES: dict[str, tuple[Snapshot, str, str]] = {
    "eks": (cluster(UNIT, version="v1.28.15-eks-a1b2"), "eks", "its version is v1.28.15-eks-a1b2"),
    "gke": (cluster(UNIT, version="v1.28.15-gke.1200"), "gke", "-gke.1200"),
    "k3s": (cluster(UNIT, version="v1.37.2+k3s1"), "k3s", "+k3s1"),
    "rke2": (cluster(UNIT, version="v1.37.2+rke2r1"), "rke2", "+rke2r1"),
    "k0s": (cluster(UNIT, version="v1.37.2+k0s"), "k0s", "+k0s"),
    "k3s by annotation": (with_node("n1", "", "k3s.io/node-args"), "k3s", "k3s.io/node-args"),
    "rke2 by annotation": (with_node("n1", "", "rke2.io/node-args"), "rke2", "node n1"),
    "openshift by annotation": (
        with_node("n1", "", "machineconfiguration.openshift.io/state"),
        "openshift",
        "machineconfiguration",
    ),
    "openshift by label": (
        with_node("n1", "", "node.openshift.io/os_id"),
        "openshift",
        "node n1 has node.openshift.io/os_id",
    ),
    "talos by a subdomain": (with_node("n1", "", "cluster.talos.dev/node-id"), "talos", "node-id"),
    "k0s by label": (with_node("n1", "", "node.k0sproject.io/role"), "k0s", "k0sproject.io"),
    "microk8s by label": (with_node("n1", "", "microk8s.io/cluster"), "microk8s", "microk8s.io"),
    "kops by label": (with_node("n1", "", "kops.k8s.io/instancegroup"), "kops", "instancegroup"),
    "eks by label": (with_node("n1", "", "eks.amazonaws.com/nodegroup"), "eks", "nodegroup"),
    "gke by label": (with_node("n1", "", "cloud.google.com/gke-nodepool"), "gke", "gke-nodepool"),
    "google, but no gke": (with_node("n1", "", "cloud.google.com/other"), "unknown", "nothing"),
    "a domain that only ends alike": (with_node("n1", "", "notk3s.io/x"), "unknown", "nothing"),
    "aks by label": (
        with_node("n1", "", "kubernetes.azure.com/cluster"),
        "aks",
        "node n1 has kubernetes.azure.com/cluster",
    ),
    "aks-engine has a control plane of its own": (
        with_control_plane(with_node("n1", "", "kubernetes.azure.com/cluster")),
        "unknown",
        "nothing",
    ),
    "aks by binding": (with_binding("aks-service-rolebinding"), "aks", "aks-service-rolebinding"),
    "kind": (with_node("n1", "kind://docker/kind/kind-worker"), "kind", "kind://docker"),
    "aks": (with_node("aks-pool-1", "azure:///subscriptions/x"), "aks", "node aks-pool-1"),
    "azure, but no aks": (with_node("vm-1", "azure:///subscriptions/x"), "unknown", "nothing"),
    "kubespray": (with_binding("kubespray:system:node"), "kubespray", "kubespray:system:node"),
    "talos": (with_binding("system:talos-nodes"), "talos", "system:talos-nodes"),
    "openshift by its apiserver": (
        with_server("pod openshift-kube-apiserver/kube-apiserver-cp1"),
        "openshift",
        "openshift-kube-apiserver",
    ),
    "kubeadm by annotation": (
        with_node("n1", "", "kubeadm.alpha.kubernetes.io/cri-socket"),
        "kubeadm",
        "cri-socket",
    ),
    "kubeadm by binding": (with_binding("other"), "kubeadm", "kubeadm:get-nodes"),
    "kubeadm by its apiserver": (
        with_server("mirror pod kube-system/kube-apiserver-cp1"),
        "kubeadm",
        "kube-apiserver-cp1",
    ),
    "kubeadm by its ConfigMap": (
        declaring(FlagSource("ConfigMap kube-system/kubeadm-config", (), "kubeadm")),
        "kubeadm",
        "there is ConfigMap kube-system/kubeadm-config",
    ),
    "a static pod, and no kubeadm-config": (
        replace(
            with_server("mirror pod kube-system/kube-apiserver-cp1"),
            declared=declaring().declared,
        ),
        "unknown",
        "nothing",
    ),
    "kubeadm-config unread": (
        replace(
            with_server("mirror pod kube-system/kube-apiserver-cp1"),
            declared=unread(ok(())),
        ),
        "kubeadm",
        "kube-apiserver-cp1",
    ),
    "unknown": (with_node("n1", "", "projectcalico.org/x"), "unknown", "nothing that was read"),
}


@pytest.mark.parametrize(("snapshot", "name", "evidence"), CASES.values(), ids=CASES)
def test_distribution_with_its_evidence(snapshot: Snapshot, name: str, evidence: str) -> None:
    assessment = judge(snapshot)

    assert assessment.distribution == name
    assert evidence in assessment.distribution_evidence


PLACES: dict[str, tuple[Snapshot, str]] = {
    "kubeadm": (CASES["kubeadm by binding"][0], "/etc/kubernetes/manifests/kube-apiserver.yaml"),
    "kubespray": (CASES["kubespray"][0], "authorization_modes"),
    "eks": (CASES["eks"][0], "The provider sets these flags"),
    "unknown": (CASES["unknown"][0], "systemctl daemon-reload"),
}


@pytest.mark.parametrize(("snapshot", "words"), PLACES.values(), ids=PLACES)
def test_the_next_step_says_where_the_edit_goes(snapshot: Snapshot, words: str) -> None:
    details = [step.detail for step in judge(snapshot).next_steps]

    assert any(words in detail for detail in details)
