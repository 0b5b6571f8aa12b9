"""The phase that takes the grants of kubelets away."""

from __future__ import annotations

from authzviz.engine.change import full_name
from authzviz.engine.grants import describe_subject
from authzviz.engine.model import Binding, Subject
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Observation, Phase, PhaseId, Sees, Step


def phase(ground: Ground) -> Phase | None:
    """One step for each subject that goes; None where nothing is granted beyond Node."""
    steps = tuple(_step(binding, subject) for _, binding, subject in ground.excess)
    return Phase(
        PhaseId.REMOVE_GRANTS,
        "Remove the grants",
        "Node and RBAC never deny: as long as RBAC grants it, kubelets may do it.",
        steps,
    )


def _step(binding: Binding, subject: Subject) -> Step:
    name = full_name(binding)
    return Step(
        id=f"remove:{name}:{subject.kind}:{subject.name}",
        title=f"Take {describe_subject(subject)} off {name}",
        why="Kubelets keep what the Node authorizer gives them.",
        where="kubectl",
        commands=(
            "kubectl patch clusterrolebinding system:node --type=merge -p '{\"subjects\":null}'",
        ),
        verify=("kubectl get clusterrolebinding system:node -o yaml",),
        rollback=("kubectl apply -f system-node.yaml",),
        observation=Observation(Sees.SUBJECT_GONE, name, subject),
        watches_leases=True,
    )
