"""What was not read comes first in a plan, and never passes for known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authzviz import engine
from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Outcome, Read, Snapshot
from authzviz.plans.changed_ground import changed_ground
from authzviz.plans.checks import IDS, check
from authzviz.plans.making import plan_of
from authzviz.plans.plan import PhaseId, Plan, Sees, State, Step
from tests.engine.build import ok, server, unread
from tests.plans.clusters import read
from tests.plans.hostile_names import HOSTILE
from tests.plans.starts import DOCUMENTED, MODES, STARTS, started
from tests.plans.test_checks import BASE, CP1, READS_OF, UNTOLD


def planned(snapshot: Snapshot) -> Plan:
    return plan_of(snapshot, engine.judge(snapshot))


def finding(plan: Plan) -> dict[str, Step]:
    """The steps of the first phase, by id."""
    phases = [phase for phase in plan.phases if phase.id is PhaseId.FIND_OUT]
    return {step.id.removeprefix("find:"): step for phase in phases for step in phase.steps}


KNOWN = replace(BASE, version=ok("v1.28.15+k3s1"))
WEBHOOK = server(f"{MODES}Node,RBAC,Webhook", "--enable-admission-plugins=NodeRestriction")
CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "all was read": ({}, set()),
    "nothing tells the distribution": (
        {"version": ok("v1.28.15"), "apiservers": ok((replace(CP1, evidence="x"),) * 1)},
        {"distribution", "unseen"},
    ),
    "a list is forbidden": (
        {"role_bindings": unread(BASE.role_bindings)},
        {"permissions", "role_bindings"},
    ),
    "a list failed": (
        {"leases": unread(BASE.leases, Outcome.FAILED)},
        {"leases"},
    ),
    "a list was read in part": ({"nodes": ok(BASE.nodes.value, "x")}, {"nodes"}),
    "the version is no version": ({"version": ok("new+k3s1")}, {"version"}),
    "an apiserver tells nothing": ({"apiservers": ok((CP1, UNTOLD))}, {"flags:cp2"}),
    "no apiserver was found": ({"apiservers": ok(())}, {"flags:"}),
    "flags are forbidden": (
        {"apiservers": unread(BASE.apiservers)},
        {"permissions", "flags:"},
    ),
    "one more runs": ({"apiservers": ok((CP1,))}, {"unseen"}),
    "a webhook is in the chain": (
        {"apiservers": ok((WEBHOOK,)), "endpoints": ok(("192.0.2.1:6443",))},
        {"ask:Webhook"},
    ),
}


@pytest.mark.parametrize(("changes", "ids"), CASES.values(), ids=CASES)
def test_what_is_missing_has_its_step(changes: dict[str, Any], ids: set[str]) -> None:
    plan = planned(replace(KNOWN, **changes))

    assert set(finding(plan)) == ids
    assert not ids or plan.phases[0].id is PhaseId.FIND_OUT


def test_an_unseen_apiserver_is_named_by_its_url() -> None:
    step = finding(planned(replace(KNOWN, apiservers=ok((CP1,)))))["unseen"]

    assert "https://192.0.2.2:6443" in step.title
    assert any("https://192.0.2.2:6443/version" in command for command in step.verify)


def test_the_reader_comes_with_its_way_back() -> None:
    step = finding(planned(replace(KNOWN, nodes=unread(BASE.nodes))))["permissions"]

    assert step.commands == (
        "authzviz reader --kubernetes-version=1.28 --distribution=k3s | kubectl apply -f -",
    )
    assert "kubectl delete" in step.rollback[0]
    assert step.observation.target == "permissions"


def test_before_endpoint_slices_endpoints_are_read() -> None:
    snapshot = replace(KNOWN, version=ok("v1.16.8+k3s1"), endpoints=unread(BASE.endpoints))

    assert "get endpoints kubernetes" in finding(planned(snapshot))["endpoints"].verify[0]


def test_what_can_not_be_told_says_between_what() -> None:
    plan = planned(replace(KNOWN, apiservers=unread(BASE.apiservers)))

    assert plan.start is Verdict.UNKNOWN
    assert "or" in plan.phases[0].why
    assert any("make the plan anew" in note for note in plan.notes)


def test_a_read_that_fails_later_is_no_change_of_the_ground() -> None:
    plan = planned(KNOWN)
    later = replace(KNOWN, nodes=unread(KNOWN.nodes, Outcome.FAILED))

    assert not changed_ground(plan, later, engine.judge(later))


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
def test_an_address_that_is_a_command_stays_an_address(said: str) -> None:
    snapshot = replace(KNOWN, apiservers=ok((CP1,)), endpoints=ok(("192.0.2.1:6443", said)))
    step = finding(planned(snapshot))["unseen"]

    quoted = f"'https://{said}/version'".replace(said, said.replace("'", "'\"'\"'"))
    assert any(command.endswith((quoted, f"https://{said}/version")) for command in step.verify)


SPOILT = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from([Outcome.FORBIDDEN, Outcome.FAILED, Outcome.OK])
        for name in BASE.reads
    },
)


def spoilt(snapshot: Snapshot, outcomes: dict[str, Outcome]) -> Snapshot:
    """The same with these reads refused, failed, or (OK) read only in part."""
    changes: dict[str, Any] = {}
    for name, outcome in outcomes.items():
        found: Read[Any] = snapshot.reads[name]
        part = replace(found, gaps=("one", "two"))
        changes[name] = part if outcome is Outcome.OK else unread(found, outcome)
    return replace(snapshot, **changes)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(DOCUMENTED), st.sampled_from(list(STARTS)), SPOILT)
def test_a_plan_is_made_whatever_was_not_read(
    name: str, start: str, outcomes: dict[str, Outcome]
) -> None:
    snapshot = spoilt(started(name, start), outcomes)

    plan = planned(snapshot)

    for step in plan.steps:
        assert step.because
        assert step.verify
        assert step.rollback or not step.commands


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["v1.37.2-legacy", "kops-2020", "systemd", "kubespray"]), SPOILT)
def test_no_check_is_done_whose_fact_is_unread(name: str, outcomes: dict[str, Outcome]) -> None:
    snapshot = spoilt(read(name), outcomes)
    assessment = engine.judge(snapshot)

    unknown = {name for name, found in snapshot.reads.items() if not found.is_whole}
    for id_ in IDS:
        state, because = check(id_, snapshot, assessment)
        if unknown & set(READS_OF.get(id_, ())):
            assert state is not State.DONE, (id_, because)
        assert because


def test_every_step_that_checks_names_a_check() -> None:
    for name in DOCUMENTED:
        for start in STARTS:
            for step in planned(started(name, start)).steps:
                if step.observation.sees is Sees.CHECK:
                    assert step.observation.target.partition(":")[0] in IDS, step.id
