"""The model of Kubernetes authorization: pure values and functions, standard library only.

`judge` is the one entry; importing this loads only the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authzviz.engine.assessment import Assessment
    from authzviz.engine.model import Snapshot


def judge(snapshot: Snapshot) -> Assessment:
    """The engine's answer for one snapshot. Never raises for what a cluster says."""
    # Whoever only fills a snapshot pays for the values alone.
    from authzviz.engine import judging

    return judging.judge(snapshot)
