"""One act on many clusters: all of it or nothing, told exactly, and by whom it may be done."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client

from dashboard.models import AuditEvent, Cluster
from tests.dashboard.assessments import TARGET
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import RECORDED, page, show

pytestmark = pytest.mark.django_db
PAUSED = "the cluster is paused: resume it first"
READ_ONCE = "this cluster was read once, into a file: it can't be read again"


def act(client: Client, name: str, *slugs: str, **more: str) -> tuple[str, str]:
    """What the page says then, and the tags of that."""
    answer = client.post("/clusters/act/", {"act": name, "c": slugs, **more})
    *_, message = get_messages(answer.wsgi_request)
    return str(message), message.tags


@pytest.fixture
def three() -> None:
    show(TARGET, "a", labels={"env": "prod"}, group="Asia")
    show(TARGET, "b", is_paused=True)
    show(TARGET, "rec", **RECORDED)


ACTS: dict[str, tuple[str, dict[str, str], str, dict[str, Any]]] = {
    "read": (
        "read",
        {},
        f"1 cluster being read now. Skipped 1: b ({PAUSED}). Skipped 1: rec ({READ_ONCE}).",
        {},
    ),
    "pause": (
        "pause",
        {},
        f"1 cluster paused. Skipped 1: b (paused already). Skipped 1: rec ({READ_ONCE}).",
        {"is_paused": [True, True, False]},
    ),
    "resume": (
        "resume",
        {},
        f"1 cluster resumed. Skipped 1: a (not paused). Skipped 1: rec ({READ_ONCE}).",
        {"is_paused": [False, False, False]},
    ),
    "group": (
        "group",
        {"group_text": " Asia "},
        "2 clusters put into the group Asia. Skipped 1: a (in it already).",
        {"group": ["Asia", "Asia", "Asia"]},
    ),
    "no group": (
        "group",
        {"group_text": ""},
        "1 cluster now in no group. Skipped 2: b, rec (in no group).",
        {"group": ["", "", ""]},
    ),
    "label": (
        "label",
        {"label_text": "env=prod"},
        "2 clusters labelled env=prod. Skipped 1: a (labelled so already).",
        {"labels": [{"env": "prod"}] * 3},
    ),
    "unlabel": (
        "unlabel",
        {"unlabel_text": "env"},
        "1 cluster without the label env now. Skipped 2: b, rec (not labelled so).",
        {"labels": [{}, {}, {}]},
    ),
    "interval": (
        "interval",
        {"interval_text": "300"},
        f"2 clusters read every 5 minutes from now on. Skipped 1: rec ({READ_ONCE}).",
        {"interval_seconds": [300, 300, 60]},
    ),
}


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(("name", "given", "words", "after"), ACTS.values(), ids=ACTS)
def test_what_can_be_done_is_done_and_the_rest_is_told(
    as_editor: Client, name: str, given: dict[str, str], words: str, after: dict[str, list[Any]]
) -> None:
    before = AuditEvent.objects.count()

    said, tags = act(as_editor, name, "a", "b", "rec", **given)

    assert said == words
    for field, values in after.items():
        assert list(Cluster.objects.order_by("name").values_list(field, flat=True)) == values
    events = AuditEvent.objects.order_by("pk")[before:]
    (batch,) = {event.batch for event in events}
    assert len(events) == int(words[0])
    assert tags == ("success" if name == "read" else f"undo:{batch} success")


WRONG = {
    "nothing ticked": ("pause", [], {}, "no cluster is ticked"),
    "only what is gone": ("pause", ["gone"], {}, "no cluster is ticked"),
    "no such act": ("explode", ["a"], {}, "there is no such act"),
    "no label": ("label", ["a"], {"label_text": " "}, "write the label"),
    "what is no label": ("label", ["a"], {"label_text": "<b>=1"}, "is no label"),
    "no interval": ("interval", ["a"], {"interval_text": "1"}, "choose how often"),
}


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(("name", "slugs", "given", "why"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_changes_nothing(
    as_editor: Client, name: str, slugs: list[str], given: dict[str, str], why: str
) -> None:
    before = AuditEvent.objects.count()

    said, tags = act(as_editor, name, *slugs, **given)

    assert said.startswith("Nothing was changed: ")
    assert why in said
    assert tags == "error"
    assert AuditEvent.objects.count() == before


def test_more_than_a_thousand_are_refused(as_editor: Client) -> None:
    add_cluster("a")
    ticked = " ".join(f"c{number}" for number in range(1001))

    said, _ = act(as_editor, "pause", "a", ticked=ticked)

    assert "at most 1000 clusters" in said


def test_ticks_of_other_pages_go_along(as_editor: Client, three: None) -> None:
    said, _ = act(as_editor, "group", "a", ticked="b rec a", group_text="X")

    assert said == "3 clusters put into the group X."


def test_all_that_an_address_finds_is_acted_on(as_editor: Client, three: None) -> None:
    said, _ = act(as_editor, "label", query="group=Asia", all="1", label_text="x=y")

    assert said == "1 cluster labelled x=y."
    assert Cluster.objects.get(labels__x="y").name == "a"
    assert "no cluster is found" in act(as_editor, "read", query="group=no", all="1")[0]


def test_all_that_an_address_finds_is_compared_in_its_order(as_viewer: Client, three: None) -> None:
    data = {"act": "compare", "query": "sort=-name", "all": "1", "ticked": "a"}
    answer = as_viewer.post("/clusters/act/", data)

    assert answer["Location"] == "/clusters/compare/?c=rec&c=b&c=a"


def test_what_is_compared_stands_in_the_order_of_the_ticks(as_viewer: Client, three: None) -> None:
    data = {"act": "compare", "c": ["a", "b"], "ticked": "rec b a"}

    assert as_viewer.post("/clusters/act/", data)["Location"].endswith("?c=rec&c=b&c=a")


def test_the_way_leads_back_to_what_was_shown(as_editor: Client, three: None) -> None:
    data = {"act": "pause", "c": "a", "query": "sort=name&evil=//x&group=Asia"}
    answer = as_editor.post("/clusters/act/", data)

    assert answer["Location"] == "/?group=Asia&sort=name"


def test_removing_asks_and_lists_them(as_editor: Client, three: None) -> None:
    Cluster.objects.filter(name="b").update(name="<i>b\u202e")
    asked = page(as_editor.post("/clusters/act/", {"act": "remove", "c": ["a", "b"]}))

    assert "Remove 2 clusters?" in asked.text
    assert "<i>b⟨U+202E⟩" in asked.text
    assert asked.faults() == []
    assert Cluster.objects.count() == 3
    form = {one["name"]: one["value"] for one in asked.all("input") if "name" in one}
    said, tags = act(as_editor, form["act"], ticked=form["ticked"], confirmed=form["confirmed"])
    assert said == "2 clusters removed."
    assert tags == "success"
    assert list(Cluster.objects.values_list("name", flat=True)) == ["rec"]


def test_what_many_removals_leave_is_erased_once(
    as_editor: Client, three: None, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as afterwards:
        said, _ = act(as_editor, "remove", "a", "b", "rec", confirmed="1")

    assert said == "3 clusters removed."
    assert len(afterwards) == (connection.vendor == "sqlite")


@pytest.mark.parametrize("name", ["pause", "remove", "group", "explode"])
def test_viewers_only_compare(as_viewer: Client, three: None, name: str) -> None:
    answer = as_viewer.post("/clusters/act/", {"act": name, "c": ["a"], "confirmed": "1"})

    assert answer.status_code == 403
    assert Cluster.objects.filter(is_paused=True).count() == 1
    buttons = [one["value"] for one in page(as_viewer.get("/")).all("button") if "value" in one]
    assert [one for one in buttons if one not in {"light", "dark", "system"}] == ["compare"]


def test_visitors_and_other_methods_do_nothing(client: Client, as_editor: Client) -> None:
    assert client.post("/clusters/act/")["Location"].startswith("/account/login/")
    assert as_editor.get("/clusters/act/").status_code == 405
