"""The second phase: what has to hold before anything is changed, by what was observed."""

from __future__ import annotations

from authzviz.plans.ground import Ground
from authzviz.plans.plan import Phase


def phase(_ground: Ground) -> Phase | None:
    """The checks, each a step that passed, failed, or can't be told."""
    return None
