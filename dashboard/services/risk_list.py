"""Everything that people accepted in the fleet and nobody took back, what ends first on top."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from authzviz.engine.assessment import Severity
from dashboard.models import AcceptedRisk, User
from dashboard.services import access, risks

PER_PAGE = 50
MOST_PAGES = 1000
MOST_EXPORTED = 10_000


class When(StrEnum):
    """Which acceptances by their last day."""

    HOLDS = "holds"
    SOON = "soon"
    ENDED = "ended"


class Holds(StrEnum):
    """What became of what was accepted."""

    YES = "accepted"
    ENDED = "over"
    WORSE = "worse now"
    GONE = "not found any more"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which acceptances are asked for; all by default. `search` is part of a cluster's name, of a
    finding, a reason or a person.
    """

    search: str = ""
    severity: str = ""
    when: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """One acceptance and what became of it."""

    risk: AcceptedRisk
    holds: Holds


@dataclass(frozen=True, slots=True)
class RiskList:
    """One page of them, and whether more follow."""

    rows: tuple[Listed, ...]
    page: int
    has_more: bool


def listed(user: User | AnonymousUser, want: Wanted) -> RiskList:
    """One page: one query."""
    page = min(max(want.page, 1), MOST_PAGES)
    start = (page - 1) * PER_PAGE
    found = list(_found(user, want)[start : start + PER_PAGE + 1])
    rows = tuple(_listed(risk) for risk in found[:PER_PAGE])
    return RiskList(rows, page, len(found) > PER_PAGE)


def exported(user: User | AnonymousUser, want: Wanted) -> tuple[Listed, ...]:
    """All pages of it, at most MOST_EXPORTED rows: one query."""
    return tuple(_listed(risk) for risk in _found(user, want)[:MOST_EXPORTED])


def _found(user: User | AnonymousUser, want: Wanted) -> QuerySet[AcceptedRisk]:
    found = risks.standing().filter(cluster__in=access.visible_clusters(user))
    if want.search:
        fields = ("cluster__name", "title", "reason", "accepted_by_name")
        parts = [Q(**{f"{field}__icontains": want.search}) for field in fields]
        found = found.filter(parts[0] | parts[1] | parts[2] | parts[3])
    if want.severity in set(Severity):
        found = found.filter(severity=want.severity)
    today = risks.today()
    if want.when == When.ENDED:
        found = found.filter(until__lt=today)
    elif want.when in (When.HOLDS, When.SOON):
        found = found.filter(until__gte=today)
    if want.when == When.SOON:
        found = found.filter(until__lte=today + risks.SOON)
    shown = ("cluster__slug", "cluster__name", "cluster__current__findings")
    own = ("finding", "severity", "title", "reason", "until", "accepted_at", "accepted_by_name")
    return found.select_related("cluster__current").only(*own, *shown).order_by("until", "pk")


def _listed(risk: AcceptedRisk) -> Listed:
    current = getattr(risk.cluster, "current", None)
    severity = current.findings.get(risk.finding) if current else None
    holds = Holds.YES
    if risk.until < risks.today():
        holds = Holds.ENDED
    elif severity is None:
        holds = Holds.GONE
    elif risks.is_worse(severity, risk.severity):
        holds = Holds.WORSE
    return Listed(risk, holds)
