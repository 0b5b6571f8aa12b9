"""The product follows a live cluster: its polls tick a started plan off while it is carried out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from authzviz.engine.assessment import Verdict
from authzviz.plans.plan import State
from dashboard.models import Cluster, LeaseWatch, PlanState, Role, StartedPlan, User
from dashboard.services import clusters, plan_acts, plan_rows, polling, watching
from tests.lab.carrying import Site
from tests.lab.cluster import cluster_role_binding, group

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from authzviz.plans.plan import Step
    from tests.lab.plugin import ClusterFactory, KubeletFactory

pytestmark = [pytest.mark.lab, pytest.mark.django_db, pytest.mark.usefixtures("lab_ground")]

LEGACY = cluster_role_binding("system:node", "system:node", [group("system:nodes")])
PATIENCE_SECONDS = 30


@pytest.fixture
def editor(settings: Settings) -> User:
    settings.AUTHZVIZ_LOCAL = True
    return User.objects.create_user("editor", role=Role.EDITOR.value)


def test_polls_tick_a_started_plan_off_until_the_target_is_reached(
    cluster: ClusterFactory, kubelet: KubeletFactory, editor: User
) -> None:
    live = cluster(authorization_mode="RBAC", objects=[LEGACY])
    node = kubelet(live, "node1")
    site = Site(live)
    node.wait_until_leased()
    ours = clusters.add(
        name="live", credentials=site.credentials, interval_seconds=60, actor=editor
    )
    poll(ours)
    started = plan_acts.start(ours, actor=editor)
    plan = plan_rows.unpacked(started)
    assert plan is not None
    assert (started.start_verdict, started.state) == ("legacy-binding", PlanState.RUNNING)

    for step in (each for each in plan.steps if each.commands and each.watches_leases):
        assert state_of(started, step) is State.TODO
        watch = watching.start(ours, step.id, actor=editor)
        watching.read_once(watch.pk)
        site.carry_out(step)
        assert eventually(is_done, ours, started, step)
        assert eventually(has_renewed, watch)

    assert eventually(is_reached, ours, started)
    assert node.process.is_running()
    assert Cluster.objects.get().current.verdict == Verdict.NODE_AUTHORIZER


def poll(ours: Cluster) -> None:
    polling.poll_soon(ours)
    polling.poll(ours.pk)
    assert Cluster.objects.get(pk=ours.pk).last_error == ""


def state_of(started: StartedPlan, step: Step) -> State:
    started.refresh_from_db()
    return State(started.states[plan_rows.key_of(step.id)]["state"])


def is_done(ours: Cluster, started: StartedPlan, step: Step) -> bool:
    poll(ours)
    return state_of(started, step) is State.DONE


def is_reached(ours: Cluster, started: StartedPlan) -> bool:
    poll(ours)
    started.refresh_from_db()
    return started.state == PlanState.REACHED


def has_renewed(watch: LeaseWatch) -> bool:
    """Whether the one node has renewed its Lease since the watch began."""
    watching.read_once(watch.pk)
    watch.refresh_from_db()
    assert watch.total == 1
    return watch.renewed == 1


def eventually(is_so: Callable[..., bool], *about: object) -> bool:
    """Whether it becomes so: a kubelet renews its Lease every 10 s."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so(*about):
        if time.monotonic() > until:
            return False
        time.sleep(1)
    return True
