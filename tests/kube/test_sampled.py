"""Which nodes are asked about one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from authzviz.engine.model import Binding, Lease, Node, Ready, RoleRef, Subject
from authzviz.kube.sampled import nodes_to_ask
from tests.kube.reading import collected
from tests.replay import replay

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def bound(*nodes: str, kind: str = "User") -> Binding:
    subjects = tuple(Subject(kind, f"system:node:{node}") for node in nodes)
    return Binding("b", RoleRef("ClusterRole", "system:node"), subjects=subjects)


def ready(*names: str) -> tuple[Node, ...]:
    return tuple(Node(name, Ready.TRUE) for name in names)


def test_nodes_that_bindings_name_are_asked_existing_ones_first() -> None:
    binding = bound("gone1", "gone2", "gone3", "gone4", "gone5", "there")

    chosen = nodes_to_ask([binding, bound("group", kind="Group")], ready("there"), (), NOW)

    assert chosen == ("there", "gone1", "gone2", "gone3", "gone4")


def test_nodes_that_are_ill_are_asked() -> None:
    nodes = (*ready("a", "late"), Node("ill", Ready.FALSE), Node("unknown", Ready.UNKNOWN))
    fresh, old = NOW - timedelta(seconds=10), NOW - timedelta(seconds=41)
    leases = (Lease("a", fresh), Lease("late", old), Lease("gone", old), Lease("never", None))

    chosen = nodes_to_ask((), nodes, leases, NOW)

    assert chosen[:3] == ("ill", "unknown", "late")
    assert chosen[3:] == ("a",)


def test_at_most_five_of_each_kind_and_two_at_random() -> None:
    nodes = tuple(Node(f"ill{n}", Ready.FALSE) for n in range(9))
    named = bound(*(f"named{n}" for n in range(9)), *(f"ODD{n}" for n in range(9)))

    chosen = nodes_to_ask([named], (*nodes, *ready("a", "b", "c", "d")), (), NOW)

    assert len(chosen) == 5 + 5 + 2
    assert len(set(chosen)) == len(chosen)
    assert nodes_to_ask([bound("Upper")], ready("a"), (), NOW) == ("Upper", "a")


def test_each_is_asked_what_the_made_up_one_is_asked() -> None:
    with replay("v1.28.15-one-user") as server:
        reviews = collected(server).node_reviews

    assert reviews is not None
    asked = {(one.node, one.probe): one.allowed for one in reviews.value or ()}
    assert asked == {
        ("", "get-secret"): False,
        ("", "update-lease"): False,
        ("node1", "get-secret"): True,
        ("node1", "update-lease"): True,
        ("node2", "get-secret"): False,
        ("node2", "update-lease"): False,
    }
