"""Subjects are taken off bindings exactly, and put back exactly, whatever they are called."""

from __future__ import annotations

import json
import shlex

import pytest
import yaml

from authzviz.engine.model import Binding, RoleRef, Subject
from authzviz.kube.manifests import of_binding
from authzviz.plans.plan import PhaseId, Step
from authzviz.plans.removing import MOST
from tests.plans.hostile_names import HOSTILE
from tests.plans.variants import ON, binding, cluster, like, phase, planned, server

NODES = Subject("Group", "system:nodes")
BOB = Subject("User", "bob")
NODE1 = Subject("User", "system:node:cp1")
NODE2 = Subject("User", "system:node:w1")


def _steps(*bindings: Binding) -> tuple[Step, ...]:
    snapshot = cluster("kubeadm", server(like("kubeadm"), *ON), bindings=bindings)
    found = phase(planned(snapshot), PhaseId.REMOVE_GRANTS)
    assert found is not None
    return found.steps


def _patch(command: str) -> list[dict[str, str]]:
    words = shlex.split(command)
    patch: list[dict[str, str]] = json.loads(words[words.index("-p") + 1])
    return patch


def _applied(binding_: Binding, patch: list[dict[str, str]]) -> list[Subject]:
    """The subjects after the patch. Raises AssertionError where it is refused."""
    subjects = list(binding_.subjects)
    for step in patch:
        _, _, place, *field = step["path"].split("/")
        if step["op"] == "test":
            assert getattr(subjects[int(place)], field[0]) == step["value"]
        else:
            del subjects[int(place)]
    return subjects


def test_a_subject_goes_by_a_patch_that_tests_it_first() -> None:
    bound = binding(BOB, NODES)

    (step,) = _steps(bound)

    assert _applied(bound, _patch(step.commands[0])) == [BOB]
    with pytest.raises(AssertionError):
        _applied(binding(NODES, BOB), _patch(step.commands[0]))


def test_several_subjects_of_a_binding_go_from_the_last_to_the_first() -> None:
    left = binding(NODE1, BOB, NODE2, NODES, name="many")

    for step in _steps(left):
        left = Binding("many", left.role_ref, "", tuple(_applied(left, _patch(step.commands[0]))))

    assert left.subjects == (BOB,)


def test_steps_of_names_that_run_into_each_other_have_ids_of_their_own() -> None:
    node = "system:node:w1"
    long = Subject("User", f"{node}:Group:system:nodes")
    steps = _steps(binding(long, name="a"), binding(NODES, name=f"a:User:{node}"))

    assert len(steps) == len({step.id for step in steps}) == 2


def test_a_subject_that_is_there_twice_goes_twice() -> None:
    bound = binding(NODES, BOB, NODES)

    (step,) = _steps(bound)

    assert _applied(bound, _patch(step.commands[0])) == [BOB]


def test_the_rollback_is_the_object_as_it_was_read() -> None:
    role = Binding("b", RoleRef("ClusterRole", "system:node"), "team", (BOB, NODES))

    (step,) = _steps(role)

    assert yaml.safe_load(step.rollback[0].partition("\n")[2].rpartition("\n")[0]) == of_binding(
        role
    )
    assert "rolebinding --namespace=team b" in step.commands[0]
    assert "-- kind: Group" in step.diff


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_stay_what_they_are(name: str) -> None:
    user = Subject("User", f"system:node:{name}")
    bound = binding(user, name=name)

    (step,) = _steps(bound)

    words = shlex.split(step.commands[0])
    assert words[:3] == ["kubectl", "patch", "clusterrolebinding"]
    assert words.count(name) == 1
    if name.startswith("-"):
        assert words[words.index(name) - 1] == "--"
    assert _applied(bound, _patch(step.commands[0])) == []
    head, *body, end = step.rollback[0].splitlines()
    assert head == f"kubectl apply -f - <<'{end}'"
    assert end not in body
    assert yaml.safe_load("\n".join(body)) == of_binding(bound)
    assert step.diff.isascii()


def test_who_else_loses_is_said() -> None:
    everyone = Subject("Group", "system:authenticated")

    (all_of_them,) = _steps(binding(everyone, name="all"))
    (leftover,) = _steps(binding(BOB, NODES))

    assert "first bind the role system:node to those who need it" in all_of_them.caution
    assert "The other subjects of the binding stay." in leftover.caution
    assert "every start of an apiserver makes it anew, empty" in leftover.caution


def test_a_plan_for_a_thousand_grants_has_the_first_of_them_and_says_so() -> None:
    many = [binding(Subject("User", f"system:node:n{n}"), name=f"b{n:04}") for n in range(1_000)]

    found = _steps(*many)

    assert len(found) == MOST


def test_of_a_large_binding_only_the_subject_is_put_back() -> None:
    users = [Subject("User", f"system:node:n{n}") for n in range(200)]

    step = _steps(binding(*users, name="large"))[0]

    (added,) = _patch(step.rollback[0])
    assert (added["op"], added["path"]) == ("add", "/subjects/-")
    assert len(step.rollback[0]) < 400
