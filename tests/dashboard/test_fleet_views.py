"""Views of the fleet that are kept, and the fleet as a file."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from dashboard.models import AuditEvent, CurrentState, SavedView, User
from dashboard.services import saved_views
from tests.dashboard.assessments import REFUSED, TARGET
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import page, show
from tests.dashboard.test_pages_fleet import fleet

pytestmark = pytest.mark.django_db


def save(client: Client, name: str, query: str) -> str:
    answer = client.post("/views/", {"name": name, "query": query}, follow=True)
    return page(answer).text


def test_an_editor_keeps_a_view_and_everybody_sees_it(as_editor: Client, as_viewer: Client) -> None:
    show(TARGET, group="Europe")

    save(as_editor, " Europe  first ", "?page=2&group=Europe&evil=<script>&sort=name")

    view = SavedView.objects.get()
    assert (view.name, view.query) == ("Europe first", "group=Europe&sort=name")
    links = fleet(as_viewer, "?sort=name&group=Europe").all("a")
    (tab,) = [one for one in links if one.get("id") == f"view-{view.pk}"]
    assert (tab["href"], tab["aria-current"]) == ("/?group=Europe&sort=name", "page")
    event = AuditEvent.objects.get(action="view saved")
    assert (event.about, event.detail) == ("Europe first", {"query": "group=Europe&sort=name"})


REFUSED_VIEWS = {
    "no name": (" ", "group=a", "a name"),
    "a long name": ("x" * 61, "group=a", "a name"),
    "nothing to keep": ("new", "page=3&evil=1", "whole fleet"),
    "a taken name": ("old", "group=b", "Another view"),
    "too much": ("new", "&".join(f"group={'x' * 60}{n}" for n in range(40)), "too much"),
}


@pytest.mark.parametrize(("name", "query", "why"), REFUSED_VIEWS.values(), ids=REFUSED_VIEWS)
def test_what_is_no_view_is_not_kept(
    as_editor: Client, editor: User, name: str, query: str, why: str
) -> None:
    show(TARGET)
    saved_views.save("old", "group=a", actor=editor)

    assert why in save(as_editor, name, query)
    assert SavedView.objects.count() == 1


def test_at_most_fifty_views_are_kept(as_editor: Client, editor: User) -> None:
    show(TARGET)
    for number in range(50):
        saved_views.save(f"v{number}", f"group=g{number}", actor=editor)

    assert "At most 50" in save(as_editor, "one more", "group=x")


def test_a_view_is_forgotten_after_a_question(as_editor: Client, editor: User) -> None:
    show(TARGET)
    view = saved_views.save("<b>old\u202e", "group=a", actor=editor)
    address = f"/views/{view.pk}/remove/"

    asked = page(as_editor.get(address))

    assert asked.faults() == []
    assert "<b>old⟨U+202E⟩" in asked.text
    assert SavedView.objects.exists()
    as_editor.post(address)
    assert not SavedView.objects.exists()
    assert AuditEvent.objects.filter(action="view removed", about="<b>old\u202e").exists()
    assert as_editor.get(address).status_code == 404


def test_viewers_and_visitors_keep_no_views(
    client: Client, as_viewer: Client, editor: User
) -> None:
    view = saved_views.save("old", "group=a", actor=editor)

    for address in ("/views/", f"/views/{view.pk}/remove/"):
        assert as_viewer.post(address, {"name": "x", "query": "group=a"}).status_code == 403
        assert client.post(address)["Location"].startswith("/account/login/")
    assert as_viewer.get("/views/").status_code == 405
    assert SavedView.objects.count() == 1


def lines(client: Client, query: str = "") -> list[list[str]]:
    answer = client.get(f"/fleet.csv{query}")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="fleet-20')
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_what_is_found_comes_as_a_file(as_viewer: Client) -> None:
    show(REFUSED, "rome", group="Europe", labels={"env": "prod"})
    show(TARGET, "tokyo", group="Asia")
    add_cluster("new")
    CurrentState.objects.filter(cluster__name="rome").update(findings={"a": "high", "b": "high"})

    head, *every = lines(as_viewer)
    (rome,) = lines(as_viewer, "?group=Europe")[1:]

    assert [line[0] for line in every] == ["rome", "tokyo", "new"]
    assert {len(line) for line in (head, *every)} == {len(head)}
    told = dict(zip(head, rome, strict=True))
    assert told["Verdict"] == "Refused"
    assert told["Labels"] == "env=prod"
    assert (told["Findings: critical"], told["Findings: high"]) == ("0", "2")
    assert told["Server"] == "https://10.0.0.1:6443"
    unread = dict(zip(head, every[-1], strict=True))
    assert (unread["Verdict"], unread["Nodes"], unread["Read at"]) == ("Not read yet", "", "")


def test_a_thousand_clusters_in_a_file_are_few_queries(
    as_viewer: Client, django_assert_max_num_queries: object
) -> None:
    show(TARGET)

    with django_assert_max_num_queries(6):  # type: ignore[operator]  # a fixture
        lines(as_viewer)


def test_b43_no_cell_of_the_file_is_a_formula(as_viewer: Client) -> None:
    show(TARGET, "=cmd|' /C calc'!A0", group="@SUM(1)", last_error="+1\u202e")

    cells = lines(as_viewer)[1]

    assert cells[0] == "'=cmd|' /C calc'!A0"
    assert "'@SUM(1)" in cells
    assert "'+1⟨U+202E⟩" in cells


def test_visitors_get_no_file(client: Client) -> None:
    assert client.get("/fleet.csv")["Location"].startswith("/account/login/")
