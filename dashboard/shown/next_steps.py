"""Next steps of a cluster, each with what it would do and what its words mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from authzviz.engine.assessment import Assessment, Fix, NextStep
from authzviz.plans.plan import PhaseId
from dashboard.shown.links import phase_anchor, plan_url
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


# The phase of the plan that carries it out.
_PHASES = {
    Fix.BIND_GROUP: PhaseId.QUICK_WAY,
    Fix.MAKE_BINDING: PhaseId.QUICK_WAY,
    Fix.TURN_ON_NODE: PhaseId.NODE_AUTHORIZER,
    Fix.TURN_ON_RESTRICTION: PhaseId.NODE_AUTHORIZER,
    Fix.REMOVE_GRANTS: PhaseId.REMOVE_GRANTS,
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step; `plan` is where the cluster's plan carries it out, `trial` the page that thinks it
    through, `help` the one that explains it. Links and their titles are "" where there is nothing
    to think through.
    """

    step: NextStep
    plan: str = ""
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
    plan = plan_url(slug, phase_anchor(_PHASES[step.fix]))
    return StepRow(made_visible(step), plan, trial, f"{reverse('help')}#{place}", title)
