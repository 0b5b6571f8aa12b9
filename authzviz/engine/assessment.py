"""What the engine makes of a snapshot: the Assessment, its verdict, and what that rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The one answer for a cluster, worst first: where several hold, the first in this order is
    the verdict.
    """

    ALWAYS_ALLOW = "always-allow"
    MIXED = "mixed"
    REFUSED = "refused"
    INCOMPLETE = "incomplete"
    LEGACY_BINDING = "legacy-binding"
    OVER_GRANTED = "over-granted"
    UNRESTRICTED = "unrestricted"
    NODE_AUTHORIZER = "node-authorizer"
    UNKNOWN = "unknown"


class Switch(StrEnum):
    """Whether something is on, over all apiservers of a cluster."""

    ON = "on"
    OFF = "off"
    MIXED = "mixed"
    UNKNOWN = "unknown"


class Decision(StrEnum):
    """What the chain says to a request; CONDITIONAL where Node's answer hangs on a relation nobody
    read.
    """

    ALLOW = "allow"
    NO = "no"
    CONDITIONAL = "conditional"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How soon a finding wants acting on, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class ApiServerState:
    """One apiserver as judged: None for modes or plugins where they can't be told, `why` then says
    so. `feature_gates` are those that its flags set, of those that matter to nodes.

    `opaque` are the modes seen whose answers no API shows, `webhooks` their names where told;
    `may_hide` where others may be in the chain that nothing shows. `leaks` is on where something
    other than RBAC and Node gives kubelets what none should get, off where that was asked and
    refused; `serves_core` is on where a kubelet that nobody has gets all that none can do without,
    off where it was asked and refused. `conflicts` are places that show other flags than the one
    that counts, `contradictions` answers that are not what the flags say, both in sentences.
    """

    name: str
    authorization_modes: tuple[str, ...] | None
    admission_plugins: tuple[str, ...] | None
    node_authorizer: Switch
    node_restriction: Switch
    evidence: str
    why: str = ""
    feature_gates: tuple[tuple[str, bool], ...] = ()
    always_allow: Switch = Switch.UNKNOWN
    rbac: Switch = Switch.UNKNOWN
    opaque: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    may_hide: bool = False
    leaks: Switch = Switch.UNKNOWN
    serves_core: Switch = Switch.UNKNOWN
    conflicts: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one need of a kubelet gets.

    `need` is a stable id, `title` the need in words ("renew its Lease"), `without` what fails
    without it, `why` what a kubelet does it for. `by` is the authorizer that answers ("Node",
    "RBAC", "AlwaysAllow", ""), `through` the grant that does ("ClusterRoleBinding system:node") or
    what refuses, `because` the reason in a sentence.
    """

    need: str
    title: str
    is_core: bool
    decision: Decision
    by: str
    through: str
    because: str
    without: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """The path of nodes that are alike: how many, one of them as example, the first 100 names, and
    their answers.

    `nodes` is 0 for the node that no binding names and that doesn't exist yet (the next one to
    join).
    """

    nodes: int
    example: str
    names: tuple[str, ...]
    verdict: Verdict
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """RBAC rules that reach kubelets through one binding and one subject.

    `binding` is "ClusterRoleBinding NAME" or "RoleBinding NAMESPACE/NAME", `role` likewise,
    `subject` "Group system:nodes". `reaches` says whom in words. `beyond` lists in words what the
    Node authorizer would not allow ("get, list, watch secrets in every namespace"), worst first;
    empty where all is benign. `exposes` is what the worst of it lays open ("every Secret of the
    cluster"). `is_dangling` where the role does not exist.
    """

    binding: str
    role: str
    subject: str
    rules: int
    beyond_node_authorizer: bool
    beyond: tuple[str, ...]
    reaches: str
    is_dangling: bool = False
    exposes: str = ""


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """Every node once; all None where nodes could not be read."""

    total: int | None
    ready: int | None
    not_ready: int | None
    unknown: int | None


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a benchmark, with the benchmark's version, since numbers move ("CIS Kubernetes
    1.12", "1.2.7").
    """

    id: str
    benchmark: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth acting on; `id` is stable. `detail` says what was seen, and what to do about
    it.
    """

    id: str
    severity: Severity
    title: str
    detail: str
    controls: tuple[Control, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was not read, why, what it would tell, and the permission or step that would
    tell.
    """

    what: str
    why: str
    permission: str
    would_tell: str


class Fix(StrEnum):
    """What a step changes of a cluster, where what that does can be thought through."""

    BIND_GROUP = "bind-group"
    MAKE_BINDING = "make-binding"
    TURN_ON_NODE = "turn-on-node"
    TURN_ON_RESTRICTION = "turn-on-restriction"
    REMOVE_GRANTS = "remove-grants"


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next, in words, with the commands where there are any; `caution` says its cost.
    `fix` is None where it changes nothing, or what no change can express.
    """

    title: str
    detail: str
    commands: tuple[str, ...] = ()
    caution: str = ""
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """The engine's answer for one snapshot.

    `possible` is just the verdict when that is known. `summary` is one sentence for a tired
    person, `cause` says why in one to three more. `authorization_modes` is None where unknown or
    apiservers disagree. `distribution` is one of kubeadm, kind, kubespray, k3s, rke2, kops, talos,
    openshift, microk8s, k0s, eks, aks, gke, unknown. `assumed` is what nobody read and is taken
    for granted, in sentences; `is_planned` where the cluster is judged before it exists.
    """

    verdict: Verdict
    possible: tuple[Verdict, ...]
    summary: str
    cause: str
    next_steps: tuple[NextStep, ...]
    node_authorizer: Switch
    node_restriction: Switch
    authorization_modes: tuple[str, ...] | None
    apiservers: tuple[ApiServerState, ...]
    paths: tuple[Path, ...]
    grants: tuple[Grant, ...]
    nodes: NodeCounts
    findings: tuple[Finding, ...]
    missing: tuple[Missing, ...]
    version: str
    distribution: str
    distribution_evidence: str
    assumed: tuple[str, ...] = ()
    is_planned: bool = False
