"""Clusters side by side on a page and as a file: a link is enough, and names stay text."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from authzviz import engine
from authzviz.engine.model import PolicyRule, Role, Snapshot
from dashboard.models import Cluster
from dashboard.services import facts, samples
from dashboard.services.spreadsheet import plain_cell
from tests.dashboard.assessments import HOSTILE, OVER_GRANTED, TARGET, UNKNOWN, hostile
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import Page, page, show
from tests.dashboard.snapshots import forbidden, legacy_bindings, snapshot
from tests.engine.build import ok

pytestmark = pytest.mark.django_db


def read(name: str, found: Snapshot | None = None, **fields: Any) -> Cluster:
    """A cluster as a poll leaves it, judged by the engine."""
    whole = found or snapshot()
    return show(engine.judge(whole), name, read=whole, **fields)


def query(*slugs: str, **more: str) -> str:
    return "&".join([*(f"c={slug}" for slug in slugs), *(f"{k}={v}" for k, v in more.items())])


def compared(client: Client, *slugs: str, **more: str) -> Page:
    answer = client.get(f"/clusters/compare/?{query(*slugs, **more)}")
    assert answer.status_code == 200
    return page(answer)


def rows(client: Client, *slugs: str, **more: str) -> list[list[str]]:
    answer = client.get(f"/clusters/compare/?{query(*slugs, **more)}&format=csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.fixture
def pair(db: None) -> None:
    read("fresh", snapshot("RBAC", nodes=ok(())))
    read("elder", snapshot("RBAC", cluster_role_bindings=legacy_bindings()))


@pytest.mark.usefixtures("pair")
def test_the_cause_comes_first_then_what_differs(as_viewer: Client) -> None:
    found = compared(as_viewer, "elder", "fresh")

    cause = found.text.index("fresh refuses its kubelets: the binding system:node has no subjects")
    assert cause < found.text.index("What differs") < found.text.index("alike in all")
    assert "2 clusters compared" in found.text
    assert found.text.count("≠ differs: ") >= 4
    assert not found.faults()
    assert max(found.ids.values()) == 1


@pytest.mark.usefixtures("pair")
def test_clusters_stand_in_the_order_of_the_link_once_each(as_viewer: Client) -> None:
    header = rows(as_viewer, "fresh", "elder", "fresh")[0]

    assert header[3:] == ["fresh", "elder"]


@pytest.mark.usefixtures("pair")
def test_a_baseline_is_chosen_and_dropped_by_links(as_viewer: Client) -> None:
    plain = compared(as_viewer, "elder", "fresh")
    based = compared(as_viewer, "elder", "fresh", baseline="elder")
    links = {link["href"] for link in plain.all("a")}

    assert "/clusters/compare/?c=elder&c=fresh&baseline=elder" in links
    assert "differs from elder" in based.text
    assert "/clusters/compare/?c=elder&c=fresh" in {link["href"] for link in based.all("a")}
    assert "/clusters/compare/?c=elder&c=fresh&baseline=elder&format=csv" in {
        link["href"] for link in based.all("a")
    }


@pytest.mark.usefixtures("pair")
def test_clusters_are_added_and_removed_by_links(as_viewer: Client) -> None:
    read("third")
    links = {link["href"] for link in compared(as_viewer, "elder", "fresh").all("a")}

    assert "/clusters/compare/?c=elder&c=fresh&c=third" in links
    assert {"/clusters/compare/?c=fresh", "/clusters/compare/?c=elder"} <= links


MESSAGES: dict[str, tuple[str, str]] = {
    "nothing": ("", "Choose at least 2 clusters"),
    "one": ("c=fresh", "Choose at least 2 clusters"),
    "an unknown one": (
        "c=fresh&c=elder&c=gone",
        "Not in the fleet: gone. The others are compared.",
    ),
    "one and an unknown one": ("c=fresh&c=gone", "Not in the fleet: gone."),
    "what is no slug": ("c=fresh&c=elder&c=%00%E2%80%AE", "Not in the fleet: ⟨U+0000⟩⟨U+202E⟩."),
    "an unknown baseline": ("c=fresh&c=elder&baseline=gone", "baseline of this link is not among"),
    "many unknown ones": ("&".join(f"c=no{n}" for n in range(15)), "no9 and 5 more."),
}


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(("asked", "words"), MESSAGES.values(), ids=MESSAGES)
def test_what_can_not_be_compared_is_said(as_viewer: Client, asked: str, words: str) -> None:
    answer = as_viewer.get(f"/clusters/compare/?{asked}")

    assert answer.status_code == 200
    assert words in page(answer).text


def test_more_than_twenty_are_cut_with_a_message(as_viewer: Client) -> None:
    names = [read(f"c{number:02}").slug for number in range(25)]
    found = compared(as_viewer, *names)
    beyond = compared(as_viewer, *names, *(f"no{number}" for number in range(200)))

    assert "20 clusters compared" in found.text
    assert "these are the first 20, 5 more are left out" in found.text
    assert "Add a cluster" not in found.text
    assert "these are the first 20, 130 more are left out" in beyond.text


def test_a_cluster_that_was_never_read_has_a_column_that_says_so(as_viewer: Client) -> None:
    read("one")
    read("two", snapshot("RBAC"))
    add_cluster("new")
    found = compared(as_viewer, "one", "new", "two", baseline="new")
    table = rows(as_viewer, "one", "new", "two")

    assert "not read yet queued…" in found.text
    assert "The baseline was not read yet" in found.text
    assert "alike in those that were read" in found.text
    assert {line[4] for line in table[1:] if line[0] != "Likely cause"} == {"not read yet"}


def test_nothing_that_was_read_is_no_comparison_and_no_error(as_viewer: Client) -> None:
    add_cluster("one")
    add_cluster("two")

    found = compared(as_viewer, "one", "two")

    assert "Nothing that is known of them" in found.text
    assert "Too few of them were read to compare" in found.text


def test_age_and_failure_of_each_are_shown(as_viewer: Client) -> None:
    read("old", age=timedelta(days=3), last_error="403: no more", last_error_at=None)
    read("new")
    found = compared(as_viewer, "old", "new")

    assert "3 d ago" in found.text
    assert "403: no more" in found.text


def test_what_is_not_known_is_marked_and_no_difference(as_viewer: Client) -> None:
    read("known")
    read("unknown", snapshot(cluster_role_bindings=forbidden()))
    found = compared(as_viewer, "known", "unknown")
    binding = next(
        line
        for line in rows(as_viewer, "known", "unknown")
        if line[1] == "ClusterRoleBinding system:node"
    )

    assert "? not known: not read" in found.text
    assert binding[2:] == ["no", "no subjects", "not read (403 Forbidden)"]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_b28_b29_names_are_text(as_viewer: Client, name: str) -> None:
    read("plain")
    show(hostile(name), "odd", read=snapshot(version=ok(name)))
    Cluster.objects.filter(slug="odd").update(name=name[:100])
    found = compared(as_viewer, "odd", "plain")

    assert not found.faults()
    assert not any("onerror" in attrs for _, attrs in found.elements)
    assert not set("\u202e\u200b\x00\x1b") & set(found.html)


CELLS = {
    "a formula": ("=1+1", "'=1+1"),
    "a plus": ("+1", "'+1"),
    "a minus": ("-1", "'-1"),
    "an at sign": ("@SUM(A1)", "'@SUM(A1)"),
    "a tab": ("\t=1", "'\t'=1"),
    "a line end": ("\n=1", "'\n'=1"),
    "a carriage return is written out": ("\r=1", "⟨U+000D⟩=1"),
    "plain": ("system:node", "system:node"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "cell"), CELLS.values(), ids=CELLS)
def test_b43_no_cell_is_a_formula(text: str, cell: str) -> None:
    assert plain_cell(text) == cell


def test_b43_names_in_the_file_are_plain_cells(as_viewer: Client) -> None:
    show(TARGET, "a")
    show(OVER_GRANTED, "b", read=snapshot(version=ok('=HYPERLINK("//evil")')))
    Cluster.objects.filter(slug="b").update(name='=cmd|" /C calc"!A0')
    table = rows(as_viewer, "a", "b")

    assert table[0][4] == '\'=cmd|" /C calc"!A0'
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in table for cell in line)


@pytest.mark.usefixtures("pair")
def test_the_file_has_a_safe_name_and_a_byte_order_mark(as_viewer: Client) -> None:
    answer = as_viewer.get("/clusters/compare/?c=fresh&c=elder&format=csv")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="comparison-2')
    assert answer.content.startswith(b"\xef\xbb\xbf")


@pytest.mark.usefixtures("pair")
def test_the_file_says_what_the_page_says(as_viewer: Client) -> None:
    table = rows(as_viewer, "elder", "fresh")
    by_what = {line[1]: line for line in table}

    assert len({len(line) for line in table}) == 1
    assert table[2][0] == "Likely cause"
    assert table[2][3:] == ["", "yes"]
    assert by_what["ClusterRoleBinding system:node"][2:] == [
        "no",
        "≠ Group system:nodes",
        "≠ no subjects",
    ]
    assert by_what["Authorizers, in order"][2:] == ["yes", "RBAC", "RBAC"]


def test_a_single_cluster_is_no_file(as_viewer: Client) -> None:
    read("one")
    answer = as_viewer.get("/clusters/compare/?c=one&format=csv")

    assert answer["Content-Type"].startswith("text/html")


def test_twenty_clusters_take_as_many_queries_as_two(as_viewer: Client) -> None:
    names = [read(f"c{number:02}").slug for number in range(20)]
    counts = []
    for number in (2, 20):
        with CaptureQueriesContext(connection) as queries:
            compared(as_viewer, *names[:number])
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 5


def test_the_fleet_page_chooses_without_a_script(as_viewer: Client) -> None:
    show(TARGET, "one")
    show(UNKNOWN, "two")
    found = page(as_viewer.get("/"))
    boxes = [box for box in found.all("input") if box.get("name") == "c"]

    assert {(box["value"], box["form"]) for box in boxes} == {("one", "bulk"), ("two", "bulk")}
    form = next(form for form in found.all("form") if form.get("id") == "bulk")
    assert (form["method"], form["action"]) == ("post", "/clusters/act/")

    answer = as_viewer.post("/clusters/act/", {"act": "compare", "c": ["one", "two"]})
    assert answer["Location"] == "/clusters/compare/?c=one&c=two"


def test_a_fleet_of_one_has_nothing_to_choose(as_viewer: Client) -> None:
    show(TARGET, "one")

    assert "bulk" not in page(as_viewer.get("/")).ids


def test_the_sample_fleet_tells_its_story(as_viewer: Client) -> None:
    samples.load()
    fleet = page(as_viewer.get("/"))
    link = next(a["href"] for a in fleet.all("a") if a["href"].startswith("/clusters/compare/?"))
    found = page(as_viewer.get(link))

    assert "5 clusters compared" in found.text
    assert "eu-5 refuses its kubelets: the binding system:node has no subjects" in found.text
    assert "eu-1 asks the same authorizers (RBAC) and works only because" in found.text
    assert "eu-2, eu-3 and eu-4 have the Node authorizer on" in found.text
    assert len(found.html) < 200_000


def test_a_lean_snapshot_is_the_whole_one_but_for_other_roles() -> None:
    roles = ok(
        (Role("system:node", rules=(PolicyRule(("get",), ("",), ("pods",)),)), Role("other"))
    )
    for cluster_roles in (roles, forbidden()):
        state = read(f"c{cluster_roles.outcome}", snapshot(cluster_roles=cluster_roles)).current
        whole, lean = facts.current_snapshot(state), facts.lean_snapshot(state)
        value = cluster_roles.value and cluster_roles.value[:1]

        assert lean == replace(whole, cluster_roles=replace(whole.cluster_roles, value=value))


@pytest.fixture
def many(db: None) -> None:
    """More clusters than are offered at once, two of which have a name that stands out."""
    for number in range(31):
        add_cluster(f"c-{number:02}")
    add_cluster("x-far")
    add_cluster("y-far")


def offered(found: Page) -> list[str]:
    """What each link adds to the clusters that are compared."""
    links = [link["href"] for link in found.all("a")]
    return [one.rsplit("c=", 1)[1] for one in links if one.startswith("/clusters/compare/?c=")]


@pytest.mark.usefixtures("many")
def test_a_cluster_to_add_is_found_among_all(as_viewer: Client) -> None:
    first = page(as_viewer.get("/clusters/compare/"))
    found = page(as_viewer.get("/clusters/compare/?find=FAR"))

    assert (len(offered(first)), "x-far" in offered(first)) == (30, False)
    assert "There are more" in first.text
    assert offered(found) == ["x-far", "y-far"]
    assert "There are more" not in found.text


@pytest.mark.usefixtures("many")
def test_htmx_gets_only_what_can_be_added(as_viewer: Client) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = page(
            as_viewer.get(
                "/clusters/compare/?c=x-far&baseline=x-far&find=far", headers={"HX-Request": "true"}
            )
        )

    assert [link["href"] for link in found.all("a")] == [
        "/clusters/compare/?c=x-far&c=y-far&baseline=x-far"
    ]
    assert found.all("table") == []
    assert len([one for one in queries if "current" in one["sql"]]) == 0


def test_no_name_that_is_looked_for_breaks_the_page(as_viewer: Client) -> None:
    found = page(as_viewer.get("/clusters/compare/", {"find": "\0<b>" + "x" * 999}))

    assert "No other cluster has this in its name." in found.text
    assert found.faults() == []


@pytest.mark.usefixtures("pair")
def test_the_baseline_has_a_column_of_its_own_look(as_viewer: Client) -> None:
    columns = compared(as_viewer, "elder", "fresh", baseline="fresh").all("col")

    assert [one.get("class", "") for one in columns] == ["", "", "is-baseline"]
