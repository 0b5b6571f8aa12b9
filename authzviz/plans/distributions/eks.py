"""EKS: the flags are Amazon's; its log of the control plane shows them.

Source: docs.aws.amazon.com/eks, control-plane-logs (type api shows the flags at each start),
platform-versions (NodeRestriction among the admission controllers).
"""

from __future__ import annotations

from authzviz.plans.distributions import provided
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Step

_SOURCE = (
    "Amazon EKS, https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html;"
    " which authorization modes it runs is not documented"
)


def steps(ground: Ground) -> tuple[Step, ...]:
    """One step that looks; none where all is seen to be on."""
    if not provided.is_needed(ground):
        return ()
    why = (
        "Amazon sets the flags of the control plane. Each start writes them to the log of type api"
        " as lines FLAG: --authorization-mode=…, where that log is turned on. Where they lack Node"
        " or NodeRestriction, only AWS Support can change them."
    )
    return (provided.seen(ground, why, _SOURCE),)
