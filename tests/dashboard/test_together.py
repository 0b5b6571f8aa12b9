"""Several workers and schedulers at once, each with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection

from dashboard.models import Cluster, CurrentState, Role, StoredSnapshot, User, VerdictChange
from dashboard.services import accounts, dispatching, polling
from dashboard.services.access import NotVisible
from tests.dashboard.conftest import add_cluster

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
