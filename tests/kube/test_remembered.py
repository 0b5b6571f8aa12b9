"""What one poll leaves to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authzviz.engine.model import Outcome, Read, Snapshot
from authzviz.kube import remembered
from authzviz.kube.remembered import AGAIN_AFTER, NOTHING, Remembered
from tests.engine import answers
from tests.engine.answers import RULES, asked
from tests.engine.build import NOW, cluster
from tests.kube.reading import collected
from tests.replay import Replay, replay, status_reply

RECORDING = "v1.28.15-leftover"


def metrics_reads(server: Replay) -> int:
    return server.requests.count("/metrics")


def again(server: Replay, snapshot: Snapshot) -> Snapshot:
    return collected(server, asking={"remembered": remembered.of(snapshot)})


def aged(known: Remembered, age: timedelta) -> Remembered:
    (server,) = known.servers
    assert server.metrics is not None
    assert server.metrics.value is not None
    value = replace(server.metrics.value, read_at=datetime.now(UTC) - age)
    return replace(known, servers=(replace(server, metrics=replace(server.metrics, value=value)),))


def test_metrics_are_carried_over_with_the_time_they_were_read() -> None:
    with replay(RECORDING) as server:
        first = collected(server)
        second = again(server, first)

    assert metrics_reads(server) == 1
    before, after = (one.apiservers.value or () for one in (first, second))
    assert before[0].observed is not None
    assert after[0].observed is not None
    assert before[0].observed.metrics == after[0].observed.metrics


@pytest.mark.parametrize(
    ("age", "times"), [(AGAIN_AFTER, 2), (timedelta(days=-1), 2), (timedelta(minutes=9), 1)]
)
def test_metrics_are_read_anew_after_ten_minutes(age: timedelta, times: int) -> None:
    with replay(RECORDING) as server:
        known = aged(remembered.of(collected(server)), age)
        collected(server, asking={"remembered": known})

    assert metrics_reads(server) == times


def test_metrics_of_another_state_are_read_anew() -> None:
    with replay(RECORDING) as server:
        known = remembered.of(collected(server))
    with replay("v1.28.15-seed-fix2-node") as other:
        collected(other, asking={"remembered": known})

    assert metrics_reads(other) == 1


def test_metrics_that_were_not_read_are_not_remembered() -> None:
    with replay(RECORDING, replace={"/metrics": status_reply(403, "/metrics")}) as server:
        again(server, collected(server))

    assert metrics_reads(server) == 2


def test_signing_requests_keep_the_time_they_were_read() -> None:
    with replay(RECORDING) as server:
        snapshot = collected(server)
    read = Read(Outcome.OK, "GET", "list", ())
    first = remembered.of(replace(snapshot, signing_requests=read))
    later = replace(snapshot, read_at=snapshot.read_at + AGAIN_AFTER, signing_requests=read)
    second = remembered.of(later, first)

    assert first.signing_requests_of(snapshot.read_at) == read
    assert second.signing_requests_at == snapshot.read_at
    assert second.signing_requests_of(later.read_at) is None
    assert NOTHING.signing_requests_of(snapshot.read_at) is None
    failed = replace(snapshot, signing_requests=replace(read, outcome=Outcome.FAILED, value=None))
    assert remembered.of(failed).signing_requests is None


def test_metrics_are_read_anew_where_only_the_words_of_node_are_gone() -> None:
    before, after = asked(answers.NODE_RBAC_BOUND, RULES, "P"), asked(answers.RBAC_BOUND, RULES)
    known = remembered.of(cluster(before))

    assert before.observed is not None
    assert known.metrics_of("cp1", before.observed, NOW) == before.observed.metrics
    assert after.observed is not None
    assert known.metrics_of("cp1", after.observed, NOW) is None
