"""What to know of a distribution before its plan: what is fixed, and what comes back."""

from __future__ import annotations

from authzviz.engine.places import place_of

_CALLED = {
    "kind": "kind",
    "kops": "kops",
    "talos": "Talos",
    "openshift": "OpenShift",
    "microk8s": "MicroK8s",
    "k0s": "k0s",
    "eks": "Amazon EKS",
    "aks": "AKS",
    "gke": "GKE",
}
_OWN = {
    "openshift": (
        "OpenShift fixes the order Scope,SystemMasters,RBAC,Node. RBAC is asked first, so the audit"
        " log names RBAC for all that a binding grants, whether Node would allow it or not: an"
        " audit log proves nothing here. Take one subject off at a time, at a quiet hour, and watch"
        " the Leases."
    ),
    "microk8s": (
        "MicroK8s starts with AlwaysAllow, and a second --authorization-mode in its file adds to"
        " that instead of replacing it: there must be one such line."
    ),
    "k0s": (
        "ClusterRoleBinding system:nodes:autopilot is k0s' own: it lets every kubelet read and"
        " change all Nodes and pods. k0s may put it back, and its autopilot updates need it."
    ),
    "kops": (
        "What a binding of User kubelet grants (kubelet-cluster-admin in clusters that are old) is"
        " ignored by the Node authorizer."
    ),
    "aks": (
        "AKS itself shipped ClusterRoleBinding system:aks-client-nodes, and may put back what is"
        " taken off it: look again after a day."
    ),
    "gke": (
        "GKE has a webhook of its own in the chain, and what it allows no API shows: ask Google"
        " what it answers to kubelets."
    ),
    "eks": (
        "On EKS, IAM makes a machine system:node:<its private DNS name> in system:nodes, by"
        " ConfigMap aws-auth or an access entry. eks:node-bootstrapper is EKS' own, and benign."
    ),
}
_NOT_BEFORE = (
    "It is not seen that every apiserver has the Node authorizer. Until that is, bindings keep the"
    " nodes up: take none away."
)


def notes_on(distribution: str, *, is_served: bool) -> tuple[str, ...]:
    """Sentences on the distribution, none where its plan was tried and nothing is particular.

    `is_served` where every apiserver is known to have the Node authorizer.
    """
    said = [_OWN[distribution]] if distribution in _OWN else []
    if place_of(distribution).is_fixed:
        fixed = f"{_CALLED[distribution]} sets its apiservers' flags itself: only bindings change."
        said.insert(0, fixed if is_served else f"{fixed} {_NOT_BEFORE}")
    if distribution in _CALLED:
        said.append(
            f"The commands for {_CALLED[distribution]} are from its documentation, and were not"
            " tried here: read each before it is run."
        )
    return tuple(said)
