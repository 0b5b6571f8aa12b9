"""Findings that people take upon them for a time. No verdict changes by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from authzviz.engine.assessment import Assessment, Finding, Severity
from authzviz.engine.finding_keys import keyed
from dashboard.models import AcceptedRisk, Cluster, CurrentState, User
from dashboard.services import access, audit, clock, facts

ACCEPTED, WITHDRAWN = "risk accepted", "risk withdrawn"
MOST_REASON_LETTERS = 2000
LONGEST = timedelta(days=366)
SOON = timedelta(days=14)
_RANKS = {severity.value: rank for rank, severity in enumerate(reversed(Severity))}


class RiskError(Exception):
    """What was asked for can't be done; the message is for people."""


class Stand(StrEnum):
    """How a finding stands: nobody accepted it, someone did, or that does not hold any more."""

    OPEN = "open"
    ACCEPTED = "accepted"
    ENDED = "ended"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding of a cluster and who accepted it. `has_changed` where it says something else than
    what was accepted, `ends_soon` within SOON.
    """

    key: str
    finding: Finding
    stand: Stand = Stand.OPEN
    risk: AcceptedRisk | None = None
    has_changed: bool = False
    ends_soon: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of a cluster, worst first: those to act on, and those that someone accepted."""

    open: tuple[Standing, ...]
    accepted: tuple[Standing, ...]


def today() -> date:
    """The day in UTC, to the end of which risks are accepted."""
    # A day need not come from the database's clock, as leases do: that would be a query more.
    return timezone.now().date()


def accept(cluster: Cluster, key: str, *, reason: str, until: date, actor: User) -> AcceptedRisk:
    """The finding of that key, accepted until the end of that day.

    Raises RiskError where the cluster has no such finding, no reason is given, the day is not one
    from tomorrow to a year ahead, or it is accepted already.
    """
    reason = reason.strip().replace("\0", "\N{REPLACEMENT CHARACTER}")
    _check(reason, until)
    finding = _finding_of(cluster, key)
    with transaction.atomic():
        known = risks_of(cluster).get(key)
        if known is not None:
            _make_room(known, finding)
        risk = _create(cluster, key, finding, reason, until, actor)
        _record(ACCEPTED, risk, actor)
    return risk


def withdraw(risk: AcceptedRisk, *, actor: User) -> None:
    """Take back what someone accepted: the finding is open again. Raises RiskError where that was
    done already.
    """
    with transaction.atomic():
        if not _close(risk):
            raise RiskError("it was withdrawn already")
        _record(WITHDRAWN, risk, actor)


def reinstate(risk: AcceptedRisk, *, actor: User) -> None:
    """Let what was withdrawn hold again, until its own day. Raises RiskError where it was not
    withdrawn, or somebody accepted the finding anew since.
    """
    withdrawn = AcceptedRisk.objects.filter(pk=risk.pk, withdrawn_at__isnull=False)
    try:
        with transaction.atomic():
            if not withdrawn.update(withdrawn_at=None):
                raise RiskError("it is not withdrawn")
            _record(ACCEPTED, risk, actor)
    except IntegrityError as error:
        raise RiskError("the finding was accepted anew since") from error


def standing_of(cluster: Cluster, key: str) -> Standing:
    """The finding of that key as it stands now; NotVisible where the cluster has none such."""
    try:
        return _standing(key, _finding_of(cluster, key), risks_of(cluster).get(key))
    except RiskError as error:
        raise access.NotVisible(key) from error


def risk_of(cluster: Cluster, pk: int) -> AcceptedRisk:
    """What was accepted of this cluster under that number, or NotVisible."""
    risk = AcceptedRisk.objects.filter(cluster=cluster, pk=pk).first()
    if risk is None:
        raise access.NotVisible("risk")
    return risk


def risks_of(cluster: Cluster) -> dict[str, AcceptedRisk]:
    """What is accepted of the cluster by the finding's key, also what has ended since."""
    return {risk.finding: risk for risk in standing().filter(cluster=cluster)}


def standing() -> QuerySet[AcceptedRisk]:
    """Every acceptance that nobody took back, also those that have ended."""
    return AcceptedRisk.objects.filter(withdrawn_at=None)


def split(assessment: Assessment, risks: Mapping[str, AcceptedRisk]) -> Findings:
    """The cluster's findings by whether someone accepted them; `risks` are those of `risks_of`."""
    every = [_standing(key, found, risks.get(key)) for key, found in keyed(assessment).items()]
    return Findings(
        open=tuple(one for one in every if one.stand is not Stand.ACCEPTED),
        accepted=tuple(one for one in every if one.stand is Stand.ACCEPTED),
    )


def accepted_keys(risks: QuerySet[AcceptedRisk]) -> dict[int, frozenset[str]]:
    """The findings that `risks` accept right now, by cluster: one query.

    They are findings that the cluster still has, no worse than they were accepted.
    """
    fields = ("cluster_id", "finding", "severity", "cluster__current__findings")
    found: dict[int, set[str]] = {}
    for pk, key, accepted, findings in risks.filter(until__gte=today()).values_list(*fields):
        if key in (findings or {}) and not is_worse(findings[key], accepted):
            found.setdefault(pk, set()).add(key)
    return {pk: frozenset(keys) for pk, keys in found.items()}


def is_worse(severity: str, accepted: str) -> bool:
    """True where the severity is worse than the one that was accepted."""
    return _RANKS.get(severity, len(_RANKS)) > _RANKS.get(accepted, -1)


def ends_soon(risk: AcceptedRisk) -> bool:
    """True within the last fourteen days."""
    return risk.until - today() <= SOON


def _finding_of(cluster: Cluster, key: str) -> Finding:
    current = CurrentState.objects.filter(cluster=cluster).first()
    found = keyed(facts.current_assessment(current)).get(key) if current else None
    if found is None:
        raise RiskError("the cluster does not have this finding any more")
    return found


def _standing(key: str, finding: Finding, risk: AcceptedRisk | None) -> Standing:
    if risk is None:
        return Standing(key, finding)
    stand = Stand.ACCEPTED
    if risk.until < today():
        stand = Stand.ENDED
    elif is_worse(finding.severity.value, risk.severity):
        stand = Stand.WORSE
    has_changed = (_text(finding.title), _text(finding.detail)) != (risk.title, risk.detail)
    return Standing(key, finding, stand, risk, has_changed, ends_soon(risk))


def _check(reason: str, until: date) -> None:
    if not reason:
        raise RiskError("say why it is accepted")
    if len(reason) > MOST_REASON_LETTERS:
        raise RiskError(f"a reason has at most {MOST_REASON_LETTERS:,} letters")
    if not today() < until <= today() + LONGEST:
        raise RiskError("a risk is accepted until tomorrow at least, and for a year at most")


def _make_room(known: AcceptedRisk, finding: Finding) -> None:
    """Close an acceptance that does not hold any more; RiskError where it does."""
    if _standing(known.finding, finding, known).stand is Stand.ACCEPTED:
        raise _accepted_by(known)
    _close(known)


def _create(
    cluster: Cluster, key: str, finding: Finding, reason: str, until: date, actor: User
) -> AcceptedRisk:
    try:
        with transaction.atomic():
            return AcceptedRisk.objects.create(
                cluster=cluster,
                finding=key,
                severity=finding.severity.value,
                title=_text(finding.title),
                detail=_text(finding.detail),
                reason=reason,
                until=until,
                accepted_at=clock.now(),
                accepted_by=actor,
                accepted_by_name=actor.get_username(),
            )
    except IntegrityError as error:
        # Someone else was quicker; it shows only now where transactions run side by side.
        raise _accepted_by(risks_of(cluster)[key]) from error


def _accepted_by(risk: AcceptedRisk) -> RiskError:
    return RiskError(
        f"{risk.accepted_by_name} accepted it already, until {risk.until:%Y-%m-%d}: withdraw that "
        "first to accept it anew"
    )


def _close(risk: AcceptedRisk) -> bool:
    """Mark it as withdrawn; False where it was."""
    return bool(standing().filter(pk=risk.pk).update(withdrawn_at=clock.now()))


def _record(action: str, risk: AcceptedRisk, actor: User) -> None:
    audit.record(
        action,
        actor=actor,
        cluster=risk.cluster,
        risk=risk.pk,
        finding=risk.title,
        severity=risk.severity,
        until=risk.until.isoformat(),
        reason=risk.reason,
    )


def _text(text: str) -> str:
    # Names of clusters may hold U+0000, which PostgreSQL does not take.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
