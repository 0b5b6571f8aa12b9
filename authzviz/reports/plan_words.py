"""What the reports of a plan share: how far it is, and what in it is not to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authzviz.plans.plan import State
from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from authzviz.plans.plan import Plan

CONTEXT = (
    "kubectl and authzviz go to the cluster of their current context: see first, by kubectl config"
    " current-context, that it is this one."
)


def done_of(plan: Plan) -> str:
    """How many steps are done, of those that nobody may leave out ("2 of 9 done")."""
    steps = [step for phase in plan.phases if not phase.is_optional for step in phase.steps]
    return f"{sum(step.state is State.DONE for step in steps)} of {len(steps)} done"


def hidden_letters(text: str) -> tuple[str, ...]:
    """The code points in it that are not to be seen, or turn text around ("U+202E"), each once."""
    return tuple(
        dict.fromkeys(
            f"U+{ord(letter):04X}"
            for letter in text
            if letter not in "\n\t" and printable(letter) != letter
        )
    )
