"""No server makes a worker grow by more than 64 MB, whatever it serves."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.kube.peaks import CASES
from tests.memory import MIB

MOST_BYTES = 64 * MIB
# Cases in which a list is too large for the room that one cluster has.
TOO_LARGE = {
    "bindings for ever": "cluster_role_bindings: too large",
    "roles for ever": "cluster_roles: too large",
    "everything for ever": "cluster_roles: too large",
    "small rules, full": "cluster_roles: too large",
    "small leases, full": "leases: too large",
    "rows, full": "nodes: too large",
    "too much": "cluster_roles: the answer is larger than 24 MiB",
}


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, int | str]]:
    """All cases, each measured in a process that did nothing else."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.kube.peaks"], capture_output=True, text=True, check=True
    )
    return {found["name"]: found for found in map(json.loads, ran.stdout.splitlines())}


@pytest.mark.parametrize("name", CASES)
def test_b19_b25_no_answer_takes_more_memory_than_one_cluster_is_given(
    measured: dict[str, dict[str, int | str]], name: str
) -> None:
    assert int(measured[name]["read"]) < MOST_BYTES
    assert int(measured[name]["judged"]) < MOST_BYTES


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_is_too_large_is_told(measured: dict[str, dict[str, int | str]], name: str) -> None:
    assert TOO_LARGE[name] in str(measured[name]["said"])


def test_b25_a_very_large_cluster_is_read_as_a_whole(
    measured: dict[str, dict[str, int | str]],
) -> None:
    assert measured["B25"]["said"] == ""
    assert measured["as many bindings as fit"]["said"] == ""
