"""A plan exists for every recorded cluster and every distribution, and holds what it promises."""

from __future__ import annotations

import pytest

from authzviz.engine.assessment import Verdict
from tests.plans.clusters import NAMES, judged, plan


@pytest.mark.parametrize("name", NAMES)
def test_there_are_phases_unless_the_target_is_reached(name: str) -> None:
    is_reached = judged(name).verdict is Verdict.NODE_AUTHORIZER
    assert bool(plan(name).phases) is not is_reached


@pytest.mark.parametrize("name", NAMES)
def test_what_changes_something_can_be_undone_and_everything_verified(name: str) -> None:
    for step in plan(name).steps:
        assert step.verify
        assert step.rollback or not step.commands


@pytest.mark.parametrize("name", NAMES)
def test_every_state_has_its_reason_and_every_step_its_own_id(name: str) -> None:
    steps = plan(name).steps
    assert all(step.because for step in steps)
    assert len({step.id for step in steps}) == len(steps)
