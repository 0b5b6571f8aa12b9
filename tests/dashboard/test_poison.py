"""A cluster whose reading kills the worker, among clusters that do no harm."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from authzviz import engine
from dashboard.models import Cluster
from dashboard.services import clock, dispatching, polling
from tests.dashboard.conftest import add_cluster
from tests.dashboard.snapshots import snapshot

pytestmark = pytest.mark.django_db

THREADS = 16
READ = snapshot()
JUDGED = engine.judge(READ)


def work(poisonous: int) -> None:
    """What one worker does with what is due: the poison kills it before any other poll ends."""
    leases = [polling.claim(pk) for pk in dispatching.take_due()[:THREADS]]
    running = [lease for lease in leases if lease is not None]
    if poisonous not in {lease.cluster_id for lease in running}:
        for lease in running:
            polling.store_result(lease, READ, JUDGED)


def test_f2_it_is_set_aside_and_no_other_with_it() -> None:
    poisonous = add_cluster("poisonous").pk
    others = [add_cluster(f"c{number}").pk for number in range(49)]

    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(12 * 8):
            work(poisonous)
            traveller.shift(timedelta(seconds=5))

    set_aside = Cluster.objects.exclude(quarantined_until=None).values_list("pk", flat=True)
    read = Cluster.objects.exclude(last_success_at=None).values_list("pk", flat=True)
    assert list(set_aside) == [poisonous]
    assert sorted(read) == others
    assert not Cluster.objects.filter(pk__in=others).exclude(last_error="").exists()
