"""What people say of steps that nothing shows, and that it can be taken back."""

from __future__ import annotations

from uuid import UUID

import pytest

from authzviz.plans.plan import BY_HAND, Observation, Sees, State
from dashboard.models import AuditEvent, Cluster, PlanState, StartedPlan, StepTick, User
from dashboard.services import audit, following, plan_acts, plan_ticks, undoing
from dashboard.services.plan_rows import PlanError, key_of
from dashboard.services.plans import StepNow
from dashboard.services.undoing import UndoError
from dashboard.shown import acts
from tests.dashboard.conftest import FakeSource
from tests.dashboard.migrating import (
    FLAGS,
    HAND_MADE,
    LOOK,
    TARGET,
    now_of,
    plan_of_steps,
    poll,
    poll_removed,
    step,
)
from tests.dashboard.snapshots import forbidden

pytestmark = pytest.mark.django_db


@pytest.fixture
def started(
    cluster: Cluster, source: FakeSource, editor: User, monkeypatch: pytest.MonkeyPatch
) -> Cluster:
    """A cluster whose plan runs, with one step of each kind."""
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: HAND_MADE)
    monkeypatch.setattr(following, "changed_ground", lambda *_: ())
    poll(cluster, source)
    plan_acts.start(cluster, actor=editor)
    poll(cluster, source)
    return cluster


def shown(cluster: Cluster, id_: str) -> StepNow:
    steps = (one for phase in now_of(cluster).phases for one in phase.steps)
    return next(one for one in steps if one.step.id == id_)


def test_a_tick_says_who_and_when_and_counts(started: Cluster, editor: User) -> None:
    before = shown(started, LOOK)
    found = plan_ticks.tick(started, LOOK, "  looked at it  ", actor=editor)
    after = shown(started, LOOK)

    assert (before.may_be_ticked, before.is_done) == (True, False)
    assert (after.may_be_ticked, after.is_done) == (False, True)
    assert found.is_new
    assert after.tick == found.tick
    assert (found.tick.by_name, found.tick.note) == ("editor", "looked at it")
    assert StartedPlan.objects.get().steps_done == now_of(started).progress.done == 1


def test_the_second_who_ticks_learns_who_was_first(
    started: Cluster, editor: User, admin: User
) -> None:
    plan_ticks.tick(started, LOOK, "mine", actor=editor)

    second = plan_ticks.tick(started, LOOK, "no, mine", actor=admin)

    assert (second.is_new, second.tick.by_name, second.tick.note) == (False, "editor", "mine")
    assert StepTick.objects.count() == AuditEvent.objects.filter(action="step ticked").count() == 1


def test_what_is_seen_can_not_be_ticked(started: Cluster, source: FakeSource, editor: User) -> None:
    with pytest.raises(PlanError, match="not done yet"):
        plan_ticks.tick(started, FLAGS, "", actor=editor)
    poll(started, source, "Node,RBAC")
    with pytest.raises(PlanError, match="nothing to tick"):
        plan_ticks.tick(started, FLAGS, "", actor=editor)

    assert not StepTick.objects.exists()


def test_what_can_not_be_seen_now_can_be_ticked_and_what_is_seen_wins(
    started: Cluster, source: FakeSource, editor: User
) -> None:
    poll(started, source, apiservers=forbidden())
    plan_ticks.tick(started, FLAGS, "looked at the unit", actor=editor)
    said = shown(started, FLAGS)
    poll(started, source, "RBAC")
    seen = shown(started, FLAGS)

    assert (said.step.state, said.is_done) == (State.UNKNOWN, True)
    assert (seen.step.state, seen.is_done) == (State.TODO, False)
    assert seen.tick is not None


REFUSED = {
    "no such step": ("nothing", "", "no such step"),
    "a note without end": (LOOK, "x" * 1001, "at most 1,000 letters"),
}


@pytest.mark.parametrize(("id_", "note", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(started: Cluster, editor: User, id_: str, note: str, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        plan_ticks.tick(started, id_, note, actor=editor)


def test_nothing_is_ticked_where_no_plan_runs(started: Cluster, editor: User) -> None:
    plan_acts.leave(started, actor=editor)

    with pytest.raises(PlanError, match="no plan runs"):
        plan_ticks.tick(started, LOOK, "", actor=editor)
    with pytest.raises(PlanError, match="no plan runs"):
        plan_ticks.take_back(started, LOOK, actor=editor)


def test_a_tick_is_taken_back_once_and_given_anew(
    started: Cluster, editor: User, admin: User
) -> None:
    plan_ticks.tick(started, LOOK, "", actor=editor)

    first = plan_ticks.take_back(started, LOOK, actor=admin)
    second = plan_ticks.take_back(started, LOOK, actor=editor)
    between = StartedPlan.objects.get().steps_done
    again = plan_ticks.tick(started, LOOK, "", actor=admin)

    assert (first, second, between) == (True, False, 0)
    assert again.is_new
    assert StepTick.objects.count() == 2


HOSTILE = {
    "without end": "remove:" + "x" * 3000,
    "another without end": "remove:" + "x" * 3000 + "y",
    "with a NUL": "remove:a\0b",
    "with everything": "remove:$(reboot)\n--server=x\u202e';\"",
}


@pytest.mark.parametrize("id_", HOSTILE.values(), ids=HOSTILE)
def test_steps_of_any_name_have_states_and_ticks(
    cluster: Cluster,
    source: FakeSource,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
    id_: str,
) -> None:
    plan = plan_of_steps(step(id_, BY_HAND), step(TARGET, Observation(Sees.VERDICT)))
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: plan)
    poll(cluster, source)
    plan_acts.start(cluster, actor=editor)
    poll(cluster, source)
    plan_ticks.tick(cluster, id_, "done\0", actor=editor)

    found = shown(cluster, id_)
    assert (found.step.state, found.is_done, found.since is not None) == (State.MANUAL, True, True)


def test_keys_tell_long_names_apart() -> None:
    keys = {key_of(id_) for id_ in HOSTILE.values()}

    assert len(keys) == len(HOSTILE)
    assert all(len(key) <= 500 for key in keys)


def test_starting_leaving_and_ticking_are_undone_and_undone_again(
    cluster: Cluster,
    source: FakeSource,
    editor: User,
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: HAND_MADE)
    poll(cluster, source)

    def stand() -> tuple[str, int]:
        return StartedPlan.objects.get().state, StepTick.objects.filter(taken_back_at=None).count()

    def undone_twice(batch: UUID) -> list[tuple[str, int]]:
        found = [stand()]
        first = undoing.undo(batch, actor=admin)
        found.append(stand())
        undoing.undo(first.batch, actor=editor)
        return [*found, stand()]

    with audit.together() as start:
        plan_acts.start(cluster, actor=editor)
    assert undone_twice(start) == [("running", 0), ("left", 0), ("running", 0)]
    with audit.together() as tick:
        plan_ticks.tick(cluster, LOOK, "", actor=editor)
    assert undone_twice(tick) == [("running", 1), ("running", 0), ("running", 1)]
    with audit.together() as back:
        plan_ticks.take_back(cluster, LOOK, actor=editor)
    assert undone_twice(back) == [("running", 0), ("running", 1), ("running", 0)]
    with audit.together() as leave:
        plan_acts.leave(cluster, actor=editor)
    assert undone_twice(leave) == [("left", 0), ("running", 0), ("left", 0)]


def test_leaving_is_not_undone_once_another_plan_runs(started: Cluster, editor: User) -> None:
    with audit.together() as batch:
        plan_acts.leave(started, actor=editor)
    second = plan_acts.start(started, actor=editor)

    with pytest.raises(UndoError, match="another plan was started since"):
        undoing.undo(batch, actor=editor)

    second.refresh_from_db()
    assert second.state == PlanState.RUNNING


def test_a_start_is_not_undone_by_leaving_another_plan(started: Cluster, editor: User) -> None:
    batch = _batch_of_start(started, editor)
    plan_acts.leave(started, actor=editor)
    plan_acts.start(started, actor=editor)

    with pytest.raises(UndoError, match="another plan was started since"):
        undoing.undo(batch, actor=editor)


def test_a_tick_is_not_put_back_over_a_newer_one(started: Cluster, editor: User) -> None:
    plan_ticks.tick(started, LOOK, "first", actor=editor)
    with audit.together() as batch:
        plan_ticks.take_back(started, LOOK, actor=editor)
    plan_ticks.tick(started, LOOK, "second", actor=editor)

    with pytest.raises(UndoError, match="ticked anew"):
        undoing.undo(batch, actor=editor)


def test_a_resumed_plan_is_held_against_what_was_read_meanwhile(
    started: Cluster, source: FakeSource, editor: User
) -> None:
    with audit.together() as batch:
        plan_acts.leave(started, actor=editor)
    poll(started, source, "Node,RBAC")
    undoing.undo(batch, actor=editor)

    assert shown(started, FLAGS).step.state is State.DONE


def test_a_plan_that_is_resumed_at_the_target_has_reached_it(
    started: Cluster, source: FakeSource, editor: User
) -> None:
    with audit.together() as batch:
        plan_acts.leave(started, actor=editor)
    poll_removed(started, source)
    undoing.undo(batch, actor=editor)

    assert StartedPlan.objects.get().state == PlanState.REACHED


@pytest.mark.parametrize(
    "action",
    [
        *(plan_acts.STARTED, plan_acts.LEFT, plan_acts.RESUMED, plan_acts.RENEWED),
        *(plan_ticks.TICKED, plan_ticks.TAKEN_BACK),
    ],
)
def test_every_act_has_its_words(action: str) -> None:
    assert action in acts.ACTS


def test_the_numbers_of_rows_are_not_told(started: Cluster, editor: User) -> None:
    plan_ticks.tick(started, LOOK, "looked", actor=editor)
    event = AuditEvent.objects.get(action=plan_ticks.TICKED)

    assert set(acts.details(event)) == {("note", "looked"), ("step", "Do look")}


def _batch_of_start(cluster: Cluster, actor: User) -> UUID:
    plan_acts.leave(cluster, actor=actor)
    with audit.together() as batch:
        plan_acts.start(cluster, actor=actor)
    return batch
