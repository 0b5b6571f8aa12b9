"""What a ticket is made of, and the words for each part of it; names from clusters are inert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from authzviz.engine.assessment import Assessment, Finding, Verdict
from authzviz.engine.finding_keys import keyed
from authzviz.engine.phrases import counted
from authzviz.plans.plan import Plan, State, Step
from authzviz.plans.progress import Progress
from authzviz.reports.markdown import code, inline
from authzviz.reports.while_open import WHILE_OPEN
from authzviz.tickets.document import is_safe_url

MOST_FINDINGS, MOST_STEPS, MOST_MISSING = 15, 40, 8
_MOST_LETTERS = 400

PROBLEMS = {
    Verdict.ALWAYS_ALLOW: ("everybody may do everything", "take AlwaysAllow out"),
    Verdict.MIXED: ("kubelets are not treated alike", "move to the Node authorizer"),
    Verdict.REFUSED: ("kubelets refused", "move to the Node authorizer"),
    Verdict.INCOMPLETE: ("kubelets refused in part", "move to the Node authorizer"),
    Verdict.LEGACY_BINDING: ("kubelets live on a legacy binding", "move to the Node authorizer"),
    Verdict.OVER_GRANTED: ("kubelets granted too much", "take the grants away"),
    Verdict.UNRESTRICTED: ("NodeRestriction is off", "turn it on"),
    Verdict.NODE_AUTHORIZER: ("on the Node authorizer", "the target"),
    Verdict.UNKNOWN: ("path of kubelets not known", "find out what decides"),
}
"""What is wrong with a cluster of each verdict, and what is to be done, as in a title."""
_UNREAD = ("not read yet", "find out by which path kubelets go")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a cluster when something is said about it in a tracker.

    `assessment` is None where nothing was ever read. `plan` is the one that runs, then `progress`
    says how far it is, else the one of today's facts. `page`, `plan_page` and `runbook` are URLs,
    "" for none. `accepted` are keys of findings (engine.finding_keys), `before` the titles by key
    of those that there were when the ticket was opened. `since` is when the verdict became what it
    is. `is_old` where nothing newer could be read, `is_recorded` where it was read once and never
    again. `was_there` where it was at the target since the ticket was opened; `closes` where that
    was seen often enough to close it, `stays_open` where the ticket was opened, or opened again by
    people, when it was there already.
    """

    cluster: str
    marker: str
    assessment: Assessment | None = None
    group: str = ""
    plan: Plan | None = None
    progress: Progress | None = None
    page: str = ""
    plan_page: str = ""
    runbook: str = ""
    opened_by: str = ""
    accepted: frozenset[str] = frozenset()
    before: Mapping[str, str] = field(default_factory=dict)
    read_at: datetime | None = None
    since: datetime | None = None
    is_old: bool = False
    is_recorded: bool = False
    was_there: bool = False
    closes: bool = False
    stays_open: bool = False

    @property
    def open(self) -> dict[str, Finding]:
        """The findings that nobody accepted, by key, worst first."""
        found = keyed(self.assessment) if self.assessment else {}
        return {key: finding for key, finding in found.items() if key not in self.accepted}


def problem(facts: Facts) -> tuple[str, str]:
    """What is wrong, and what is to be done, as in a title."""
    return PROBLEMS[facts.assessment.verdict] if facts.assessment else _UNREAD


def summary(facts: Facts) -> str:
    """The verdict in a sentence, and why in one to three more."""
    if facts.assessment is None:
        return "Nothing was read of this cluster yet."
    said = facts.assessment
    sentences = " ".join(inline(text) for text in (said.summary, said.cause) if text)
    return f"**Verdict:** {code(str(said.verdict))}. {sentences}"


def why(facts: Facts) -> str:
    """How bad it is, and what stays possible meanwhile; "" where nothing was found."""
    found = list(facts.open.values())
    if not found:
        return ""
    risks = dict.fromkeys(WHILE_OPEN[each.id] for each in found if each.id in WHILE_OPEN)
    return f"**If nothing is done ({found[0].severity}):** {' '.join(list(risks)[:2])}".rstrip()


def state(facts: Facts) -> str:
    """Version, distribution, modes and nodes, and when all of that was read."""
    said = facts.assessment
    if said is None or facts.read_at is None:
        return ""
    modes = said.authorization_modes
    parts = (
        f"Kubernetes {inline(said.version)}" if said.version else "version not known",
        "" if said.distribution == "unknown" else inline(said.distribution),
        f"authorization modes {code(','.join(modes))}" if modes else "",
        f"NodeRestriction {said.node_restriction}",
        _nodes(said),
    )
    return f"{', '.join(part for part in parts if part)}. {read(facts)}"


def read(facts: Facts) -> str:
    """When it was read, and whether that still tells anything."""
    if facts.read_at is None:
        return "Not read yet."
    at = moment(facts.read_at)
    if facts.is_recorded:
        return f"A recording of {at}: the cluster is not read again."
    return f"Last read {at}, too long ago to tell how it is now." if facts.is_old else f"Read {at}."


def findings(facts: Facts) -> str:
    """Each open finding in a line, then what was accepted and what was not read."""
    if facts.assessment is None:
        return "Not known: nothing was read yet."
    found = list(facts.open.values())
    lines = [_finding(each) for each in found[:MOST_FINDINGS]]
    if len(found) > MOST_FINDINGS:
        lines.append(f"- and {len(found) - MOST_FINDINGS:,} more, on the cluster's page")
    blocks = ["\n".join(lines) or "None."]
    accepted = len(keyed(facts.assessment)) - len(found)
    if accepted:
        blocks.append(f"{counted(accepted, 'finding')} accepted as a risk in authzviz, not listed.")
    if facts.assessment.missing and facts.assessment.verdict is Verdict.UNKNOWN:
        blocks.append("\n".join(("Not read, and needed to tell:\n", *_missing(facts.assessment))))
    return "\n\n".join(blocks)


def plan(facts: Facts) -> str:
    """The plan's phases and the titles of their steps, without commands."""
    made = facts.plan
    if made is None:
        return "There is none before a first read."
    if not made.phases:
        return "The target is reached: there is nothing to do."
    blocks, number = [], 1
    for phase in made.phases:
        optional = ", optional" if phase.is_optional else ""
        head = f"**{inline(phase.name)}** ({counted(len(phase.steps), 'step')}{optional})"
        steps = phase.steps[: max(0, MOST_STEPS - number + 1)]
        titles = (f"{at}. {short(step.title)}" for at, step in enumerate(steps, start=number))
        blocks += [head, "\n".join(titles)]
        number += len(phase.steps)
    return "\n\n".join(block for block in blocks if block)


def links(facts: Facts) -> str:
    """Where the rest stands."""
    places = (
        ("The plan, with every command", facts.plan_page if facts.plan and _phases(facts) else ""),
        ("Runbook to download", facts.runbook if facts.plan and _phases(facts) else ""),
        ("The cluster in authzviz", facts.page),
    )
    return " · ".join(f"[{words}]({url(place)})" for words, place in places if url(place))


def following(facts: Facts) -> str:
    """What becomes of the ticket by itself."""
    if facts.is_recorded:
        return "The cluster is a recording: nothing is read again, and this stays as it is."
    if facts.stays_open:
        return (
            "The target is reached already: a person closes this. If the cluster falls back, this"
            " is closed once two reads in a row find the target reached again."
        )
    return (
        "It keeps one comment here up to date, closes this once two reads in a row find the target"
        " reached, and reopens it if the cluster falls back."
    )


def url(address: str) -> str:
    """The address as a link's target or as a link itself, "" where no link may go there."""
    is_whole = is_safe_url(address) and not set("<>\\ \n\t") & set(address)
    return f"<{address}>" if is_whole else ""


def short(text: str) -> str:
    """The text inert, in at most 400 letters."""
    return inline(text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…")


def moment(at: datetime) -> str:
    """The time to the minute; all times of the product are UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def next_step(made: Plan) -> Step | None:
    """The first step that nobody may leave out and that is not done."""
    steps = (step for phase in made.phases if not phase.is_optional for step in phase.steps)
    return next((step for step in steps if step.state is not State.DONE), None)


def _phases(facts: Facts) -> bool:
    return bool(facts.plan and facts.plan.phases)


def _finding(finding: Finding) -> str:
    return f"- **{finding.severity}**: {short(finding.title)}. {short(finding.detail)}"


def _missing(said: Assessment) -> Iterator[str]:
    for item in said.missing[:MOST_MISSING]:
        tell = f" To know: {short(item.permission)}." if item.permission else ""
        yield f"- {short(item.what)}: {short(item.why)}.{tell}"
    if len(said.missing) > MOST_MISSING:
        yield f"- and {len(said.missing) - MOST_MISSING:,} more"


def _nodes(said: Assessment) -> str:
    nodes = said.nodes
    if nodes.total is None:
        return "nodes not read"
    return f"{nodes.ready:,} of {counted(nodes.total, 'node')} Ready" if nodes.total else "no nodes"
