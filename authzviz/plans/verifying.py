"""The last phase: to see that the target is reached and stays so."""

from __future__ import annotations

from authzviz.plans.ground import Ground
from authzviz.plans.plan import Observation, Phase, PhaseId, Sees, Step


def phase(_ground: Ground) -> Phase | None:
    """What is to be seen once all is done."""
    step = Step(
        id="verdict",
        title="See that the verdict is node-authorizer",
        why="Every apiserver, and nothing granted beyond it.",
        where="authzviz",
        verify=("authzviz check",),
        observation=Observation(Sees.VERDICT),
    )
    return Phase(PhaseId.VERIFY, "Verify", "The cluster is where it is to be.", (step,))
