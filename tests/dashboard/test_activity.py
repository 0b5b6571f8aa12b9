"""The page of what people did."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.models import AuditEvent, Cluster, User
from dashboard.services import activity, audit, clusters, undoing
from dashboard.shown.activity import Line
from dashboard.shown.acts import ACTS
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import Page

pytestmark = pytest.mark.django_db

PAGE = "/activity/"
OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"
HOSTILE = f"<b>rm{OVERRIDE}fdp</b>"
HOUR = timedelta(hours=1)
SOURCES = Path(activity.__file__).parent


def shown(client: Client, query: str = "") -> Page:
    return Page(client.get(PAGE + query).content.decode())


def lines(client: Client, query: str = "") -> list[str]:
    """What each line of the page says, without its time."""
    page = client.get(PAGE + query).context["page"]
    return [" and ".join(_said(line)) for day in page.days for line in day.lines]


def _said(line: Line) -> Iterator[str]:
    for number, one in enumerate(line.sentences):
        who = "" if number else f"{line.who} "
        tags = "undo " * line.is_undoing + "undone " * line.was_undone
        details = "".join(f", {name} {words}" for name, words in one.details)
        things = "".join(f" {thing.name}" for thing in one.things)
        more = f" +{one.more}" if one.more else ""
        yield f"{who}{'' if number else tags}{one.words}{details}{things}{more}"


def note(action: str = "cluster polled", **values: Any) -> AuditEvent:
    """An act of anna, now."""
    given = {"at": timezone.now(), "actor_name": "anna", "about": "alpha", **values}
    return AuditEvent.objects.create(action=action, **given)


def test_every_act_that_is_written_down_has_words() -> None:
    source = "".join(file.read_text() for file in SOURCES.glob("*.py"))
    written = set(re.findall(r'record\(\s*"([^"]+)"', source))
    written |= set(re.findall(r'action = "([^"]+)" if \w+ else "[^"]+"', source))
    written |= set(re.findall(r'action = "[^"]+" if \w+ else "([^"]+)"', source))
    written |= {clusters.ADDED, clusters.RECORDING_ADDED, clusters.BUNDLE_ADDED}
    written |= set(undoing.REVERSALS)

    assert written <= set(ACTS)
    assert len(written) > 20
    sprite = Path("dashboard/static/vendor/icons.svg").read_text()
    assert not [act for act in ACTS.values() if f'id="{act.icon}"' not in sprite]


def test_what_was_done_stands_by_day_newest_first(
    as_viewer: Client, cluster: Cluster, editor: User
) -> None:
    note("cluster removed", about="old one", at=timezone.now() - timedelta(days=1))
    note("cluster removed", about="older one", at=timezone.now() - timedelta(days=9))
    clusters.set_labels(cluster, {"env": "prod"}, actor=editor)
    clusters.set_interval(cluster, 300, actor=editor)

    found = shown(as_viewer)

    assert lines(as_viewer) == [
        "editor changed how often to read alpha, was every 60 s, is every 300 s",
        "editor changed the labels of alpha, is env=prod",
        "command line added alpha, server https://10.0.0.1:6443",
        "anna removed old one",
        "anna removed older one",
    ]
    assert re.search(r"Today, .* Yesterday, .* removed old one", found.text)
    links = [one["href"] for one in found.all("a")]
    assert links.count(f"/clusters/{cluster.slug}/") == 3
    assert not [one for one in found.all("form") if "/undo/" in one.get("action", "")]
    assert found.faults() == []


def test_one_click_on_many_clusters_is_one_line(as_editor: Client, editor: User) -> None:
    every = [add_cluster(f"c{number}") for number in range(5)]
    with audit.together() as grouped:
        for one in every:
            clusters.set_group(one, "Europe", actor=editor)
    with audit.together() as settings:
        clusters.set_paused(every[0], is_paused=True, actor=editor)
        clusters.set_labels(every[0], {"a": "b"}, actor=editor)
    clusters.remove(every[1], actor=editor)
    undoing.undo(settings, actor=editor)

    found = shown(as_editor)

    assert lines(as_editor)[:4] == [
        "editor undo changed the labels of c0, was a=b and resumed reading c0",
        "editor removed c1, server https://10.0.0.1:6443",
        "editor undone paused reading c0 and changed the labels of c0, is a=b",
        "editor changed the group of 5 clusters, is Europe c0 c1 c2 +2",
    ]
    offered = [one["action"] for one in found.all("form") if "/undo/" in one.get("action", "")]
    latest = AuditEvent.objects.latest("pk").batch
    assert offered == [f"/undo/{latest}/", f"/undo/{grouped}/"]
    assert {"href": f"{PAGE}?batch={grouped}"} in found.all("a")
    assert len(lines(as_editor, f"?batch={grouped}")) == 5
    assert "All that was done by one click" in shown(as_editor, f"?batch={grouped}").text


FILTERS = {
    "person": ("?person=anna", "a"),
    "nobody": ("?person=nobody", ""),
    "act": ("?act=cluster+polled", "ba"),
    "cluster by slug": ("?cluster=alpha", "cb"),
    "cluster by name": ("?cluster=Alpha+one", "cb"),
    "cluster that is gone": ("?cluster=gone", ""),
    "from": ("?from=2026-03-02", "cb"),
    "to": ("?to=2026-03-01", "a"),
    "a day": ("?from=2026-03-02&to=2026-03-02", "b"),
    "until the end of time": ("?to=9999-12-31", "cba"),
    "a thing": ("?search=A", "a"),
    "a person": ("?search=BER", "b"),
    "nothing": ("?search=nowhere", ""),
    "two at once": ("?person=bert&act=cluster+paused", ""),
    "what can't be meant": ("?from=soon&to=&batch=x&before=-1&search=%00", "cba"),
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.values(), ids=FILTERS)
def test_acts_are_filtered(as_viewer: Client, query: str, expected: str) -> None:
    cluster = add_cluster()
    Cluster.objects.update(name="Alpha one")
    AuditEvent.objects.filter(pk__gt=0)._raw_delete("default")
    first = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    note(about="a", at=first)
    note(about="b", actor_name="bert", at=first + HOUR, cluster=cluster)
    note("cluster paused", about="c", actor_name="kim", at=first + 99 * HOUR, cluster=cluster)

    page = as_viewer.get(PAGE + query).context["page"]

    things = [line.sentences[0].thing.name for day in page.days for line in day.lines]
    assert "".join(things) == expected


def test_pages_follow_each_other_without_gap_or_repeat(
    as_viewer: Client, editor: User, cluster: Cluster
) -> None:
    at = timezone.now()
    for number in range(60):
        note(about=f"n{number}", at=at)
        with audit.together():
            for _ in range(2):
                audit.record("cluster polled", actor=editor, about=f"b{number}")
    AuditEvent.objects.filter(about__startswith="b").update(at=at)

    first = as_viewer.get(PAGE).context["page"]
    second = as_viewer.get(PAGE + first.following).context["page"]
    third = as_viewer.get(PAGE + second.following).context["page"]

    every = [line for page in (first, second, third) for day in page.days for line in day.lines]
    assert [len(page.days[0].lines) for page in (first, second)] == [50, 50]
    assert len(every) == 121
    assert len({(line.who, line.words, line.batch) for line in every}) == 62
    assert third.following == ""
    assert (first.latest, second.latest) == ("", "?")


def test_a_search_says_how_far_it_came_and_goes_on(
    as_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "LOOKED_THROUGH", 3)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(7):
        note(about="needle" if number == 0 else "hay", at=start + number * HOUR)

    first = shown(as_viewer, "?search=needle")
    page = as_viewer.get(PAGE + "?search=needle").context["page"]
    second = as_viewer.get(PAGE + page.following).context["page"]
    third = as_viewer.get(PAGE + second.following).context["page"]

    assert "Nothing found yet" in first.text
    assert "Searched back to 2026-03-01 04:00 UTC" in first.text
    assert not second.days
    assert [line.words for line in third.days[0].lines] == ["anna asked to read needle at once"]


def test_the_file_holds_each_act_and_no_formula(as_viewer: Client, editor: User) -> None:
    first, second = add_cluster("=cmd|' /C calc'!A0"), add_cluster("beta")
    with audit.together() as batch:
        for one in (first, second):
            clusters.set_group(one, "@group", actor=editor)

    answer = as_viewer.get(PAGE + "?person=editor&format=csv")

    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer["Content-Disposition"].startswith('attachment; filename="activity-')
    assert [line[1:] for line in table] == [
        ["Person", "Act", "About", "Details", "Undoes an act", "Acts of one click"],
        ["editor", "Group changed", "beta", "is @group", "", str(batch)],
        ["editor", "Group changed", "'=cmd|' /C calc'!A0", "is @group", "", str(batch)],
    ]


def test_no_more_than_so_many_acts_are_saved(
    as_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "MOST_EXPORTED", 2)
    for number in range(3):
        note(about=f"n{number}")

    answer = as_viewer.get(PAGE + "?format=csv").content.decode("utf-8-sig")

    assert [line[3] for line in csv.reader(io.StringIO(answer))] == ["About", "n2", "n1"]


def test_names_are_shown_as_text(as_editor: Client, cluster: Cluster) -> None:
    Cluster.objects.update(name=HOSTILE)
    note(HOSTILE, actor_name=HOSTILE, about=HOSTILE, cluster=cluster, detail={HOSTILE: HOSTILE})
    note("cluster polled", about="")

    found = shown(as_editor)
    chosen = shown(as_editor, f"?cluster={cluster.slug}&person={HOSTILE}&search=<b>")

    assert found.text.count("<b>rm⟨U+202E⟩fdp</b>") == 5
    assert "asked to read someone at once" in found.text
    for page in (found, chosen):
        assert OVERRIDE not in page.text
        assert not page.all("b")
        assert page.faults() == []


def test_an_empty_page_says_why(as_viewer: Client) -> None:
    empty = shown(as_viewer)
    filtered = shown(as_viewer, f"?batch={uuid4()}&cluster=gone")

    assert "Nothing yet" in empty.text
    assert "Save as CSV" not in empty.text
    assert "No act matches" in filtered.text
    assert "No cluster of the fleet is called gone." in filtered.text


def test_the_number_of_queries_stays_the_same(as_editor: Client, editor: User) -> None:
    def queries(query: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert as_editor.get(PAGE + query).status_code == 200
        return len(found)

    def act(number: int) -> UUID:
        with audit.together() as batch:
            for one in every[:number]:
                clusters.set_group(one, f"group {uuid4()}", actor=editor)
        return batch

    every = [add_cluster(f"c{number}") for number in range(12)]
    act(2)
    few = queries("")
    for number in range(1, 12):
        act(number)

    assert queries("") == few
    assert queries(f"?search=c&cluster=c1&before={AuditEvent.objects.latest('pk').pk}") <= few + 3


def test_the_page_is_for_people_who_are_signed_in(as_viewer: Client) -> None:
    assert Client().get(PAGE)["Location"].startswith(reverse("account_login"))
    assert as_viewer.post(PAGE).status_code == 405
