"""`authzviz plan --format json`: the document others parse, described in docs/plans.md.

Keys may be added, never changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authzviz.plans.plan import Phase, Plan, Step


def plan_json(plan: Plan) -> str:
    """Return the document as indented JSON text, all in ASCII."""
    return json.dumps(
        {
            "cluster": plan.cluster,
            "from": plan.start,
            "to": plan.target,
            "distribution": plan.distribution,
            "notes": list(plan.notes),
            "phases": [_phase(phase) for phase in plan.phases],
        },
        indent=2,
    )


def _phase(phase: Phase) -> dict[str, object]:
    return {
        "id": phase.id,
        "name": phase.name,
        "why": phase.why,
        "optional": phase.is_optional,
        "steps": [_step(step) for step in phase.steps],
    }


def _step(step: Step) -> dict[str, object]:
    return {
        "id": step.id,
        "title": step.title,
        "why": step.why,
        "where": step.where,
        "commands": list(step.commands),
        **({"diff": step.diff} if step.diff else {}),
        "verify": list(step.verify),
        "rollback": list(step.rollback),
        "state": step.state,
        "because": step.because,
        "takes": step.takes,
        "caution": step.caution,
        "troubles": [
            {"what": trouble.what, "looks": trouble.looks, "then": trouble.then}
            for trouble in step.troubles
        ],
        "source": step.source,
    }
