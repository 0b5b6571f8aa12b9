"""The steps of a plan in words: how each stands, since when, and who said so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.assessment import Verdict
from authzviz.plans.plan import PhaseId, Sees, State, Step
from dashboard.models import StepTick
from dashboard.services.plans import PhaseNow, PlanNow, StepNow
from dashboard.shown.links import phase_anchor, step_anchor
from dashboard.visible import made_visible, visible
from dashboard.words import CHECK_STATES, PHASES, STATES, TICKED, Word

# A saved object, say: it scrolls by itself instead of pushing everything down.
_LONG_LINES = 30


@dataclass(frozen=True, slots=True)
class CommandBlock:
    """Commands that one shell runs from top to bottom, since later ones use what earlier ones set.
    `is_altered` where a letter is written out, so that they can't be copied.
    """

    text: str
    is_long: bool
    is_altered: bool


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff; `kind` is added, removed, place, or "" for what stays."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class TickRow:
    """Who said that a step is done."""

    by: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step. `anchor` also names it in forms, in plain letters. `since` is when it came to stand
    so, None where nothing shows that; `is_current` is the one that is to be done now. `is_old`
    where an older read showed more than can be told now; `wants_log` where an audit log tells.
    """

    anchor: str
    step: Step
    word: Word
    because: str
    since: datetime | None
    tick: TickRow | None
    commands: CommandBlock | None
    diff: tuple[DiffLine, ...]
    verify: CommandBlock | None
    rollback: CommandBlock | None
    is_done: bool
    is_current: bool
    is_open: bool
    is_old: bool
    may_be_ticked: bool
    wants_log: bool


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """One phase and how many of its steps are done."""

    anchor: str
    word: Word
    name: str
    why: str
    is_optional: bool
    is_current: bool
    steps: tuple[StepRow, ...]
    done: int

    @property
    def is_done(self) -> bool:
        """True where nothing of it is left to do."""
        return self.done == len(self.steps)


@dataclass(frozen=True, slots=True)
class Opened:
    """Which steps are unfolded: the current one, one that is watched, and the quick way while
    kubelets are refused.
    """

    current: str
    watched: str
    is_outage: bool

    def has(self, step: StepNow, *, is_optional: bool) -> bool:
        """True for a step that is to be seen without a click."""
        is_needed = is_optional and self.is_outage and not step.is_done
        return step.step.id in (self.current, self.watched) or is_needed


def phase_rows(now: PlanNow, verdict: str, watched: str) -> tuple[PhaseRow, ...]:
    """Every phase of the plan, every name in it made visible; `watched` is the id of the step for
    which Leases are read, "" for none.
    """
    opened = Opened(current_step(now), watched, verdict == Verdict.REFUSED)
    return tuple(_phase_row(phase, opened) for phase in now.phases)


def current_step(now: PlanNow) -> str:
    """The id of the first step that is neither done nor optional; "" where none is."""
    wanted = (phase for phase in now.phases if not phase.phase.is_optional)
    steps = (step for phase in wanted for step in phase.steps)
    return next((step.step.id for step in steps if not step.is_done), "")


def _phase_row(now: PhaseNow, opened: Opened) -> PhaseRow:
    phase = now.phase
    return PhaseRow(
        anchor=phase_anchor(phase.id),
        word=PHASES[phase.id],
        name=visible(phase.name),
        why=visible(phase.why),
        is_optional=phase.is_optional,
        is_current=now.is_current,
        steps=tuple(_step_row(step, now, opened) for step in now.steps),
        done=now.done,
    )


def _step_row(now: StepNow, phase: PhaseNow, opened: Opened) -> StepRow:
    step = now.step
    return StepRow(
        anchor=step_anchor(step.id),
        step=made_visible(step),
        word=_word(now, phase.phase.id),
        because=visible(step.because).rstrip("."),
        since=None if step.state is State.MANUAL else now.since,
        tick=_tick_row(now.tick),
        commands=_block(step.commands),
        diff=_diff(visible(step.diff)),
        verify=_block(step.verify),
        rollback=_block(step.rollback),
        is_done=now.is_done,
        is_current=step.id == opened.current,
        is_open=opened.has(now, is_optional=phase.phase.is_optional),
        is_old=now.was is not None,
        may_be_ticked=now.may_be_ticked,
        wants_log=step.observation.sees is Sees.AUDIT,
    )


def _word(now: StepNow, phase: PhaseId) -> Word:
    if now.tick is not None and now.is_done and now.step.state is not State.DONE:
        return TICKED
    return (CHECK_STATES if phase is PhaseId.PREFLIGHT else STATES)[now.step.state]


def _tick_row(tick: StepTick | None) -> TickRow | None:
    return TickRow(visible(tick.by_name), tick.at, visible(tick.note)) if tick else None


def _block(commands: tuple[str, ...]) -> CommandBlock | None:
    if not commands:
        return None
    text = "\n".join(commands)
    return CommandBlock(visible(text), text.count("\n") >= _LONG_LINES, visible(text) != text)


def _diff(text: str) -> tuple[DiffLine, ...]:
    return tuple(DiffLine(line, _kind(line)) for line in text.split("\n") if line)


def _kind(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return "place"
    return {"+": "added", "-": "removed"}.get(line[:1], "")
