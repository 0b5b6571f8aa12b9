"""The pages on which findings are accepted and taken back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from authzviz.engine.finding_keys import keyed
from authzviz.reports import rules
from authzviz.reports.while_open import WHILE_OPEN
from dashboard.models import AcceptedRisk, Cluster, CurrentState, User
from dashboard.services import facts, polling, risks
from tests.dashboard.conftest import FakeSource
from tests.dashboard.snapshots import legacy_bindings, snapshot

pytestmark = pytest.mark.django_db

HOSTILE = "<b>rm\N{RIGHT-TO-LEFT OVERRIDE}fdp</b>"


@pytest.fixture
def key(cluster: Cluster, source: FakeSource) -> str:
    """The key of a binding that gives too much, one of the cluster's findings."""
    source.snapshot = snapshot("RBAC", cluster_role_bindings=legacy_bindings())
    polling.poll(cluster.pk)
    found = keyed(facts.current_assessment(CurrentState.objects.get()))
    return next(key for key, finding in found.items() if finding.id == "over-granted")


@pytest.fixture
def address(cluster: Cluster, key: str) -> str:
    return f"{reverse('risk_accept', args=(cluster.slug,))}?finding={key}"


FORM = {"reason": "as ordered", "days": "90", "severity": "high"}


def shown(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_every_finding_says_what_stays_possible() -> None:
    known = set(rules.RULES) - {rules.UNREACHABLE, rules.UNKNOWN_VERDICT}

    assert set(WHILE_OPEN) == known


def test_a_finding_is_accepted_and_withdrawn(
    as_editor: Client, cluster: Cluster, address: str
) -> None:
    page = cluster.get_absolute_url()
    before, form = shown(as_editor, page), shown(as_editor, address)
    answer = as_editor.post(address, FORM)
    risk = AcceptedRisk.objects.get()
    accepted, again = shown(as_editor, page), shown(as_editor, address)
    as_editor.post(reverse("risk_withdraw", args=(cluster.slug, risk.pk)))
    after = shown(as_editor, page)

    assert address.replace("&", "&amp;") in before
    assert "all that the binding grants can be done" in form
    assert answer["Location"] == page
    assert risk.until == risks.today() + timedelta(days=90)
    assert "Accepted by editor until" in accepted
    assert "as ordered" in accepted
    assert "1 accepted</a>" in accepted
    assert "withdraw it" in again
    assert 'name="reason"' not in again
    assert "the finding is open again" in after
    assert 'id="accepted"' not in after


REFUSED = {
    "no reason": {"reason": " "},
    "too long": {"reason": "x" * 2001},
    "no day": {"days": ""},
    "another day without one": {"days": "other"},
    "no day at all": {"days": "other", "until": "soon"},
    "yesterday": {"days": "other", "until": "2020-01-01"},
    "far away": {"days": "other", "until": "2199-01-01"},
    "an odd number of days": {"days": "4"},
    "worse meanwhile": {"severity": "low"},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_what_is_missing_or_wrong_accepts_nothing(
    as_editor: Client, address: str, change: dict[str, str]
) -> None:
    answer = as_editor.post(address, {**FORM, **change})

    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert not AcceptedRisk.objects.exists()


def test_another_day_may_be_given(as_editor: Client, address: str) -> None:
    until = risks.today() + timedelta(days=7)
    as_editor.post(address, {**FORM, "days": "other", "until": until.isoformat()})

    assert AcceptedRisk.objects.get().until == until


def test_whoever_may_only_look_sees_what_is_accepted_and_changes_nothing(
    as_viewer: Client, cluster: Cluster, key: str, address: str, editor: User
) -> None:
    until = risks.today() + timedelta(days=3)
    risk = risks.accept(cluster, key, reason="why not", until=until, actor=editor)
    page = shown(as_viewer, cluster.get_absolute_url())

    assert "why not" in page
    assert "Ends in 3 days" in page
    assert "Withdraw" not in page
    assert "Accept…" not in page
    assert as_viewer.get(address).status_code == 403
    assert as_viewer.post(address, FORM).status_code == 403
    withdraw = reverse("risk_withdraw", args=(cluster.slug, risk.pk))
    assert as_viewer.post(withdraw).status_code == 403
    assert risks.risks_of(cluster) == {key: risk}


def test_what_is_not_there_is_not_found(as_editor: Client, cluster: Cluster, key: str) -> None:
    accept = reverse("risk_accept", args=(cluster.slug,))
    nowhere = reverse("risk_accept", args=("nowhere",))

    assert as_editor.get(accept).status_code == 404
    assert as_editor.get(f"{accept}?finding={'0' * 32}").status_code == 404
    assert as_editor.get(f"{nowhere}?finding={key}").status_code == 404
    assert as_editor.post(reverse("risk_withdraw", args=(cluster.slug, 999))).status_code == 404
    assert as_editor.get(reverse("risk_withdraw", args=(cluster.slug, 999))).status_code == 405
    assert as_editor.delete(accept).status_code == 405
    assert Client().get(accept)["Location"].startswith(reverse("account_login"))


def test_withdrawing_twice_says_so(as_editor: Client, cluster: Cluster, address: str) -> None:
    as_editor.post(address, FORM)
    withdraw = reverse("risk_withdraw", args=(cluster.slug, AcceptedRisk.objects.get().pk))

    as_editor.post(withdraw)
    answer = as_editor.post(withdraw, follow=True)

    assert "it was withdrawn already" in answer.content.decode()


def test_reasons_names_and_old_wordings_are_shown_as_text(
    as_editor: Client, cluster: Cluster, address: str
) -> None:
    as_editor.post(address, {**FORM, "reason": HOSTILE})
    AcceptedRisk.objects.update(accepted_by_name=HOSTILE, detail=HOSTILE)
    page = shown(as_editor, cluster.get_absolute_url())

    assert "<b>rm" not in page
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page
    assert page.count("&lt;b&gt;rm⟨U+202E⟩fdp") == 3
    assert "It reads otherwise than when it was accepted" in page


AGAIN = {
    "ended": ({"until": "2020-01-01"}, "until 2020-01-01; that is over"),
    "worse": ({"severity": "low"}, "as low; it is worse now"),
}


@pytest.mark.parametrize(("change", "words"), AGAIN.values(), ids=AGAIN)
def test_what_does_not_hold_any_more_is_open_and_says_why(
    as_editor: Client, cluster: Cluster, address: str, change: dict[str, str], words: str
) -> None:
    as_editor.post(address, FORM)
    AcceptedRisk.objects.update(**change)
    page = shown(as_editor, cluster.get_absolute_url())

    assert f"editor accepted it {words}: it is open again." in re.sub(r"\s+", " ", page)
    assert 'id="accepted"' not in page
    assert words in shown(as_editor, address)


def test_the_page_says_so_where_all_is_accepted(
    as_editor: Client, cluster: Cluster, address: str
) -> None:
    for key, severity in CurrentState.objects.get().findings.items():
        as_editor.post(
            re.sub("finding=.*", f"finding={key}", address), {**FORM, "severity": severity}
        )

    page = shown(as_editor, cluster.get_absolute_url())

    assert 'Nothing worth acting on but <a href="#accepted">what is accepted</a>.' in page
