"""Which clusters have a node of some name, told without decoding what was read of them."""

from __future__ import annotations

import pytest

from authzviz.engine.model import Lease, Node, Ready
from dashboard.services import facts
from tests.dashboard.snapshots import snapshot
from tests.engine.build import ok

HOSTILE = '"},{"name":"worker-1"'
NODES = (
    Node("worker-10", Ready.TRUE, message='"name":"worker-1"', annotations=(("name", "worker-1"),)),
    Node(HOSTILE, Ready.FALSE),
    Node('"leases":', Ready.FALSE),
    Node("worker-2\N{LINE SEPARATOR}é", Ready.TRUE),
)
CASES = {
    "one": ({"worker-10"}, 1),
    "several": ({"worker-10", "worker-2\N{LINE SEPARATOR}é", "worker-3"}, 2),
    "the beginning of a name, and text": ({"worker-1"}, 0),
    "a name with quotation marks": ({HOSTILE}, 1),
    "only a lease": ({"worker-4"}, 0),
    "none": (set(), 0),
}


@pytest.mark.parametrize(("names", "expected"), CASES.values(), ids=CASES)
def test_nodes_are_counted_by_their_whole_names(names: set[str], expected: int) -> None:
    read = snapshot(nodes=ok(NODES), leases=ok((Lease("worker-4", None),)))
    packed = facts.pack(facts.passing(read))

    assert facts.count_nodes(packed, facts.marks_of(names)) == expected


def test_nodes_that_were_not_read_are_none() -> None:
    packed = facts.pack(facts.passing(snapshot(nodes=ok(()))))

    assert facts.count_nodes(packed, facts.marks_of({"worker-1"})) == 0
