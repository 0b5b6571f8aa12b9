"""The words that are not everyday, explained once: for the help page and the terms on others."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Verdict

DOCS = "https://kubernetes.io/docs/"
_ACCESS = DOCS + "reference/access-authn-authz/"


@dataclass(frozen=True, slots=True)
class Term:
    """A word that a tired person may want explained, with where Kubernetes documents it."""

    name: str
    means: str
    link: str


# By the anchor on the help page, in the order in which they stand there.
TERMS = {
    "kubelet-identity": Term(
        "Kubelet identity",
        "What an apiserver takes a kubelet for: user system:node:<name of its Node> in group "
        "system:nodes, both read from its client certificate. With any other name or group, Node "
        "authorizer and NodeRestriction take no notice of it.",
        _ACCESS + "node/#overview",
    ),
    "node-authorizer": Term(
        "Node authorizer",
        "Lets a kubelet read only what its own pods use, and write only its own Node, Lease and "
        "pods. It is an authorization mode of the apiserver: --authorization-mode=Node,RBAC.",
        _ACCESS + "node/",
    ),
    "node-restriction": Term(
        "NodeRestriction",
        "An admission plugin that keeps a kubelet from changing other nodes, other nodes' pods "
        "and protected labels. The Node authorizer limits reads, this limits writes.",
        _ACCESS + "admission-controllers/#noderestriction",
    ),
    "admission-plugin": Term(
        "Admission plugin",
        "Code in the apiserver that looks at a write after it was allowed, and may still refuse "
        "it. Which ones are on is set by --enable-admission-plugins and by the defaults of the "
        "version.",
        _ACCESS + "admission-controllers/",
    ),
    "chain": Term(
        "Authorizers, in order",
        "The apiserver asks them one after another; the first that allows wins. Node and RBAC "
        "never deny, they only stay silent.",
        _ACCESS + "authorization/",
    ),
    "rbac": Term(
        "RBAC",
        "Roles bound to users and groups. It only ever adds rights: a leftover binding undoes what "
        "the Node authorizer withholds.",
        _ACCESS + "rbac/",
    ),
    "webhook": Term(
        "Webhook and ABAC",
        "Two other authorizers: one asks a service outside the apiserver, the other reads a file. "
        "What they allow is not in the API, so it is told only as far as the apiserver's answers "
        "show it.",
        _ACCESS + "webhook/",
    ),
    "system-node": Term(
        "ClusterRole system:node",
        "The role that once gave all kubelets what they need, every Secret of the cluster "
        "included. Clusters created since 1.8 have its binding without subjects: the Node "
        "authorizer took its place.",
        _ACCESS + "rbac/#core-component-roles",
    ),
    "system-nodes": Term(
        "Group system:nodes",
        "The group of all kubelets, from O=system:nodes in their certificates. What is bound to it "
        "reaches every node alike.",
        _ACCESS + "node/#overview",
    ),
    "system-masters": Term(
        "Group system:masters",
        "Whoever is in it may do everything: no authorizer is asked, and no binding takes it away. "
        "A kubelet with such a certificate works in every cluster and holds all of it.",
        DOCS + "concepts/security/rbac-good-practices/",
    ),
    "grant": Term(
        "Grant",
        "An RBAC rule that reaches a kubelet through one binding. It is judged by what it allows "
        "and whom it reaches, never by its name.",
        _ACCESS + "rbac/#rolebinding-and-clusterrolebinding",
    ),
    "beyond": Term(
        "Beyond the Node authorizer",
        "What a grant allows a kubelet and the Node authorizer would not, such as reading a Secret "
        "that none of its pods uses. The first authorizer that allows wins, so the grant counts.",
        _ACCESS + "node/#overview",
    ),
    "benign": Term(
        "Benign",
        "A grant that every kubelet may keep: discovery, version and health URLs, reviews of its "
        "own rights, its own signing requests, Services, and the files that kubeadm's join reads. "
        "It makes nothing less safe.",
        _ACCESS + "rbac/#discovery-roles",
    ),
    "need": Term(
        "Need",
        "A request that a working kubelet makes, such as renewing its Lease. Core needs are those "
        "without which its node never registers or goes NotReady.",
        _ACCESS + "node/#overview",
    ),
    "path": Term(
        "Path",
        "By which authorizer each need of a kubelet is answered, and through which binding or "
        "rule. Nodes with the same answers share one.",
        _ACCESS + "authorization/",
    ),
    "lease": Term(
        "Lease",
        "The small object in kube-node-lease that each kubelet renews every ten seconds or so: its "
        "heartbeat. Where it isn't renewed for 40 seconds, the node goes NotReady.",
        DOCS + "concepts/architecture/leases/",
    ),
    "blast-radius": Term(
        "Blast radius",
        "What someone could read and change with one stolen kubelet certificate. With the Node "
        "authorizer and NodeRestriction it ends at that node and its pods.",
        DOCS + "concepts/security/rbac-good-practices/",
    ),
    "review": Term(
        "Review",
        "A SubjectAccessReview, which asks the apiserver whether some user may do something. Its "
        "answer holds whatever flags and bindings say.",
        _ACCESS + "authorization/#checking-api-access",
    ),
    "dry-run": Term(
        "Dry run",
        "A write that the apiserver checks and then drops. It tells whether NodeRestriction is on, "
        "is off until an admin allows it, and changes nothing.",
        DOCS + "reference/using-api/api-concepts/#dry-run",
    ),
    "signing-request": Term(
        "Signing request",
        "A CertificateSigningRequest: how a kubelet asks for its client certificate and for the "
        "next one. Whoever may approve them decides who becomes a node.",
        _ACCESS + "kubelet-tls-bootstrapping/",
    ),
    "distribution": Term(
        "Distribution",
        "What installed the cluster, such as kubeadm, k3s or EKS, told from marks in what was "
        "read. It decides where flags stand; its documented defaults are assumed, never seen.",
        DOCS + "setup/production-environment/tools/",
    ),
    "finding": Term(
        "Finding",
        "One thing worth acting on, with how bad it is and which controls of the CIS benchmark it "
        "touches. A cluster has one verdict and any number of findings.",
        DOCS + "concepts/security/security-checklist/",
    ),
    "accepted-risk": Term(
        "Accepted risk",
        "A finding that someone takes responsibility for until a date, with a reason. It is "
        "counted apart and stays visible; the verdict doesn't change.",
        DOCS + "concepts/security/security-checklist/",
    ),
    "what-if": Term(
        "What-if",
        "The same cluster judged with other flags, plugins or bindings, before anybody changes "
        "them. Nothing is written: it is worked out from what was read.",
        _ACCESS + "authorization/",
    ),
    "snapshot": Term(
        "Snapshot",
        "All that one reading of a cluster found, each fact with where it came from or why it is "
        "missing. It is kept once per change; Lease ages are not a change.",
        DOCS + "reference/using-api/api-concepts/",
    ),
    "bundle": Term(
        "Bundle",
        "A snapshot as a file, made by authzviz collect where the cluster can be reached. It holds "
        "names, rules and authorization flags, and no Secret's content.",
        DOCS + "concepts/configuration/organize-cluster-access-kubeconfig/",
    ),
    "recorded": Term(
        "Recorded",
        "Read once, in the past, and never again: a bundle, or a cluster of the sample fleet. What "
        "you see is what it said then.",
        DOCS + "reference/using-api/api-concepts/",
    ),
    "stale": Term(
        "Old facts",
        "Read too long ago, because the last readings failed or none was made. They are shown in "
        "grey with their time, since the cluster may be otherwise by now.",
        DOCS + "concepts/architecture/nodes/#heartbeats",
    ),
    "credentials": Term(
        "Read-only credentials",
        "What authzviz reads a cluster with: a ServiceAccount that may list roles, bindings, nodes "
        "and leases, and change nothing. The page on read-only credentials prints its role.",
        DOCS + "concepts/security/service-accounts/",
    ),
}

# What to do about each verdict, after what it means (words.VERDICTS).
TODO = {
    Verdict.ALWAYS_ALLOW: "Grant by RBAC what clients need, then set "
    "--authorization-mode=Node,RBAC on every apiserver.",
    Verdict.MIXED: "Look at the paths to see which apiserver or node is treated otherwise. Give "
    "every apiserver the same flags, and remove bindings that name single nodes.",
    Verdict.REFUSED: "Set --authorization-mode=Node,RBAC on every apiserver. For the night only: "
    "bind Group system:nodes to system:node, which hands every kubelet all Secrets.",
    Verdict.INCOMPLETE: "Turn on the Node authorizer: it answers all that kubelets need.",
    Verdict.LEGACY_BINDING: "Turn on the Node authorizer and NodeRestriction first, then take the "
    "subject out of the binding. In the other order the nodes go NotReady.",
    Verdict.OVER_GRANTED: "Take the subject out of the bindings that the grants name. The Node "
    "authorizer serves the kubelets meanwhile.",
    Verdict.UNRESTRICTED: "Add NodeRestriction to --enable-admission-plugins of every apiserver; "
    "it is never on by default.",
    Verdict.NODE_AUTHORIZER: "Nothing. It is judged anew with every reading.",
    Verdict.UNKNOWN: "The cluster's page names what was not read, the permission that would tell, "
    "and the verdicts that are still possible.",
}
