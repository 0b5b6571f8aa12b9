"""How the pages say things: the words, tones and icons of verdicts, reads and severities."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Decision, Severity, Switch, Verdict
from authzviz.engine.model import Outcome
from authzviz.plans.plan import PhaseId, State


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its tone (a CSS class: critical, warning, caution, good, unsure) and its icon.

    A tone never stands alone: whoever doesn't see colours reads the word and the icon.
    """

    label: str
    tone: str
    icon: str
    means: str = ""


VERDICTS = {
    Verdict.ALWAYS_ALLOW: Word(
        "Always allow",
        "critical",
        "lock-open",
        "AlwaysAllow is in the chain: whoever gets past authentication may do everything.",
    ),
    Verdict.MIXED: Word(
        "Mixed",
        "warning",
        "arrows-split-2",
        "Apiservers or nodes differ: what one kubelet may do, another may not.",
    ),
    Verdict.REFUSED: Word(
        "Refused",
        "critical",
        "circle-x",
        "Nobody answers what a kubelet must have: its node can't register or goes NotReady.",
    ),
    Verdict.INCOMPLETE: Word(
        "Incomplete",
        "warning",
        "alert-circle",
        "The Node authorizer is off. Nodes stay Ready, but something else that kubelets need is "
        "refused.",
    ),
    Verdict.LEGACY_BINDING: Word(
        "Legacy binding",
        "warning",
        "key",
        "The Node authorizer is off. An RBAC binding serves the kubelets, and gives each of them "
        "the same wide rights.",
    ),
    Verdict.OVER_GRANTED: Word(
        "Over-granted",
        "warning",
        "alert-triangle",
        "The Node authorizer is on, but RBAC grants kubelets more than it would: the first "
        "authorizer that allows wins.",
    ),
    Verdict.UNRESTRICTED: Word(
        "Unrestricted",
        "caution",
        "shield-half",
        "The Node authorizer is on, but NodeRestriction is off: a kubelet may change other nodes "
        "and their pods.",
    ),
    Verdict.NODE_AUTHORIZER: Word(
        "Node authorizer",
        "good",
        "shield-check",
        "The target: Node authorizer and NodeRestriction on, nothing granted beyond them.",
    ),
    Verdict.UNKNOWN: Word(
        "Unknown",
        "unsure",
        "question-mark",
        "What could not be read decides.",
    ),
}

SWITCHES = {
    Switch.ON: Word("on", "good", "check"),
    Switch.OFF: Word("off", "warning", "x"),
    Switch.MIXED: Word("on for some apiservers", "warning", "arrows-split-2"),
    Switch.UNKNOWN: Word("can't be told", "unsure", "question-mark"),
}

DECISIONS = {
    Decision.ALLOW: Word("allowed", "good", "check"),
    Decision.NO: Word("refused", "critical", "x"),
    # Only the Node authorizer answers so: it allows what a pod of the node uses, and nothing else.
    Decision.CONDITIONAL: Word("for its own pods", "good", "check"),
    Decision.UNKNOWN: Word("can't be told", "unsure", "question-mark"),
}

SEVERITIES = {
    Severity.CRITICAL: Word("Critical", "critical", "circle-x"),
    Severity.HIGH: Word("High", "warning", "alert-triangle"),
    Severity.MEDIUM: Word("Medium", "caution", "alert-circle"),
    Severity.LOW: Word("Low", "unsure", "info-circle"),
    Severity.INFO: Word("Info", "unsure", "info-circle"),
}

OUTCOMES = {
    Outcome.OK: Word("read", "good", "check"),
    Outcome.FORBIDDEN: Word("forbidden", "warning", "lock"),
    Outcome.FAILED: Word("failed", "critical", "x"),
}

# Every read that is summed up as evidence, and what it is good for.
READS = {
    "version": ("Version", "which rules the Node authorizer has"),
    "apiservers": (
        "Apiserver flags",
        "which authorizers are asked, and whether NodeRestriction is on",
    ),
    "endpoints": ("Apiserver addresses", "whether every apiserver was seen"),
    "cluster_roles": ("ClusterRoles", "what bindings grant"),
    "cluster_role_bindings": ("ClusterRoleBindings", "whom they reach in every namespace"),
    "roles": ("Roles", "what bindings grant in one namespace"),
    "role_bindings": ("RoleBindings", "whom they reach in one namespace"),
    "nodes": ("Nodes", "which kubelets there are, and which are Ready"),
    "leases": ("Leases", "which kubelets renewed their heartbeat"),
    "node_reviews": ("Reviews of nodes", "whether nodes differ in what they may do"),
    "flagz": ("/flagz", "which flags the running apiserver has"),
    "reviews": ("Reviews", "which authorizers answer kubelets, and in which order"),
    "rules": ("Rules of our own", "whether a webhook is asked, and what these credentials hold"),
    "metrics": ("/metrics", "which authorizers and admission plugins have been at work"),
    "restriction": ("Dry run", "whether NodeRestriction is on"),
}

# How a step of a plan stands, as what was read since shows it.
STATES = {
    State.DONE: Word("Done", "good", "check", "What was read since shows that it is done."),
    State.TODO: Word("To do", "plain", "circle", "What was read shows that it is not done."),
    State.UNKNOWN: Word(
        "Not visible",
        "unsure",
        "question-mark",
        "What would show it could not be read, or is too old: it may be done or not.",
    ),
    State.MANUAL: Word(
        "By hand", "plain", "user", "Nothing that is read shows it: someone says when it is done."
    ),
}
# The same of what has to hold before anything is changed.
CHECK_STATES = {
    State.DONE: Word("Passed", "good", "check"),
    State.TODO: Word("Failed", "critical", "x"),
    State.UNKNOWN: Word("Can't be told", "unsure", "question-mark"),
    State.MANUAL: Word("To check", "plain", "user"),
}
TICKED = Word("Ticked", "good", "check", "Someone said that it is done.")

# The phases of a plan, in their order.
PHASES = {
    PhaseId.QUICK_WAY: Word(
        "Quick way out",
        "warning",
        "key",
        "Binds the group while nodes are down: back within seconds, at the price that every "
        "kubelet may read all Secrets. Nobody has to take it.",
    ),
    PhaseId.FIND_OUT: Word(
        "Find out",
        "unsure",
        "search",
        "What decides, and could not be read yet.",
    ),
    PhaseId.PREFLIGHT: Word(
        "Preflight",
        "plain",
        "eye",
        "What has to hold before anything is changed, seen in what was read.",
    ),
    PhaseId.NODE_AUTHORIZER: Word(
        "Turn on Node",
        "plain",
        "server",
        "Node before RBAC, and NodeRestriction, on one apiserver after another. Nothing is taken "
        "away yet.",
    ),
    PhaseId.EVIDENCE: Word(
        "Evidence",
        "plain",
        "certificate",
        "The audit log shows whether anybody still needs what is to be taken away.",
    ),
    PhaseId.REMOVE_GRANTS: Word(
        "Remove grants",
        "plain",
        "key",
        "The subjects are taken out of the bindings that give kubelets too much.",
    ),
    PhaseId.VERIFY: Word(
        "Verify",
        "plain",
        "shield-check",
        "The verdict is Node authorizer, and every node renews its Lease.",
    ),
}

# What an apiserver is asked about kubelets (engine.probes), by the question's id. The kubelet is
# that of a node which nobody has, unless a node is named beside the answer.
QUESTIONS = {
    "delete-volume": "May a kubelet delete a PersistentVolume?",
    "get-secret": "May a kubelet read a Secret that no pod on its node uses?",
    "group-only": "May a member of system:nodes that is no node read a Service?",
    "get-service": "May a kubelet read a Service?",
    "nonsense": "May anybody do what doesn't exist?",
    "update-lease": "May a kubelet renew its own Lease?",
    "list-secrets": "May a kubelet list every Secret?",
    "list-pods": "May a kubelet list every Pod?",
    "delete-node": "May a kubelet delete another Node?",
    "get-node": "May a kubelet read its own Node?",
    "create-node": "May a kubelet create its own Node?",
    "patch-status": "May a kubelet write its own Node's status?",
}

# As their makers write them.
DISTRIBUTIONS = {
    "kubeadm": "kubeadm",
    "kind": "kind",
    "kubespray": "Kubespray",
    "k3s": "K3s",
    "rke2": "RKE2",
    "kops": "kOps",
    "talos": "Talos",
    "openshift": "OpenShift",
    "microk8s": "MicroK8s",
    "k0s": "k0s",
    "eks": "EKS",
    "aks": "AKS",
    "gke": "GKE",
    "unknown": "distribution unknown",
}

# What is known of a ticket, by models.TicketState.
TICKETS = {
    "rejected": Word(
        "Rejected",
        "critical",
        "circle-x",
        "The tracker does not take it, and says why. Once that is put right, try it again.",
    ),
    "unknown": Word(
        "Outcome unknown",
        "warning",
        "question-mark",
        "It was sent and no answer came: it may be in the tracker or not. It is looked for there "
        "before anything is sent again.",
    ),
    "gone": Word(
        "Gone",
        "warning",
        "ban",
        "It was in the tracker and is not found any more: removed, moved, or hidden from the "
        "account that authzviz has there.",
    ),
    "queued": Word(
        "Queued",
        "unsure",
        "clock",
        "It is to be opened: a worker sends it as soon as the tracker takes it.",
    ),
    "open": Word("Open", "plain", "circle", "Open in the tracker, as that said when last asked."),
    "closed": Word(
        "Closed", "good", "check", "Closed in the tracker, as that said when last asked."
    ),
}
# The same in a tracker that can't be asked, a webhook or mail: all that is known is what was sent.
SENT = {
    "open": Word(
        "Sent",
        "plain",
        "check",
        "Sent, and taken. What became of it is not known: this kind of tracker can't be asked.",
    ),
    "closed": Word(
        "Sent as closed",
        "plain",
        "check",
        "That it is closed was sent, and taken. This kind of tracker can't be asked.",
    ),
}

MINUTE, HOUR, DAY = 60, 3600, 86400


def humane_age(seconds: float) -> str:
    """An age in one unit: "12 s", "14 min", "3 h", "9 d"; ages from the future are "0 s"."""
    if seconds < 2 * MINUTE:
        return f"{max(0, round(seconds))} s"
    if seconds < 2 * HOUR:
        return f"{seconds // MINUTE:.0f} min"
    if seconds < 2 * DAY:
        return f"{seconds // HOUR:.0f} h"
    return f"{seconds // DAY:.0f} d"
