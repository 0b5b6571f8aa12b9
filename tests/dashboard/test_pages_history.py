"""The history of a cluster and of the fleet, as pages show it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from authzviz import engine
from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Binding, RoleRef, Snapshot, Subject
from dashboard.models import AuditEvent, Cluster, Source, StoredSnapshot, User, VerdictChange
from dashboard.services import bundles, changes, history, judging
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import Page, page
from tests.dashboard.snapshots import READ_AT, forbidden, legacy_bindings, snapshot
from tests.engine.build import NODE_ROLE, ok

pytestmark = pytest.mark.django_db
START = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
LEGACY = {"cluster_role_bindings": legacy_bindings()}
HOSTILE = "\N{RIGHT-TO-LEFT OVERRIDE}<script>alert(1)</script>"


def seen(modes: str = "Node,RBAC", **changes: Any) -> Snapshot:
    """A cluster with the whole ClusterRole system:node."""
    return snapshot(modes, **{"cluster_roles": ok((NODE_ROLE,)), **changes})


def read(cluster: Cluster, day: float, found: Snapshot) -> StoredSnapshot:
    """What a poll stores that reads `found` on that day."""
    at = START + timedelta(days=day)
    found = dataclasses.replace(found, read_at=at, server_time=at)
    with transaction.atomic():
        state = judging.store(cluster, found, engine.judge(found))
    Cluster.objects.filter(pk=cluster.pk).update(last_success_at=at)
    return state.snapshot


def many(cluster: Cluster, number: int, **fields: Any) -> None:
    """So many snapshots with a verdict each, made up: nothing of them is unpacked."""
    at = [START + timedelta(hours=n) for n in range(number)]
    words = [{"about": "nodes", "words": f"{n} nodes joined", "means": ""} for n in range(2)]
    values = {"facts_hash": "x", "bundle": b"none", "is_whole": True, "changes": words, **fields}
    made = StoredSnapshot.objects.bulk_create(
        StoredSnapshot(cluster=cluster, first_seen_at=when, last_seen_at=when, **values)
        for when in at
    )
    VerdictChange.objects.bulk_create(
        VerdictChange(
            cluster=cluster,
            snapshot=stored,
            at=stored.first_seen_at,
            verdict=("refused", "mixed")[place % 2],
            previous=("mixed", "refused")[place % 2] if place else "",
            summary="As it is.",
            engine_version=1,
        )
        for place, stored in enumerate(made)
    )
    AuditEvent.objects.bulk_create(
        AuditEvent(at=when, actor_name="someone", action="cluster paused", cluster=cluster)
        for when in at
    )


def shown(client: Client, cluster: Cluster, query: str = "") -> Page:
    """A cluster's history, or two of its snapshots compared."""
    answer = client.get(reverse("cluster_history", args=(cluster.slug,)) + query)
    assert answer.status_code == 200
    found = page(answer)
    assert found.faults() == []
    assert max(found.ids.values()) == 1
    return found


def fleet(client: Client, query: str = "") -> Page:
    """The fleet's history."""
    answer = client.get(reverse("history") + query)
    assert answer.status_code == 200
    found = page(answer)
    assert found.faults() == []
    return found


def test_what_changed_is_told_newest_first(as_viewer: Client, cluster: Cluster) -> None:
    read(cluster, 0, seen("RBAC", **LEGACY))
    read(cluster, 1, seen("RBAC"))
    read(cluster, 2, seen("Node,RBAC"))

    text = shown(as_viewer, cluster).text

    said = [
        "Apiserver cp1: the authorizers were RBAC, and are Node,RBAC",
        "the Node authorizer serves kubelets",
        "ClusterRoleBinding system:node lost Group system:nodes",
        "with the Node authorizer off, what no other binding grants is refused",
        "First snapshot",
    ]
    assert [text.index(words) for words in said] == sorted(text.index(words) for words in said)
    assert "Legacy binding → became Refused" in text
    assert "Refused → became Node authorizer" in text


def test_verdicts_stand_in_a_chart_and_in_a_table(as_viewer: Client, cluster: Cluster) -> None:
    read(cluster, 0, seen("RBAC", **LEGACY))
    read(cluster, 3, seen("RBAC"))
    read(cluster, 3.5, seen())

    found = shown(as_viewer, cluster)

    rows = [attrs["id"] for attrs in found.all("tr") if "id" in attrs]
    steps = [attrs["href"] for attrs in found.all("a") if attrs.get("class", "")[:4] == "step"]
    assert sorted(steps) == sorted(f"#{row}" for row in rows)
    assert "Legacy binding for 3 days, from 2026-10-01 09:00 UTC" in found.text
    assert "3 days" in found.text
    assert "12 hours" in found.text
    assert "the latest read" in found.text
    assert not [attrs for attrs in found.all("svg") if "role" in attrs]


def test_one_read_is_no_chart(as_viewer: Client, cluster: Cluster) -> None:
    read(cluster, 0, seen())

    found = shown(as_viewer, cluster)

    assert "Never otherwise since the first read, at 2026-10-01 09:00 UTC" in found.text
    assert not found.all("select")
    assert "step-chart" not in found.html


def test_a_recording_says_that_it_was_read_once(as_viewer: Client) -> None:
    recorded = bundles.add(seen(), source=Source.RECORDING, actor=None)

    assert "Read once, at 2026-11-24 09:00 UTC" in shown(as_viewer, recorded).text


def test_a_cluster_never_read_has_no_history_but_what_was_done(
    as_viewer: Client, cluster: Cluster
) -> None:
    text = shown(as_viewer, cluster).text
    AuditEvent.objects.all()._raw_delete("default")

    assert "command line added this cluster" in text
    assert "The history begins with the first good read." in shown(as_viewer, cluster).text


def test_what_could_not_be_read_is_never_gone(as_viewer: Client, cluster: Cluster) -> None:
    read(cluster, 0, seen("RBAC", **LEGACY))
    read(cluster, 1, seen("RBAC", cluster_role_bindings=forbidden()))

    text = shown(as_viewer, cluster).text

    assert "ClusterRoleBindings can't be read any more, since the apiserver forbids it" in text
    assert "is gone" not in text
    assert "lost" not in text


def test_a_change_that_no_words_tell_is_said_to_matter_little(
    as_viewer: Client, cluster: Cluster
) -> None:
    many(cluster, 2, changes=[])

    assert "Nothing that matters to kubelets" in shown(as_viewer, cluster).text


def test_another_engine_is_told_from_another_cluster(as_viewer: Client, cluster: Cluster) -> None:
    stored = read(cluster, 0, seen("RBAC", **LEGACY))
    VerdictChange.objects.create(
        cluster=cluster,
        snapshot=stored,
        at=START + timedelta(days=4),
        verdict="mixed",
        summary="As it is.",
        engine_version=99,
    )
    VerdictChange.objects.create(
        cluster=cluster,
        at=START + timedelta(days=5),
        verdict="a verdict of another version",
        summary="",
        engine_version=99,
    )

    text = shown(as_viewer, cluster).text

    assert "Judged anew from the same facts." in text
    assert "From the same facts: authzviz was updated, or single nodes differ." in text
    assert "Verdict changed Mixed → became not known" in text


def test_what_people_did_stands_in_between(as_viewer: Client, cluster: Cluster) -> None:
    read(cluster, 0, seen("RBAC"))
    read(cluster, 2, seen())
    AuditEvent.objects.create(
        at=START + timedelta(days=1),
        actor_name=f"maria {HOSTILE}",
        action="cluster renamed",
        cluster=cluster,
        detail={"before": "old", "to": "new", "none": ""},
    )

    found = shown(as_viewer, cluster)

    assert "maria ⟨U+202E⟩<script>alert(1)</script> renamed this cluster" in found.text
    assert "was old is new" in found.text
    assert found.text.index("Node,RBAC") < found.text.index("renamed this")
    assert found.text.index("renamed this") < found.text.index("First snapshot")
    assert not [one for one in found.all("script") if "src" not in one]


def test_names_are_text_and_are_cut(as_viewer: Client, cluster: Cluster) -> None:
    nodes = (Subject("Group", "system:nodes"),)
    name = HOSTILE + "y" * 1000
    evil = Binding(name, RoleRef("ClusterRole", "system:node"), subjects=nodes)
    one = read(cluster, 0, seen())
    two = read(cluster, 1, seen(cluster_role_bindings=ok((evil,))))

    page_of_history = shown(as_viewer, cluster)
    compared = shown(as_viewer, cluster, f"?from={one.pk}&to={two.pk}")

    for found in (page_of_history, compared):
        assert "⟨U+202E⟩<script>alert(1)</script>yyy" in found.text
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in found.html
    assert "y" * 1000 not in page_of_history.html


def test_any_two_snapshots_are_compared(as_viewer: Client, cluster: Cluster) -> None:
    first = read(cluster, 0, seen("RBAC", **LEGACY))
    read(cluster, 1, seen("RBAC"))
    last = read(cluster, 3, seen("Node,RBAC", version=ok("v1.36.1")))

    forth = shown(as_viewer, cluster, f"?from={first.pk}&to={last.pk}")
    back = shown(as_viewer, cluster, f"?from={last.pk}&to={first.pk}")

    assert "From 2026-10-01 09:00 UTC to 2026-10-04 09:00 UTC , 3 days apart" in forth.text
    assert "Legacy binding → became Node authorizer" in forth.text
    assert "Kubernetes was v1.37.2, and is v1.36.1" in forth.text
    assert "ClusterRoleBinding system:node lost Group system:nodes" in forth.text
    assert "From 2026-10-01 09:00 UTC to 2026-10-04 09:00 UTC , 3 days apart" in back.text
    assert "Legacy binding → became Node authorizer" in back.text


def test_a_snapshot_is_the_same_as_itself(as_viewer: Client, cluster: Cluster) -> None:
    stored = read(cluster, 0, seen())

    text = shown(as_viewer, cluster, f"?from={stored.pk}&to={stored.pk}").text

    assert "to the same snapshot" in text
    assert "Nothing that matters to kubelets" in text


def test_a_snapshot_that_cannot_be_read_any_more_is_said_to_be_so(
    as_viewer: Client, cluster: Cluster
) -> None:
    many(cluster, 1)
    old = StoredSnapshot.objects.get()
    new = read(cluster, 1, seen())

    compared = shown(as_viewer, cluster, f"?from={old.pk}&to={new.pk}").text

    assert "One of these snapshots can't be read any more" in compared
    assert changes.UNREADABLE in shown(as_viewer, cluster).text


GONE = {
    "never there": "?from=999999&to=999999",
    "only one": "?from={own}",
    "of another cluster": "?from={own}&to={other}",
    "no number": "?from={own}&to=x",
    "no ASCII number": "?from={own}&to=²",
    "too large a number": "?from={own}&to=99999999999999999999999",
}


@pytest.mark.parametrize("query", GONE.values(), ids=GONE)
def test_snapshots_that_are_not_there_are_404(
    as_viewer: Client, cluster: Cluster, query: str
) -> None:
    own, other = read(cluster, 0, seen()), read(add_cluster("beta"), 0, seen())
    address = reverse("cluster_history", args=(cluster.slug,))

    answer = as_viewer.get(address + query.format(own=own.pk, other=other.pk))

    assert answer.status_code == 404


def test_a_long_history_comes_in_pages(as_viewer: Client, cluster: Cluster) -> None:
    many(cluster, history.SNAPSHOTS_PER_PAGE + 10)

    first, second = shown(as_viewer, cluster), shown(as_viewer, cluster, "?page=2")

    assert "Page 1 of 2" in first.text
    assert "Page 2 of 2" in second.text
    assert first.html.count("timeline-snapshot") == history.SNAPSHOTS_PER_PAGE
    assert second.html.count("timeline-snapshot") == 10
    assert first.html.count("timeline-act") + second.html.count("timeline-act") == 36
    assert "First snapshot" not in first.text
    assert "First snapshot" in second.text
    assert "Page 2 of 2" in shown(as_viewer, cluster, "?page=99").text
    assert len(first.html) < 200_000


def test_very_many_verdicts_and_acts_are_capped_and_said_so(
    as_viewer: Client, cluster: Cluster
) -> None:
    many(cluster, history.MOST_VERDICTS + 7)
    many(add_cluster("beta"), 1)
    AuditEvent.objects.bulk_create(
        AuditEvent(at=START, actor_name="someone", action="cluster paused", cluster=cluster)
        for _ in range(history.MOST_ACTS)
    )

    assert "the latest 40; 7 earlier are left out" in shown(as_viewer, cluster).text
    assert "More was done by people" in shown(as_viewer, cluster, "?page=2").text


@pytest.mark.parametrize("query", ["", "?page=2"])
def test_the_number_of_queries_does_not_grow(
    as_viewer: Client,
    cluster: Cluster,
    django_assert_num_queries: DjangoAssertNumQueries,
    query: str,
) -> None:
    many(cluster, 10)
    long = add_cluster("beta")
    many(long, 100)

    # Session, user, cluster; count, snapshots, what was done, verdicts (and how many), choices.
    with django_assert_num_queries(9):
        shown(as_viewer, cluster, query)
    with django_assert_num_queries(10):
        shown(as_viewer, long, query)
    with django_assert_num_queries(3):
        fleet(as_viewer, query)


def test_words_are_noted_for_what_an_older_version_stored(
    as_viewer: Client, cluster: Cluster
) -> None:
    read(cluster, 0, seen("RBAC", **LEGACY))
    read(cluster, 1, seen("RBAC"))
    StoredSnapshot.objects.update(changes=None)
    before = shown(as_viewer, cluster).text

    assert (changes.note_missing(at_most=1), changes.note_missing(), changes.note_missing()) == (
        1,
        1,
        0,
    )
    assert "not worked out yet" in before
    assert "lost Group system:nodes" in shown(as_viewer, cluster).text


def test_an_older_bundle_takes_its_place_in_time(cluster: Cluster) -> None:
    read(cluster, 0, seen("RBAC", **LEGACY))
    last = read(cluster, 9, seen("Node,RBAC"))
    read(cluster, 4, seen("RBAC"))

    last.refresh_from_db()

    assert [one["words"] for one in last.changes or ()] == [
        "Apiserver cp1: the authorizers were RBAC, and are Node,RBAC"
    ]


def test_very_many_changes_are_capped_and_counted(as_viewer: Client, cluster: Cluster) -> None:
    roles = [RoleRef("ClusterRole", f"role-{n}") for n in range(100)]
    group = (Subject("Group", "system:nodes"),)
    found = tuple(Binding(ref.name, ref, subjects=group) for ref in roles)
    read(cluster, 0, seen())
    stored = read(cluster, 1, seen(cluster_role_bindings=ok(found)))
    stored.refresh_from_db()

    assert (stored.changes or [{}])[-1]["words"] == "41 more changes"
    assert "All of it: 56 more changes" in shown(as_viewer, cluster).text


def test_the_fleet_tells_every_change_of_a_verdict(as_viewer: Client, cluster: Cluster) -> None:
    beta = add_cluster(f"beta {HOSTILE}")
    read(cluster, 0, seen("RBAC", **LEGACY))
    read(beta, 1, seen("RBAC"))
    read(cluster, 2, seen())

    text = fleet(as_viewer).text

    assert text.index("Legacy binding → became Node authorizer") < text.index("beta ⟨U+202E⟩")
    assert text.count("first read") == 2


FILTERS = {
    "name": ("?search=bet", ["beta"]),
    "group": ("?search=north", ["beta"]),
    "verdict": (f"?verdict={Verdict.NODE_AUTHORIZER}", ["alpha"]),
    "nonsense": ("?verdict=x&page=x", ["alpha", "beta", "alpha"]),
    "U+0000": ("?search=%00bet", ["beta"]),
    "both": (f"?search=bet&verdict={Verdict.NODE_AUTHORIZER}", []),
}


@pytest.mark.parametrize(("query", "names"), FILTERS.values(), ids=FILTERS)
def test_the_fleet_is_filtered(
    as_viewer: Client, cluster: Cluster, query: str, names: list[str]
) -> None:
    read(cluster, 0, seen("RBAC", **LEGACY))
    beta = add_cluster("beta")
    beta.group = "North Sea"
    beta.save()
    read(beta, 1, seen("RBAC"))
    read(cluster, 2, seen())

    found = fleet(as_viewer, query)

    links = [one["href"] for one in found.all("a") if one["href"].endswith("/history/")]
    shown_names = [link.split("/")[2] for link in links if link.startswith("/clusters/")]
    assert shown_names == names
    assert ("No change matches" in found.text) is (not names)


def test_a_long_history_of_the_fleet_comes_in_pages(as_viewer: Client, cluster: Cluster) -> None:
    many(cluster, history.FLEET_ROWS_PER_PAGE + 3)

    first = fleet(as_viewer, "?search=alp")
    second = fleet(as_viewer, "?search=alp&page=2")

    assert "?search=alp&page=2" in [one["href"].split("/")[-1] for one in first.all("a")]
    assert "?search=alp" in [one["href"].split("/")[-1] for one in second.all("a")]
    assert second.text.count("As it is.") == 3


def test_the_oldest_changes_are_left_to_each_cluster(
    as_viewer: Client, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LAST_FLEET_PAGE", 1)
    many(cluster, history.FLEET_ROWS_PER_PAGE + 3)

    found = fleet(as_viewer, "?page=2")

    assert "Older changes stand in each cluster's own history." in found.text
    assert found.text.count("As it is.") == history.FLEET_ROWS_PER_PAGE


def test_an_empty_fleet_says_what_will_stand_here(as_viewer: Client) -> None:
    assert "The history begins with the first read of a cluster." in fleet(as_viewer).text


def test_an_older_bundle_that_is_shown_by_choice_is_marked(as_viewer: Client, editor: User) -> None:
    newer = seen("RBAC", read_at=READ_AT)
    older = seen("Node,RBAC", read_at=READ_AT - timedelta(days=3))
    cluster = bundles.add(newer, source=Source.BUNDLE, actor=editor, name="by hand")
    before = shown(as_viewer, cluster)
    bundles.replace(cluster, older, is_meant=True, actor=editor)
    after = shown(as_viewer, cluster)

    assert "an older bundle" not in before.text
    assert after.text.count("an older bundle, shown on the cluster's page") == 1
    assert after.text.index("2026-11-21") < after.text.index("an older bundle")
