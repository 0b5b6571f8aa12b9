"""The phase between the Node authorizer and the removal: to see that nobody needs the grants."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from authzviz.engine.assessment import ApiServerState
from authzviz.engine.phrases import counted
from authzviz.evidence.audit import Proof
from authzviz.plans import looking, own_accounts
from authzviz.plans.audit_logging import added, logging_of, policy_of
from authzviz.plans.ground import Ground
from authzviz.plans.plan import BY_HAND, Observation, Phase, PhaseId, Sees, Step, Trouble
from authzviz.plans.servers import asks_node_late

_WHY = (
    "What RBAC still allows once Node is asked first would be refused without it: the audit log"
    " names who asks for that. It costs no downtime, only days."
)


def phase(ground: Ground) -> Phase | None:
    """The evidence that removing breaks nothing; None where nothing is to be removed."""
    if not ground.excess:
        return None
    steps = (
        _log_step(ground),
        *_rotation(ground.distribution),
        *_OCCASIONS,
        *own_accounts.steps(ground),
        *_kubelets(ground),
        _proof_step(ground),
    )
    return Phase(PhaseId.EVIDENCE, "Evidence", _WHY, steps)


def _log_step(ground: Ground) -> Step:
    logging = logging_of(ground.distribution)
    policy = policy_of(ground).splitlines()
    diff = added(logging.policy_file, policy) if logging.policy_file else ""
    return Step(
        id="evidence:log",
        title="Have every apiserver write an audit log",
        why=f"{logging.how} Metadata of those whom the grants reach is enough: no bodies are"
        " logged, and so no Secrets.",
        where=logging.where,
        diff=diff + logging.diff,
        verify=(logging.shows,),
        observation=BY_HAND,
        takes="As long as a restart of each apiserver; a node writes some 20 events a minute.",
        troubles=_LOG_TROUBLES,
        caution=_order_caution(ground.assessment.apiservers)
        or "An audit policy that is there already stays, where it logs system:nodes at Metadata or"
        " above.",
        source=logging.source,
    )


def _order_caution(servers: tuple[ApiServerState, ...]) -> str:
    """What is to be done first, while the log can't tell what Node would allow."""
    late = [server.name for server in servers if asks_node_late(server)]
    if not late:
        return ""
    named = late[0] if len(late) == 1 else f"{late[0]} and {counted(len(late) - 1, 'other')}"
    return (
        f"It proves nothing before Node is asked first: {named} asks RBAC before Node, or no Node."
        " What was logged until then shows every request of a kubelet as allowed by RBAC."
    )


def _kubelets(ground: Ground) -> Iterator[Step]:
    """Where kubelets themselves needed the grants, to find out why."""
    audit = ground.audit
    if audit is None or audit.proof is not Proof.BREAKS:
        return
    uses = [use for use in audit.uses if use.is_kubelet]
    if not uses:
        return
    most = uses[0]
    yield Step(
        id="evidence:kubelets",
        title="Find out why kubelets still need the grants",
        why=f"Node did not allow {counted(sum(use.count for use in uses), 'request')} of kubelets"
        f" themselves; most often {most.verb} {most.resource} as {most.user}. Usually the name in"
        " the certificate is not that of the Node, the kubelet is of another version than the"
        " apiserver, or the pod that uses the object is bound to another node.",
        where="each of these nodes",
        verify=looking.certificate_shown(ground.distribution),
        observation=BY_HAND,
        troubles=_KUBELET_TROUBLES,
    )


def _proof_step(ground: Ground) -> Step:
    name = quote(f"{ground.snapshot.name}.json.gz")
    return Step(
        id="evidence",
        title="See in the audit log that nobody needs these grants",
        why="Give the logs of every apiserver, rotated ones too, to this command, or upload them on"
        " the page Audit log of this cluster. Nothing breaks where they span all of the above, show"
        " every node, and hold no request that only these grants allow.",
        where="audit log of every apiserver",
        verify=(f"authzviz evidence --bundle={name} audit*.log*",),
        observation=Observation(Sees.AUDIT),
        takes="Two weeks are usual: as long as it takes until all of the above has happened.",
        troubles=_PROOF_TROUBLES,
    )


def _rotation(distribution: str) -> tuple[Step, ...]:
    """Where kubelets ask the API for their next certificate: elsewhere that shows nothing."""
    if not looking.has_requests(distribution):
        return ()
    step = Step(
        id="evidence:rotation",
        title="Wait until a kubelet has renewed its certificate",
        why="It asks for another when 70 to 90% of its time is over; restarting a kubelet does not"
        " bring that forward.",
        where="a node",
        verify=looking.certificate_shown(distribution),
        observation=BY_HAND,
        source=looking.certificate_source(distribution),
    )
    return (step,)


_BOOTS = 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.nodeInfo.bootID}{"\\n"}{end}'
_OCCASIONS = (
    Step(
        id="evidence:reboot",
        title="Reboot a node of each kind",
        why="A kubelet that starts registers its Node, reads all pods again and makes new tokens.",
        where="kubectl",
        verify=(f"kubectl get nodes -o {quote(_BOOTS)}",),
        observation=BY_HAND,
    ),
    Step(
        id="evidence:drain",
        title="Drain a node and let it back in",
        why="Pods end and start elsewhere, with the Secrets, ConfigMaps and claims that they use.",
        where="kubectl",
        verify=("kubectl get pods --all-namespaces -o wide",),
        observation=BY_HAND,
    ),
    Step(
        id="evidence:volume",
        title="Have a volume attached and mounted, by each CSI driver that there is",
        why="Kubelets wait for VolumeAttachments and read claims; drivers may ask with the"
        " kubelet's credentials. Nothing to do where no pod has such a volume.",
        where="kubectl",
        verify=("kubectl get volumeattachments",),
        observation=BY_HAND,
    ),
    Step(
        id="evidence:upgrade",
        title="Upgrade a node, if an upgrade is near",
        why="A kubelet of another version asks for other things. Without an upgrade nearby, look at"
        " the log again after the next one.",
        where="kubectl",
        verify=("kubectl get nodes",),
        observation=BY_HAND,
    ),
)
"""What a kubelet does only now and then, and has to have done before the log can tell."""
_LOG_TROUBLES = (
    Trouble(
        "The apiserver does not start",
        "failed to initialize audit: loading audit policy file: failed to read file path, or"
        " open … permission denied",
        "The policy file or the directory of the log is not mounted into its pod, or is not there."
        " Take the flags out again.",
    ),
    Trouble(
        "The disk fills up",
        "no space left on device",
        "--audit-log-maxsize and --audit-log-maxbackup bound it; copy the rotated files away.",
    ),
)
_PROOF_TROUBLES = (
    Trouble(
        "No audit log can be had",
        'NODE DENY: "node-1" … in the apiserver\'s own log, at -v=2 or above',
        "Each such line of a node that exists is a request that only RBAC can have allowed: the"
        " weaker way. What no rule of Node names at all is not logged there, so silence is no"
        " proof.",
    ),
    Trouble(
        "Kubelets' credentials are used by something else",
        "a user agent other than kubelet/… with the user system:node:NAME",
        "Give it a ServiceAccount of its own: with this audit log, a new plan has a step for each.",
    ),
    Trouble(
        "A kubelet has another identity",
        "a user agent kubelet/… with a user other than system:node:NAME",
        "The Node authorizer does nothing for it: renew its certificate with O=system:nodes and"
        " CN=system:node:NAME first.",
    ),
)
_KUBELET_TROUBLES = (
    Trouble(
        "The name differs",
        "CN = system:node:Worker1 while the Node is worker1",
        "Renew the certificate under the Node's exact name.",
    ),
)
