"""Started plans as they are stored, and back: their steps, states and ticks."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from authzviz.plans.plan import PLANS_VERSION, Plan, State, Step
from dashboard.models import StartedPlan, StepTick
from dashboard.nul import without
from dashboard.services import facts

UNREADABLE = (
    "this plan was made by another version of authzviz, and can't be followed any more: make a new "
    "one of today's facts"
)
_LONGEST_KEY = 500
_KEPT_OF_LONG = 430


class PlanError(Exception):
    """What was asked for can't be done; the message is for people."""


def unpacked(started: StartedPlan) -> Plan | None:
    """The plan as it was made; None where this version can't read it."""
    if started.made_with != PLANS_VERSION:
        return None
    try:
        return facts.unpack(bytes(started.plan), Plan)
    except (zlib.error, msgspec.MsgspecError):
        return None


def with_states(plan: Plan, states: Mapping[str, Any]) -> Plan:
    """The plan with the states of its steps as `StartedPlan.states` holds them."""
    phases = []
    for phase in plan.phases:
        steps = tuple(_with_state(step, states.get(key_of(step.id))) for step in phase.steps)
        phases.append(replace(phase, steps=steps))
    return replace(plan, phases=tuple(phases))


def key_of(step_id: str) -> str:
    """The step's id as it is stored, beside its state and its tick: at most 500 letters, none of
    them U+0000.
    """
    text = str(without(step_id))
    if len(text) <= _LONGEST_KEY:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{text[:_KEPT_OF_LONG]} {digest}"


def ticks_of(started: StartedPlan) -> dict[str, StepTick]:
    """The ticks that hold, by the key of their step."""
    return {tick.step: tick for tick in started.ticks.filter(taken_back_at=None)}


def ticked_ids(plan: Plan, ticks: Collection[str]) -> frozenset[str]:
    """The ids of those steps of the plan that are among the ticked keys."""
    return frozenset(step.id for step in plan.steps if key_of(step.id) in ticks)


def as_shown(plan: Plan, *, is_old: bool) -> Plan:
    """The plan as it may be shown: with unknown for what only an old read showed."""
    return _old(plan) if is_old else plan


def _old(plan: Plan) -> Plan:
    phases = (
        replace(phase, steps=tuple(_old_step(step) for step in phase.steps))
        for phase in plan.phases
    )
    return replace(plan, phases=tuple(phases))


def _old_step(step: Step) -> Step:
    if step.state in (State.MANUAL, State.UNKNOWN):
        return step
    because = f"nothing newer was read; {step.because} then"
    return replace(step, state=State.UNKNOWN, because=because)


def _with_state(step: Step, stored: object) -> Step:
    if not isinstance(stored, dict):
        return replace(step, state=State.UNKNOWN, because="nothing was read since")
    return replace(step, state=State(stored["state"]), because=str(stored["because"]))
