"""A plan as a runbook in Markdown: to read, to print, to tick off, to keep beside the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authzviz.engine.phrases import counted
from authzviz.plans.plan import State
from authzviz.reports.markdown import cell, code, fenced, inline
from authzviz.reports.plan_words import CONTEXT, done_of, hidden_letters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authzviz.plans.plan import Phase, Plan, Step, Trouble


def plan_markdown(plan: Plan) -> str:
    """Return the runbook; nothing from the cluster is markup in it."""
    return "\n\n".join(_runbook(plan)) + "\n"


def _runbook(plan: Plan) -> Iterator[str]:
    yield f"# {inline(plan.cluster)}: to the Node authorizer"
    if not plan.phases:
        yield f"The verdict is {code(plan.start)}: the target is reached, there is nothing to do."
        return
    yield (
        f"From {code(plan.start)} to {code(plan.target)}; distribution {code(plan.distribution)};"
        f" {counted(len(plan.steps), 'step')}, {done_of(plan)}."
    )
    yield (
        "Go through the steps in their order, each as root where it says. Where one fails, roll it"
        f" back before anything else. {CONTEXT}"
    )
    if plan.notes:
        yield "\n".join(f"- {inline(note)}" for note in plan.notes)
    number = 1
    for phase in plan.phases:
        yield from _phase(phase, number)
        number += len(phase.steps)


def _phase(phase: Phase, number: int) -> Iterator[str]:
    yield f"## {inline(phase.name)}" + (" (optional)" if phase.is_optional else "")
    if phase.why:
        yield inline(phase.why)
    for at, step in enumerate(phase.steps, start=number):
        yield from _step(step, at)


def _step(step: Step, number: int) -> Iterator[str]:
    yield f"### Step {number}: {inline(step.title)}"
    tick = "x" if step.state is State.DONE else " "
    yield f"- [{tick}] **{step.state}**: {inline(step.because)}"
    if step.why:
        yield inline(step.why)
    takes = f" · **Takes** {inline(step.takes)}" if step.takes else ""
    yield f"**Where** {code(step.where)}{takes}"
    if step.caution:
        yield f"> **Mind:** {inline(step.caution)}"
    hidden = hidden_letters(
        "".join((*step.commands, step.diff, *step.verify, *step.rollback)),
    )
    if hidden:
        yield f"> **Mind:** what follows holds letters that hide: {', '.join(hidden)}"
    yield from _block("Do", step.commands)
    yield from _block("What changes", (step.diff,) if step.diff else (), "diff")
    yield from _block("Verify", step.verify)
    yield from _block("Roll back", step.rollback)
    if step.troubles:
        yield _troubles(step.troubles)
    if step.source:
        yield f"From documentation, not tried here: {inline(step.source)}"


def _block(title: str, commands: tuple[str, ...], language: str = "sh") -> Iterator[str]:
    if commands:
        yield f"**{title}**"
        yield fenced("\n".join(commands), language)


def _troubles(troubles: tuple[Trouble, ...]) -> str:
    rows = (
        (cell(inline(each.what)), cell(code(each.looks)), cell(inline(each.then)))
        for each in troubles
    )
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join(("| If it goes wrong | it looks like | then |", "|---|---|---|", *lines))
