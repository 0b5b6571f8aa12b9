"""The phase that turns on Node before RBAC, and NodeRestriction, one apiserver after another."""

from __future__ import annotations

from authzviz.plans.distributions import kubeadm_config, unknown
from authzviz.plans.distributions.common import needing
from authzviz.plans.distributions.registry import steps_for
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Phase, PhaseId


def phase(ground: Ground) -> Phase | None:
    """The edits of every apiserver that needs one; None where all are as they are to be, and the
    cluster's own configuration too.
    """
    if not needing(ground) and not kubeadm_config.steps(ground):
        return None
    return Phase(
        PhaseId.NODE_AUTHORIZER,
        "Node authorizer and NodeRestriction",
        "Nothing is taken away yet: the binding stays, and Node is asked before it.",
        steps_for(ground),
    )


def notes(ground: Ground) -> tuple[str, ...]:
    """What to know about the whole plan."""
    return unknown.notes(ground) if ground.distribution == "unknown" else ()
