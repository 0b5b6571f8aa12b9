"""The quick way out of an outage: to bind the group, at its cost."""

from __future__ import annotations

from authzviz.engine.assessment import Verdict
from authzviz.engine.identity import NODES_GROUP
from authzviz.engine.model import Subject
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Observation, Phase, PhaseId, Sees, Step


def phase(ground: Ground) -> Phase | None:
    """The quick way; None where kubelets are not refused."""
    if ground.verdict is not Verdict.REFUSED:
        return None
    step = Step(
        id="bind-group",
        title="Bind the group",
        why="Nodes come back within seconds, without a restart. For the night, not to keep.",
        where="kubectl",
        commands=("kubectl set subject clusterrolebinding system:node --group=system:nodes",),
        verify=("kubectl get nodes",),
        rollback=(
            "kubectl patch clusterrolebinding system:node --type=merge -p '{\"subjects\":null}'",
        ),
        observation=Observation(Sees.SUBJECT_BOUND, "system:node", Subject("Group", NODES_GROUP)),
        caution="Hands every kubelet all Secrets of the cluster, until the real fix is made.",
        watches_leases=True,
    )
    return Phase(
        PhaseId.QUICK_WAY, "Quick way out", "Only while nodes are down.", (step,), is_optional=True
    )
