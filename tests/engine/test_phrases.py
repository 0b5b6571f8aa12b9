"""Phrases that hold for one as for many."""

from __future__ import annotations

import pytest

from authzviz.engine.assessment import NodeCounts
from authzviz.engine.phrases import age, counted, overdue_of, ready_of

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


AGES = {
    "to come": (-5, "0 seconds"),
    "one": (1.9, "1 second"),
    "nearly two minutes": (119, "119 seconds"),
    "minutes": (120, "2 minutes"),
    "hours": (7200, "2 hours"),
    "nearly two days": (172_799, "47 hours"),
    "days": (3 * 86400 + 5, "3 days"),
}


@pytest.mark.parametrize(("seconds", "words"), AGES.values(), ids=AGES)
def test_ages_in_one_unit(seconds: float, words: str) -> None:
    assert age(seconds) == words
