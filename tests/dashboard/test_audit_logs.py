"""What an uploaded audit log proves counts only for the grants that there are today."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from authzviz.engine.assessment import Assessment, Switch
from authzviz.evidence.audit import AuditEvidence, Proof
from dashboard.models import AuditEvent, AuditLogEvidence, Cluster, User
from dashboard.services import audit, audit_logs, facts, undoing
from dashboard.services.audit_logs import AuditLogError, Given
from tests.dashboard.assessments import APISERVER, OVER_GRANTED, TARGET
from tests.dashboard.auditlogs import AGENT, BREAKS, NOTHING
from tests.dashboard.showing import show

pytestmark = pytest.mark.django_db

OTHER = "ClusterRoleBinding another"
GRANT = OVER_GRANTED.grants[0]
LATE = replace(APISERVER, authorization_modes=("RBAC", "Node"))
OFF = replace(APISERVER, authorization_modes=("RBAC",), node_authorizer=Switch.OFF)
UNREAD = replace(APISERVER, authorization_modes=None, node_authorizer=Switch.UNKNOWN)


def given(cluster: Cluster, evidence: AuditEvidence, actor: User) -> AuditLogEvidence:
    return audit_logs.store(
        cluster, evidence, Given(("audit.log",), 1_000), assessment=OVER_GRANTED, actor=actor
    )


def with_grants(*grants: object) -> Assessment:
    return replace(OVER_GRANTED, grants=grants)  # type: ignore[arg-type]


WIDER = replace(GRANT, beyond=(*GRANT.beyond, "get pods/exec in every namespace"))
CASES = {
    "as it was": (NOTHING, OVER_GRANTED, ""),
    "fewer grants": (NOTHING, with_grants(), ""),
    "the target is reached": (NOTHING, TARGET, ""),
    "another grant": (NOTHING, with_grants(GRANT, replace(GRANT, binding=OTHER)), OTHER),
    "more granted by the same": (NOTHING, with_grants(WIDER), "has changed since"),
    "to somebody else": (NOTHING, with_grants(replace(GRANT, subject="Group all")), "has changed"),
    "RBAC before Node by now": (NOTHING, replace(OVER_GRANTED, apiservers=(LATE,)), "before RBAC"),
    "Node off on one": (NOTHING, replace(OVER_GRANTED, apiservers=(APISERVER, OFF)), "before RBAC"),
    "flags unread by now": (NOTHING, replace(OVER_GRANTED, apiservers=(UNREAD,)), ""),
    "it breaks": (BREAKS, OVER_GRANTED, ""),
    "what was used is gone": (BREAKS, with_grants(), "only a log from after that tells"),
    "it proved nothing": (replace(NOTHING, proof=Proof.PROVES_NOTHING), with_grants(WIDER), ""),
}


@pytest.mark.parametrize(("evidence", "today", "why_not"), CASES.values(), ids=CASES)
def test_an_upload_counts_for_the_grants_of_today(
    editor: User, evidence: AuditEvidence, today: Assessment, why_not: str
) -> None:
    cluster = show(OVER_GRANTED)
    given(cluster, evidence, editor)

    standing = audit_logs.newest(cluster, today)

    assert standing is not None
    assert why_not in standing.why_not
    assert standing.counts is (not why_not)
    kept = audit_logs.newest_evidence(cluster, today)
    assert kept == (evidence if standing.counts else None)


def test_a_use_of_a_grant_that_is_gone_is_left_out(editor: User) -> None:
    cluster = show(OVER_GRANTED)
    both = replace(
        BREAKS,
        bindings=(GRANT.binding, OTHER),
        uses=(replace(AGENT, binding=GRANT.binding), replace(AGENT, binding=OTHER)),
    )
    given(cluster, both, editor)

    kept = audit_logs.newest_evidence(cluster)

    assert kept is not None
    assert [use.binding for use in kept.uses] == [GRANT.binding]


def test_requests_of_uses_beyond_the_cap_are_counted(
    editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_logs, "MOST_USES", 1)
    cluster = show(OVER_GRANTED)
    rarer = tuple(replace(AGENT, namespace=name, count=3) for name in ("a", "b"))
    given(cluster, replace(BREAKS, uses=(AGENT, *rarer), left_out=10), editor)

    kept = audit_logs.newest_evidence(cluster)

    assert kept is not None
    assert (kept.uses, kept.left_out) == ((AGENT,), 16)


def test_only_the_newest_upload_counts(editor: User) -> None:
    cluster = show(OVER_GRANTED)
    given(cluster, BREAKS, editor)
    given(cluster, NOTHING, editor)

    assert audit_logs.newest_evidence(cluster) == NOTHING


def test_without_an_upload_there_is_no_evidence() -> None:
    cluster = show(OVER_GRANTED)

    assert audit_logs.newest(cluster) is None
    assert audit_logs.newest_evidence(cluster) is None


def test_what_another_version_stored_does_not_count(editor: User) -> None:
    cluster = show(OVER_GRANTED)
    given(cluster, NOTHING, editor)
    AuditLogEvidence.objects.update(evidence=facts.pack({"other": 1}))

    standing = audit_logs.newest(cluster)

    assert standing is not None
    assert standing.evidence is None
    assert standing.why_not == audit_logs.OTHER_VERSION


def test_a_removal_is_undone_and_an_upload_too(editor: User) -> None:
    cluster = show(OVER_GRANTED)
    row = given(cluster, NOTHING, editor)
    with audit.together() as batch:
        audit_logs.remove(row, actor=editor)
    assert audit_logs.newest(cluster) is None
    again = undoing.undo(batch, actor=editor)
    assert audit_logs.newest_evidence(cluster) == NOTHING
    undoing.undo(again.batch, actor=editor)

    assert audit_logs.newest(cluster) is None
    acts = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(acts)[-4:] == [
        *(audit_logs.UPLOADED, audit_logs.REMOVED),
        *(audit_logs.RESTORED, audit_logs.REMOVED),
    ]


def test_nothing_is_removed_twice(editor: User) -> None:
    row = given(show(OVER_GRANTED), NOTHING, editor)
    audit_logs.remove(row, actor=editor)

    with pytest.raises(AuditLogError, match="already"):
        audit_logs.remove(row, actor=editor)


def test_what_was_removed_is_forgotten_once_that_can_not_be_undone(editor: User) -> None:
    cluster = show(OVER_GRANTED)
    audit_logs.remove(given(cluster, NOTHING, editor), actor=editor)
    given(cluster, NOTHING, editor)
    audit_logs.clean_up()
    assert AuditLogEvidence.objects.count() == 2

    with time_machine.travel(timezone.now() + timedelta(hours=49)):
        audit_logs.clean_up()

    assert AuditLogEvidence.objects.count() == 1


def test_names_that_no_database_takes_are_kept(editor: User) -> None:
    cluster = show(OVER_GRANTED)
    names = ("a\0b", "half \ud800", "x" * 900)
    row = audit_logs.store(cluster, NOTHING, Given(names, 1), assessment=OVER_GRANTED, actor=editor)

    row.refresh_from_db()

    assert row.files == ["a�b", "half ?", "x" * 200]
