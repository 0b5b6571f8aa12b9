"""The nodes' Leases while a step is done: a part of the page, asked for every two seconds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from authzviz.plans.plan import Plan
from dashboard import tasks
from dashboard.models import Cluster, LeaseWatch, StartedPlan, User
from dashboard.services import facts, plan_acts, polling, watching
from dashboard.shown.links import step_anchor
from tests.dashboard.conftest import FakeSource
from tests.dashboard.showing import Page, opened, page
from tests.dashboard.snapshots import legacy_bindings, snapshot

pytestmark = pytest.mark.django_db

NODES = ["worker-1", "<img src=x onerror=alert(1)>"]


@pytest.fixture
def step(cluster: Cluster, source: FakeSource, editor: User) -> str:
    """A step of a running plan by which nodes may lose their Lease."""
    seen = snapshot("RBAC", cluster_role_bindings=legacy_bindings())
    source.snapshot = replace(seen, read_at=timezone.now())
    polling.poll(cluster.pk)
    plan_acts.start(cluster, actor=editor)
    plan = facts.unpack(bytes(StartedPlan.objects.get().plan), Plan)
    return next(step.id for step in plan.steps if step.watches_leases)


@pytest.fixture(autouse=True)
def begun(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The watches that a worker was sent to read."""
    sent: list[int] = []
    monkeypatch.setattr(tasks, "_send_watch", lambda key, seconds=0: sent.append(key))
    return sent


@pytest.fixture
def watch(cluster: Cluster, step: str, editor: User) -> LeaseWatch:
    return watching.start(cluster, step, actor=editor)


def update(watch: LeaseWatch, **values: Any) -> None:
    LeaseWatch.objects.filter(pk=watch.pk).update(**values)


def part(client: Client, cluster: Cluster) -> Page:
    """What htmx gets."""
    address = reverse("plan_watch", args=(cluster.slug,))
    answer = client.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return page(answer)


def test_it_is_begun_and_stopped_on_the_page(
    as_editor: Client,
    cluster: Cluster,
    step: str,
    begun: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    address = reverse("plan_watch", args=(cluster.slug,))
    offered = opened(as_editor, "cluster_plan", cluster).text
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_editor.post(address, {"step": step_anchor(step)})
    running = opened(as_editor, "cluster_plan", cluster)
    as_editor.post(address, {"step": step_anchor(step), "stop": "1"})
    ended = opened(as_editor, "cluster_plan", cluster)

    assert "Watch the nodes while you do this" in offered
    assert answer["Location"].endswith(f"#{step_anchor(step)}")
    assert begun == [LeaseWatch.objects.get().pk]
    assert "Reading every node's Lease" in running.text
    asking = [attrs["hx-trigger"] for attrs in running.all("div") if "hx-get" in attrs]
    assert asking == ["every 2s"]
    assert "someone stopped it" in ended.text
    assert not [attrs for attrs in ended.all("div") if "hx-get" in attrs]


def test_who_renewed_is_counted_and_the_others_are_named(
    as_viewer: Client, cluster: Cluster, watch: LeaseWatch
) -> None:
    update(watch, total=240, renewed=238, waiting=NODES, read_at=timezone.now())
    shown = part(as_viewer, cluster)
    links = [attrs.get("href", "") for attrs in shown.all("a")]

    assert "Renewed since the step: 238 of 240" in shown.text
    assert f"{reverse('cluster_nodes', args=(cluster.slug,))}?search=worker-1" in links
    assert "<img src=x" not in shown.html
    assert "ends by itself in" in shown.text
    assert shown.faults() == []
    assert shown.all("form") == []


def test_a_node_that_is_left_out_of_the_names_is_counted(
    as_editor: Client, cluster: Cluster, watch: LeaseWatch
) -> None:
    update(watch, total=50, renewed=10, waiting=[f"n{number}" for number in range(40)])

    assert "and 28 more" in part(as_editor, cluster).text


STATES = {
    "all renewed": ({"total": 3, "renewed": 3}, "All 3 nodes renewed since the step."),
    "renewed before the commands ran": (
        {"total": 3, "renewed": 3},
        "If the commands ran after this count began, count from now on",
    ),
    "no node": ({"total": 0, "renewed": 0}, "There is no node whose Lease could be watched."),
    "an error": (
        {"error": "connection refused"},
        "The apiserver does not answer since 8 s (connection refused): it may be restarting.",
    ),
    "over": ({"ended": True, "why_ended": watching.TIME_IS_OVER}, "its ten minutes are over"),
    "another version's reason": ({"ended": True, "why_ended": "<b>odd"}, "<b>odd"),
}


@pytest.mark.parametrize(("values", "words"), STATES.values(), ids=STATES)
def test_each_state_has_its_words(
    as_editor: Client, cluster: Cluster, watch: LeaseWatch, values: dict[str, Any], words: str
) -> None:
    now = timezone.now()
    ended = {"ended_at": now} if values.pop("ended", False) else {}
    update(watch, read_at=now - timedelta(seconds=8), **values, **ended)

    assert words in part(as_editor, cluster).text


def test_what_a_screen_reader_is_told_holds_no_age(
    as_editor: Client, cluster: Cluster, watch: LeaseWatch
) -> None:
    update(watch, total=3, renewed=2, waiting=["n1"], error="refused")
    said = [attrs["data-said"] for attrs in part(as_editor, cluster).all("div")]

    assert said == ["Renewed since the step: 2 of 3 Nothing is answered."]


def test_without_a_script_it_leads_to_the_step(
    as_viewer: Client, cluster: Cluster, watch: LeaseWatch
) -> None:
    answer = as_viewer.get(reverse("plan_watch", args=(cluster.slug,)))

    assert answer["Location"].endswith(f"#{step_anchor(watch.step)}")


def test_a_cluster_without_a_watch_leads_to_its_plan(as_viewer: Client, cluster: Cluster) -> None:
    address = reverse("plan_watch", args=(cluster.slug,))

    assert as_viewer.get(address)["Location"] == reverse("cluster_plan", args=(cluster.slug,))


def test_asking_every_two_seconds_is_cheap(
    as_editor: Client,
    cluster: Cluster,
    watch: LeaseWatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(5):
        part(as_editor, cluster)
