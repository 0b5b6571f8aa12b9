"""Started plans: who starts, leaves and renews them, and how polls move their steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from authzviz.engine.model import Binding, RoleRef
from authzviz.kube import bundle
from authzviz.plans.plan import PLANS_VERSION, PhaseId, State
from dashboard.models import (
    AuditEvent,
    Cluster,
    CurrentState,
    LeaseWatch,
    PlanState,
    Source,
    StartedPlan,
    StepTick,
    User,
)
from dashboard.services import (
    bundles,
    clock,
    clusters,
    facts,
    following,
    judging,
    pages,
    plan_acts,
    plan_ticks,
    plans,
    polling,
    reading,
    watching,
)
from dashboard.services.plan_rows import PlanError
from tests.dashboard.conftest import FakeSource
from tests.dashboard.migrating import (
    FLAGS,
    HAND_MADE,
    LOOK,
    NODES,
    REMOVE,
    TARGET,
    now_of,
    plan_of_steps,
    poll,
    poll_removed,
    states,
)
from tests.dashboard.snapshots import forbidden, legacy_bindings, snapshot
from tests.engine.build import ok

pytestmark = pytest.mark.django_db


@pytest.fixture
def legacy(cluster: Cluster, source: FakeSource) -> Cluster:
    """A cluster whose kubelets live on the old binding."""
    poll(cluster, source)
    return cluster


@pytest.fixture
def hand_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is started is the same plan, of one step of each kind."""
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: HAND_MADE)
    monkeypatch.setattr(following, "changed_ground", lambda *_: ())


def test_a_plan_that_nobody_started_is_of_today(legacy: Cluster) -> None:
    found = now_of(legacy)

    assert (found.started, found.ended, found.trouble, found.is_old) == (None, None, "", False)
    assert found.phases
    assert found.as_of == CurrentState.objects.get().read_at


def test_what_was_never_read_has_no_plan(cluster: Cluster, editor: User) -> None:
    assert plans.plan_now(pages.row_of(cluster)) is None
    with pytest.raises(PlanError, match="nothing was read"):
        plan_acts.start(cluster, actor=editor)


def test_where_the_target_is_reached_nothing_starts(
    cluster: Cluster, source: FakeSource, editor: User
) -> None:
    poll_removed(cluster, source)

    assert now_of(cluster).phases == ()
    with pytest.raises(PlanError, match="the target is reached"):
        plan_acts.start(cluster, actor=editor)


def test_a_plan_ticks_itself_off_by_polls(
    legacy: Cluster, source: FakeSource, editor: User
) -> None:
    plan_acts.start(legacy, actor=editor)
    before = states(legacy)
    poll(legacy, source, "Node,RBAC")
    between = states(legacy)
    poll_removed(legacy, source)

    started = StartedPlan.objects.get()
    flags = next(step for step in before if step.startswith("flags:"))
    remove = next(step for step in before if step.startswith("remove:"))
    assert (before[flags], before[remove]) == (State.TODO, State.TODO)
    assert (between[flags], between[remove]) == (State.DONE, State.TODO)
    assert started.states[remove]["state"] == "done"


@pytest.mark.usefixtures("hand_made")
def test_the_target_ends_the_plan_though_a_step_by_hand_is_open(
    legacy: Cluster, source: FakeSource, editor: User
) -> None:
    plan_acts.start(legacy, actor=editor)
    watching.start(legacy, FLAGS, actor=editor)
    poll_removed(legacy, source)

    started = StartedPlan.objects.get()
    assert (started.state, started.ended_at is not None) == (PlanState.REACHED, True)
    assert LeaseWatch.objects.get().ended_at is None
    assert now_of(legacy).ended == started


@pytest.mark.usefixtures("hand_made")
def test_who_falls_back_after_the_target_is_told(
    legacy: Cluster, source: FakeSource, editor: User
) -> None:
    plan_acts.start(legacy, actor=editor)
    poll_removed(legacy, source)
    at_the_target = now_of(legacy)
    poll(legacy, source, "RBAC")
    back = now_of(legacy)

    assert (at_the_target.has_fallen_back, back.has_fallen_back) == (False, True)
    assert back.started is None
    assert plan_acts.start(legacy, actor=editor).state == PlanState.RUNNING


@pytest.mark.usefixtures("hand_made")
def test_a_step_that_is_undone_is_to_be_done_again_since_then(
    legacy: Cluster, source: FakeSource, editor: User
) -> None:
    plan_acts.start(legacy, actor=editor)
    poll(legacy, source, "Node,RBAC")
    done = StartedPlan.objects.get().states[FLAGS]
    poll(legacy, source, "Node,RBAC")
    still = StartedPlan.objects.get().states[FLAGS]
    poll(legacy, source, "RBAC")
    undone = StartedPlan.objects.get()

    assert still["since"] == done["since"]
    assert (undone.states[FLAGS]["state"], undone.states[FLAGS]["since"]) == (
        "todo",
        CurrentState.objects.get().read_at.isoformat(),
    )
    assert (undone.steps_done, undone.steps_total) == (0, 4)


@pytest.mark.usefixtures("hand_made")
def test_what_is_not_read_any_more_is_unknown(
    legacy: Cluster, source: FakeSource, editor: User
) -> None:
    plan_acts.start(legacy, actor=editor)
    poll(legacy, source, "Node,RBAC", cluster_role_bindings=forbidden(), apiservers=forbidden())

    assert states(legacy) == {
        LOOK: State.MANUAL,
        FLAGS: State.UNKNOWN,
        REMOVE: State.UNKNOWN,
        TARGET: State.UNKNOWN,
    }


@pytest.mark.usefixtures("hand_made")
def test_old_facts_show_nothing_as_done(legacy: Cluster, source: FakeSource, editor: User) -> None:
    plan_acts.start(legacy, actor=editor)
    poll(legacy, source, "Node,RBAC")
    Cluster.objects.filter(pk=legacy.pk).update(next_poll_at=clock.now() - timedelta(seconds=1))
    source.error = reading.ReadError("connection refused")
    polling.poll(legacy.pk)

    found = now_of(legacy)
    flags = next(one for one in found.phases[0].steps if one.step.id == FLAGS)
    assert found.is_old
    assert (flags.step.state, flags.was, flags.is_done) == (State.UNKNOWN, State.DONE, False)
    assert "nothing newer was read" in flags.step.because
    assert State.DONE not in states(legacy).values()
    assert StartedPlan.objects.get().states[FLAGS]["state"] == "done"


def test_a_plan_of_old_facts_that_nobody_started_shows_nothing_as_done(
    legacy: Cluster, source: FakeSource
) -> None:
    poll(legacy, source, "Node,RBAC")
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        found = now_of(legacy)

    assert found.is_old
    assert not any(one.is_done for phase in found.phases for one in phase.steps)


UNREADABLE = {
    "another version's": {"made_with": PLANS_VERSION + 1},
    "not compressed": {"plan": b"\x00nothing"},
    "of another shape": {"plan": facts.pack({"steps": 1})},
    "empty": {"plan": b""},
}


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
def test_no_poll_fails_for_a_plan_that_can_not_be_read(
    legacy: Cluster, source: FakeSource, editor: User, change: dict[str, object]
) -> None:
    plan_acts.start(legacy, actor=editor)
    StartedPlan.objects.update(**change)
    poll(legacy, source, "Node,RBAC")
    found = now_of(legacy)

    assert "another version" in found.trouble
    assert (found.started, bool(found.phases)) == (StartedPlan.objects.get(), True)
    with pytest.raises(PlanError, match="another version"):
        plan_ticks.tick(legacy, LOOK, "", actor=editor)
    assert plan_acts.renew(legacy, actor=editor).made_with == PLANS_VERSION
    assert now_of(legacy).trouble == ""


@pytest.mark.usefixtures("hand_made")
def test_no_poll_fails_for_a_plan_that_can_not_be_followed(
    legacy: Cluster,
    source: FakeSource,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan_acts.start(legacy, actor=editor)
    monkeypatch.setattr(following, "followed", lambda *_: 1 / 0)

    poll(legacy, source, "Node,RBAC")

    assert "could not be followed" in caplog.text
    assert CurrentState.objects.get().read_at > StartedPlan.objects.get().started_at


def test_a_poll_of_a_cluster_without_a_plan_asks_once(
    legacy: Cluster, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "followed", lambda *_: 1 / 0)
    state = CurrentState.objects.select_related("snapshot").get()
    with CaptureQueriesContext(connection) as asked:
        following.follow(legacy.pk, facts.current_snapshot(state), facts.current_assessment(state))

    assert len(asked) == 1


def test_the_ground_is_said(legacy: Cluster, source: FakeSource, editor: User) -> None:

    plan_acts.start(legacy, actor=editor)
    added = Binding("mine", RoleRef("ClusterRole", "system:node"), subjects=(NODES,))
    bound = legacy_bindings().value or ()
    poll(legacy, source, cluster_role_bindings=ok((*bound, added)))

    assert any("mine" in sentence for sentence in now_of(legacy).ground)
    plan_acts.renew(legacy, actor=editor)
    assert now_of(legacy).ground == ()


@pytest.mark.usefixtures("hand_made")
def test_another_engine_moves_the_steps_as_well(
    legacy: Cluster, editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_acts.start(legacy, actor=editor)
    StartedPlan.objects.update(states={}, phase="")
    monkeypatch.setattr(judging, "ENGINE_VERSION", 99)

    judging.judge_outdated()

    started = StartedPlan.objects.get()
    assert started.states[FLAGS]["state"] == "todo"
    assert started.phase == PhaseId.NODE_AUTHORIZER


def test_another_bundle_moves_the_steps(editor: User) -> None:
    first = snapshot("RBAC", cluster_role_bindings=legacy_bindings(), is_live=False)
    cluster = bundles.add(first, source=Source.BUNDLE, actor=editor)
    plan_acts.start(cluster, actor=editor)
    later = replace(
        first,
        apiservers=snapshot("Node,RBAC").apiservers,
        read_at=first.read_at + timedelta(days=1),
    )
    with bundles.reading(bundle.to_bytes(later)) as read:
        bundles.replace(Cluster.objects.get(), read, is_meant=True, actor=editor)

    found = now_of(cluster)
    done = [one.step.id for phase in found.phases for one in phase.steps if one.is_done]
    assert any(id_.startswith("flags:") for id_ in done)
    assert (found.as_of, found.is_old) == (later.read_at, False)
    with pytest.raises(PlanError, match="read once"):
        watching.start(cluster, next(id_ for id_ in done if id_.startswith("flags:")), actor=editor)


def test_the_second_who_starts_is_told_who_was_first(
    legacy: Cluster, editor: User, admin: User
) -> None:
    plan_acts.start(legacy, actor=editor)

    with pytest.raises(PlanError, match="editor started a plan already"):
        plan_acts.start(legacy, actor=admin)

    assert StartedPlan.objects.count() == 1


def test_who_leaves_ends_it_and_the_cluster_stays_as_it_is(
    legacy: Cluster, source: FakeSource, editor: User
) -> None:
    plan_acts.start(legacy, actor=editor)
    plan_acts.leave(legacy, actor=editor)
    before = StartedPlan.objects.get()
    poll(legacy, source, "Node,RBAC")

    after = StartedPlan.objects.get()
    assert (after.state, after.states) == (PlanState.LEFT, before.states)
    assert now_of(legacy).ended == after
    with pytest.raises(PlanError, match="no plan runs"):
        plan_acts.leave(legacy, actor=editor)


def test_a_new_plan_takes_the_old_ones_place(
    legacy: Cluster, source: FakeSource, editor: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, other = HAND_MADE.steps[0], replace(HAND_MADE.steps[0], id="other")
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: plan_of_steps(kept, other))
    first = plan_acts.start(legacy, actor=editor)
    plan_ticks.tick(legacy, kept.id, "seen", actor=editor)
    plan_ticks.tick(legacy, "other", "", actor=editor)
    changed = replace(other, commands=("reboot",), rollback=("none",))
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: plan_of_steps(kept, changed))

    second = plan_acts.renew(legacy, actor=admin)

    first.refresh_from_db()
    second.refresh_from_db()
    tick = StepTick.objects.get(plan=second)
    assert (first.state, second.state) == (PlanState.REPLACED, PlanState.RUNNING)
    assert (tick.step, tick.note, tick.by_name) == (kept.id, "seen", "editor")
    assert (second.steps_done, second.steps_total) == (1, 2)
    assert AuditEvent.objects.filter(action=plan_acts.RENEWED, actor=admin).count() == 1


def test_at_the_target_there_is_no_new_plan_and_the_old_one_stays(
    legacy: Cluster, editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_acts.start(legacy, actor=editor)
    monkeypatch.setattr(plan_acts, "plan_of", lambda *_: replace(HAND_MADE, phases=()))

    with pytest.raises(PlanError, match="the target is reached"):
        plan_acts.renew(legacy, actor=editor)

    assert StartedPlan.objects.get().state == PlanState.RUNNING


def test_a_removed_cluster_takes_its_plan_along(legacy: Cluster, editor: User) -> None:
    plan_acts.start(legacy, actor=editor)
    id_ = next(step.id for step in now_of(legacy).plan.steps if step.watches_leases)
    watching.start(legacy, id_, actor=editor)
    gone = Cluster.objects.get()
    clusters.remove(Cluster.objects.get(), actor=editor)

    assert not StartedPlan.objects.exists()
    assert not StepTick.objects.exists()
    assert not LeaseWatch.objects.exists()
    with pytest.raises(PlanError, match="removed"):
        plan_acts.start(gone, actor=editor)
    assert AuditEvent.objects.filter(action=plan_acts.STARTED, about="alpha").count() == 1


def test_a_plan_is_shown_in_a_fixed_number_of_queries(
    legacy: Cluster, source: FakeSource, editor: User
) -> None:
    row = pages.row_of(Cluster.objects.select_related("current").get())
    with CaptureQueriesContext(connection) as unstarted:
        plans.plan_now(row)
    plan_acts.start(legacy, actor=editor)
    with CaptureQueriesContext(connection) as running:
        plans.plan_now(row)

    assert (len(unstarted), len(running)) == (4, 2)
