"""The phase between the Node authorizer and the removal: to see that nobody needs the grants."""

from __future__ import annotations

from authzviz.plans.ground import Ground
from authzviz.plans.plan import Observation, Phase, PhaseId, Sees, Step


def phase(ground: Ground) -> Phase | None:
    """The evidence that removing breaks nothing; None where nothing is to be removed."""
    if not ground.excess:
        return None
    step = Step(
        id="evidence",
        title="See in the audit log that nobody needs these grants",
        why="What RBAC still allows once Node is asked first would be refused without it.",
        where="audit log of every apiserver",
        verify=("authzviz evidence --bundle BUNDLE AUDIT_LOG...",),
        observation=Observation(Sees.AUDIT),
    )
    return Phase(PhaseId.EVIDENCE, "Evidence", "Nothing that is removed is missed.", (step,))
