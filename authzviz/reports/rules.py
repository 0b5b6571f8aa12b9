"""What each finding means, for reports that list their rules: ids are those of the findings."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Control, Finding, Severity

_CIS = "CIS Kubernetes 1.12"
UNREACHABLE = "unreachable"
UNKNOWN_VERDICT = "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its stable id, what it is about, what to do, how bad it usually is."""

    id: str
    title: str
    help: str
    severity: Severity
    controls: tuple[Control, ...] = ()


def _rule(id_: str, severity: Severity, title: str, help_: str, *cis: str) -> Rule:
    return Rule(id_, title, help_, severity, tuple(Control(number, _CIS) for number in cis))


_ALL = (
    _rule(
        UNREACHABLE,
        Severity.CRITICAL,
        "A cluster did not answer",
        "Nothing was read of it, so nothing is known of it: this is no pass. See the message for"
        " the address, the certificate or the credentials.",
    ),
    _rule(
        UNKNOWN_VERDICT,
        Severity.MEDIUM,
        "The verdict can't be told",
        "What could not be read decides: this is no pass. The message names what is missing, and"
        " `authzviz reader` prints the role that reads it.",
    ),
    _rule(
        "stale-leases",
        Severity.CRITICAL,
        "Nodes no longer renew their Lease although permissions are right",
        "Check whether the kubelet runs, and that its client certificate says O = system:nodes and"
        " CN = system:node:<Node name> in lower case, and has not expired.",
    ),
    _rule(
        "always-allow",
        Severity.CRITICAL,
        "AlwaysAllow is in the chain of authorizers",
        "Everyone who is signed in may do everything. Grant by RBAC what clients need, then set"
        " --authorization-mode=Node,RBAC.",
        "1.2.6",
        "1.2.7",
        "1.2.8",
    ),
    _rule(
        "apiservers-differ",
        Severity.HIGH,
        "The apiservers don't do the same for kubelets",
        "A change may be half rolled out: give every kube-apiserver the same flags.",
    ),
    _rule(
        "nodes-differ",
        Severity.HIGH,
        "Nodes are not treated alike",
        "Bindings name single nodes. The Node authorizer serves all alike: turn it on, and remove"
        " those bindings.",
    ),
    _rule(
        "nodes-get-more",
        Severity.HIGH,
        "Something that no API shows gives kubelets Secrets of others",
        "A webhook or ABAC allows what the Node authorizer gives none: look at its policy.",
    ),
    _rule(
        "refused",
        Severity.CRITICAL,
        "Kubelets are refused what they can't live without",
        "No authorizer lets them register, report status or renew their Lease. Set"
        " --authorization-mode=Node,RBAC on every kube-apiserver.",
        "1.2.7",
    ),
    _rule(
        "incomplete",
        Severity.HIGH,
        "RBAC grants kubelets only part of what they need",
        "Nodes are Ready, but pods will fail. Turn on the Node authorizer.",
        "1.2.7",
    ),
    _rule(
        "legacy-binding",
        Severity.HIGH,
        "Every kubelet may read every Secret",
        "RBAC serves the kubelets and can't tell one node's Secrets from another's. Turn on the"
        " Node authorizer and NodeRestriction, then remove the subject from the binding.",
        "1.2.7",
        "1.2.14",
        "5.1.2",
    ),
    _rule(
        "over-granted",
        Severity.HIGH,
        "A binding gives kubelets more than the Node authorizer",
        "The first authorizer that allows wins, so RBAC undoes what the Node authorizer withholds."
        " Remove the subject from the binding.",
        "5.1.1",
        "5.1.2",
    ),
    _rule(
        "no-node-restriction",
        Severity.HIGH,
        "NodeRestriction is off",
        "Any kubelet may change other nodes and the status of their pods. Add NodeRestriction to"
        " --enable-admission-plugins; it is never on by default.",
        "1.2.14",
    ),
    _rule(
        "other-identity",
        Severity.CRITICAL,
        "Leases are renewed although system:node:… is refused",
        "Those kubelets use something else: a certificate of system:masters, an admin kubeconfig,"
        " or another user. Look at the certificate that their kubeconfig names.",
    ),
    _rule(
        "inherited",
        Severity.MEDIUM,
        "A fresh cluster with these flags would refuse its kubelets",
        "This cluster lives on a binding that an old version left behind. Set"
        " --authorization-mode=Node,RBAC before the next cluster is made with the same flags.",
        "1.2.7",
    ),
    _rule(
        "model-differs",
        Severity.CRITICAL,
        "An apiserver answers other than its flags and RBAC explain",
        "Something decides that was not read: look for a webhook, and for a change in progress.",
    ),
    _rule(
        "flags-contradicted",
        Severity.HIGH,
        "An apiserver doesn't do what its flags say",
        "Restart it with the flags that its manifest or unit shows, or look for others.",
    ),
    _rule(
        "sources-differ",
        Severity.MEDIUM,
        "Two places show different flags of one apiserver",
        "Finish the change, or restart the apiserver, so that both say the same.",
    ),
    _rule(
        "declared-differs",
        Severity.MEDIUM,
        "What is declared is not what runs",
        "Change ConfigMap kube-system/kubeadm-config, too, or the next upgrade reverts the flags.",
    ),
    _rule(
        "unread-authorizer",
        Severity.LOW,
        "A webhook or ABAC in the chain may grant more",
        "What it answers is not in the API. Look at its policy for kubelets.",
    ),
    _rule(
        "unseen-apiserver",
        Severity.MEDIUM,
        "Not every apiserver was seen",
        "Those that were not seen may do something else for kubelets.",
    ),
    _rule(
        "kubelet-user",
        Severity.HIGH,
        "A user that is no node holds the permissions of all nodes",
        "Node authorizer and NodeRestriction ignore such a user. Give each kubelet a certificate of"
        " its own, then remove the binding.",
    ),
    _rule(
        "dangling-role-ref",
        Severity.LOW,
        "A binding refers to a role that doesn't exist",
        "It grants whatever a role of that name will hold. Remove the binding, or create the role.",
    ),
    _rule(
        "non-ascii-subject",
        Severity.MEDIUM,
        "A subject looks like a system name and is none",
        "It reaches no kubelet. Find out who made it.",
    ),
    _rule(
        "upper-case-node",
        Severity.MEDIUM,
        "A binding names a node in upper case",
        "Kubelets lower their names, so this matches no Node. Make the certificate with the name"
        " in lower case.",
    ),
    _rule(
        "excess-credentials",
        Severity.MEDIUM,
        "The credentials that read a cluster may do more than read",
        "Whoever gets them can do the same. authzviz reader prints the role that suffices, and"
        " how to make its credentials.",
        "5.1.1",
    ),
)

RULES = {rule.id: rule for rule in _ALL}


def rule_of(finding: Finding) -> Rule:
    """The rule of a finding; made from the finding where a newer engine knows more than this."""
    known = RULES.get(finding.id)
    if known:
        return known
    return Rule(finding.id, finding.title, finding.detail, finding.severity, finding.controls)
