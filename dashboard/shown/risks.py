"""Findings and who accepted them, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from authzviz.engine.assessment import Assessment, Control, Finding, Severity
from authzviz.engine.phrases import counted
from dashboard.models import AcceptedRisk
from dashboard.services import risks
from dashboard.services.risks import Stand, Standing
from dashboard.visible import made_visible, visible
from dashboard.words import SEVERITIES

# What stays possible while nobody acts on a finding, by its id.
WHILE_ACCEPTED = {
    "always-allow": "Whoever gets past authentication, any pod's service account included, may do "
    "everything in the cluster.",
    "apiservers-differ": "What a kubelet may do hangs on which apiserver it happens to reach.",
    "dangling-role-ref": "Whoever may create a role of that name decides what the binding grants.",
    "declared-differs": "The next upgrade may undo what protects the cluster today.",
    "excess-credentials": "Whoever gets hold of the credentials that authzviz keeps may do with "
    "them what they allow beyond reading.",
    "flags-contradicted": "Whoever reads the flags believes in protection that may not be there.",
    "incomplete": "Pods fail where a kubelet needs what it is refused, though its node is Ready.",
    "inherited": "The next cluster that is set up like this one refuses its kubelets.",
    "kubelet-user": "Whoever has that user's certificate or token acts as every node at once.",
    "legacy-binding": "With one stolen kubelet certificate, every Secret of the cluster can be "
    "read.",
    "model-differs": "Something that authzviz does not know decides what kubelets may do.",
    "no-node-restriction": "With one stolen kubelet certificate, other nodes and the status of "
    "their pods can be changed.",
    "nodes-differ": "A stolen certificate of one node is worth more than that of another.",
    "nodes-get-more": "With one stolen kubelet certificate, Secrets of other nodes can be read.",
    "non-ascii-subject": "Whoever gets a certificate for that name gets what is bound to it.",
    "other-identity": "Those kubelets work with rights that no rule for nodes limits.",
    "over-granted": "With one stolen kubelet certificate, all that the binding grants can be done.",
    "refused": "Nodes that restart or join stay NotReady, and their pods don't start.",
    "sources-differ": "A restart may bring flags that nobody has looked at.",
    "stale-leases": "Pods of those nodes are evicted, and start elsewhere or not at all.",
    "unread-authorizer": "What that authorizer allows kubelets, nobody here sees.",
    "unseen-apiserver": "An apiserver that nobody looked at may be laxer than the others.",
    "upper-case-node": "A kubelet of that name works without the Node authorizer, or not at all.",
}


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
        stays_possible=WHILE_ACCEPTED.get(standing.finding.id, ""),
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
