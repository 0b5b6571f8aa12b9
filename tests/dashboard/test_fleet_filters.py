"""What an address of the fleet page finds, counts and groups, and how it is written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from dashboard.models import Cluster, CurrentState, User
from dashboard.services import fleet_query, risks
from tests.dashboard.assessments import HOSTILE, REFUSED, TARGET, UNKNOWN
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import Page, show
from tests.dashboard.test_pages_fleet import fleet, listed

pytestmark = pytest.mark.django_db


@pytest.fixture
def some() -> None:
    """Clusters that differ in all that can be chosen."""
    soon = timezone.now() + timedelta(days=3)
    show(TARGET, "paris", group="Europe", labels={"env": "prod", "team": "core"}, is_paused=True)
    show(REFUSED, "rome", group="Europe", labels={"env": "test", "team": "core"})
    show(UNKNOWN, "tokyo", group="Asia", labels={"env": "prod", "gpu": ""}, last_error="403")
    show(TARGET, "lima", age=timedelta(hours=1), credentials_expire_at=soon)
    add_cluster("new")
    CurrentState.objects.filter(cluster__name="rome").update(
        findings={"a": "critical", "b": "high"}, version="v1.9.3"
    )
    CurrentState.objects.exclude(cluster__name="rome").update(
        findings={"a": "low"}, version="v1.28.15-eks-1", distribution="eks"
    )


FOUND = {
    "one group": ("?group=Europe", {"paris", "rome"}),
    "either group": ("?group=Europe&group=Asia", {"paris", "rome", "tokyo"}),
    "no group": ("?group=", {"lima", "new"}),
    "a label": ("?label=env%3Dprod", {"paris", "tokyo"}),
    "two values of a label": ("?label=env%3Dprod&label=env%3Dtest", {"paris", "rome", "tokyo"}),
    "two labels": ("?label=env%3Dprod&label=team%3Dcore", {"paris"}),
    "a label without a value": ("?label=gpu", {"tokyo"}),
    "a label that nobody has": ("?label=gpu%3Dno", set()),
    "verdicts": ("?verdict=refused&verdict=unread", {"rome", "new"}),
    "a distribution": ("?distribution=eks", {"paris", "tokyo", "lima"}),
    "a minor version": ("?version=1.9", {"rome"}),
    "old facts": ("?state=stale", {"tokyo", "lima"}),
    "what can't be read": ("?state=trouble", {"tokyo"}),
    "paused": ("?state=paused", {"paris"}),
    "expiring credentials": ("?state=expiring", {"lima"}),
    "a severity": ("?severity=high", {"rome"}),
    "facet by facet": ("?group=Europe&severity=low", {"paris"}),
    "a search for a group": ("?search=europe+core", {"paris", "rome"}),
    "what means nothing": ("?state=x&severity=y&verdict=z&rows=2", {"paris", "rome", "tokyo"}),
}


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(("query", "names"), FOUND.values(), ids=FOUND)
def test_what_is_chosen_is_found(as_viewer: Client, query: str, names: set[str]) -> None:
    found = set(listed(fleet(as_viewer, query)))

    assert (found >= names) if "state=x" in query else (found == names)


@pytest.mark.parametrize("by", ["name", "group", "label:team"])
def test_digits_of_another_script_are_sorted_with_letters(as_viewer: Client, by: str) -> None:
    for number, text in enumerate(["\u0663", "alpha", "7", "\uff11\uff12", "\u09e7a"]):
        shown = show(TARGET, f"cluster{number}", group=text, labels={"team": text})
        Cluster.objects.filter(pk=shown.pk).update(name=text)

    assert len(listed(fleet(as_viewer, f"?by={by}&sort=name"))) == 5


def test_counts_tell_what_else_could_be_chosen(as_viewer: Client, some: None) -> None:
    found = fleet(as_viewer, "?group=Europe&verdict=refused")

    assert "1 Refused" in found.text
    assert "1 Node authorizer" in found.text
    assert "Unknown" not in found.text
    assert chosen(found) == {("group", "Europe")}
    assert "Group: Europe" in found.text
    assert "Verdict: Refused" in found.text
    links = {one["href"] for one in found.all("a")}
    assert {"/?verdict=refused", "/?group=Europe", "/?verdict=node-authorizer"} <= {
        *links,
        *(link.replace("&group=Europe", "").replace("verdict=refused&", "") for link in links),
    }


def chosen(found: Page) -> set[tuple[str, str]]:
    return {(box["name"], box["value"]) for box in found.all("input") if "checked" in box}


GROUPED = {
    "group": ("group", ["Asia 1", "Europe 2", "in no group 2"]),
    "verdict": ("verdict", ["Refused 1", "Node authorizer 2", "Unknown 1", "Not read yet 1"]),
    "version": ("version", ["Kubernetes 1.9 1", "Kubernetes 1.28 3", "version unknown 1"]),
    "distribution": ("distribution", ["EKS 3", "kubeadm 1", "not read yet 1"]),
    "a label": ("label:env", ["env=prod 2", "env=test 1", "without label env 2"]),
    "a label without a value": ("label:gpu", ["gpu 1", "without label gpu 4"]),
}


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(("by", "headings"), GROUPED.values(), ids=GROUPED)
def test_rows_are_grouped(as_viewer: Client, by: str, headings: list[str]) -> None:
    text = fleet(as_viewer, f"?by={by}").text
    places = [text.find(f"{heading} ", text.find("Read")) for heading in headings]

    assert -1 not in places
    assert places == sorted(places)


def test_groups_go_on_over_pages(as_viewer: Client) -> None:
    for number in range(60):
        add_cluster(f"c{number}")

    first, second = fleet(as_viewer, "?by=group"), fleet(as_viewer, "?by=group&page=2")

    assert "in no group 60 60 Not read yet" in first.text
    assert "in no group 60, continued" in second.text
    assert listed(second) == [f"c{number}" for number in range(50, 60)]


def test_all_rows_come_on_one_page_to_be_printed(as_viewer: Client) -> None:
    for number in range(60):
        add_cluster(f"c{number}")

    found = fleet(as_viewer, "?rows=all")

    assert len(listed(found)) == 60
    assert not [one for one in found.all("div") if "hx-get" in one]


WRITTEN = {
    "nothing": ("", ""),
    "in one order": (
        "sort=name&group=b&search=+x++y&group=a",
        "search=x+y&group=a&group=b&sort=name",
    ),
    "verdicts worst first": ("verdict=unknown&verdict=refused", "verdict=refused&verdict=unknown"),
    "once each": ("group=a&group=a", "group=a"),
    "no page": ("page=3&rows=all&group=a", "group=a"),
    "defaults": ("sort=verdict&by=", ""),
    "nothing unknown": ("sort=x&by=y&verdict=z&state=s&evil=1", ""),
    "a group that is none": ("group=" + "x" * 81, ""),
    "a label's name": ("by=label%3Ateam", "by=label%3Ateam"),
}


@pytest.mark.parametrize(("query", "written"), WRITTEN.values(), ids=WRITTEN)
def test_an_address_is_written_in_one_way(query: str, written: str) -> None:
    want = fleet_query.wanted(QueryDict(query))

    assert want.view == written
    assert fleet_query.of_text(written).view == written


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_an_address_are_text(as_editor: Client, name: str) -> None:
    hostile = name.replace("\0", "")[:60] or "x"
    show(TARGET, "one", group=hostile, labels={"a": hostile})
    show(TARGET, "two")
    query = QueryDict(mutable=True)
    query.update({"search": hostile, "group": hostile, "label": f"a={hostile}", "by": "group"})
    query["by"] = "label:a"

    for address in (f"?{query.urlencode()}", f"?by=group&group={query.urlencode()}", "?by=label:a"):
        found = fleet(as_editor, address)
        assert found.faults() == []
        assert len(found.all("img")) == 1
        assert "\u202e" not in found.text


def test_how_long_a_verdict_stands_is_said(as_viewer: Client) -> None:
    cluster = show(TARGET)
    cluster.verdict_changes.update(at=timezone.now() - timedelta(days=3, hours=1))

    found = fleet(as_viewer)

    assert "for 3 d" in found.text
    assert [one for one in found.all("span") if one.get("title", "").startswith("since 20")]


def test_accepted_findings_are_counted_apart(as_viewer: Client, editor: User) -> None:
    cluster, _ = show(REFUSED, "rome"), show(REFUSED, "oslo")
    key, severity = next(iter(cluster.current.findings.items()))
    until = risks.today() + timedelta(days=30)
    risks.accept(cluster, key, reason="known", until=until, actor=editor)

    before = set(listed(fleet(as_viewer, f"?severity={severity}")))
    accepted = fleet(as_viewer, "?state=accepted")

    assert before == {"oslo"}
    assert listed(accepted) == ["rome"]
    assert "1 accepted" in accepted.text
    assert "1 critical" not in accepted.text
