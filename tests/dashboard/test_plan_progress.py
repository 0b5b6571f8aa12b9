"""How far the fleet has come: counts by stage, rows, and no more than two queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from authzviz.plans.plan import PhaseId
from dashboard.models import Cluster, CurrentState, StartedPlan, User
from dashboard.services import clock, plan_acts, plan_progress
from dashboard.services.plan_progress import (
    ALL_DONE,
    NOT_STARTED,
    REACHED,
    STAGES,
    UNREAD,
    FleetProgress,
    PlanRow,
    progress_of_fleet,
)
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.migrating import poll, poll_removed

pytestmark = pytest.mark.django_db


def progress(**wanted: object) -> FleetProgress:
    return progress_of_fleet(Cluster.objects.all(), **wanted)  # type: ignore[arg-type]


@pytest.fixture
def fleet(source: FakeSource, editor: User) -> None:
    """A cluster at each of four stages, and two whose plans run."""
    for name in ("unread", "legacy", "running", "done", "at-the-target"):
        add_cluster(name)
    for name in ("legacy", "running", "done"):
        poll(Cluster.objects.get(slug=name), source)
    poll_removed(Cluster.objects.get(slug="at-the-target"), source)
    for name in ("running", "done"):
        plan_acts.start(Cluster.objects.get(slug=name), actor=editor)
    plans = StartedPlan.objects
    plans.filter(cluster__slug="running").update(
        phase=PhaseId.EVIDENCE.value, steps_done=3, steps_total=9, ground=["a", "b"]
    )
    plans.filter(cluster__slug="done").update(phase="", steps_done=9, steps_total=9)


@pytest.mark.usefixtures("fleet")
def test_every_cluster_is_at_one_stage_and_those_that_run_come_first() -> None:
    found = progress()

    counts = {stage: number for stage, number in found.counts if number}
    assert counts == {NOT_STARTED: 1, "evidence": 1, ALL_DONE: 1, REACHED: 1, UNREAD: 1}
    assert [stage for stage, _ in found.counts] == list(STAGES)
    assert [row.slug for row in found.rows] == [
        *("running", "done", "legacy", "unread", "at-the-target"),
    ]
    assert (found.total, found.matching) == (5, 5)


@pytest.mark.usefixtures("fleet")
def test_a_row_says_how_far_it_is_and_who_started() -> None:
    row = progress(stage="evidence").rows[0]

    assert (row.done, row.total, row.ground, row.by) == (3, 9, 2, "editor")
    assert row.started_at is not None
    assert (row.verdict, row.is_old) == (CurrentState.objects.get(pk=_pk(row)).verdict, False)


@pytest.mark.usefixtures("fleet")
def test_one_stage_is_asked_for_and_the_counts_stay() -> None:
    found = progress(stage=NOT_STARTED)

    assert [row.slug for row in found.rows] == ["legacy"]
    assert (found.matching, found.total) == (1, 5)
    assert dict(found.counts)[REACHED] == 1


@pytest.mark.usefixtures("fleet")
def test_what_is_left_or_fell_back_is_not_started(source: FakeSource, editor: User) -> None:
    plan_acts.leave(Cluster.objects.get(slug="running"), actor=editor)
    poll(Cluster.objects.get(slug="at-the-target"), source)

    assert dict(progress().counts)[NOT_STARTED] == 3


@pytest.mark.usefixtures("fleet")
def test_old_facts_look_old() -> None:
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        old = {row.slug for row in progress().rows if row.is_old}

    assert old == {"legacy", "running", "done", "at-the-target"}


@pytest.mark.usefixtures("fleet")
def test_a_phase_that_only_another_version_knows_is_one_that_is_open() -> None:
    StartedPlan.objects.filter(cluster__slug="running").update(phase="canary")

    assert dict(progress().counts)[PhaseId.FIND_OUT] == 1


def test_pages_are_cut_and_queries_do_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_progress, "PER_PAGE", 2)
    for number in range(5):
        add_cluster(f"c{number}")
    with CaptureQueriesContext(connection) as asked:
        pages = [progress(page=page) for page in (1, 2, 3, 4, 0)]

    assert [[row.slug for row in page.rows] for page in pages] == [
        *(["c0", "c1"], ["c2", "c3"], ["c4"], ["c4"], ["c0", "c1"]),
    ]
    assert len(asked) == 2 * len(pages)


def _pk(row: PlanRow) -> int:
    return Cluster.objects.get(slug=row.slug).pk


def test_clusters_that_nobody_may_see_are_not_counted(cluster: Cluster) -> None:
    assert progress_of_fleet(Cluster.objects.none()).total == 0
    assert not CurrentState.objects.exists()
