"""The Plan tab of a cluster: what is shown of a plan, and its forms."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from authzviz.engine.model import Binding, Node, Ready, RoleRef, Snapshot, Subject
from authzviz.plans.plan import BY_HAND, Phase, PhaseId, Plan, State, Step, Trouble
from dashboard.models import Cluster, PlanState, StartedPlan, StepTick, User
from dashboard.services import facts, plan_acts, plan_rows, plan_ticks, polling
from dashboard.shown.links import step_anchor
from tests.dashboard.conftest import FakeSource, signed_in
from tests.dashboard.showing import RECORDED, Page, opened, page
from tests.dashboard.snapshots import legacy_bindings, snapshot
from tests.engine.build import ok

pytestmark = pytest.mark.django_db

HOSTILE = "<img src=x onerror=alert(1)>"
STEP = "restart-kubelets"


def legacy() -> Snapshot:
    return snapshot("RBAC", cluster_role_bindings=legacy_bindings())


@pytest.fixture
def read(cluster: Cluster, source: FakeSource) -> Cluster:
    """A cluster whose kubelets live on the legacy binding, as read a moment ago."""
    return poll(cluster, source, legacy())


def poll(cluster: Cluster, source: FakeSource, seen: Snapshot) -> Cluster:
    now = timezone.now()
    source.snapshot = replace(seen, read_at=now, server_time=now)
    Cluster.objects.filter(pk=cluster.pk).update(next_poll_at=now)
    polling.poll(cluster.pk)
    cluster.refresh_from_db()
    return cluster


@pytest.fixture
def started(read: Cluster, editor: User) -> StartedPlan:
    """A plan that someone runs, with one step more that nothing shows."""
    plan_acts.start(read, actor=editor)
    return give_step(by_hand())


def by_hand(**changes: object) -> Step:
    step = Step(
        id=STEP,
        title="Restart one kubelet",
        why="To see that it registers.",
        where="node1",
        verify=("kubectl get nodes",),
        observation=BY_HAND,
        commands=("systemctl restart kubelet",),
        diff="--- a\n+++ a\n@@ -1 +1 @@\n same\n-old\n+new\n",
        rollback=("systemctl start kubelet",),
        takes="a minute",
        troubles=(Trouble("It stays away", "node not found", "undo it"),),
        caution="The node is away for seconds.",
        source="https://kubernetes.io/docs/",
        watches_leases=True,
        because="nothing that is read shows this: say when it is done",
    )
    return replace(step, **changes)  # type: ignore[arg-type]  # each named as its field


def give_step(step: Step) -> StartedPlan:
    """The plan that runs, with that step in its last phase."""
    started = StartedPlan.objects.get()
    plan = facts.unpack(bytes(started.plan), Plan)
    last = plan.phases[-1]
    phases = (*plan.phases[:-1], replace(last, steps=(step, *last.steps)))
    told = {
        "state": step.state.value,
        "because": step.because,
        "since": "2026-11-24T09:00:00+00:00",
    }
    started.plan = facts.pack(replace(plan, phases=phases))
    started.states = {**started.states, plan_rows.key_of(step.id): told}
    started.save()
    return started


def told(step: Step) -> dict[str, str]:
    """The step's state as it is stored."""
    since = "2026-11-24T09:00:00+00:00"
    return {"state": step.state.value, "because": step.because, "since": since}


def tab(client: Client, cluster: Cluster) -> Page:
    return opened(client, "cluster_plan", cluster)


def posted(client: Client, name: str, cluster: Cluster, **data: str) -> str:
    """The page that a form leads to."""
    answer = client.post(reverse(name, args=(cluster.slug,)), data, follow=True)
    return page(answer).text


def test_before_it_is_started_the_plan_of_its_own_facts_is_shown(
    as_editor: Client, read: Cluster
) -> None:
    shown = tab(as_editor, read)

    assert "Start this plan" in shown.text
    assert "authzviz changes nothing in a cluster" in shown.text
    assert "leads to Node authorizer" in shown.text
    assert "Take Group system:nodes off" in shown.text
    assert "Undo it" in shown.text
    assert shown.faults() == []
    assert max(shown.ids.values()) == 1


def test_a_viewer_sees_it_and_no_form_but_their_own(
    as_viewer: Client, read: Cluster, started: StartedPlan
) -> None:
    shown = tab(as_viewer, read)
    actions = {form.get("action", "") for form in shown.all("form")}

    assert "Restart one kubelet" in shown.text
    assert not [action for action in actions if "/plan/" in action]


def test_a_started_plan_says_who_when_and_how_far(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    shown = tab(as_editor, read)

    assert re.search(r"started \d+ seconds? ago by editor", shown.text)
    assert re.search(r"\d+ of \d+ steps done", shown.text)
    assert "Leave this plan" in shown.text
    assert "Start this plan" not in shown.text
    assert "Plan: " in shown.text


def test_each_part_of_a_step_is_shown(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    shown = tab(as_editor, read)
    parts = {
        "title": "Restart one kubelet",
        "where": "on node1",
        "why": "To see that it registers.",
        "command": "systemctl restart kubelet",
        "verify": "kubectl get nodes",
        "rollback": "systemctl start kubelet",
        "takes": "Takes: a minute",
        "trouble": "It stays away node not found undo it",
        "caution": "The node is away for seconds.",
        "source": "as documented, not tried: https://kubernetes.io/docs/",
        "because": "say when it is done",
    }

    assert [name for name, words in parts.items() if words not in shown.text] == []
    assert '<span class="diff-removed">-old\n</span><span class="diff-added">+new' in shown.html


def test_only_the_current_step_is_unfolded_and_each_has_an_address(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    shown = tab(as_editor, read)
    folds = [attrs for attrs in shown.all("details") if attrs.get("class") == "fold"]

    assert sum("open" in attrs for attrs in folds) == 1
    for step in facts.unpack(bytes(started.plan), Plan).steps:
        assert shown.ids[step_anchor(step.id)] == 1


def test_a_step_is_ticked_with_a_note_and_taken_back(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    anchor = step_anchor(STEP)
    ticked = posted(as_editor, "plan_tick", read, step=anchor, note="as agreed", done="true")
    told = StepTick.objects.get()
    taken = posted(as_editor, "plan_tick", read, step=anchor, done="false")

    assert (told.step, told.by_name) == (STEP, "editor")
    assert re.search(r"editor said so \d+ seconds? ago : as agreed|ago: as agreed", ticked)
    assert "Take back" in ticked
    assert "Taken back." in taken
    assert not StepTick.objects.filter(taken_back_at=None).exists()


def test_of_two_who_tick_the_second_is_told_who_was_first(
    as_editor: Client, read: Cluster, started: StartedPlan, admin: User
) -> None:
    posted(signed_in(admin), "plan_tick", read, step=STEP, done="true")
    second = posted(as_editor, "plan_tick", read, step=STEP, done="true")
    posted(signed_in(admin), "plan_tick", read, step=STEP, done="false")
    late = posted(as_editor, "plan_tick", read, step=STEP, done="false")

    assert "admin was first, and ticked it already" in second
    assert "Somebody was first" in late


REFUSED = {
    "no such step": ("plan_tick", {"step": "nope", "done": "true"}),
    "a step that is seen": ("plan_tick", {"step": "verdict", "done": "true"}),
    "a long note": ("plan_tick", {"step": STEP, "done": "true", "note": "x" * 1001}),
    "a second start": ("plan_start", {}),
    "a watch of no step": ("plan_watch", {"step": "nope"}),
}


@pytest.mark.parametrize(("name", "data"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_done_is_said(
    as_editor: Client, read: Cluster, started: StartedPlan, name: str, data: dict[str, str]
) -> None:
    assert "Nothing was changed: " in posted(as_editor, name, read, **data)
    assert not StepTick.objects.exists()


def test_a_plan_is_started_left_and_started_again(as_editor: Client, read: Cluster) -> None:
    begun = posted(as_editor, "plan_start", read)
    left = posted(as_editor, "plan_leave", read)
    posted(as_editor, "plan_start", read)

    assert "The plan is started" in begun
    assert "The plan is left" in left
    assert "Plans before" in left
    assert [plan.state for plan in StartedPlan.objects.all()] == [
        PlanState.RUNNING,
        PlanState.LEFT,
    ]


def test_changed_ground_is_said_and_a_new_plan_offered(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    StartedPlan.objects.update(ground=["Apiserver cp2 is new, and no step of this plan is for it."])
    shown = tab(as_editor, read)
    renewed = posted(as_editor, "plan_renew", read)

    assert "The ground changed under this plan" in shown.text
    assert "Apiserver cp2 is new" in shown.text
    assert "ground changed" in shown.text
    assert "A new plan runs" in renewed
    assert "Replaced" in renewed


def test_a_plan_of_another_version_can_only_be_renewed(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    StartedPlan.objects.update(made_with=999)
    shown = tab(as_editor, read)

    assert "made by another version of authzviz" in shown.text
    assert "Make a new plan" in shown.text
    assert "It is done" not in shown.text
    assert "Watch the nodes while you do this" not in shown.text


def test_the_target_is_reached_by_polls_and_lost_again(
    as_editor: Client, read: Cluster, source: FakeSource, editor: User
) -> None:
    before = tab(as_editor, poll(read, source, snapshot())).text
    poll(read, source, legacy())
    plan_acts.start(read, actor=editor)
    poll(read, source, snapshot())
    StartedPlan.objects.update(state="reached", ended_at=timezone.now())
    reached = tab(as_editor, read).text
    poll(read, source, legacy())
    lost = tab(as_editor, read).text

    assert "No plan is needed" in before
    assert "Reached Every kubelet gets its permissions by the Node authorizer since" in reached
    assert "editor started the plan" in reached
    assert "It was reached at" in lost
    assert "Start this plan" in lost


def test_nothing_read_yet_is_said(as_viewer: Client, cluster: Cluster) -> None:
    shown = tab(as_viewer, cluster)

    assert "Start this plan" not in shown.text
    assert "Not read yet" in shown.text


def test_old_facts_look_old(as_editor: Client, read: Cluster, editor: User) -> None:
    plan_acts.start(read, actor=editor)
    Cluster.objects.update(last_success_at=timezone.now() - timedelta(hours=2))
    shown = tab(as_editor, read)

    assert "nothing newer was read" in shown.text
    assert "(old)" in shown.text


def test_a_recording_is_not_watched(as_editor: Client, read: Cluster, started: StartedPlan) -> None:
    Cluster.objects.update(**RECORDED)

    assert "It is no live cluster" in tab(as_editor, read).text


def test_the_current_step_is_told_on_the_overview_and_leads_there(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    overview = opened(as_editor, "cluster", read)

    assert f"{reverse('cluster_plan', args=(read.slug,))}#phase-node-authorizer" in overview.html
    assert "Step by step" in overview.text


NAMES = {
    "shell": "$(reboot)",
    "markup": HOSTILE,
    "hidden letters": "a\N{RIGHT-TO-LEFT OVERRIDE}b\N{ZERO WIDTH SPACE}",
    "quotes and lines": 'it\'s "so"\nEOF\n--server=x',
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_are_text(
    as_editor: Client, cluster: Cluster, source: FakeSource, editor: User, name: str
) -> None:
    bound = Binding(
        name, RoleRef("ClusterRole", "system:node"), "", (Subject("Group", "system:nodes"),)
    )
    nodes = ok((Node(name, Ready.TRUE, "v1.37.2"),))
    seen = snapshot("RBAC", cluster_role_bindings=ok((bound,)), nodes=nodes)
    poll(cluster, source, seen)
    plan_acts.start(cluster, actor=editor)
    give_step(by_hand(id=f"x:{name}", title=name, where=name, commands=(f"echo '{name}'",)))
    plan_ticks.tick(cluster, f"x:{name}", name, actor=editor)
    shown = tab(as_editor, cluster)
    files = [
        as_editor.get(reverse("plan_download", args=(cluster.slug, kind)))
        for kind in ("markdown", "shell", "ansible", "json")
    ]

    assert shown.faults() == []
    assert max(shown.ids.values()) == 1
    assert all(re.fullmatch(r"[\w.-]+", key) for key in shown.ids)
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown.html
    assert "<img src=x" not in shown.html
    for file in files:
        assert file.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert file.headers["Content-Disposition"].startswith('attachment; filename="alpha-plan.')
        assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_a_command_that_can_not_be_copied_says_so(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    give_step(by_hand(id="odd", commands=("kubectl get a\N{ZERO WIDTH SPACE}b",)))
    shown = tab(as_editor, read)

    assert "a⟨U+200B⟩b" in shown.html
    assert "holds letters that can't be seen" in shown.text


def test_a_format_that_does_not_exist_is_404(as_viewer: Client, read: Cluster) -> None:
    assert as_viewer.get(reverse("plan_download", args=(read.slug, "exe"))).status_code == 404


def test_a_quick_way_is_marked_with_its_cost(
    as_editor: Client, cluster: Cluster, source: FakeSource
) -> None:
    shown = tab(as_editor, poll(cluster, source, snapshot("RBAC")))

    assert "nobody has to take it" in shown.text
    assert "The quick way out brings them back first" in shown.text
    assert f'href="#{step_anchor("bind-group")}"' in shown.html
    assert "all Secrets" in shown.text
    assert shown.ids["phase-quick-way"] == 1


def _phase(state: State) -> Phase:
    return Phase(PhaseId.PREFLIGHT, "Preflight", "First.", (by_hand(state=state, id=state.value),))


def test_checks_have_words_of_their_own(
    as_editor: Client, read: Cluster, started: StartedPlan
) -> None:
    plan = facts.unpack(bytes(started.plan), Plan)
    phases = (_phase(State.DONE), _phase(State.TODO), _phase(State.UNKNOWN))
    states = {step.id: told(step) for phase in phases for step in phase.steps}
    StartedPlan.objects.update(plan=facts.pack(replace(plan, phases=phases)), states=states)
    text = tab(as_editor, read).text

    assert all(word in text for word in ("Passed", "Failed", "Can't be told"))
