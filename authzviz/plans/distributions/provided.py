"""What steps have in common where the provider sets the flags, and nobody else can."""

from __future__ import annotations

from authzviz.plans.ground import Ground
from authzviz.plans.looking import flags_shown
from authzviz.plans.plan import Observation, Sees, Step


def seen(ground: Ground, why: str, source: str, *more: str) -> Step:
    """The step that only looks, and says whom to ask where flags are not as they should be."""
    return Step(
        id="flags:provider",
        title="See that the provider runs Node and NodeRestriction",
        why=why,
        where="the provider",
        verify=(*flags_shown(ground.distribution), *more),
        observation=Observation(Sees.FLAGS),
        takes="as long as the provider takes to answer, where its answer is needed",
        source=source,
    )


def is_needed(ground: Ground) -> bool:
    """True where some apiserver is not known to have what it needs, or none was seen."""
    return not ground.servers or not all(server.is_done for server in ground.servers)
