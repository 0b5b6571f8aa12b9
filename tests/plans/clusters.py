"""Every recorded cluster and every distribution's fixture, as read and judged: what plans are made
of in tests.
"""

from __future__ import annotations

import functools

from authzviz import engine
from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot
from authzviz.plans.making import plan_of
from authzviz.plans.plan import Plan
from tests.kube import distributions
from tests.kube.reading import collected
from tests.replay import recordings, replay

NAMES = [*recordings(), *distributions.names()]


@functools.cache
def read(name: str) -> Snapshot:
    """What is read of the recording or the distribution of that name."""
    opened = replay(name) if name in recordings() else distributions.serving(name)
    with opened as server:
        return collected(server)


@functools.cache
def judged(name: str) -> Assessment:
    """What the engine makes of it."""
    return engine.judge(read(name))


def plan(name: str) -> Plan:
    """Its plan."""
    return plan_of(read(name), judged(name))
