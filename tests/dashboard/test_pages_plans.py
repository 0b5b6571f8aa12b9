"""The page of all plans: which cluster is in which phase, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from authzviz.plans.plan import PhaseId, Plan, State, Step
from dashboard.models import Cluster, StartedPlan, StepTick, User
from dashboard.services import facts, plan_acts, plan_progress, polling
from dashboard.words import PHASES
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.showing import Page, page
from tests.dashboard.snapshots import legacy_bindings, snapshot

pytestmark = pytest.mark.django_db


def read(name: str, source: FakeSource, modes: str = "RBAC") -> Cluster:
    cluster = add_cluster(name)
    now = timezone.now()
    bindings = {"cluster_role_bindings": legacy_bindings()} if modes == "RBAC" else {}
    source.snapshot = replace(snapshot(modes, **bindings), read_at=now, server_time=now)
    polling.poll(cluster.pk)
    return cluster


@pytest.fixture
def fleet(source: FakeSource, editor: User) -> dict[str, Cluster]:
    """One that migrates, one that doesn't yet, one at the target, and one that was never read."""
    clusters = {
        "moving": read("moving", source),
        "waiting": read("waiting", source),
        "there": read("there", source, "Node,RBAC"),
        "unread": add_cluster("unread"),
    }
    plan_acts.start(clusters["moving"], actor=editor)
    return clusters


def next_step() -> Step:
    """The first step of the running plan that is not done."""
    plan = facts.unpack(bytes(StartedPlan.objects.get().plan), Plan)
    wanted = (step for phase in plan.phases if not phase.is_optional for step in phase.steps)
    return next(step for step in wanted if step.state is not State.DONE)


def shown(client: Client, **asked: str) -> Page:
    answer = client.get(reverse("plans"), asked)
    assert answer.status_code == 200
    return page(answer)


def names(client: Client, **asked: str) -> list[str]:
    """The clusters of the table, in their order."""
    answer = client.get(reverse("plans"), asked)
    return [row.name for row in answer.context["page"].rows]


def test_each_cluster_stands_where_it_is(as_viewer: Client, fleet: dict[str, Cluster]) -> None:
    page = shown(as_viewer)
    phase = PHASES[PhaseId(StartedPlan.objects.get().phase)].label

    assert names(as_viewer) == ["moving", "waiting", "unread", "there"]
    assert "1 Not started" in page.text
    assert f"1 {phase}" in page.text
    assert "1 At the target" in page.text
    assert "1 Not read yet" in page.text
    assert next_step().title in page.text
    assert "by editor" in page.text
    assert "See and start the plan of waiting" in page.text
    assert page.faults() == []
    assert max(page.ids.values()) == 1


FILTERS = {
    "a phase": ({"stage": "verify"}, ["moving"]),
    "not started": ({"stage": "not-started"}, ["waiting"]),
    "at the target": ({"stage": "reached"}, ["there"]),
    "by name": ({"search": "ing"}, ["moving", "waiting"]),
    "both": ({"search": "wait", "stage": "not-started"}, ["waiting"]),
    "no such stage": ({"stage": "<b>"}, ["moving", "waiting", "unread", "there"]),
    "past the end": ({"page": "99"}, ["moving", "waiting", "unread", "there"]),
}


@pytest.mark.parametrize(("asked", "found"), FILTERS.values(), ids=FILTERS)
def test_it_is_narrowed_down(
    as_viewer: Client, fleet: dict[str, Cluster], asked: dict[str, str], found: list[str]
) -> None:
    StartedPlan.objects.update(phase="verify")
    assert names(as_viewer, **asked) == found


def test_a_count_is_chosen_and_asked_again_shows_all(
    as_viewer: Client, fleet: dict[str, Cluster]
) -> None:
    links = shown(as_viewer, stage="reached").all("a")
    (chosen,) = [link for link in links if link.get("aria-current") == "true"]

    assert chosen["href"] == "?"


def test_the_next_step_is_the_first_that_nobody_ticked(
    as_viewer: Client, fleet: dict[str, Cluster], editor: User
) -> None:
    started, step = StartedPlan.objects.get(), next_step()
    states = {**started.states, step.id: {**started.states[step.id], "state": "manual"}}
    StartedPlan.objects.update(states=states)
    before = shown(as_viewer).text
    StepTick.objects.create(plan=started, step=step.id, at=timezone.now(), by_name="editor")
    after = shown(as_viewer).text

    assert step.title in before
    assert step.title not in after


def test_changed_ground_and_old_facts_are_marked(
    as_viewer: Client, fleet: dict[str, Cluster]
) -> None:
    StartedPlan.objects.update(ground=["so"])
    Cluster.objects.update(last_success_at=timezone.now() - timedelta(hours=3))
    page = shown(as_viewer)

    assert "ground changed" in page.text
    assert "(old)" in page.text


def test_a_plan_of_another_version_has_no_next_step_but_a_link(
    as_viewer: Client, fleet: dict[str, Cluster]
) -> None:
    StartedPlan.objects.update(made_with=999)

    assert "See the plan" in shown(as_viewer).text


def test_an_empty_fleet_and_nothing_found_have_words(
    as_viewer: Client, as_editor: Client, source: FakeSource
) -> None:
    empty = shown(as_editor).text
    add_cluster("one")
    nothing = shown(as_viewer, search="nowhere").text

    assert "No clusters yet" in empty
    assert "No cluster is so" in nothing


def test_it_is_cut_into_pages(
    as_viewer: Client, fleet: dict[str, Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_progress, "PER_PAGE", 3)
    monkeypatch.setattr("dashboard.shown.plans.PER_PAGE", 3)

    assert names(as_viewer) == ["moving", "waiting", "unread"]
    assert names(as_viewer, page="2") == ["there"]
    assert "Page 1 of 2" in shown(as_viewer).text


def test_a_running_plan_is_marked_in_the_fleet_and_on_each_tab(
    as_viewer: Client, fleet: dict[str, Cluster]
) -> None:
    StartedPlan.objects.update(phase="node-authorizer", steps_done=1, steps_total=9)
    address = reverse("cluster_plan", args=("moving",))
    rows = page(as_viewer.get(reverse("fleet")))
    head = page(as_viewer.get(reverse("cluster_nodes", args=("moving",))))

    assert rows.text.count("Plan: turn on Node, 1 of 9") == 1
    assert "Plan: turn on Node, 1 of 9" in head.text
    assert address in [attrs.get("href") for attrs in rows.all("a")]
