"""`authzviz check` for people: each cluster's verdict, why, what was found, and what to do next."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from authzviz.engine.assessment import Decision, Severity, Verdict
from authzviz.engine.phrases import age, counted
from authzviz.reports.layout import section, wrapped
from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from authzviz.engine.assessment import Assessment, Finding, NodeCounts, Path
    from authzviz.reports.checked import Checked

    Paint = Callable[[str, str], str]

COLORS = {
    Verdict.NODE_AUTHORIZER: "green",
    Verdict.UNKNOWN: "blue",
    Verdict.UNRESTRICTED: "yellow",
    Verdict.OVER_GRANTED: "yellow",
    Verdict.LEGACY_BINDING: "yellow",
}
_URGENT = {Severity.CRITICAL, Severity.HIGH}


def check_text(clusters: Sequence[Checked], paint: Paint) -> str:
    """Return the report; `paint(text, color)` colors, or returns the text as it is."""
    blocks = ["\n".join(_cluster(checked, paint)) for checked in clusters]
    if len(clusters) > 1:
        blocks.append(_total(clusters))
    return "\n\n".join(blocks)


def _cluster(checked: Checked, paint: Paint) -> Iterator[str]:
    verdict = checked.verdict
    name = paint(str(verdict), COLORS.get(verdict, "red"))
    yield f"{printable(checked.name)}: {name}"
    if checked.assessment is None:
        yield from wrapped(checked.error)
        return
    yield from wrapped(_facts(checked, checked.assessment))
    yield from _judged(checked.assessment)
    yield from _plan(checked, checked.assessment)


def _judged(assessment: Assessment) -> Iterator[str]:
    yield ""
    yield from wrapped(assessment.summary)
    yield from wrapped(assessment.cause)
    if assessment.verdict is Verdict.UNKNOWN:
        yield from wrapped("It can still be: " + ", ".join(assessment.possible) + ".")
    yield from section("Path", _paths(assessment.paths))
    yield from section("Granted beyond the Node authorizer", _beyond(assessment))
    yield from section("Findings", (_finding(finding) for finding in assessment.findings))
    yield from section("Not read", _missing(assessment))
    yield from section("Assumed, not read", assessment.assumed)
    yield from _next_steps(assessment)


def _facts(checked: Checked, assessment: Assessment) -> str:
    modes = assessment.authorization_modes
    facts = [
        assessment.version or "version unknown",
        "" if assessment.distribution == "unknown" else assessment.distribution,
        f"authorization modes {','.join(modes)}" if modes else "",
        f"NodeRestriction {assessment.node_restriction}",
        "not built yet" if assessment.is_planned else _nodes(assessment.nodes),
        f"read {checked.read_at:%Y-%m-%d %H:%M:%S} UTC" if checked.read_at else "",
        "" if checked.age_seconds is None else f"{age(checked.age_seconds)} ago, from a bundle",
    ]
    return ", ".join(fact for fact in facts if fact)


def _nodes(nodes: NodeCounts) -> str:
    if nodes.total is None:
        return "nodes not read"
    if not nodes.total:
        return "no nodes"
    unknown = f" ({nodes.unknown} unknown)" if nodes.unknown else ""
    return f"{nodes.ready} of {counted(nodes.total, 'node')} Ready{unknown}"


def _paths(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        refused = [answer.title for answer in path.answers if answer.decision is Decision.NO]
        answered = sorted({answer.by for answer in path.answers if answer.by})
        by = "answered by " + " and ".join(answered) if answered else "answered by nobody"
        lacks = f"; refused: {', '.join(refused)}" if refused else ""
        yield f"{_who(path)}: {by}{lacks}"


def _who(path: Path) -> str:
    if not path.nodes:
        return f"{path.example} (the next node to join)"
    return path.example if path.nodes == 1 else f"{path.example} and {path.nodes - 1} alike"


def _beyond(assessment: Assessment) -> Iterator[str]:
    for grant in assessment.grants:
        if grant.beyond_node_authorizer:
            yield f"{grant.binding} gives {grant.subject}: {'; '.join(grant.beyond[:4])}"


def _finding(finding: Finding) -> str:
    controls = ", ".join(f"{control.benchmark} {control.id}" for control in finding.controls)
    mark = "!" if finding.severity in _URGENT else "-"
    cited = f" [{controls}]" if controls else ""
    return f"{mark} {finding.severity}: {finding.title}. {finding.detail}{cited}"


def _missing(assessment: Assessment) -> Iterator[str]:
    for item in assessment.missing:
        tell = f" To know: {item.permission}." if item.permission else ""
        yield f"{item.what}: {item.why}.{tell}"


def _next_steps(assessment: Assessment) -> Iterator[str]:
    if not assessment.next_steps:
        return
    yield ""
    yield "  Next"
    for number, step in enumerate(assessment.next_steps, start=1):
        yield from wrapped(f"{number}. {step.title}. {step.detail}", indent="    ")
        for command in step.commands:
            yield f"         {printable(command)}"
        if step.caution:
            yield from wrapped(f"Mind: {step.caution}", indent="       ")


def _plan(checked: Checked, assessment: Assessment) -> Iterator[str]:
    """Which command shows the whole way; of a cluster yet to be built there is none."""
    is_there = assessment.verdict is Verdict.NODE_AUTHORIZER
    if assessment.is_planned or is_there or not assessment.next_steps:
        return
    of = f" --bundle {printable(quote(checked.source))}" if checked.source else ""
    yield "    All the steps, with checks and rollback:"
    yield f"         authzviz plan{of}"


def _total(clusters: Sequence[Checked]) -> str:
    verdicts = [checked.verdict for checked in clusters]
    counts = (f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts)
    return f"{len(clusters)} clusters: {', '.join(counts)}"
