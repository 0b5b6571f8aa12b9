"""The first phase: to see what decides and was not read."""

from __future__ import annotations

from authzviz.plans.ground import Ground
from authzviz.plans.plan import Phase


def phase(_ground: Ground) -> Phase | None:
    """What to find out before anything is changed; None where all that decides is known."""
    return None
