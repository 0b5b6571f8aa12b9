"""Several workers and schedulers at once, each with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection

from authzviz.kube.renewals import Renewals
from dashboard.models import (
    Cluster,
    CurrentState,
    LeaseWatch,
    PlanState,
    Role,
    StartedPlan,
    StepTick,
    StoredSnapshot,
    User,
    VerdictChange,
)
from dashboard.services import (
    accounts,
    clock,
    dispatching,
    plan_acts,
    plan_ticks,
    polling,
    reading,
    watching,
)
from dashboard.services.access import NotVisible
from dashboard.services.plan_rows import PlanError
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.migrating import FLAGS, HAND_MADE, LOOK, poll

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")
THREADS = 8


def together(work: Callable[[int], T]) -> list[T]:
    """What `work` gives in each of eight threads that begin at the same moment."""
    start = Barrier(THREADS)

    def run(number: int) -> T:
        start.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_of_many_workers_one_gets_the_cluster() -> None:
    cluster = add_cluster()

    leases = together(lambda _: polling.claim(cluster.pk))

    assert sum(lease is not None for lease in leases) == 1
    assert Cluster.objects.get().attempts == 1


def test_of_many_schedulers_each_cluster_goes_to_one() -> None:
    ids = [add_cluster(f"c{number}").pk for number in range(40)]

    taken = together(lambda _: dispatching.take_due())

    assert sorted(pk for batch in taken for pk in batch) == sorted(ids)


def test_polls_of_many_clusters_at_once_all_succeed() -> None:
    clusters = [add_cluster(f"c{number}") for number in range(THREADS * 4)]

    def poll(number: int) -> None:
        for cluster in clusters[number::THREADS]:
            polling.poll(cluster.pk)

    together(poll)

    assert set(Cluster.objects.values_list("failures", "attempts", "last_error")) == {(0, 0, "")}
    for model in (CurrentState, StoredSnapshot, VerdictChange):
        assert model._default_manager.count() == len(clusters)


def test_a_one_time_link_lets_one_in() -> None:
    _, token = accounts.sign_in_token()

    def enter(_: int) -> bool:
        try:
            accounts.use_sign_in_link(token)
        except NotVisible:
            return False
        return True

    assert sum(together(enter)) == 1


def test_an_invitation_makes_one_person() -> None:
    admin, _ = accounts.sign_in_token()
    _, token = accounts.invite(role=Role.VIEWER, note="one", actor=admin)

    def accept(number: int) -> bool:
        try:
            accounts.accept(token, username=f"person{number}", password="irrelevant here")
        except NotVisible:
            return False
        return True

    assert sum(together(accept)) == 1
    assert User.objects.filter(role=Role.VIEWER).count() == 1


def legacy() -> tuple[Cluster, FakeSource]:
    """A cluster that was read once, whose kubelets live on the old binding."""
    cluster = add_cluster()
    source = reading.read
    assert isinstance(source, FakeSource)
    poll(cluster, source)
    return cluster, source


def test_of_many_who_start_a_plan_one_does() -> None:
    people = [User.objects.create_user(f"p{n}", role=Role.EDITOR.value) for n in range(THREADS)]
    cluster, _ = legacy()

    def start(number: int) -> str:
        try:
            plan_acts.start(cluster, actor=people[number])
        except PlanError as error:
            return str(error)
        return ""

    said = together(start)

    assert said.count("") == StartedPlan.objects.count() == 1
    by = StartedPlan.objects.get().started_by_name
    assert all(words == "" or words.startswith(f"{by} started") for words in said)


def test_of_many_who_tick_a_step_one_does_and_all_learn_who(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [User.objects.create_user(f"p{n}", role=Role.EDITOR.value) for n in range(THREADS)]
    cluster, _ = legacy()
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: HAND_MADE)
    plan_acts.start(cluster, actor=people[0])

    ticked = together(lambda n: plan_ticks.tick(cluster, LOOK, "", actor=people[n]))

    assert sum(one.is_new for one in ticked) == 1
    assert len({one.tick.by_name for one in ticked}) == 1
    assert StepTick.objects.count() == StartedPlan.objects.get().steps_done == 1


def test_polls_while_plans_are_renewed_and_ticked_leave_one_that_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = User.objects.create_user("p", role=Role.EDITOR.value)
    cluster, source = legacy()
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: HAND_MADE)
    plan_acts.start(cluster, actor=actor)

    def work(number: int) -> None:
        for _ in range(3):
            if number == 0:
                plan_acts.renew(cluster, actor=actor)
            elif number == 1:
                plan_ticks.tick(cluster, LOOK, "", actor=actor)
            else:
                Cluster.objects.filter(pk=cluster.pk).update(next_poll_at=clock.now())
                polling.poll(cluster.pk)

    together(work)
    poll(cluster, source, "Node,RBAC")

    running = StartedPlan.objects.get(state=PlanState.RUNNING.value)
    assert StartedPlan.objects.filter(state=PlanState.REPLACED.value).count() == 3
    assert running.states[FLAGS]["state"] == "done"
    assert running.ticks.filter(taken_back_at=None).count() == 1


def test_of_many_workers_one_reads_the_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = User.objects.create_user("p", role=Role.EDITOR.value)
    cluster, _ = legacy()
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: HAND_MADE)
    plan_acts.start(cluster, actor=actor)
    watch = watching.start(cluster, FLAGS, actor=actor)
    renewals = Renewals(None, ())
    monkeypatch.setattr(reading, "read_leases", lambda *_, **__: renewals)

    assert sum(together(lambda _: watching.read_once(watch.pk))) == 1
    assert LeaseWatch.objects.get().generation == 1
