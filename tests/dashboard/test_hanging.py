"""Clusters that accept and never answer, among others that do: these are read on time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from queue import Empty, Queue

import pytest
import time_machine
from django.db import connection
from pytest_django import Settings

from authzviz.kube.credentials import Credentials
from authzviz.net.secret import Secret
from dashboard.models import Cluster
from dashboard.services import clock, clusters, dispatching, polling, reading, uploads
from tests.dashboard.conftest import add_cluster
from tests.replay import Replay, replay

pytestmark = pytest.mark.django_db(transaction=True)

CLUSTERS, HANGING, SLOTS = 20, 4, 4
DEADLINE_SECONDS = 1
RECORDING = "v1.28.15-seed-fix2-node"


@pytest.fixture
def blackhole() -> Iterator[str]:
    """The URL of what accepts every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def healthy() -> Iterator[Replay]:
    with ExitStack() as stack:
        yield stack.enter_context(replay(RECORDING))


def at_work(ids: list[int]) -> None:
    """Poll these in that order, as a worker with that many threads does."""
    waiting: Queue[int] = Queue()
    for pk in ids:
        waiting.put(pk)

    def work() -> None:
        try:
            while True:
                polling.poll(waiting.get_nowait())
        except Empty:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(SLOTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_f9_healthy_clusters_are_read_on_time_beside_hanging_ones(
    healthy: Replay,
    blackhole: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.AUTHZVIZ_LOCAL, settings.POLL_DEADLINE_SECONDS = True, DEADLINE_SECONDS
    monkeypatch.setattr(reading, "read", reading.over_the_network)
    context = uploads.parse(healthy.kubeconfig)[0]
    assert context.credentials
    hung = Credentials(blackhole, ca_data=context.credentials.ca_data, token=Secret("x"))
    for number in range(CLUSTERS):
        # Due first: the worst case, in which they hold every slot at once.
        used = hung if number < HANGING else context.credentials
        clusters.add(name=f"c{number:02}", credentials=used, interval_seconds=60, actor=None)

    started = clock.now()
    at_work(sorted(dispatching.take_due()))

    first = Cluster.objects.filter(last_success_at__isnull=False)
    assert first.count() == CLUSTERS - HANGING
    for cluster in first:
        assert cluster.last_attempt_at
        assert cluster.last_attempt_at - started < timedelta(seconds=cluster.interval_seconds)
    stuck = Cluster.objects.filter(last_success_at=None)
    assert {(one.failures, one.lease_until) for one in stuck} == {(1, None)}
    assert all("did not answer in time" in one.last_error for one in stuck)


def test_f9_what_hangs_is_asked_less_and_less_often() -> None:
    cluster = add_cluster()
    waits = []

    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(6):
            lease = polling.claim(cluster.pk)
            assert lease
            polling.store_failure(lease, "10.0.0.1 did not answer in time")
            cluster.refresh_from_db()
            assert cluster.next_poll_at
            waits.append((cluster.next_poll_at - clock.now()).total_seconds())
            traveller.move_to(cluster.next_poll_at)

    # Each is a slot of twice the seconds, up to five minutes.
    longest = (60, 120, 240, 300, 300, 300)
    assert all(wait <= most for wait, most in zip(waits, longest, strict=True))
    assert waits[-1] == 300


def test_f8_after_a_restart_no_more_than_the_slots_are_read_at_once(
    source: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [add_cluster(f"c{number}").pk for number in range(40)]
    lock, running, most = threading.Lock(), [0], [0]
    usual: Callable[..., object] = reading.read

    def counted(*arguments: object, **named: object) -> object:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        try:
            return usual(*arguments, **named)
        finally:
            with lock:
                running[0] -= 1

    monkeypatch.setattr(reading, "read", counted)

    at_work(ids)

    assert most[0] <= SLOTS
    assert Cluster.objects.filter(failures=0, last_success_at__isnull=False).count() == 40


def test_f8_what_was_overdue_together_is_spread_at_once() -> None:
    now = clock.now()
    first = add_cluster("c")
    fresh = [
        Cluster(
            name=f"c{number}",
            slug=f"c{number}",
            source=first.source,
            interval_seconds=60,
            created_at=now,
            next_poll_at=now - timedelta(hours=1),
        )
        for number in range(999)
    ]
    Cluster.objects.bulk_create(fresh)

    batches = [dispatching.take_due(), dispatching.take_due(), dispatching.take_due()]
    slots = [polling.next_slot(now, 60, each.uuid.int) for each in Cluster.objects.all()]

    assert [len(batch) for batch in batches] == [dispatching.BATCH, 1000 - dispatching.BATCH, 0]
    assert len({pk for batch in batches for pk in batch}) == 1000
    per_second = [int((slot - now).total_seconds()) for slot in slots]
    assert max(per_second.count(second) for second in range(61)) < 50
