"""Next steps of a cluster, each with what it would do and what its words mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from authzviz.engine.assessment import Assessment, Fix, NextStep
from dashboard.shown.whatif_form import query_of
from dashboard.shown.whatif_presets import words_of
from dashboard.visible import made_visible

# The place in the help that tells more of it, and what is read there.
_HELP = {
    Fix.BIND_GROUP: ("verdict-legacy-binding", "What it leaves open"),
    Fix.MAKE_BINDING: ("verdict-legacy-binding", "What it leaves open"),
    Fix.TURN_ON_NODE: ("node-authorizer", "What the Node authorizer is"),
    Fix.TURN_ON_RESTRICTION: ("node-restriction", "What NodeRestriction is"),
    Fix.REMOVE_GRANTS: ("verdict-over-granted", "Why they undo the Node authorizer"),
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step; `trial` is the page that thinks it through, `help` the one that explains it. Links
    and their titles are "" where there is nothing to think through.
    """

    step: NextStep
    trial: str = ""
    help: str = ""
    help_title: str = ""


def step_rows(steps: Iterable[NextStep], slug: str, judged: Assessment) -> tuple[StepRow, ...]:
    """The steps of this cluster, every name made visible but in links; `judged` is as the engine
    gave it.
    """
    return tuple(_row(step, slug, judged) for step in steps)


def _row(step: NextStep, slug: str, judged: Assessment) -> StepRow:
    if step.fix is None:
        return StepRow(made_visible(step))
    place, title = _HELP[step.fix]
    trial = reverse("cluster_whatif", args=(slug,)) + query_of(words_of(judged, step.fix))
    return StepRow(made_visible(step), trial, f"{reverse('help')}#{place}", title)
