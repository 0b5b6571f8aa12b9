"""Leases alone, with the apiserver's own time: what is asked, and what goes wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from authzviz.kube.errors import ReadFailed, ReadForbidden
from authzviz.kube.renewals import Renewals, read_renewals
from authzviz.net import COMMAND_LINE
from tests.kube.reading import RECORDING, credentials
from tests.replay import Reply, json_reply, replay

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
RENEWED = {"renewTime": "2026-11-24T02:54:20.123456Z", "leaseDurationSeconds": 40}
GOOD = {"metadata": {"name": "a"}, "spec": RENEWED}
ODD = {"metadata": {"name": "b"}, "spec": {"renewTime": "yesterday"}}


def read(*, is_first: bool, reply: Reply | None = None) -> tuple[Renewals, list[str]]:
    """What is read, and all that was asked for it."""
    with replay(RECORDING, replace={LEASES: reply} if reply else {}) as server:
        found = read_renewals(
            credentials(server), policy=COMMAND_LINE, deadline_seconds=10, is_first=is_first
        )
    return found, list(server.requests)


def test_nothing_but_the_leases_is_asked_and_only_at_first_not_of_a_cache() -> None:
    first, asked_first = read(is_first=True)
    later, asked_later = read(is_first=False)

    assert asked_first == [f"{LEASES}?limit=500"]
    assert asked_later == [f"{LEASES}?resourceVersion=0"]
    assert first.leases == later.leases
    assert first.is_whole


def test_the_time_is_the_apiservers() -> None:
    found, _ = read(is_first=True)

    assert found.at is not None
    assert abs(found.at - datetime.now(UTC)) < timedelta(days=3650)
    assert found.at.microsecond == 0


def test_one_that_can_not_be_understood_does_not_hide_the_others() -> None:
    reply = json_reply({"kind": "LeaseList", "items": [GOOD, ODD]})

    found, _ = read(is_first=False, reply=reply)

    assert [lease.node for lease in found.leases] == ["a"]
    assert not found.is_whole


def test_what_is_no_list_is_an_error() -> None:
    with pytest.raises(ReadFailed, match="instead of LeaseList"):
        read(is_first=False, reply=json_reply({"kind": "PodList", "items": []}))


def test_whoever_may_not_is_told_what_is_missing() -> None:
    with replay(RECORDING, refuse={LEASES: 403}) as server, pytest.raises(ReadForbidden) as refused:
        read_renewals(credentials(server), policy=COMMAND_LINE, deadline_seconds=10, is_first=False)

    assert "list leases.coordination.k8s.io" in refused.value.message
