"""Why a request was refused, as likely as its text and the model of Kubernetes can tell, and the
fix.
"""

from __future__ import annotations

import re

from authzviz.engine.assessment import Decision, Fix, NextStep
from authzviz.engine.identity import NODE_USER_PREFIX, NODES_GROUP, looks_foreign, visible
from authzviz.engine.request import Request
from authzviz.evidence.explanation import Cause
from authzviz.evidence.refusals import Refusal, RefusedBy

_NODE_OPINION = re.compile(
    r"no relationship found|no path found to object|can only (?:get|read|list|update|access|create)"
    r"|cannot (?:read|get|authorize) |No Object name found|nodes may not |unknown node for user"
    r"|not allowed to get service accounts|only the following verbs|requires CSIVolumeHealth"
)
_UNKNOWN_NODE = re.compile(r"unknown node '")
_NO_RELATION = re.compile(r"no relationship found|no path found to object")
_SPOKEN_OF = frozenset(
    ("nodes", "pods", "secrets", "configmaps", "persistentvolumes", "persistentvolumeclaims")
)
_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"

TURN_ON = NextStep(
    "Turn on the Node authorizer",
    "On every kube-apiserver, one after the other, set --authorization-mode=Node,RBAC and add"
    " NodeRestriction to --enable-admission-plugins.",
    caution="Each apiserver restarts; a mistyped mode keeps it from starting: keep a copy.",
    fix=Fix.TURN_ON_NODE,
)
_QUICK = NextStep(
    "Quick way out, where it is an outage: bind the group",
    "Nodes come back within seconds, without a restart. For the night, not to keep.",
    ("kubectl set subject clusterrolebinding system:node --group=system:nodes",),
    "Hands every kubelet all Secrets of the cluster, until the Node authorizer is on.",
    Fix.BIND_GROUP,
)
_LOOK = NextStep(
    "Look at the kubelet's certificate",
    "On the node: it must say O = system:nodes and CN = system:node:<Node name>, in lower case.",
    (f"openssl x509 -noout -subject -enddate -in {_CERTIFICATE}",),
)
_OWN_ACCOUNT = NextStep(
    "Give the program an account of its own",
    "Whatever makes this request with the kubelet's credentials (a DaemonSet or script that uses"
    " kubelet.conf) needs a ServiceAccount of its own, and a role with just this right.",
)


def cause_of(refusal: Refusal, node: str, need: str, node_says: Decision) -> Cause:
    """The cause of one refusal.

    `node` is the node whose kubelet asked, "" for none; `need` the kubelet's need that the request
    is, "" for none; `node_says` what the Node authorizer says to it.
    """
    if refusal.by is RefusedBy.AUTHENTICATION:
        return _UNAUTHENTICATED
    if refusal.by is RefusedBy.NODE_RESTRICTION:
        return _by_restriction(refusal, node)
    return _by_identity(refusal, node) or _by_authorizers(refusal, node, need, node_says)


def _by_identity(refusal: Refusal, node: str) -> Cause | None:
    """The cause where the name alone explains it."""
    user = refusal.user
    if looks_foreign(user):
        return _foreign(user)
    for start, cause in _BY_NAME:
        if user == start or (start.endswith(":") and user.startswith(start) and user != start):
            return cause
    if user == NODE_USER_PREFIX:
        return _NAMELESS
    if not user.startswith(NODE_USER_PREFIX):
        return _other_user(user)
    if refusal.groups is not None and NODES_GROUP not in refusal.groups:
        return _NOT_IN_GROUP
    return _upper_case(node) if node != node.lower() else None


def _by_authorizers(refusal: Refusal, node: str, need: str, node_says: Decision) -> Cause:
    if "Everything is forbidden." in refusal.reason:
        return _ALWAYS_DENY
    if refusal.by is RefusedBy.RBAC:
        return _NO_RULE
    is_on = refusal.by is RefusedBy.NODE_AUTHORIZER or bool(_NODE_OPINION.search(refusal.reason))
    if _UNKNOWN_NODE.search(refusal.reason):
        return _unknown_node(node)
    if _NO_RELATION.search(refusal.reason) or (is_on and node_says is Decision.CONDITIONAL):
        return _NO_RELATION_CAUSE
    if is_on and node_says is Decision.ALLOW:
        return _NEWER_RULE
    if not is_on and (node_says is not Decision.NO or _is_never_silent_on(refusal.request)):
        return _node_off(need)
    if _names_another(refusal, node):
        return _another_node(refusal.request.name)
    return _NO_NEED


def _is_never_silent_on(request: Request) -> bool:
    """True where a Node authorizer that doesn't allow says why, in every version."""
    return request.resource in _SPOKEN_OF and request.verb in ("get", "list", "watch")


def _names_another(refusal: Refusal, node: str) -> bool:
    own = ("nodes", "leases", "csinodes")
    request = refusal.request
    return request.resource in own and bool(request.name) and request.name != node


def _by_restriction(refusal: Refusal, node: str) -> Cause:
    name = refusal.request.name
    if refusal.rule in ("other-node", "lease", "csinode") and node.lower() == name and node != name:
        return _upper_case(node)
    return _RESTRICTION[refusal.rule]


def _foreign(user: str) -> Cause:
    return Cause(
        "look-alike-name",
        f"The user is {visible(user)}: it only looks like a system name. Nothing is granted to it.",
        (NextStep("Find out who made this certificate", "It may be a mistake, or an attempt."),),
    )


def _other_user(user: str) -> Cause:
    shown = visible(user)
    return Cause(
        "other-user",
        f"{shown} is no system:node:<Node name>: neither Node authorizer nor NodeRestriction look"
        " at it, and only a binding to this user or its groups can grant anything.",
        (
            NextStep(
                "If it is a kubelet, make its certificate anew",
                "Its CN must be system:node:<Node name> and its O system:nodes; then point the"
                " kubelet's kubeconfig at it.",
                _LOOK.commands,
            ),
            NextStep("If it is something else", "Grant it by RBAC just what it needs."),
        ),
    )


def _upper_case(node: str) -> Cause:
    return Cause(
        "upper-case-name",
        f"The certificate says {node}, and kubelets register their names in lower case"
        f" ({node.lower()}): to the apiserver these are two different nodes.",
        (
            NextStep(
                "Make the certificate anew",
                f"CN = system:node:{node.lower()}, O = system:nodes; then restart the kubelet.",
                _LOOK.commands,
            ),
        ),
    )


def _unknown_node(node: str) -> Cause:
    return Cause(
        "unknown-node",
        f"The Node authorizer is on, and no pod is bound to a node {node}: none was scheduled there"
        " yet, the node's name and its certificate differ, or the apiserver has just restarted and"
        " still fills its graph.",
        (
            NextStep("Compare the names", "Is there such a Node?", ("kubectl get nodes",)),
            _LOOK,
        ),
    )


def _another_node(name: str) -> Cause:
    return Cause(
        "not-own-object",
        f"A kubelet may touch only objects named as its own node, and this is {visible(name)}'s."
        " Either two nodes share a certificate, the node was renamed, or something else uses the"
        " kubelet's credentials.",
        (_LOOK, _OWN_ACCOUNT),
    )


def _node_off(need: str) -> Cause:
    quick = (_QUICK,) if need else ()
    return Cause(
        "node-authorizer-off",
        "The Node authorizer would have answered this and said nothing: it is off (it must be in"
        " --authorization-mode, or in the AuthorizationConfiguration), or the certificate lacks O ="
        " system:nodes. And no binding grants it: since 1.8 a fresh cluster creates the"
        " ClusterRoleBinding system:node without subjects.",
        (TURN_ON, _LOOK, *quick),
    )


_UNAUTHENTICATED = Cause(
    "unauthenticated",
    "The apiserver didn't accept the credentials at all: no authorizer was asked. The client"
    " certificate has expired, is from another authority, or the token is no longer valid.",
    (_LOOK,),
)
_ANONYMOUS = Cause(
    "anonymous",
    "The request came without credentials that the apiserver accepts: the kubelet's kubeconfig"
    " names no certificate, or one that this cluster's client CA didn't sign.",
    (_LOOK,),
)
_BOOTSTRAP = Cause(
    "bootstrap-token",
    "This is a bootstrap token: it may only ask for a certificate. The kubelet has none yet, or its"
    " request was not approved.",
    (
        NextStep(
            "Look at certificate requests",
            "Approve those that are rightful.",
            ("kubectl get certificatesigningrequests",),
        ),
    ),
)
_SERVICE_ACCOUNT = Cause(
    "service-account",
    "This is a pod's ServiceAccount, no kubelet: the Node authorizer never looks at it, and no"
    " binding grants it this.",
    (NextStep("Grant it by RBAC", "Bind a role with just this right to the ServiceAccount."),),
)
_NAMELESS = Cause(
    "no-node-name",
    "The certificate's CN is system:node: without a name, so it is no node's.",
    (_LOOK,),
)
_NOT_IN_GROUP = Cause(
    "not-in-system-nodes",
    "The name is a node's, but the certificate lacks O = system:nodes: Node authorizer and"
    " NodeRestriction take it for nobody's.",
    (_LOOK, NextStep("Make the certificate anew", "With O = system:nodes.")),
)
_BY_NAME = (
    ("system:anonymous", _ANONYMOUS),
    ("system:bootstrap:", _BOOTSTRAP),
    ("system:serviceaccount:", _SERVICE_ACCOUNT),
)
_ALWAYS_DENY = Cause(
    "always-deny",
    "AlwaysDeny is in the chain of authorizers and answered last: nobody before it allowed this.",
    (TURN_ON,),
)
_NO_RELATION_CAUSE = Cause(
    "no-relation",
    "The Node authorizer is on and knows the node, but no pod bound to it uses this object: the pod"
    " has gone or was never scheduled here, it is a static pod (which may use none), something else"
    " uses the kubelet's credentials, or the apiserver has just restarted and still fills its"
    " graph.",
    (
        NextStep(
            "See which pods of the node use the object",
            "If one does and the refusals go on, look at its spec.nodeName; if none does, find out"
            " who asks.",
            ("kubectl get pods --all-namespaces --field-selector spec.nodeName=<node> -o wide",),
        ),
        _OWN_ACCOUNT,
    ),
)
_NO_RULE = Cause(
    "no-rbac-rule",
    "No RBAC rule allows this, and that alone is no refusal: RBAC's log doesn't tell what the Node"
    " authorizer said. For a kubelet it is as it should be where the Node authorizer is on and"
    " allows it; where that is off, the request failed.",
    (
        NextStep(
            "Look whether the request failed",
            "The kubelet's own log then has the whole message of the apiserver: explain that line.",
            ("journalctl -u kubelet --since=-10min | grep -i forbidden",),
        ),
        TURN_ON,
    ),
)
_NEWER_RULE = Cause(
    "older-or-gated-rule",
    "The Node authorizer is on and refuses what it allows by default in the newest version: this"
    " apiserver is older, or a feature gate is off.",
    (NextStep("Compare versions", "The kubelet must not be newer than the apiserver."),),
)
_NO_NEED = Cause(
    "not-a-kubelet-request",
    "No kubelet needs this, and no mode serves it but by a binding: an agent or script uses the"
    " kubelet's credentials. Since 1.32 these no longer list all nodes or pods.",
    (_OWN_ACCOUNT,),
)
_KEEP_ON = "NodeRestriction works as it should: don't turn it off, and don't grant around it."
_SCRIPT = NextStep(
    "Do it with an administrator's credentials",
    "Labels, taints and owners of a Node are an administrator's, or a controller's, to set.",
)


def _restriction(rule: str, text: str, *steps: NextStep) -> Cause:
    return Cause(f"node-restriction-{rule}", f"{text} {_KEEP_ON}", steps or (_OWN_ACCOUNT,))


_RESTRICTION = {
    "other-node": _restriction(
        "other-node",
        "A kubelet may change only its own Node. Either two nodes share a certificate, the node's"
        " name and its certificate differ (renamed, --hostname-override), or a script uses"
        " kubelet.conf.",
        _LOOK,
        _OWN_ACCOUNT,
    ),
    "labels": _restriction(
        "labels",
        "A kubelet may not set these labels on its Node: node-restriction.kubernetes.io/ is kept"
        " for administrators, and of kubernetes.io and k8s.io only a list is open to it.",
        NextStep(
            "Take them off --node-labels",
            "Use node.kubernetes.io/… or a prefix of your own, or let an administrator label:",
            ("kubectl label node <node> <label>=<value>",),
        ),
    ),
    "taints": _restriction(
        "taints",
        "A kubelet may set taints when it registers, and never change them afterwards.",
        _SCRIPT,
    ),
    "owner": _restriction(
        "owner", "A kubelet may not change the owners of its Node (CVE-2025-5187).", _SCRIPT
    ),
    "config-source": _restriction(
        "config-source", "A kubelet may not choose its own configuration source.", _SCRIPT
    ),
    "lease": _restriction(
        "lease",
        "A kubelet may touch only the Lease in kube-node-lease named as its node. Two nodes share a"
        " certificate, or the node's name and its certificate differ.",
        _LOOK,
    ),
    "csinode": _restriction(
        "csinode", "A kubelet may touch only the CSINode named as its node.", _LOOK
    ),
    "resource-slice": _restriction(
        "resource-slice", "A node may publish only ResourceSlices with its own nodeName."
    ),
    "token": _restriction(
        "token",
        "A kubelet may request tokens only for service accounts of pods that run on it, bound to"
        " the pod, and for audiences that the pod's volumes name.",
        NextStep(
            "See which pod or driver wants the token",
            "A CSI driver or credential provider names its audiences; since 1.33 others need RBAC"
            " verb request-serviceaccounts-token-audience.",
        ),
    ),
    "csr": _restriction("csr", "A kubelet may ask only for a certificate of its own name.", _LOOK),
    "volume-claim": _restriction(
        "volume-claim", "A kubelet may change only a claim's size and conditions, in its status."
    ),
    "identity": _restriction(
        "identity", "The user is in system:nodes, and its name is no node's.", _LOOK
    ),
    "certificate-request": _restriction(
        "certificate-request",
        "A kubelet may ask for a pod's certificate only as that pod, running on it, needs it.",
    ),
    "pod": _restriction(
        "pod",
        "A kubelet may create only mirror pods of its own static pods, without Secrets or service"
        " accounts, and change or delete only pods that run on it.",
        NextStep(
            "Look at the static pod's file",
            "On the node, under the kubelet's staticPodPath: static pods can't use Secrets,"
            " ConfigMaps or service accounts.",
        ),
        _OWN_ACCOUNT,
    ),
}
