"""Findings and who accepted them, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from authzviz.engine.assessment import Assessment, Control, Finding, Severity
from authzviz.engine.phrases import counted
from authzviz.reports.while_open import WHILE_OPEN
from dashboard.models import AcceptedRisk
from dashboard.services import risks
from dashboard.services.risks import Stand, Standing
from dashboard.visible import made_visible, visible
from dashboard.words import SEVERITIES


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding to act on. `before` says why an acceptance does not hold any more."""

    key: str
    id: str
    severity: Severity
    title: str
    detail: str
    controls: tuple[Control, ...]
    before: str


@dataclass(frozen=True, slots=True)
class AcceptedRow:
    """An accepted finding. `then` is what it said when it was accepted, "" where it says the same
    now; `left` is how long it still holds, "" where that is long.
    """

    finding: FindingRow
    pk: int
    by: str
    until: date
    reason: str
    left: str
    then: str


@dataclass(frozen=True, slots=True)
class FindingsCard:
    """What findings.html and accepted.html show, each worst first."""

    open: tuple[FindingRow, ...]
    accepted: tuple[AcceptedRow, ...]


@dataclass(frozen=True, slots=True)
class AcceptPage:
    """What risk_accept.html shows; `accepted` where someone accepted it already."""

    finding: FindingRow
    stays_possible: str
    accepted: AcceptedRow | None


def findings_card(assessment: Assessment, accepted: Mapping[str, AcceptedRisk]) -> FindingsCard:
    """The findings of an assessment as the engine made it, every name made visible."""
    found = risks.split(assessment, accepted)
    return FindingsCard(
        open=tuple(_row(one) for one in found.open),
        accepted=tuple(_accepted(one, one.risk) for one in found.accepted if one.risk),
    )


def accept_page(standing: Standing) -> AcceptPage:
    """The page on which one finding is accepted."""
    risk = standing.risk
    return AcceptPage(
        finding=_row(standing),
        stays_possible=WHILE_OPEN.get(standing.finding.id, ""),
        accepted=_accepted(standing, risk) if risk and standing.stand is Stand.ACCEPTED else None,
    )


def left_words(until: date) -> str:
    """How long an acceptance still holds: "ends today", "ends in 3 days"."""
    days = (until - risks.today()).days
    return "ends today" if days == 0 else f"ends in {counted(days, 'day')}"


def _row(standing: Standing) -> FindingRow:
    finding: Finding = made_visible(standing.finding)
    return FindingRow(
        key=standing.key,
        id=finding.id,
        severity=finding.severity,
        title=finding.title,
        detail=finding.detail,
        controls=finding.controls,
        before=_before(standing),
    )


def _accepted(standing: Standing, risk: AcceptedRisk) -> AcceptedRow:
    return AcceptedRow(
        finding=_row(standing),
        pk=risk.pk,
        by=visible(risk.accepted_by_name),
        until=risk.until,
        reason=visible(risk.reason),
        left=left_words(risk.until) if standing.ends_soon else "",
        then=visible(f"{risk.title}. {risk.detail}") if standing.has_changed else "",
    )


def _before(standing: Standing) -> str:
    risk = standing.risk
    if risk is None:
        return ""
    by = f"{visible(risk.accepted_by_name)} accepted it"
    if standing.stand is Stand.ENDED:
        return f"{by} until {risk.until:%Y-%m-%d}; that is over"
    if standing.stand is Stand.WORSE:
        was = SEVERITIES[Severity(risk.severity)].label.lower()
        return f"{by} as {was}; it is worse now"
    return ""
