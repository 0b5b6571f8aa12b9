"""The phase that turns on Node before RBAC, and NodeRestriction, one apiserver after another."""

from __future__ import annotations

from authzviz.engine.assessment import Switch, Verdict
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.phrases import listed
from authzviz.plans import always_allow_start
from authzviz.plans.distributions import unknown
from authzviz.plans.distributions.notes import notes_on
from authzviz.plans.distributions.registry import steps_for
from authzviz.plans.ground import Ground
from authzviz.plans.opaque_start import reordering
from authzviz.plans.plan import Phase, PhaseId


def phase(ground: Ground) -> Phase | None:
    """The edits of every apiserver that needs one; None where all are as they are to be, and the
    cluster's own configuration too.
    """
    steps = (*reordering(ground), *steps_for(ground))
    if not steps:
        return None
    is_open = always_allow_start.is_start(ground)
    return Phase(
        PhaseId.NODE_AUTHORIZER,
        "Node authorizer and NodeRestriction",
        _WHY_OPEN if is_open else _WHY,
        (*always_allow_start.before(ground), *steps, *always_allow_start.after(ground)),
    )


_WHY = "Nothing is taken away yet: the binding stays, and Node is asked before it."
_WHY_OPEN = (
    "Kubelets are served by Node from the first moment. Everyone else may do only what RBAC grants"
    " from then on: that comes first."
)


def notes(ground: Ground) -> tuple[str, ...]:
    """What to know about the whole plan."""
    is_served = ground.assessment.node_authorizer is Switch.ON
    said = list(notes_on(ground.distribution, is_served=is_served))
    if always_allow_start.is_start(ground):
        said.insert(
            0,
            "With AlwaysAllow everyone who is signed in may do everything. The way out breaks not"
            " kubelets but every other client that RBAC does not know.",
        )
    modes = [mode for mode in OPAQUE_MODES if any(mode in s.state.opaque for s in ground.servers)]
    if modes:
        said.append(
            f"{listed(modes)} is in the chain, and no API shows what it allows: it may go on"
            " granting kubelets what this plan takes away."
        )
    if ground.distribution == "unknown":
        said.extend(unknown.notes(ground))
    if ground.verdict is Verdict.UNKNOWN:
        said.append(
            "It is not known where this plan starts: find that out first, then make the plan anew."
        )
    return tuple(said)
