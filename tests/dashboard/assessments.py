"""An assessment for every verdict, made by hand: what the engine would say of such a cluster."""

from __future__ import annotations

from dataclasses import replace

from authzviz.engine.assessment import (
    Answer,
    ApiServerState,
    Assessment,
    Control,
    Decision,
    Finding,
    Grant,
    Missing,
    NextStep,
    NodeCounts,
    Path,
    Severity,
    Switch,
    Verdict,
)

CORE = {
    "register": ("create and get its own Node", "the node never registers"),
    "status": ("write its own Node's status", "the node shows no capacity and goes NotReady"),
    "lease": ("renew its own Lease", "the node is NotReady after 40 s"),
}
OTHER = {
    "pods": ("list and watch its pods", "no pod starts or ends"),
    "secrets": ("get its pods' Secrets and ConfigMaps", "pods that mount them don't start"),
    "volumes": ("get its pods' volumes", "pods with volumes don't start"),
    "events": ("write events", "kubectl describe tells nothing"),
    "tokens": ("request ServiceAccount tokens", "pods start without a token"),
    "reviews": ("review tokens and access", "kubectl logs and exec are refused"),
    "services": ("list and watch Services", "pods lack Service variables"),
    "csi": ("manage its CSINode", "CSI drivers don't attach volumes"),
}
NEEDS = CORE | OTHER

EMPTY_BINDING = "ClusterRoleBinding system:node"


def answer(need: str, decision: Decision, by: str, through: str, because: str) -> Answer:
    """One need's answer, in the words of NEEDS."""
    title, without = NEEDS[need]
    return Answer(need, title, need in CORE, decision, by, through, because, without)


def answers(by: str, through: str, decision: Decision = Decision.ALLOW) -> tuple[Answer, ...]:
    """The same answer to every need."""
    because = f"{by or 'Nobody'} answers: {through}"
    return tuple(answer(need, decision, by, through, because) for need in NEEDS)


BY_NODE = answers("Node", "Node rules of v1.28")
BY_BINDING = answers("RBAC", EMPTY_BINDING)
BY_NOBODY = answers("", f"{EMPTY_BINDING} has no subjects", Decision.NO)

APISERVER = ApiServerState(
    name="kube-apiserver-cp1",
    authorization_modes=("Node", "RBAC"),
    admission_plugins=("NodeRestriction",),
    node_authorizer=Switch.ON,
    node_restriction=Switch.ON,
    evidence="mirror pod kube-system/kube-apiserver-cp1",
)
RBAC_ONLY = replace(APISERVER, authorization_modes=("RBAC",), node_authorizer=Switch.OFF)
LEGACY_GRANT = Grant(
    binding="ClusterRoleBinding system:node",
    role="ClusterRole system:node",
    subject="Group system:nodes",
    rules=24,
    beyond_node_authorizer=True,
    beyond=(
        "get, list, watch secrets in every namespace",
        "get, list, watch configmaps in every namespace",
        "create serviceaccounts/token in every namespace",
        "update, patch every node",
    ),
    reaches="every kubelet",
)
BENIGN_GRANT = Grant(
    binding="ClusterRoleBinding system:discovery",
    role="ClusterRole system:discovery",
    subject="Group system:authenticated",
    rules=1,
    beyond_node_authorizer=False,
    beyond=(),
    reaches="everybody who is signed in",
)
TURN_ON = NextStep(
    title="Turn on the Node authorizer, one apiserver after another",
    detail="Edit the manifest on each control-plane node and wait until /readyz answers.",
    commands=(
        "cp /etc/kubernetes/manifests/kube-apiserver.yaml ~/kube-apiserver.yaml.bak",
        "sed -i s/mode=RBAC/mode=Node,RBAC/ /etc/kubernetes/manifests/kube-apiserver.yaml",
    ),
    caution="Each apiserver restarts once; with a single one the API is away for about a minute.",
)
BIND_GROUP = NextStep(
    title="Quick way out: bind the group",
    detail="Brings the nodes back at once, without a restart.",
    commands=("kubectl set subject clusterrolebinding system:node --group=system:nodes",),
    caution="It hands every kubelet every Secret. Take it back once the Node authorizer is on.",
)
UNBIND = NextStep(
    title="Take the group out of the binding",
    detail="Immediate, and taken back by applying the copy.",
    commands=(
        "kubectl get clusterrolebinding system:node -o yaml > system-node.yaml",
        "kubectl patch clusterrolebinding system:node --type=merge -p '{\"subjects\":null}'",
    ),
    caution="Check first that no kubelet calls itself anything but system:node:NAME.",
)
CIS = Control("1.2.7", "CIS Kubernetes 1.12")

TARGET = Assessment(
    verdict=Verdict.NODE_AUTHORIZER,
    possible=(Verdict.NODE_AUTHORIZER,),
    summary="Every kubelet gets what it needs from the Node authorizer, and nothing beyond it.",
    cause="Node comes first in the chain, NodeRestriction is on, and no binding adds to it.",
    next_steps=(),
    node_authorizer=Switch.ON,
    node_restriction=Switch.ON,
    authorization_modes=("Node", "RBAC"),
    apiservers=(APISERVER,),
    paths=(
        Path(5, "node1", tuple(f"node{n}" for n in range(1, 6)), Verdict.NODE_AUTHORIZER, BY_NODE),
        Path(0, "the next node", (), Verdict.NODE_AUTHORIZER, BY_NODE),
    ),
    grants=(BENIGN_GRANT,),
    nodes=NodeCounts(5, 5, 0, 0),
    findings=(),
    missing=(),
    version="v1.28.15",
    distribution="kubeadm",
    distribution_evidence="annotation kubeadm.alpha.kubernetes.io/cri-socket on node1",
)


def off(verdict: Verdict, summary: str, cause: str, path_answers: tuple[Answer, ...]) -> Assessment:
    """A cluster whose Node authorizer is off."""
    return replace(
        TARGET,
        verdict=verdict,
        possible=(verdict,),
        summary=summary,
        cause=cause,
        next_steps=(TURN_ON,),
        node_authorizer=Switch.OFF,
        authorization_modes=("RBAC",),
        apiservers=(RBAC_ONLY,),
        paths=tuple(replace(path, verdict=verdict, answers=path_answers) for path in TARGET.paths),
        findings=(
            Finding(
                "node-authorizer-off",
                Severity.HIGH,
                "The Node authorizer is off",
                "--authorization-mode=RBAC lacks Node. Turn it on.",
                (CIS,),
            ),
        ),
    )


REFUSED = replace(
    off(
        Verdict.REFUSED,
        "Nothing lets these kubelets in, so every node is NotReady.",
        "The apiserver asks RBAC only, and the one binding to ClusterRole system:node has no "
        "subjects. Clusters that were upgraded from v1.7 or older still have them; a fresh one "
        "never had.",
        BY_NOBODY,
    ),
    next_steps=(TURN_ON, BIND_GROUP),
    nodes=NodeCounts(6, 0, 6, 0),
    version="v1.19.16",
)
LEGACY = replace(
    off(
        Verdict.LEGACY_BINDING,
        "Every kubelet works, through a binding that lets each read every Secret.",
        "Group system:nodes is bound to ClusterRole system:node, as versions up to v1.7 did.",
        BY_BINDING,
    ),
    grants=(LEGACY_GRANT, BENIGN_GRANT),
)
INCOMPLETE = off(
    Verdict.INCOMPLETE,
    "Nodes are Ready, but their kubelets can't get tokens for pods.",
    "A binding of your own grants the core needs, and was never brought up to v1.28.",
    tuple(
        answer(need, Decision.NO, "", "", "no rule covers this request")
        if need in {"tokens", "csi"}
        else answer(need, Decision.ALLOW, "RBAC", "ClusterRoleBinding our-kubelets", "rule 2")
        for need in NEEDS
    ),
)
ALWAYS = replace(
    off(
        Verdict.ALWAYS_ALLOW,
        "Whoever is signed in may do everything, every kubelet included.",
        "AlwaysAllow is in --authorization-mode; bindings and the Node authorizer change nothing.",
        answers("AlwaysAllow", "AlwaysAllow"),
    ),
    authorization_modes=("AlwaysAllow",),
    apiservers=(replace(RBAC_ONLY, authorization_modes=("AlwaysAllow",)),),
    distribution="microk8s",
)
OVER_GRANTED = replace(
    TARGET,
    verdict=Verdict.OVER_GRANTED,
    possible=(Verdict.OVER_GRANTED,),
    summary="The Node authorizer is on, but an old binding still hands every kubelet all Secrets.",
    cause="ClusterRoleBinding system:node still has Group system:nodes. RBAC is asked when Node is "
    "silent, and allows what Node withholds.",
    next_steps=(UNBIND,),
    paths=(
        Path(
            240,
            "worker-3",
            tuple(f"worker-{n}" for n in range(1, 101)),
            Verdict.OVER_GRANTED,
            BY_NODE,
        ),
    ),
    grants=(LEGACY_GRANT, BENIGN_GRANT),
    nodes=NodeCounts(240, 238, 1, 1),
)
UNRESTRICTED = replace(
    TARGET,
    verdict=Verdict.UNRESTRICTED,
    possible=(Verdict.UNRESTRICTED,),
    summary="Kubelets read only what is theirs, but may change other nodes.",
    cause="NodeRestriction is not among the admission plugins.",
    next_steps=(replace(TURN_ON, title="Add NodeRestriction to --enable-admission-plugins"),),
    node_restriction=Switch.OFF,
    apiservers=(replace(APISERVER, admission_plugins=(), node_restriction=Switch.OFF),),
)
MIXED = replace(
    TARGET,
    verdict=Verdict.MIXED,
    possible=(Verdict.MIXED,),
    summary="Two of three apiservers have the Node authorizer; through the third every kubelet is "
    "refused.",
    cause="kube-apiserver-cp3 still runs with --authorization-mode=RBAC.",
    next_steps=(TURN_ON,),
    node_authorizer=Switch.MIXED,
    node_restriction=Switch.MIXED,
    authorization_modes=None,
    apiservers=(
        APISERVER,
        replace(APISERVER, name="kube-apiserver-cp2"),
        replace(
            RBAC_ONLY,
            name="kube-apiserver-cp3",
            evidence="mirror pod kube-system/kube-apiserver-cp3",
            admission_plugins=(),
            node_restriction=Switch.OFF,
        ),
    ),
    paths=(
        Path(3, "node1", ("node1", "node2", "node3"), Verdict.NODE_AUTHORIZER, BY_NODE),
        Path(1, "node4", ("node4",), Verdict.LEGACY_BINDING, BY_BINDING),
        Path(1, "Node5", ("Node5",), Verdict.REFUSED, BY_NOBODY),
        Path(0, "the next node", (), Verdict.REFUSED, BY_NOBODY),
    ),
)
UNKNOWN = replace(
    TARGET,
    verdict=Verdict.UNKNOWN,
    possible=(Verdict.NODE_AUTHORIZER, Verdict.UNRESTRICTED),
    summary="The Node authorizer is on and nothing is granted beyond it; whether NodeRestriction "
    "is on can't be told.",
    cause="The apiserver runs in k3s' own process: no pod shows its flags.",
    next_steps=(
        NextStep(
            "Let authzviz read the metrics",
            "They count what NodeRestriction decided.",
            ("kubectl apply -f authzviz-reader.yaml",),
        ),
    ),
    node_authorizer=Switch.ON,
    node_restriction=Switch.UNKNOWN,
    authorization_modes=None,
    apiservers=(
        replace(
            APISERVER,
            authorization_modes=None,
            admission_plugins=None,
            node_restriction=Switch.UNKNOWN,
            evidence="",
            why="/flagz is forbidden, and kube-system shows no kube-apiserver pod",
        ),
    ),
    nodes=NodeCounts(None, None, None, None),
    missing=(
        Missing(
            "apiserver flags",
            "403: nonResourceURLs /flagz",
            "get /metrics",
            "whether NodeRestriction is on",
        ),
    ),
    distribution="k3s",
)

ASSESSMENTS: dict[Verdict, Assessment] = {
    Verdict.ALWAYS_ALLOW: ALWAYS,
    Verdict.MIXED: MIXED,
    Verdict.REFUSED: REFUSED,
    Verdict.INCOMPLETE: INCOMPLETE,
    Verdict.LEGACY_BINDING: LEGACY,
    Verdict.OVER_GRANTED: OVER_GRANTED,
    Verdict.UNRESTRICTED: UNRESTRICTED,
    Verdict.NODE_AUTHORIZER: TARGET,
    Verdict.UNKNOWN: UNKNOWN,
}

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "{{7*7}}{% debug %}",
    "javascript:alert(1)",
    "evil\u202egnp.exe",
    "zero\u200bwidth",
    "\u0455ystem:nodes",
    "x" * 253,
    "界面" * 60,
    "</svg><script>alert(1)</script>",
    "nul\x00and\x1bescape",
)


def hostile(name: str) -> Assessment:
    """An assessment in which a cluster gave this name to everything that it names."""
    return replace(
        OVER_GRANTED,
        summary=f"Every kubelet of {name} is over-granted.",
        cause=name,
        paths=(
            replace(
                OVER_GRANTED.paths[0],
                example=name,
                names=(name,),
                answers=answers("RBAC", f"ClusterRoleBinding {name}"),
            ),
        ),
        grants=(
            replace(
                LEGACY_GRANT,
                binding=f"ClusterRoleBinding {name}",
                role=f"ClusterRole {name}",
                subject=f"User {name}",
                beyond=(f"get secrets {name}",),
            ),
        ),
        findings=(Finding("odd", Severity.MEDIUM, name, name),),
        missing=(Missing(name, name, name, name),),
        apiservers=(replace(APISERVER, name=name, evidence=name, why=name),),
        next_steps=(NextStep(name, name, (name,), name),),
        version=name,
        distribution_evidence=name,
    )
