"""`authzviz evidence` for people: what would break first, then how far the log reaches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from authzviz.evidence.audit import Proof
from authzviz.reports.layout import section, wrapped
from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from authzviz.evidence.audit import AuditEvidence, LogReach, Stranger, Use
    from authzviz.reports.check_text import Paint

_COLORS = {Proof.BREAKS: "red", Proof.NOTHING_BREAKS: "green"}
_SHOWN = 20
_NO_NAME = "a program without a user agent"

_Alike = tuple[str, str, str, str, str]


def evidence_text(cluster: str, evidence: AuditEvidence, paint: Paint) -> str:
    """Return the report; `paint(text, color)` colors, or returns the text as it is."""
    return "\n".join(_report(cluster, evidence, paint))


def _report(cluster: str, evidence: AuditEvidence, paint: Paint) -> Iterator[str]:
    proof = paint(str(evidence.proof), _COLORS.get(evidence.proof, "yellow"))
    yield f"{printable(cluster)}: {proof}"
    yield from wrapped(evidence.because)
    if evidence.bindings:
        yield from section("Asked about", evidence.bindings)
    yield from section("What would be refused without them", _uses(evidence))
    yield from section("No kubelets, with kubelets' credentials", _strangers(evidence.strangers))
    yield from section("How far the log reaches", _reach(evidence.reach))
    yield from section("What it leaves out", evidence.reach.gaps)
    yield from section("Also seen", evidence.notes)


def _uses(evidence: AuditEvidence) -> Iterator[str]:
    """What is alike but for the identity is one line: a DaemonSet is one on every node."""
    alike: dict[_Alike, list[Use]] = defaultdict(list)
    for use in evidence.uses:
        key = (use.user_agent, use.binding, use.verb, use.resource, use.namespace)
        alike[key].append(use)
    ranked = sorted(alike.items(), key=lambda each: -sum(use.count for use in each[1]))
    for (agent, binding, verb, resource, namespace), uses in ranked[:_SHOWN]:
        where = f" in namespace {namespace}" if namespace else ""
        users = len({use.user for use in uses})
        others = f" and {users - 1} more" if users > 1 else ""
        own = " (a kubelet itself)" if uses[0].is_kubelet else ""
        yield (
            f"{sum(use.count for use in uses)} x {verb} {resource}{where}: {agent or _NO_NAME}{own}"
            f" as {uses[0].user}{others}, by {binding};"
            f" {_span(min(use.first for use in uses), max(use.last for use in uses))}"
        )
    if len(ranked) > _SHOWN:
        yield f"And {len(ranked) - _SHOWN} more kinds: see --format json."
    if evidence.left_out:
        yield f"And {evidence.left_out} requests of kinds too many to tell apart."


def _strangers(strangers: tuple[Stranger, ...]) -> Iterator[str]:
    for each in strangers[:_SHOWN]:
        others = f" and {each.users - 1} more" if each.users > 1 else ""
        elsewhere = ", also from other addresses than the kubelet's" if each.is_elsewhere else ""
        count = "1 request" if each.count == 1 else f"{each.count} requests"
        yield (
            f"{each.user_agent or _NO_NAME} as {each.example}{others}: {count};"
            f" {_span(each.first, each.last)}{elsewhere}"
        )
    if len(strangers) > _SHOWN:
        yield f"And {len(strangers) - _SHOWN} more: see --format json."


def _reach(reach: LogReach) -> Iterator[str]:
    if reach.first and reach.last:
        yield f"{_span(reach.first, reach.last)}: {reach.events} events"
    else:
        yield f"{reach.events} events"
    total = "of an unknown number" if reach.nodes_total is None else f"of {reach.nodes_total}"
    yield f"{reach.of_kubelets} events with kubelets' credentials; {reach.nodes_seen} {total} nodes"
    missing = [occasion.what for occasion in reach.occasions if not occasion.is_seen]
    seen = [occasion.what for occasion in reach.occasions if occasion.is_seen]
    if seen:
        yield f"It shows that {'; '.join(seen)}"
    if missing:
        yield f"It does not show that {'; '.join(missing)}: look again when it does"


def _span(first: datetime, last: datetime) -> str:
    start = f"{first:%Y-%m-%d %H:%M}"
    end = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{start} UTC" if start.endswith(end) else f"{start} to {end} UTC"
