"""The list of everything that is accepted in the fleet."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.models import AcceptedRisk, Cluster, CurrentState
from dashboard.services import polling, risk_list, risks
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.showing import Page
from tests.dashboard.snapshots import legacy_bindings, snapshot

pytestmark = pytest.mark.django_db

PAGE = "/risks/"
OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"


def accepted(cluster: Cluster, days: int, finding: str = "a" * 32, **values: str) -> AcceptedRisk:
    given = {"severity": "high", "title": "NodeRestriction is off", "reason": "why not", **values}
    return AcceptedRisk.objects.create(
        cluster=cluster,
        finding=finding,
        detail="",
        until=risks.today() + timedelta(days=days),
        accepted_at=timezone.now(),
        accepted_by_name="anna",
        **given,
    )


@pytest.fixture
def fleet(source: FakeSource) -> list[Cluster]:
    """Four clusters: what was accepted of them is over, worse, gone, and holds for ten days."""
    source.snapshot = snapshot("RBAC", cluster_role_bindings=legacy_bindings())
    every = [add_cluster(name) for name in ("over", "worse", "gone", "holds")]
    for one in every:
        polling.poll(one.pk)
    key, severity = next(iter(CurrentState.objects.all()[0].findings.items()))
    accepted(every[0], -1, key, severity=severity)
    accepted(every[1], 400, key, severity="low")
    accepted(every[2], 300, severity=severity)
    accepted(every[3], 10, key, severity=severity, reason="=1+1")
    accepted(every[3], 10, "b" * 32)
    AcceptedRisk.objects.filter(finding="b" * 32).update(withdrawn_at=timezone.now())
    return every


def names(client: Client, query: str = "") -> list[str]:
    return [row.name for row in client.get(PAGE + query).context["page"].rows]


FILTERS = {
    "all, what ends first on top": ("", ["over", "holds", "gone", "worse"]),
    "by severity": ("?severity=low", ["worse"]),
    "what holds": ("?when=holds", ["holds", "gone", "worse"]),
    "what ends soon": ("?when=soon", ["holds"]),
    "what is over": ("?when=ended", ["over"]),
    "by cluster": ("?search=WORS", ["worse"]),
    "by reason": ("?search=1%2B1", ["holds"]),
    "nothing": ("?search=nowhere", []),
    "what can't be meant": ("?severity=x&when=x&page=x", ["over", "holds", "gone", "worse"]),
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.values(), ids=FILTERS)
def test_the_list_is_filtered(
    as_viewer: Client, fleet: list[Cluster], query: str, expected: list[str]
) -> None:
    assert names(as_viewer, query) == expected


def test_each_row_says_what_became_of_it(as_viewer: Client, fleet: list[Cluster]) -> None:
    rows = as_viewer.get(PAGE).context["page"].rows

    assert [row.note for row in rows] == [
        "over: it is open again",
        "ends in 10 days",
        "not found any more",
        "worse now",
    ]


def test_the_file_holds_all_and_no_formula(as_viewer: Client, fleet: list[Cluster]) -> None:
    answer = as_viewer.get(PAGE + "?format=csv&when=holds")

    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert "accepted-risks-" in answer["Content-Disposition"]
    assert [(line[0], line[6], line[7]) for line in table] == [
        ("Cluster", "Reason", "State"),
        ("holds", "'=1+1", "accepted"),
        ("gone", "why not", "not found any more"),
        ("worse", "why not", "worse now"),
    ]


def test_a_long_list_comes_in_pages_with_the_same_queries(
    as_viewer: Client, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(risk_list, "PER_PAGE", 2)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            as_viewer.get(PAGE)
        return len(found)

    accepted(cluster, 1, "1" * 32)
    few = queries()
    for number in range(2, 6):
        accepted(cluster, number, str(number) * 32)

    first = as_viewer.get(PAGE + "?severity=high").context["page"]
    second = as_viewer.get(PAGE + first.sides.following).context["page"]
    third = as_viewer.get(PAGE + second.sides.following).context["page"]

    assert queries() == few
    assert [len(page.rows) for page in (first, second, third)] == [2, 2, 1]
    assert (first.sides.previous, third.sides.previous) == ("", "?severity=high&page=2")
    assert third.sides.following == ""


def test_names_and_reasons_are_shown_as_text(as_viewer: Client, cluster: Cluster) -> None:
    hostile = f"<b>rm{OVERRIDE}fdp</b>"
    accepted(cluster, 3, title=hostile, reason=hostile)
    Cluster.objects.update(name=hostile)

    found = Page(as_viewer.get(PAGE + "?search=<b>").content.decode())

    assert found.text.count("<b>rm⟨U+202E⟩fdp</b>") == 3
    assert not found.all("b")
    assert found.faults() == []


def test_an_empty_list_says_so(as_viewer: Client) -> None:
    assert "Nothing is accepted" in as_viewer.get(PAGE).content.decode()
    assert "No accepted risk matches" in as_viewer.get(PAGE + "?search=x").content.decode()
    assert as_viewer.post(PAGE).status_code == 405
    assert Client().get(PAGE)["Location"].startswith(reverse("account_login"))
