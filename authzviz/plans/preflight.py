"""What has to hold before anything is changed: each passed, failed, or can't be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from authzviz.engine.assessment import Switch
from authzviz.plans.ground import Ground
from authzviz.plans.looking import certificate_shown, certificate_source
from authzviz.plans.plan import BY_HAND, Observation, Phase, PhaseId, Sees, Step, Trouble

PREFIX = "check:"
"""How the ids of these steps begin; the check's own follows."""

_ENDPOINTS = "kubectl --namespace=default get endpointslices kubernetes --output=yaml"
_RBAC = "kubectl get clusterrolebindings,rolebindings --all-namespaces --output=wide"
_ALL_RBAC = (
    "kubectl get clusterroles,clusterrolebindings,roles,rolebindings --all-namespaces --output=yaml"
)
_MANIFESTS = "/etc/kubernetes/manifests"
_REFERENCES = "secretName|secretKeyRef|configMap|persistentVolumeClaim|serviceAccountName"
_NODE = "one node of each kind"
_DOCS = "https://kubernetes.io/docs/reference/access-authn-authz"


@dataclass(frozen=True, slots=True)
class _Check:
    """One check; without `is_seen` no read shows it, and a person says. `is_of_flags` where it
    matters only to who changes flags.
    """

    id: str
    title: str
    why: str
    verify: tuple[str, ...]
    where: str = "kubectl"
    is_seen: bool = True
    is_of_flags: bool = False
    troubles: tuple[Trouble, ...] = ()
    source: str = ""

    def step(self) -> Step:
        """The check as a step."""
        return Step(
            id=f"{PREFIX}{self.id}",
            title=self.title,
            why=self.why,
            where=self.where,
            verify=self.verify,
            observation=Observation(Sees.CHECK, self.id) if self.is_seen else BY_HAND,
            troubles=self.troubles,
            source=self.source,
        )


def phase(ground: Ground) -> Phase | None:
    """The checks, each passed, failed, or can't be told."""
    is_flags = _are_flags_changed(ground)
    checks = [check for make in _ALL for check in make(ground)]
    return Phase(
        PhaseId.PREFLIGHT,
        "Preflight",
        "What has to hold before anything is changed; nothing here changes anything.",
        tuple(check.step() for check in checks if is_flags or not check.is_of_flags),
    )


def _are_flags_changed(ground: Ground) -> bool:
    switches = (ground.assessment.node_authorizer, ground.assessment.node_restriction)
    return switches != (Switch.ON, Switch.ON)


def _of_the_control_plane(_: Ground) -> Iterator[_Check]:
    yield _Check(
        "apiservers",
        "Every apiserver was reached, and told what it runs with",
        "One that nobody looked at may do something else for kubelets, and breaks or hides it.",
        (_ENDPOINTS, "authzviz check"),
    )
    yield _Check(
        "control-plane",
        "The API can do without one apiserver for a minute",
        "Each apiserver restarts once. Without another one the API is down meanwhile.",
        (_ENDPOINTS, "kubectl get --raw /readyz"),
        is_of_flags=True,
    )
    yield _Check(
        "version",
        "The version has what is turned on, and kubelets fit it",
        "The Node authorizer came with 1.7; what it allows, and what NodeRestriction refuses,"
        " grew with each version.",
        ("kubectl version", "kubectl get nodes"),
    )


def _of_nodes(ground: Ground) -> Iterator[_Check]:
    shown = certificate_shown(ground.distribution)
    source = certificate_source(ground.distribution)
    yield _Check(
        "nodes",
        "Every node is Ready and renews its Lease",
        "Only against nodes that are well it shows whether a step broke any.",
        ("kubectl get nodes", "kubectl --namespace=kube-node-lease get leases"),
    )
    yield _Check(
        "names",
        "Kubelets' certificates are named as their nodes",
        "Node and NodeRestriction know a kubelet only by CN = system:node:<exact Node name>, in"
        " lower case, and O = system:nodes. RBAC's binding of the group asks only for O.",
        shown,
        where=_NODE,
        troubles=(
            Trouble(
                "The name is another than the Node's",
                'node "a" is not allowed to modify node "b"',
                "Renew the certificate in the Node's name, before the binding's subject goes.",
            ),
        ),
        source=source,
    )
    yield _Check(
        "identity",
        "Kubelets sign in as themselves, not as an admin",
        "A kubelet with O = system:masters, or an admin's kubeconfig, passes every authorizer by:"
        " nothing in this plan changes what it may do.",
        shown,
        where=_NODE,
        source=source,
    )


def _of_grants(_: Ground) -> Iterator[_Check]:
    yield _Check(
        "other-users",
        "Nobody but nodes lives by these bindings",
        "A User kubelet or an agent's ServiceAccount in them is ignored by the Node authorizer.",
        (_RBAC,),
    )
    yield _Check(
        "extra-grants",
        "No other grant hides what breaks",
        "As long as one grant allows it, nothing shows that another was needed for it.",
        (_RBAC, "authzviz check"),
    )


def _of_restriction(ground: Ground) -> Iterator[_Check]:
    if ground.assessment.node_restriction is Switch.ON:
        return
    yield _Check(
        "static-pods",
        "No static pod refers to Secrets or a ServiceAccount",
        "NodeRestriction lets a kubelet show only static pods that refer to none, nor to ConfigMaps"
        " or claims.",
        (f"! grep -rnE '{_REFERENCES}' {_MANIFESTS}",),
        where="every machine with static pods",
        is_of_flags=True,
        source=f"{_DOCS}/admission-controllers/#noderestriction",
    )
    yield _Check(
        "node-labels",
        "No kubelet sets labels that NodeRestriction refuses",
        "Of kubernetes.io and k8s.io, a kubelet may set only those that Kubernetes lists, and"
        " kubelet.kubernetes.io/… and node.kubernetes.io/…; never node-restriction.kubernetes.io/…."
        " Labels that are there stay. Kubelets from 1.16 on refuse to start with others.",
        ("ps -ww -o args= -C kubelet", "kubectl get nodes --show-labels"),
        where=_NODE,
        is_seen=False,
        is_of_flags=True,
        troubles=(
            Trouble(
                "A script labels, taints or deletes nodes with the kubelet's kubeconfig",
                "is not allowed to modify labels",
                "Give it a ServiceAccount of its own.",
            ),
        ),
        source=f"{_DOCS}/admission-controllers/#noderestriction",
    )


def _of_siblings(_: Ground) -> Iterator[_Check]:
    yield _Check(
        "inherited",
        "The next cluster starts with the same flags",
        "Since 1.8 a fresh cluster binds nobody to system:node: one made with today's flags may"
        " start with every node NotReady.",
        ('authzviz check --flags "${FLAGS:?export the flags file of a new one}"',),
        where="where your clusters are made from",
        is_of_flags=True,
    )


def _backup(_: Ground) -> Iterator[_Check]:
    yield _Check(
        "backup",
        "There is a copy to go back to",
        "Each step keeps what it changes and says how to put it back. A copy of all RBAC objects,"
        " and your usual backup of etcd, are for what nobody thought of.",
        (_ALL_RBAC,),
        is_seen=False,
    )


_ALL: tuple[Callable[[Ground], Iterator[_Check]], ...] = (
    _of_the_control_plane,
    _of_nodes,
    _of_grants,
    _of_restriction,
    _of_siblings,
    _backup,
)
