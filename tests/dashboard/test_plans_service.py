"""Started plans: who starts, leaves and renews them, and how polls move their steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from authzviz.engine.model import Subject
from authzviz.plans.plan import State
from dashboard.models import Cluster, PlanState, StartedPlan, User
from dashboard.services import clock, pages, plan_acts, plans, polling
from dashboard.services.plan_rows import PlanError
from dashboard.services.plans import PlanNow
from tests.dashboard.conftest import FakeSource
from tests.dashboard.snapshots import legacy_bindings, snapshot
from tests.engine.build import EMPTY_BINDING, ok

pytestmark = pytest.mark.django_db

NODES = Subject("Group", "system:nodes")
EMPTIED = ok((EMPTY_BINDING,))


def poll(cluster: Cluster, source: FakeSource, modes: str = "RBAC", **changes: Any) -> None:
    changes.setdefault("read_at", clock.now())
    source.snapshot = snapshot(modes, **changes)
    Cluster.objects.filter(pk=cluster.pk).update(next_poll_at=clock.now() - timedelta(seconds=1))
    polling.poll(cluster.pk)
    cluster.refresh_from_db()
    assert not cluster.last_error, cluster.last_error


def now_of(cluster: Cluster) -> PlanNow:
    found = plans.plan_now(
        pages.row_of(Cluster.objects.select_related("current").get(pk=cluster.pk))
    )
    assert found is not None
    return found


def states(cluster: Cluster) -> dict[str, State]:
    return {
        step.step.id: step.step.state for phase in now_of(cluster).phases for step in phase.steps
    }


@pytest.fixture
def legacy(cluster: Cluster, source: FakeSource) -> Cluster:
    """A cluster whose kubelets live on the old binding."""
    poll(cluster, source, cluster_role_bindings=legacy_bindings())
    return cluster


def test_a_plan_ticks_itself_off_by_polls(
    legacy: Cluster, source: FakeSource, editor: User
) -> None:
    plan_acts.start(legacy, actor=editor)
    before = states(legacy)
    poll(legacy, source, "Node,RBAC", cluster_role_bindings=legacy_bindings())
    between = states(legacy)
    poll(legacy, source, "Node,RBAC", cluster_role_bindings=EMPTIED)

    started = StartedPlan.objects.get()
    flags = next(step for step in before if step.startswith("flags:"))
    remove = next(step for step in before if step.startswith("remove:"))
    assert (before[flags], before[remove]) == (State.TODO, State.TODO)
    assert (between[flags], between[remove]) == (State.DONE, State.TODO)
    assert started.states[remove]["state"] == "done"
    assert started.state == PlanState.REACHED
    assert started.ended_at is not None


def test_two_people_start_one_plan(legacy: Cluster, editor: User, admin: User) -> None:
    plan_acts.start(legacy, actor=editor)

    with pytest.raises(PlanError, match="editor started a plan already"):
        plan_acts.start(legacy, actor=admin)

    assert StartedPlan.objects.count() == 1
