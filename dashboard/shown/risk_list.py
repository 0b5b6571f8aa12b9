"""The list of what people accepted, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from authzviz.engine.assessment import Severity
from dashboard.models import AcceptedRisk
from dashboard.services import risks
from dashboard.services.risk_list import Holds, Listed, RiskList, Wanted, When
from dashboard.shown.links import finding_url
from dashboard.shown.listing import Query, Sides, sides
from dashboard.shown.risks import left_words
from dashboard.visible import visible
from dashboard.words import SEVERITIES, Word

WHENS = (
    (When.HOLDS, "not over"),
    (When.SOON, "ends within 14 days"),
    (When.ENDED, "over"),
)


@dataclass(frozen=True, slots=True)
class RiskRow:
    """One acceptance. `note` says what became of it, "" where it holds for long; `url` is where the
    finding stands now, "" where it isn't found any more.
    """

    slug: str
    url: str
    name: str
    pk: int
    severity: Word
    title: str
    by: str
    at: datetime
    until: date
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class RisksPage:
    """What risks.html shows."""

    rows: tuple[RiskRow, ...]
    want: Wanted
    is_filtered: bool
    file: str
    severities: tuple[tuple[str, str], ...]
    whens: tuple[tuple[str, str], ...]
    sides: Sides


def risks_page(facts: RiskList, want: Wanted) -> RisksPage:
    """The page, every name in it made visible."""
    asked = ("search", want.search), ("severity", want.severity), ("when", want.when)
    query = Query(asked)
    return RisksPage(
        rows=tuple(_row(one) for one in facts.rows),
        want=want,
        is_filtered=query.is_narrowed,
        file=query.link(format="csv"),
        severities=tuple((str(key), word.label) for key, word in SEVERITIES.items()),
        whens=tuple((str(key), label) for key, label in WHENS),
        sides=sides(query, facts.page, has_more=facts.has_more),
    )


def risk_lines(every: Iterable[Listed]) -> Iterable[tuple[str, ...]]:
    """The acceptances as lines of a table for spreadsheets, with their heading."""
    yield "Cluster", "Severity", "Finding", "Accepted by", "At", "Until", "Reason", "State"
    for one in every:
        risk = one.risk
        yield (
            *(risk.cluster.name, risk.severity, risk.title, risk.accepted_by_name),
            risk.accepted_at.isoformat(timespec="seconds"),
            *(risk.until.isoformat(), risk.reason, one.holds.value),
        )


def _row(one: Listed) -> RiskRow:
    risk = one.risk
    return RiskRow(
        slug=risk.cluster.slug,
        url="" if one.holds is Holds.GONE else finding_url(risk.cluster.slug, risk.finding),
        name=visible(risk.cluster.name),
        pk=risk.pk,
        severity=SEVERITIES[Severity(risk.severity)],
        title=visible(risk.title),
        by=visible(risk.accepted_by_name),
        at=risk.accepted_at,
        until=risk.until,
        reason=visible(risk.reason),
        note=_note(risk, one.holds),
    )


def _note(risk: AcceptedRisk, holds: Holds) -> str:
    if holds is Holds.YES:
        return left_words(risk.until) if risks.ends_soon(risk) else ""
    return "over: it is open again" if holds is Holds.ENDED else holds.value
