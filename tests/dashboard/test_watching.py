"""Leases that are read every two seconds: who owns the watch, what counts, how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import time_machine

from authzviz.engine.model import Lease
from authzviz.kube.renewals import Renewals
from dashboard import tasks
from dashboard.models import AuditEvent, Cluster, LeaseWatch, User
from dashboard.services import clock, clusters, following, plan_acts, reading, watching
from dashboard.services.plan_rows import PlanError
from dashboard.shown import acts
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.migrating import FLAGS, HAND_MADE, LOOK, poll
from tests.dashboard.snapshots import READ_AT
from tests.engine.build import node, ok

pytestmark = pytest.mark.django_db

SKEW = timedelta(minutes=7)
"""How far the apiserver's clock is ahead of ours."""


@dataclass
class FakeLeases:
    """Stands in for the network: leases by node, renewed that many seconds ago."""

    ages: dict[str, int] = field(default_factory=lambda: {"node1": 5, "node2": 5})
    error: str = ""
    asked: list[bool] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def __call__(self, credentials: object, *, is_first: bool, **_: object) -> Renewals:
        self.asked.append(is_first)
        self.meanwhile()
        if self.error:
            raise reading.ReadError(self.error)
        now = clock.now() + SKEW
        leases = (Lease(name, now - timedelta(seconds=age)) for name, age in self.ages.items())
        return Renewals(now, tuple(leases))


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> FakeLeases:
    fake = FakeLeases()
    monkeypatch.setattr(reading, "read_leases", fake)
    return fake


@pytest.fixture
def sent_watches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The watches that were sent to the broker, which isn't there, and for when."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(
        tasks, "_send_watch", lambda watch_id, seconds=0: found.append((watch_id, seconds))
    )
    return found


@pytest.fixture
def traveller(
    cluster: Cluster, source: FakeSource, editor: User, monkeypatch: pytest.MonkeyPatch
) -> object:
    """The time, standing still; a plan runs."""
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: HAND_MADE)
    monkeypatch.setattr(following, "changed_ground", lambda *_: ())
    with time_machine.travel(READ_AT, tick=False) as found:
        Cluster.objects.update(next_poll_at=clock.now())
        poll(cluster, source, nodes=ok((node("node1"), node("node2"))))
        plan_acts.start(cluster, actor=editor)
        yield found


def counts() -> tuple[int | None, int | None, list[str]]:
    watch = LeaseWatch.objects.order_by("-pk")[0]
    return watch.renewed, watch.total, watch.waiting


def test_only_what_is_renewed_after_the_first_read_counts(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    found = []
    # node2's clock is ahead: what it wrote before is in the future.
    for ages in (
        {"node1": 5, "node2": -90},
        {"node1": 7, "node2": -88},
        {"node1": 1, "node2": -86},
    ):
        leases.ages = ages
        assert watching.read_once(watch.pk)
        found.append(counts())
        traveller.shift(timedelta(seconds=2))
    leases.ages = {"node1": 3, "node2": -99}
    watching.read_once(watch.pk)

    assert found == [
        (0, 2, ["node1", "node2"]),
        (0, 2, ["node1", "node2"]),
        (1, 2, ["node2"]),
    ]
    assert counts() == (2, 2, [])
    assert leases.asked == [True, False, False, False]
    assert LeaseWatch.objects.get().since == READ_AT + SKEW


def test_who_renewed_and_then_stays_silent_is_named_again(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    watching.read_once(watch.pk)
    traveller.shift(timedelta(seconds=60))
    leases.ages = {"node1": 2, "node2": 2}
    watching.read_once(watch.pk)
    all_well = counts()
    traveller.shift(timedelta(seconds=60))
    leases.ages = {"node1": 2, "node2": 62}
    watching.read_once(watch.pk)

    assert all_well == (2, 2, [])
    assert counts() == (1, 2, ["node2"])


def test_nodes_that_leave_join_or_never_had_a_lease(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    leases.ages = {"node1": 5, "old": 5}
    watch = watching.start(cluster, FLAGS, actor=editor)
    watching.read_once(watch.pk)
    first = counts()
    traveller.shift(timedelta(seconds=10))
    leases.ages = {"node1": 2, "new": 1}
    watching.read_once(watch.pk)
    between = counts()
    traveller.shift(timedelta(seconds=2))
    leases.ages = {"node1": 4, "new": 3, "node2": 1}
    watching.read_once(watch.pk)

    # node2 is there, says the last poll, and was refused a Lease so far.
    assert first == (0, 3, ["node1", "node2", "old"])
    assert between == (1, 2, ["node2"])
    assert counts() == (2, 2, [])


def test_at_most_a_hundred_are_named(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    leases.ages = {f"n{number:03}": 5 for number in range(250)}
    watch = watching.start(cluster, FLAGS, actor=editor)
    watching.read_once(watch.pk)

    renewed, total, waiting = counts()
    assert (renewed, total, len(waiting), waiting[0]) == (0, 252, 100, "n000")


def test_an_apiserver_that_is_down_is_said_and_asked_again(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    watching.read_once(watch.pk)
    answered_at = LeaseWatch.objects.get().read_at
    traveller.shift(timedelta(seconds=2))
    leases.error = "connection refused"
    goes_on = watching.read_once(watch.pk)
    down = LeaseWatch.objects.get()
    traveller.shift(timedelta(seconds=2))
    leases.error = ""
    leases.ages = {"node1": 1, "node2": 1}
    watching.read_once(watch.pk)
    up = LeaseWatch.objects.get()

    assert goes_on
    assert (down.error, down.read_at, down.renewed) == ("connection refused", answered_at, 0)
    assert (up.error, up.renewed) == ("", 2)


def test_one_that_is_down_from_the_beginning_is_counted_from_its_first_answer(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    leases.error = "connection refused"
    watch = watching.start(cluster, FLAGS, actor=editor)
    watching.read_once(watch.pk)
    traveller.shift(timedelta(seconds=2))
    leases.error = ""
    watching.read_once(watch.pk)

    assert leases.asked == [True, True]
    assert counts() == (0, 2, ["node1", "node2"])


def test_a_fault_of_our_own_ends_no_watch(
    traveller: time_machine.Traveller,
    cluster: Cluster,
    leases: FakeLeases,
    editor: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    leases.meanwhile = lambda: 1 / 0

    assert watching.read_once(watch.pk)
    assert "of our own" in LeaseWatch.objects.get().error
    assert "ZeroDivisionError" in caplog.text


def test_the_task_comes_again_every_two_seconds_until_the_time_is_over(
    traveller: time_machine.Traveller,
    cluster: Cluster,
    leases: FakeLeases,
    editor: User,
    sent_watches: list[tuple[int, int]],
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    tasks.watch_leases(watch.pk)
    # Its message may come a little early.
    traveller.shift(timedelta(seconds=1.9))
    tasks.watch_leases(watch.pk)
    traveller.shift(timedelta(minutes=10))
    tasks.watch_leases(watch.pk)

    ended = LeaseWatch.objects.get()
    assert sent_watches == [(watch.pk, 2), (watch.pk, 2)]
    assert (ended.why_ended, ended.ended_at is not None) == (watching.TIME_IS_OVER, True)


def test_the_same_task_twice_reads_once(
    traveller: time_machine.Traveller,
    cluster: Cluster,
    leases: FakeLeases,
    editor: User,
    sent_watches: list[tuple[int, int]],
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    leases.meanwhile = lambda: tasks.watch_leases(watch.pk)
    tasks.watch_leases(watch.pk)
    leases.meanwhile = lambda: None
    tasks.watch_leases(watch.pk)

    assert len(leases.asked) == len(sent_watches) == 1


def test_what_the_broker_or_a_worker_lost_is_followed_by_the_dispatcher(
    traveller: time_machine.Traveller,
    cluster: Cluster,
    leases: FakeLeases,
    editor: User,
    sent_watches: list[tuple[int, int]],
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    tasks.dispatch()
    at_once = list(sent_watches)
    traveller.shift(timedelta(seconds=5))
    tasks.dispatch()
    lost = list(sent_watches)
    # A worker that took it along: the claim has to be over first.
    watching._claim(watch.pk)
    traveller.shift(timedelta(seconds=10))
    tasks.dispatch()
    claimed = list(sent_watches)
    traveller.shift(timedelta(seconds=10))
    tasks.dispatch()

    assert (at_once, lost, claimed) == ([], [(watch.pk, 0)], [(watch.pk, 0)])
    assert sent_watches == [(watch.pk, 0)] * 2
    assert watching.is_silent(LeaseWatch.objects.get(), clock.now())


def test_the_dispatcher_ends_what_nobody_reads_any_more(
    traveller: time_machine.Traveller,
    cluster: Cluster,
    editor: User,
    sent_watches: list[tuple[int, int]],
) -> None:
    watching.start(cluster, FLAGS, actor=editor)
    traveller.shift(timedelta(minutes=11))
    tasks.dispatch()

    assert sent_watches == []
    assert LeaseWatch.objects.get().why_ended == watching.TIME_IS_OVER


def test_a_late_result_is_dropped(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)

    def meanwhile() -> None:
        leases.meanwhile = lambda: None
        traveller.shift(timedelta(seconds=20))
        watching.read_once(watch.pk)
        leases.ages = {"node1": 1}

    leases.meanwhile = meanwhile

    assert not watching.read_once(watch.pk)
    assert counts() == (0, 2, ["node1", "node2"])


def stopped(cluster: Cluster, actor: User) -> None:
    assert watching.stop(cluster, actor=actor)
    assert not watching.stop(cluster, actor=actor)


ENDS: dict[str, tuple[Callable[[Cluster, User], object], str]] = {
    "somebody stops it": (stopped, watching.SOMEBODY_STOPPED),
    "the plan is left": (lambda c, who: plan_acts.leave(c, actor=who), "the plan ended"),
    "the plan is renewed": (lambda c, who: plan_acts.renew(c, actor=who), "the plan ended"),
    "the cluster is paused": (
        lambda c, who: clusters.set_paused(c, is_paused=True, actor=who),
        "the cluster is paused",
    ),
}


@pytest.mark.parametrize(("end", "why"), ENDS.values(), ids=ENDS)
def test_what_ends_a_watch(
    traveller: time_machine.Traveller,
    cluster: Cluster,
    leases: FakeLeases,
    editor: User,
    end: Callable[[Cluster, User], object],
    why: str,
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    leases.meanwhile = lambda: end(cluster, editor)
    watching.read_once(watch.pk)
    leases.meanwhile = lambda: None
    traveller.shift(timedelta(seconds=3))

    assert not watching.read_once(watch.pk)
    assert LeaseWatch.objects.get().why_ended == why


def test_a_cluster_removed_meanwhile_is_no_trouble(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    watch = watching.start(cluster, FLAGS, actor=editor)
    leases.meanwhile = lambda: clusters.remove(Cluster.objects.get(), actor=editor)

    assert not watching.read_once(watch.pk)
    assert not watching.read_once(watch.pk)
    assert not LeaseWatch.objects.exists()


def test_to_start_again_begins_the_count_anew(
    traveller: time_machine.Traveller, cluster: Cluster, leases: FakeLeases, editor: User
) -> None:
    first = watching.start(cluster, FLAGS, actor=editor)
    watching.read_once(first.pk)
    traveller.shift(timedelta(seconds=10))
    leases.ages = {"node1": 1, "node2": 1}
    watching.read_once(first.pk)
    before = counts()
    second = watching.start(cluster, FLAGS, actor=editor)
    watching.read_once(second.pk)

    first.refresh_from_db()
    assert (before, counts()) == ((2, 2, []), (0, 2, ["node1", "node2"]))
    assert first.why_ended == watching.AGAIN
    assert watching.watch_of(cluster) == second


def test_not_too_many_at_once(
    traveller: time_machine.Traveller,
    cluster: Cluster,
    source: FakeSource,
    editor: User,
) -> None:
    others = [add_cluster(f"c{number}") for number in range(watching.MOST_AT_ONCE)]
    for other in others:
        poll(other, source)
        plan_acts.start(other, actor=editor)
        watching.start(other, FLAGS, actor=editor)

    with pytest.raises(PlanError, match="as many as this server watches at once"):
        watching.start(cluster, FLAGS, actor=editor)
    # One's own is no other's.
    watching.start(others[0], FLAGS, actor=editor)
    watching.stop(others[1], actor=editor)
    watching.start(cluster, FLAGS, actor=editor)


def test_what_is_not_watched(
    traveller: time_machine.Traveller, cluster: Cluster, editor: User
) -> None:
    for id_, why in ((LOOK, "nothing to watch"), ("nothing", "no such step")):
        with pytest.raises(PlanError, match=why):
            watching.start(cluster, id_, actor=editor)
    clusters.set_paused(cluster, is_paused=True, actor=editor)
    with pytest.raises(PlanError, match="paused"):
        watching.start(cluster, FLAGS, actor=editor)
    clusters.set_paused(cluster, is_paused=False, actor=editor)
    plan_acts.leave(cluster, actor=editor)
    with pytest.raises(PlanError, match="no plan runs"):
        watching.start(cluster, FLAGS, actor=editor)

    assert not LeaseWatch.objects.exists()


def test_who_began_and_stopped_is_written_down(
    traveller: time_machine.Traveller, cluster: Cluster, editor: User
) -> None:
    watching.start(cluster, FLAGS, actor=editor)
    watching.stop(cluster, actor=editor)

    written = AuditEvent.objects.filter(action__in=(watching.WATCHED, watching.STOPPED))
    assert {event.action for event in written} <= set(acts.ACTS)
    assert written.count() == 2


def test_old_watches_are_forgotten(
    traveller: time_machine.Traveller, cluster: Cluster, editor: User
) -> None:
    watching.start(cluster, FLAGS, actor=editor)
    watching.start(cluster, FLAGS, actor=editor)
    traveller.shift(timedelta(days=2))
    tasks.clean_up()

    assert LeaseWatch.objects.count() == 1


def test_the_message_waits_for_the_transaction_and_survives_a_broker_that_is_down(
    cluster: Cluster, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True) as callbacks:  # type: ignore[operator]
        tasks.send_watch(4711)
        assert "the broker is down" not in caplog.text

    assert len(callbacks) == 1
    assert "the broker is down: watch 4711" in caplog.text


def test_who_can_not_be_told_has_not_left() -> None:
    whole, part = Renewals(READ_AT, ()), Renewals(READ_AT, (), is_whole=False)
    first: dict[str, datetime | None] = {"node1": READ_AT}

    assert watching.count(first, whole, READ_AT).total == 0
    assert watching.count(first, part, READ_AT).waiting == ("node1",)


def test_times_are_told_apart_to_the_microsecond() -> None:
    at = datetime.fromisoformat("2026-11-24T09:00:00.000001+00:00")
    leases = Renewals(at, (Lease("node1", at),))

    assert watching.count({"node1": at}, leases, at).renewed == 0
    assert watching.count({"node1": at - timedelta(microseconds=1)}, leases, at).renewed == 1
