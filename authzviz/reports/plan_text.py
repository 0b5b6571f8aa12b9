"""`authzviz plan` for people: the way to the Node authorizer in numbered steps, 80 columns wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authzviz.engine.phrases import counted
from authzviz.plans.plan import State
from authzviz.reports.check_text import COLORS
from authzviz.reports.layout import wrapped
from authzviz.reports.plan_words import CONTEXT, done_of, hidden_letters
from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from authzviz.plans.plan import Phase, Plan, Step
    from authzviz.reports.check_text import Paint

_WIDTH = 80
_STATE_COLORS = {
    State.DONE: "green",
    State.TODO: "yellow",
    State.UNKNOWN: "blue",
    State.MANUAL: "magenta",
}


def plan_text(plan: Plan, paint: Paint) -> str:
    """Return the report; `paint(text, color)` colors, or returns the text as it is."""
    return "\n".join(_report(plan, paint))


def _report(plan: Plan, paint: Paint) -> Iterator[str]:
    start, target = (paint(str(v), COLORS.get(v, "red")) for v in (plan.start, plan.target))
    if not plan.phases:
        yield f"{printable(plan.cluster)}: {target}"
        yield from _wrapped("The target is reached: there is nothing to do.")
        return
    yield f"{printable(plan.cluster)}: from {start} to {target}"
    installed = "" if plan.distribution == "unknown" else f"{plan.distribution}, "
    yield from _wrapped(f"{installed}{counted(len(plan.steps), 'step')}, {done_of(plan)}")
    for note in (CONTEXT, *plan.notes):
        yield from _wrapped(f"Note: {note}")
    number = 1
    for phase in plan.phases:
        yield from _phase(phase, number, paint)
        number += len(phase.steps)


def _phase(phase: Phase, number: int, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint(printable(phase.name), "cyan") + (" (optional)" if phase.is_optional else "")
    yield from _wrapped(phase.why)
    for step in phase.steps:
        yield ""
        yield from _step(step, number, paint)
        number += 1


def _step(step: Step, number: int, paint: Paint) -> Iterator[str]:
    lines = _wrapped(f"{number}. {step.title}", indent="")
    yield from (paint(line, "bright_white") for line in lines)
    state, *more = _wrapped(f"{step.state}: {step.because}")
    yield state.replace(step.state, paint(step.state, _STATE_COLORS[step.state]), 1)
    yield from more
    yield from _wrapped(step.why)
    takes = f"; takes {step.takes[0].lower()}{step.takes[1:]}" if step.takes else ""
    yield from _wrapped(f"Where: {step.where}{takes}")
    if step.caution:
        yield from _wrapped(f"! Mind: {step.caution}")
    yield from _block("Do", step.commands)
    if step.diff:
        yield "  What changes:"
        yield from (f"    {printable(line)}".rstrip() for line in step.diff.splitlines())
    yield from _block("Verify", step.verify)
    yield from _block("Roll back", step.rollback)
    yield from _troubles(step)
    if step.source:
        yield from _wrapped(f"From documentation, not tried here: {step.source}")


def _block(title: str, commands: Iterable[str]) -> Iterator[str]:
    """The commands; those of several lines without indent, so that they can be copied as they are.

    What a terminal would obey or hide is written out; that it is, is said.
    """
    listed = list(commands)
    if not listed:
        return
    yield f"  {title}:"
    for command in listed:
        lines = command.split("\n")
        indent = "    " if len(lines) == 1 else ""
        yield from (f"{indent}{printable(line)}" for line in lines)
        hidden = hidden_letters(command)
        if hidden:
            yield from _wrapped(
                f"! Not to be copied: {', '.join(hidden)} in it is written out here. Take it from"
                " --format shell.",
            )


def _troubles(step: Step) -> Iterator[str]:
    if not step.troubles:
        return
    yield "  If it goes wrong:"
    for trouble in step.troubles:
        looks = f' It looks like "{trouble.looks}".' if trouble.looks else ""
        yield from _wrapped(f"- {trouble.what}.{looks} {trouble.then}", indent="    ")


def _wrapped(text: str, indent: str = "  ") -> Iterator[str]:
    return wrapped(text, indent, _WIDTH)
