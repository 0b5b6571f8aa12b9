"""Phrases that hold for one as for many."""

from __future__ import annotations

import pytest

from authzviz.engine.assessment import NodeCounts
from authzviz.engine.phrases import counted, overdue_of, ready_of

COUNTED = {"none": (0, "0 nodes"), "one": (1, "1 node"), "many": (2, "2 nodes")}


@pytest.mark.parametrize(("count", "words"), COUNTED.values(), ids=COUNTED)
def test_counts_one_and_many(count: int, words: str) -> None:
    assert counted(count, "node") == words


SILENT = {
    "the only one": (1, 1, "1 of 1 node no longer renews its Lease"),
    "one of many": (1, 6, "1 of 6 nodes no longer renews its Lease"),
    "many": (2, 6, "2 of 6 nodes no longer renew their Lease"),
}


@pytest.mark.parametrize(("overdue", "total", "words"), SILENT.values(), ids=SILENT)
def test_says_how_many_nodes_are_silent(overdue: int, total: int, words: str) -> None:
    assert overdue_of(NodeCounts(total, total, 0, 0), overdue) == words


def test_says_how_many_nodes_are_ready() -> None:
    assert ready_of(NodeCounts(1, 0, 1, 0)) == "0 of 1 node is Ready"
