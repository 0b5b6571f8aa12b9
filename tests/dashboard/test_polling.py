"""Claims, fences, failures: what is stored, and what is not."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import DataError

from authzviz import engine
from authzviz.engine.assessment import Verdict
from dashboard.models import Cluster, CurrentState, StoredSnapshot, VerdictChange
from dashboard.models.cluster import PollState
from dashboard.services import clock, clusters, dispatching, polling, reading
from tests.dashboard.conftest import FakeSource, add_cluster, credentials
from tests.dashboard.snapshots import CANARY, READ_AT, forbidden, legacy_bindings, snapshot
from tests.engine.build import ok

pytestmark = pytest.mark.django_db


def due_again(cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(next_poll_at=clock.now())


def test_a_poll_stores_what_was_read_and_sets_the_next(
    cluster: Cluster, source: FakeSource
) -> None:
    polling.poll(cluster.pk)

    cluster.refresh_from_db()
    assert cluster.current.verdict == engine.judge(source.snapshot).verdict
    assert cluster.current.read_at == READ_AT
    assert (cluster.attempts, cluster.failures, cluster.lease_until) == (0, 0, None)
    assert cluster.next_poll_at
    assert cluster.next_poll_at > clock.now()
    assert source.asked[0].token
    assert source.asked[0].token.reveal() == CANARY


def test_a_cluster_is_read_by_one_at_a_time(cluster: Cluster) -> None:
    first = polling.claim(cluster.pk)

    assert first is not None
    assert polling.claim(cluster.pk) is None


def test_a_dead_workers_lease_ends(cluster: Cluster) -> None:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        dead = polling.claim(cluster.pk)
        traveller.shift(timedelta(seconds=61))
        successor = polling.claim(cluster.pk)

    assert dead
    assert successor
    assert successor.generation == dead.generation + 1


def test_f6_the_result_of_a_lost_lease_is_dropped(cluster: Cluster) -> None:
    old = polling.claim(cluster.pk)
    Cluster.objects.filter(pk=cluster.pk).update(lease_until=None)
    new = polling.claim(cluster.pk)
    newer, older = snapshot("RBAC"), snapshot("Node,RBAC")
    assert old
    assert new

    stored = polling.store_result(new, newer, engine.judge(newer))
    dropped = polling.store_result(old, older, engine.judge(older))

    assert (stored, dropped) == (True, False)
    state = CurrentState.objects.get(pk=cluster.pk)
    assert state.verdict == engine.judge(newer).verdict
    assert StoredSnapshot.objects.count() == 1


def test_a_late_failure_of_a_lost_lease_is_dropped(cluster: Cluster) -> None:
    old = polling.claim(cluster.pk)
    polling.drop_running(cluster.pk)
    assert old

    assert polling.store_failure(old, "too late") is False
    cluster.refresh_from_db()
    assert cluster.last_error == ""


def test_what_is_read_while_credentials_are_replaced_is_dropped(
    cluster: Cluster, source: FakeSource, editor: object
) -> None:
    source.meanwhile = lambda: clusters.replace_credentials(
        Cluster.objects.get(pk=cluster.pk),
        credentials("https://10.0.0.9:6443"),
        actor=editor,  # type: ignore[arg-type]
    )

    polling.poll(cluster.pk)

    assert not CurrentState.objects.filter(pk=cluster.pk).exists()


def test_a_cluster_removed_during_its_poll_stays_removed(
    cluster: Cluster, source: FakeSource
) -> None:
    source.meanwhile = lambda: Cluster.objects.filter(pk=cluster.pk).delete()[0]  # type: ignore[assignment]

    polling.poll(cluster.pk)

    assert not Cluster.objects.exists()
    assert not StoredSnapshot.objects.exists()


def test_a_failed_poll_keeps_the_last_good_facts_and_says_why(
    cluster: Cluster, source: FakeSource
) -> None:
    polling.poll(cluster.pk)
    before = CurrentState.objects.get(pk=cluster.pk)
    due_again(cluster)
    source.error = reading.ReadError("connection refused")

    polling.poll(cluster.pk)

    cluster.refresh_from_db()
    after = CurrentState.objects.get(pk=cluster.pk)
    assert (cluster.last_error, cluster.failures) == ("connection refused", 1)
    assert cluster.poll_state(clock.now()) is PollState.FAILING
    assert (after.read_at, after.verdict) == (before.read_at, before.verdict)


def test_a_fault_of_our_own_ends_the_lease_and_is_told(
    cluster: Cluster, source: FakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    source.error = ZeroDivisionError("a bug")

    polling.poll(cluster.pk)

    cluster.refresh_from_db()
    assert "of our own" in cluster.last_error
    assert (cluster.lease_until, cluster.attempts) == (None, 0)
    assert "a bug" in caplog.text


def test_a_success_clears_the_error(cluster: Cluster, source: FakeSource) -> None:
    source.error = reading.ReadError("connection refused")
    polling.poll(cluster.pk)
    source.error = None
    due_again(cluster)

    polling.poll(cluster.pk)

    cluster.refresh_from_db()
    assert (cluster.last_error, cluster.failures) == ("", 0)


def test_an_unchanged_cluster_is_stored_once(cluster: Cluster, source: FakeSource) -> None:
    polling.poll(cluster.pk)
    due_again(cluster)
    source.snapshot = snapshot(read_at=READ_AT + timedelta(minutes=1), leases=ok(()))

    polling.poll(cluster.pk)

    stored = StoredSnapshot.objects.get()
    assert (stored.first_seen_at, stored.last_seen_at) == (
        READ_AT,
        READ_AT + timedelta(minutes=1),
    )
    assert VerdictChange.objects.count() == 1


def test_a_changed_cluster_is_history(cluster: Cluster, source: FakeSource) -> None:
    polling.poll(cluster.pk)
    due_again(cluster)
    source.snapshot = snapshot("RBAC", cluster_role_bindings=legacy_bindings())

    polling.poll(cluster.pk)

    assert StoredSnapshot.objects.count() == 2
    newest = VerdictChange.objects.all()[0]
    assert newest.verdict != newest.previous != ""


def test_a_partial_read_is_never_safe_and_the_last_whole_one_stays(
    cluster: Cluster, source: FakeSource
) -> None:
    polling.poll(cluster.pk)
    due_again(cluster)
    source.snapshot = snapshot(cluster_role_bindings=forbidden())

    polling.poll(cluster.pk)

    assert CurrentState.objects.get(pk=cluster.pk).verdict == Verdict.UNKNOWN
    assert list(StoredSnapshot.objects.order_by("pk").values_list("is_whole", flat=True)) == [
        True,
        False,
    ]


def test_f2_what_kills_its_worker_three_times_is_set_aside(cluster: Cluster) -> None:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(3):
            assert polling.claim(cluster.pk)
            traveller.shift(timedelta(seconds=61))
        refused = polling.claim(cluster.pk)
        cluster.refresh_from_db()
        state = cluster.poll_state(clock.now())
        traveller.shift(timedelta(hours=1))
        tried = polling.claim(cluster.pk)
        traveller.shift(timedelta(seconds=61))
        refused_again = polling.claim(cluster.pk)

    assert (refused, state) == (None, PollState.QUARANTINED)
    assert "3 times" in cluster.last_error
    assert tried is not None
    assert refused_again is None


def test_polling_by_hand_ends_quarantine(cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(
        attempts=3, quarantined_until=clock.now() + timedelta(hours=1)
    )

    polling.poll_soon(cluster)

    assert polling.claim(cluster.pk) is not None


NOT_POLLED = {
    "paused": {"is_paused": True},
    "not due": {"next_poll_at": datetime(2100, 1, 1, tzinfo=UTC)},
    "recorded": {"source": "recording"},
    "quarantined": {"quarantined_until": datetime(2100, 1, 1, tzinfo=UTC)},
}


@pytest.mark.parametrize("change", NOT_POLLED.values(), ids=NOT_POLLED)
def test_these_are_not_polled(cluster: Cluster, change: dict[str, object]) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(**change)

    assert dispatching.take_due() == []
    assert polling.claim(cluster.pk) is None


def test_f7_two_schedulers_send_each_cluster_once(cluster: Cluster) -> None:
    other = add_cluster("beta")

    first, second = dispatching.take_due(), dispatching.take_due()

    assert (sorted(first), second) == (sorted([cluster.pk, other.pk]), [])


def test_f3_what_the_broker_lost_is_sent_again(cluster: Cluster) -> None:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        dispatching.take_due()
        traveller.shift(timedelta(seconds=21))
        again = dispatching.take_due()

    assert again == [cluster.pk]


BACKOFF = {
    "first failure": (60, 1, 60),
    "second": (60, 2, 120),
    "many": (60, 9, 300),
    "absurdly many": (60, 10_000, 300),
    "long interval": (3600, 5, 3600),
}


@pytest.mark.parametrize(("interval", "failures", "seconds"), BACKOFF.values(), ids=BACKOFF)
def test_backoff(interval: int, failures: int, seconds: int) -> None:
    assert polling.backoff_seconds(interval, failures) == seconds


def test_polls_are_spread_over_the_interval() -> None:
    now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    keys = [n * 0x9E3779B97F4A7C15 % 2**128 for n in range(10_000)]

    slots = [polling.next_slot(now, 60, key) for key in keys]

    buckets = Counter(int((slot - now).total_seconds()) // 10 for slot in slots)
    assert all(now < slot <= now + timedelta(seconds=60) for slot in slots)
    assert max(buckets[n] for n in range(6)) < 1.15 * min(buckets[n] for n in range(6))


def test_another_engine_judges_anew(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.services import judging

    polling.poll(cluster.pk)
    monkeypatch.setattr(judging, "ENGINE_VERSION", 99)

    assert judging.judge_outdated() == 1
    assert judging.judge_outdated() == 0
    state = CurrentState.objects.get(pk=cluster.pk)
    assert (state.engine_version, state.read_at) == (99, READ_AT)


def test_age_makes_grey(cluster: Cluster, source: FakeSource) -> None:
    now = clock.now()
    source.snapshot = snapshot(read_at=now)
    polling.poll(cluster.pk)

    cluster.refresh_from_db()
    assert cluster.is_stale(now + timedelta(seconds=179)) is False
    assert cluster.is_stale(now + timedelta(seconds=181)) is True


def test_what_was_read_is_old_as_soon_as_a_read_fails(cluster: Cluster, source: FakeSource) -> None:
    now = clock.now()
    source.snapshot = snapshot(read_at=now)
    polling.poll(cluster.pk)
    due_again(cluster)
    source.error = reading.ReadError("401 Unauthorized")

    polling.poll(cluster.pk)

    cluster.refresh_from_db()
    assert cluster.is_stale(now) is True


def test_trouble_counts_from_the_first_read_that_failed(
    cluster: Cluster, source: FakeSource
) -> None:
    source.error = reading.ReadError("connection refused")
    with time_machine.travel(READ_AT, tick=False) as traveller:
        began = []
        for message in ("connection refused", "401 Unauthorized", ""):
            source.error = reading.ReadError(message) if message else None
            due_again(cluster)
            polling.poll(cluster.pk)
            began.append(Cluster.objects.get().last_error_at)
            traveller.shift(timedelta(minutes=10))
        source.error = reading.ReadError("timed out")
        due_again(cluster)
        polling.poll(cluster.pk)

    cluster.refresh_from_db()
    assert began[:2] == [READ_AT, READ_AT]
    assert cluster.last_error_at == READ_AT + timedelta(minutes=30)


def test_facts_that_can_not_be_stored_end_the_lease_and_leave_the_old_ones(
    cluster: Cluster, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard.services import judging

    polling.poll(cluster.pk)
    before = CurrentState.objects.get(pk=cluster.pk)
    due_again(cluster)
    source.snapshot = snapshot("RBAC")

    def halfway(*_: object) -> None:
        raise DataError("a string can't contain NUL")

    monkeypatch.setattr(judging, "_note_change", halfway)

    polling.poll(cluster.pk)

    cluster.refresh_from_db()
    after = CurrentState.objects.get(pk=cluster.pk)
    assert "of our own" in cluster.last_error
    assert (cluster.lease_until, cluster.attempts, cluster.failures) == (None, 0, 1)
    assert (after.verdict, after.snapshot_id) == (before.verdict, before.snapshot_id)
    assert StoredSnapshot.objects.count() == 1
