"""A cluster's overview in words: the verdict, the path picture, and what is worth acting on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from authzviz.engine.assessment import Assessment, Finding, Path, Severity, Verdict
from authzviz.engine.finding_keys import binding_of, keyed
from authzviz.engine.fresh import NODE_ROLE
from dashboard.services.pages import LastKnown, Overview
from dashboard.shown.cluster_nodes import path_name
from dashboard.shown.links import evidence_url, grants_url, nodes_url, object_url
from dashboard.shown.next_steps import StepRow, step_rows
from dashboard.shown.risks import AcceptedRow, FindingRow, findings_card
from dashboard.visible import made_visible
from dashboard.words import VERDICTS

PATHS_SHOWN = 3
MOST_PATHS = 50
MOST_FINDINGS = 40


@dataclass(frozen=True, slots=True)
class PathCard:
    """One path with its place among them; `path` is as the engine gave it, for the picture."""

    number: int
    title: str
    path: Path
    shown: Path


@dataclass(frozen=True, slots=True)
class PathLink:
    """One path that is not drawn on this page, with the link to the page that draws it."""

    title: str
    path: Path
    link: str


@dataclass(frozen=True, slots=True)
class OpenRow:
    """One finding to act on, with the place that shows what it rests on. `is_told` where the
    verdict above says all of it already.
    """

    finding: FindingRow
    evidence: str
    evidence_title: str
    wants_certificate: bool
    is_told: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings, each part worst first; `left_out` are the open ones beyond those listed."""

    open: tuple[OpenRow, ...]
    left_out: int
    accepted: tuple[AcceptedRow, ...]


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """What cluster.html shows. `judged` is as the engine gave it, for the pictures alone; whatever
    the template prints is in `assessment`, with every name made visible. The verdict is what it is
    `since` then, and was `before`, "" for never read.
    """

    judged: Assessment
    assessment: Assessment
    tone: str
    steps: tuple[StepRow, ...]
    since: datetime | None
    before: str
    last_known: LastKnown | None
    paths: tuple[PathCard, ...]
    other_paths: tuple[PathLink, ...]
    paths_left_out: int
    findings: Findings
    wants_log: bool


def overview_page(facts: Overview, asked: Mapping[str, str]) -> OverviewPage:
    """The overview; `path` in the address asks for the picture of one path alone."""
    judged = facts.assessment
    shown = made_visible(replace(judged, grants=()))
    cards = _cards(judged, shown)
    findings = _findings(facts)
    turned = facts.history[0] if facts.history else None
    wanted = [card for card in cards if str(card.number) == asked.get("path")]
    drawn = wanted or cards[:PATHS_SHOWN]
    others = [card for card in cards if card not in drawn]
    return OverviewPage(
        judged=judged,
        assessment=shown,
        tone=_tone(judged.verdict, findings),
        steps=step_rows(judged.next_steps, facts.row.cluster.slug, judged),
        since=turned.at if turned else None,
        before=turned.previous if turned else "",
        last_known=made_visible(facts.last_known),
        paths=tuple(drawn),
        other_paths=tuple(
            PathLink(card.title, card.shown, f"?path={card.number}") for card in others[:MOST_PATHS]
        ),
        paths_left_out=max(0, len(others) - MOST_PATHS),
        findings=findings,
        wants_log=bool(judged.nodes.not_ready or judged.nodes.unknown)
        or judged.verdict is Verdict.REFUSED,
    )


def _tone(verdict: Verdict, findings: Findings) -> str:
    """The verdict's, but none that is good while something critical is open: the sentence of such
    a verdict is about that.
    """
    tone = VERDICTS[verdict].tone
    is_critical = any(row.finding.severity is Severity.CRITICAL for row in findings.open)
    return "critical" if tone == "good" and is_critical else tone


def _cards(judged: Assessment, shown: Assessment) -> list[PathCard]:
    pairs = zip(judged.paths, shown.paths, strict=True)
    return [
        PathCard(number, f"The path of {path_name(path)}", path, visible_path)
        for number, (path, visible_path) in enumerate(pairs, start=1)
    ]


_APISERVERS = ("evidence", "apiservers", "How each apiserver is set")
_NODES = ("nodes", "", "Each node and its path")
_GRANTS = ("grants", "", "Each binding that reaches kubelets")
_EVIDENCE = {
    "always-allow": _APISERVERS,
    "apiservers-differ": _APISERVERS,
    "no-node-restriction": _APISERVERS,
    "flags-contradicted": _APISERVERS,
    "sources-differ": _APISERVERS,
    "declared-differs": _APISERVERS,
    "unread-authorizer": _APISERVERS,
    "model-differs": _APISERVERS,
    "unseen-apiserver": ("evidence", "evidence-endpoints", "The addresses of all apiservers"),
    "excess-credentials": ("evidence", "credentials", "All that its credentials may do"),
    "stale-leases": ("nodes", "unknown", "Which nodes are silent"),
    "other-identity": ("nodes", "", "Each node and its Lease"),
    "nodes-differ": _NODES,
    "nodes-get-more": _NODES,
    "upper-case-node": _NODES,
    "dangling-role-ref": _GRANTS,
    "non-ascii-subject": (
        "evidence",
        "evidence-cluster_role_bindings",
        "What was read of the bindings",
    ),
    "inherited": _GRANTS,
    "incomplete": _GRANTS,
    "refused": _GRANTS,
}
_TOLD = ("refused", "legacy-binding")


def _findings(facts: Overview) -> Findings:
    card = findings_card(facts.assessment, facts.risks)
    judged = keyed(facts.assessment)
    rows = tuple(_open_row(row, judged[row.key], facts) for row in card.open[:MOST_FINDINGS])
    return Findings(rows, len(card.open) - len(rows), card.accepted)


def _open_row(row: FindingRow, finding: Finding, facts: Overview) -> OpenRow:
    """`finding` is the row's own, as the engine gave it: links need names as they are."""
    url, title = _evidence_of(finding, facts)
    return OpenRow(
        finding=row,
        evidence=url,
        evidence_title=title,
        wants_certificate=finding.id in ("other-identity", "stale-leases"),
        is_told=finding.id in _TOLD and finding.id == facts.assessment.verdict,
    )


def _evidence_of(finding: Finding, facts: Overview) -> tuple[str, str]:
    """Where a page shows what the finding rests on, and what that is called."""
    slug = facts.row.cluster.slug
    if finding.id in ("over-granted", "legacy-binding"):
        binding = binding_of(finding, facts.assessment.grants)
        asked = {"search": binding} if binding else {}
        return grants_url(slug, show="beyond", **asked), "Each rule it gives kubelets"
    if finding.id == "kubelet-user":
        return object_url(slug, "clusterroles", NODE_ROLE), "Who is bound to it"
    page, place, title = _EVIDENCE.get(finding.id, ("evidence", "", "All that was read"))
    if page == "nodes":
        return nodes_url(slug, **({"state": place} if place else {})), title
    if page == "grants":
        return grants_url(slug), title
    return evidence_url(slug, place), title
