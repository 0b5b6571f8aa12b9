"""How far a plan has come, and when it is at its end."""

from __future__ import annotations

import pytest

from authzviz.engine.assessment import Verdict
from authzviz.plans.plan import BY_HAND, Observation, Phase, PhaseId, Plan, Sees, State, Step
from authzviz.plans.progress import is_done, is_reached, progress

DONE, TODO, UNKNOWN, MANUAL = State.DONE, State.TODO, State.UNKNOWN, State.MANUAL


def step(id_: str, state: State, sees: Sees = Sees.NOTHING) -> Step:
    observation = Observation(sees) if sees is not Sees.NOTHING else BY_HAND
    return Step(id_, id_, "why", "here", ("look",), observation, state=state, because="so")


def phase(id_: PhaseId, *steps: Step, is_optional: bool = False) -> Phase:
    return Phase(id_, id_.value, "why", steps, is_optional=is_optional)


def plan(*phases: Phase) -> Plan:
    return Plan("prod", Verdict.LEGACY_BINDING, "kubeadm", phases)


QUICK = phase(PhaseId.QUICK_WAY, step("q", TODO), is_optional=True)
CASES = {
    "nothing done": (
        plan(phase(PhaseId.PREFLIGHT, step("a", TODO), step("b", MANUAL))),
        (),
        (PhaseId.PREFLIGHT, 0, 2),
    ),
    "a tick counts": (
        plan(
            phase(PhaseId.PREFLIGHT, step("a", DONE), step("b", MANUAL)),
            phase(PhaseId.VERIFY, step("c", TODO)),
        ),
        ("b",),
        (PhaseId.VERIFY, 2, 3),
    ),
    "a tick of what is seen not to be done doesn't": (
        plan(phase(PhaseId.PREFLIGHT, step("a", TODO))),
        ("a",),
        (PhaseId.PREFLIGHT, 0, 1),
    ),
    "the quick way holds nothing up": (
        plan(QUICK, phase(PhaseId.PREFLIGHT, step("a", DONE))),
        (),
        (None, 1, 1),
    ),
    "a later phase is done, an earlier one is not": (
        plan(phase(PhaseId.PREFLIGHT, step("a", UNKNOWN)), phase(PhaseId.VERIFY, step("b", DONE))),
        (),
        (PhaseId.PREFLIGHT, 1, 2),
    ),
    "no phases": (plan(), (), (None, 0, 0)),
}


@pytest.mark.parametrize(("plan_", "ticked", "expected"), CASES.values(), ids=CASES)
def test_progress(
    plan_: Plan, ticked: tuple[str, ...], expected: tuple[PhaseId | None, int, int]
) -> None:
    found = progress(plan_, ticked)

    assert (found.phase, found.done, found.total) == expected


REACHED = {
    "all seen": ((step("a", DONE, Sees.FLAGS), step("v", DONE, Sees.VERDICT)), (), True),
    "evidence never came": (
        (step("e", UNKNOWN, Sees.AUDIT), step("v", DONE, Sees.VERDICT)),
        (),
        True,
    ),
    "a step by hand is open": ((step("m", MANUAL), step("v", DONE, Sees.VERDICT)), (), True),
    "the configuration says otherwise": ((step("d", TODO, Sees.DECLARED),), (), False),
    "the configuration can't be read": ((step("d", UNKNOWN, Sees.DECLARED),), (), False),
    "somebody looked": ((step("d", UNKNOWN, Sees.DECLARED),), ("d",), True),
    "nodes are down": ((step("n", TODO, Sees.NODES),), ("n",), False),
}


@pytest.mark.parametrize(("steps", "ticked", "expected"), REACHED.values(), ids=REACHED)
def test_the_end(steps: tuple[Step, ...], ticked: tuple[str, ...], expected: bool) -> None:
    found = plan(QUICK, phase(PhaseId.VERIFY, *steps))

    assert is_reached(found, Verdict.NODE_AUTHORIZER, ticked) is expected
    assert not is_reached(found, Verdict.OVER_GRANTED, ticked)


def test_what_is_seen_wins_over_what_was_said() -> None:
    ticked = ("a",)

    assert [is_done(step("a", state), ticked) for state in (DONE, TODO, UNKNOWN, MANUAL)] == [
        True,
        False,
        True,
        True,
    ]
