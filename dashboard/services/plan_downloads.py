"""The plan of a cluster as a file: a runbook, a script, Ansible plays, or JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from authzviz.plans.plan import Plan
from authzviz.reports.plan_ansible import plan_ansible
from authzviz.reports.plan_json import plan_json
from authzviz.reports.plan_markdown import plan_markdown
from authzviz.reports.plan_shell import plan_shell
from dashboard.services import access
from dashboard.services.pages import FleetRow
from dashboard.services.plans import plan_now


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: what it is called on pages, how its name ends, and what writes it."""

    title: str
    ending: str
    write: Callable[[Plan], str]


FORMATS = {
    "markdown": Format("Runbook", "md", plan_markdown),
    "shell": Format("Shell script", "sh", plan_shell),
    "ansible": Format("Ansible", "yml", plan_ansible),
    "json": Format("JSON", "json", plan_json),
}


def plan_file(row: FleetRow, format_: str) -> tuple[str, str]:
    """The text of the plan that runs, or that today's facts make, and a name for the file that
    holds nothing but the cluster's slug. Raises NotVisible where there is neither.
    """
    kind, now = FORMATS.get(format_), plan_now(row)
    if kind is None or now is None:
        raise access.NotVisible(format_)
    return kind.write(now.plan), f"{row.cluster.slug}-plan.{kind.ending}"
