"""Findings that people accept for a time, and what becomes of that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.models import AcceptedRisk, AuditEvent, Cluster, CurrentState, User
from dashboard.services import facts, polling, risks
from dashboard.services.risks import RiskError, Stand
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.snapshots import legacy_bindings, snapshot

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def key(cluster: Cluster, source: FakeSource) -> str:
    """The worst finding of the cluster, which has several."""
    source.snapshot = snapshot("RBAC", cluster_role_bindings=legacy_bindings())
    polling.poll(cluster.pk)
    return str(next(iter(CurrentState.objects.get().findings)))


def accept(cluster: Cluster, key: str, actor: User, days: int = 30) -> AcceptedRisk:
    until = risks.today() + days * DAY
    return risks.accept(cluster, key, reason="as ordered", until=until, actor=actor)


def found(cluster: Cluster) -> risks.Findings:
    assessment = facts.current_assessment(CurrentState.objects.get(cluster=cluster))
    return risks.split(assessment, risks.risks_of(cluster))


def counts(clusters: list[int]) -> dict[int, int]:
    """How many findings of each cluster are accepted right now."""
    keys = risks.accepted_keys(risks.standing().filter(cluster__in=clusters))
    return {pk: len(found) for pk, found in keys.items()}


def test_an_accepted_finding_stands_apart_and_the_verdict_stays(
    cluster: Cluster, key: str, editor: User
) -> None:
    before = CurrentState.objects.get()

    risk = accept(cluster, key, editor)

    standing = found(cluster)
    after = CurrentState.objects.get()
    assert [one.key for one in standing.accepted] == [key]
    assert key not in {one.key for one in standing.open}
    assert standing.accepted[0].risk == risk
    assert counts([cluster.pk]) == {cluster.pk: 1}
    assert (after.verdict, after.findings_count) == (before.verdict, before.findings_count)
    event = AuditEvent.objects.get(action=risks.ACCEPTED)
    assert (event.actor, event.cluster) == (editor, cluster)
    assert event.detail["reason"] == "as ordered"


def test_a_withdrawn_one_is_open_and_may_be_accepted_anew(
    cluster: Cluster, key: str, editor: User
) -> None:
    risk = accept(cluster, key, editor)

    risks.withdraw(risk, actor=editor)
    open_again = found(cluster)
    accept(cluster, key, editor)

    assert not open_again.accepted
    assert {one.stand for one in open_again.open} == {Stand.OPEN}
    assert AcceptedRisk.objects.count() == 2
    with pytest.raises(RiskError, match="withdrawn already"):
        risks.withdraw(risk, actor=editor)
    with pytest.raises(RiskError, match="anew since"):
        risks.reinstate(risk, actor=editor)


REFUSED = {
    "no reason": ("  ", 30, "say why"),
    "a very long reason": ("x" * 2001, 30, "2,000 letters"),
    "today": ("fine", 0, "tomorrow at least"),
    "more than a year": ("fine", 367, "a year at most"),
}


@pytest.mark.parametrize(("reason", "days", "words"), REFUSED.values(), ids=REFUSED)
def test_without_a_reason_and_an_end_nothing_is_accepted(
    cluster: Cluster, key: str, editor: User, reason: str, days: int, words: str
) -> None:
    until = risks.today() + days * DAY

    with pytest.raises(RiskError, match=words):
        risks.accept(cluster, key, reason=reason, until=until, actor=editor)

    assert not AcceptedRisk.objects.exists()


def test_what_the_cluster_does_not_have_is_not_accepted(
    cluster: Cluster, key: str, editor: User
) -> None:
    for one in (cluster, add_cluster("never read")):
        with pytest.raises(RiskError, match="any more"):
            accept(one, "0" * 32, editor)


def test_the_second_to_accept_is_told_of_the_first(
    cluster: Cluster, key: str, editor: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(cluster, key, editor)
    with pytest.raises(RiskError, match="editor accepted it already"):
        accept(cluster, key, admin)
    known = risks.risks_of(cluster)
    seen: Iterator[dict[str, AcceptedRisk]] = iter([{}])
    # As where both transactions began before either ended.
    monkeypatch.setattr(risks, "risks_of", lambda _: next(seen, known))
    with pytest.raises(RiskError, match="editor accepted it already"):
        accept(cluster, key, admin)

    assert AuditEvent.objects.filter(action=risks.ACCEPTED).count() == 1


def test_an_acceptance_ends_with_its_day_and_says_so(
    cluster: Cluster, key: str, editor: User
) -> None:
    risk = accept(cluster, key, editor, days=20)
    fresh = found(cluster).accepted[0]
    end = timezone.now().replace(hour=23) + 20 * DAY

    with time_machine.travel(end, tick=False):
        last_day, last_count = found(cluster), counts([cluster.pk])
    with time_machine.travel(end + DAY, tick=False):
        over, count = found(cluster), counts([cluster.pk])
        accept(cluster, key, editor)

    assert not fresh.ends_soon
    assert last_day.accepted[0].ends_soon
    assert last_count == {cluster.pk: 1}
    assert (over.accepted, count) == ((), {})
    assert next(one for one in over.open if one.key == key).stand is Stand.ENDED
    risk.refresh_from_db()
    assert risk.withdrawn_at is not None


def test_what_got_worse_is_open_again_and_another_wording_is_told(
    cluster: Cluster, key: str, editor: User
) -> None:
    risk = accept(cluster, key, editor)
    AcceptedRisk.objects.update(detail="42 Secrets")
    reworded = found(cluster).accepted[0]
    AcceptedRisk.objects.update(severity="info")

    assert reworded.has_changed
    assert not accept_holds(cluster, key)
    assert counts([cluster.pk]) == {}
    assert accept(cluster, key, editor).pk != risk.pk


def accept_holds(cluster: Cluster, key: str) -> bool:
    return key in {one.key for one in found(cluster).accepted}


def test_what_is_gone_is_not_counted_and_holds_when_it_comes_back(
    cluster: Cluster, key: str, editor: User
) -> None:
    accept(cluster, key, editor)
    findings = CurrentState.objects.get().findings
    CurrentState.objects.update(findings={})
    gone = counts([cluster.pk])
    CurrentState.objects.update(findings=findings)

    assert gone == {}
    assert counts([cluster.pk]) == {cluster.pk: 1}


def test_counting_takes_one_query_whatever_the_number(
    cluster: Cluster, key: str, editor: User
) -> None:
    others = [add_cluster(f"c{number}") for number in range(5)]
    for other in others:
        polling.poll(other.pk)
        accept(other, key, editor)

    with CaptureQueriesContext(connection) as queries:
        counted = counts([cluster.pk, *(other.pk for other in others)])

    assert len(queries) == 1
    assert counted == {other.pk: 1 for other in others}


def test_what_was_withdrawn_can_be_reinstated_once(
    cluster: Cluster, key: str, editor: User
) -> None:
    risk = accept(cluster, key, editor)
    risks.withdraw(risk, actor=editor)

    risks.reinstate(risk, actor=editor)

    assert risks.risks_of(cluster) == {key: risk}
    with pytest.raises(RiskError, match="not withdrawn"):
        risks.reinstate(risk, actor=editor)
