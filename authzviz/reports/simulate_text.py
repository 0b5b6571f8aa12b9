"""`authzviz simulate` for people: what a change would do to kubelets, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authzviz.engine.assessment import Decision, Verdict
from authzviz.engine.grants import describe_binding, describe_role, describe_subject
from authzviz.reports.check_text import COLORS
from authzviz.reports.layout import section, wrapped
from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from authzviz.engine.change import Change
    from authzviz.engine.powers import Radius
    from authzviz.engine.whatif import NeedChange, NodeChange, WhatIf
    from authzviz.reports.check_text import Paint

_SHOWN_RIGHTS = 6
_SHOWN_NODES = 10


def simulate_text(cluster: str, change: Change, answer: WhatIf, paint: Paint) -> str:
    """Return the report; `paint(text, color)` colors, or returns the text as it is."""
    return "\n".join(_report(cluster, change, answer, paint))


def _report(cluster: str, change: Change, answer: WhatIf, paint: Paint) -> Iterator[str]:
    before, after = (_painted(side.verdict, paint) for side in (answer.before, answer.after))
    yield f"{printable(cluster)}: {before} now, {after} after the change (nothing was changed)"
    yield from wrapped("; ".join(_changes(change)) or "No change: what a restart alone would do.")
    yield ""
    yield from wrapped(f"Now: {answer.before.summary}")
    yield from wrapped(f"Then: {answer.after.summary}")
    if answer.after.verdict is Verdict.UNKNOWN:
        yield from wrapped("It can still be: " + ", ".join(answer.after.possible) + ".")
    for nodes in answer.nodes[:_SHOWN_NODES]:
        yield from section(_who(nodes), _node_lines(nodes))
    more = len(answer.nodes) - _SHOWN_NODES
    if more > 0:
        yield ""
        yield from wrapped(f"And {more} more kinds of nodes: see --format json.")
    yield from section("Findings that go", (finding.title for finding in answer.findings_gone))
    yield from section(
        "Findings that come",
        (f"{finding.severity}: {finding.title}" for finding in answer.findings_new),
    )
    yield from section("At its next start an apiserver does by itself", answer.effects)
    yield from section("Mind", answer.caveats)


def _painted(verdict: Verdict, paint: Paint) -> str:
    return paint(str(verdict), COLORS.get(verdict, "red"))


def _changes(change: Change) -> Iterator[str]:
    if change.authorization_modes is not None:
        yield f"--authorization-mode={','.join(change.authorization_modes)}"
    if change.admission_plugins is not None:
        yield f"--enable-admission-plugins={','.join(change.admission_plugins)}"
    for name in change.dropped:
        yield f"binding {name} dropped"
    for binding in change.added:
        yield f"{describe_binding(binding)} to {describe_role(binding)} added"
    for name, subject in change.dropped_subjects:
        yield f"{describe_subject(subject)} taken from binding {name}"
    for name, subject in change.added_subjects:
        yield f"{describe_subject(subject)} added to binding {name}"
    if change.kubernetes_version:
        yield f"Kubernetes {change.kubernetes_version}"


def _who(nodes: NodeChange) -> str:
    if not nodes.nodes:
        who = f"{nodes.example} (a node yet to join)"
    else:
        others = f" and {nodes.nodes - 1} alike" if nodes.nodes > 1 else ""
        who = f"{nodes.example}{others}"
    verdict = f"{nodes.verdict_before}"
    if nodes.verdict_after is not nodes.verdict_before:
        verdict += f" -> {nodes.verdict_after}"
    return f"{printable(who)}: {verdict}"


def _node_lines(nodes: NodeChange) -> Iterator[str]:
    for need in nodes.needs_lost:
        yield f"! loses: {need.title} ({need.after.because}). Without it: {need.after.without}."
    for need in nodes.needs_unsure:
        because, without = need.after.because, need.after.without
        yield f"? {_unsure(need)}: {need.title} ({because}). Without it: {without}."
    if nodes.needs_gained:
        yield f"+ gains: {_titles(nodes.needs_gained)}"
    if nodes.needs_new:
        yield f"+ new with the version, and answered: {_titles(nodes.needs_new)}"
    if not nodes.needs_lost and not nodes.needs_unsure:
        yield f"Loses nothing that it needs; answered by {_by(nodes)}."
    yield from _rights("Rights closed", nodes.rights_closed)
    yield from _rights("! Rights opened", nodes.rights_opened)
    yield from _certificate(nodes.radius_before, nodes.radius_after)


def _unsure(need: NeedChange) -> str:
    is_had = need.before and need.before.decision in (Decision.ALLOW, Decision.CONDITIONAL)
    return "may lose" if is_had else "can't be told"


def _titles(needs: Iterable[NeedChange]) -> str:
    return ", ".join(need.title for need in needs)


def _by(nodes: NodeChange) -> str:
    before, after = (
        " and ".join(by) or "nobody" for by in (nodes.answered_before, nodes.answered_after)
    )
    return before if before == after else f"{before} now, {after} then"


def _rights(title: str, words: tuple[str, ...]) -> Iterator[str]:
    if words:
        yield f"{title}: {_some(words)}"


def _certificate(before: Radius, after: Radius) -> Iterator[str]:
    if before == after:
        least = _least(before)
        yield f"A stolen certificate reads, before and after{least}: {_some(before.reads)}"
        yield f"It changes, before and after{least}: {_some(before.changes)}"
        return
    yield f"A stolen certificate reads now{_least(before)}: {_some(before.reads)}"
    yield f"It reads then{_least(after)}: {_some(after.reads)}"
    yield f"It changes now{_least(before)}: {_some(before.changes)}"
    yield f"It changes then{_least(after)}: {_some(after.changes)}"


def _least(radius: Radius) -> str:
    return "" if radius.is_whole else ", as far as known"


def _some(words: tuple[str, ...]) -> str:
    more = len(words) - _SHOWN_RIGHTS
    shown = "; ".join(words[:_SHOWN_RIGHTS]) or "nothing"
    return f"{shown}; and {more} more" if more > 0 else shown
