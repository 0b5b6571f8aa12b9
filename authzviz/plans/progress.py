"""How far a plan has come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from authzviz.engine.assessment import Verdict
from authzviz.plans.plan import Phase, PhaseId, Plan, Sees, State, Step

# What tells of the way, not of where it leads: once there, it holds nothing up.
_ON_THE_WAY = frozenset((Sees.NOTHING, Sees.AUDIT, Sees.CHECK, Sees.READ))


@dataclass(frozen=True, slots=True)
class Progress:
    """The first phase that is not done, None where all are; of the steps that nobody may skip, how
    many are done.
    """

    phase: PhaseId | None
    done: int
    total: int


def progress(plan: Plan, ticked: Collection[str] = ()) -> Progress:
    """How far the plan has come; `ticked` are the ids of steps of which a person said that they are
    done. Optional phases, taken or not, don't count.
    """
    wanted = [phase for phase in plan.phases if not phase.is_optional]
    steps = [step for phase in wanted for step in phase.steps]
    open_ = (phase.id for phase in wanted if not _is_done(phase, ticked))
    done = sum(is_done(step, ticked) for step in steps)
    return Progress(next(open_, None), done, len(steps))


def is_done(step: Step, ticked: Collection[str] = ()) -> bool:
    """True where it is seen, or where it can't be seen and somebody said so."""
    return step.state is State.DONE or (step.state is not State.TODO and step.id in ticked)


def is_reached(plan: Plan, verdict: Verdict, ticked: Collection[str] = ()) -> bool:
    """True where the target is reached, and what the plan's steps leave behind shows it, too.

    What only made the way safe, evidence and checks and reads, is past by then.
    """
    steps = (step for phase in plan.phases if not phase.is_optional for step in phase.steps)
    return verdict is plan.target and all(
        is_done(step, ticked) for step in steps if step.observation.sees not in _ON_THE_WAY
    )


def _is_done(phase: Phase, ticked: Collection[str]) -> bool:
    return all(is_done(step, ticked) for step in phase.steps)
