"""What /metrics tells, and that a hostile one ends at a cap."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable

import pytest

from authzviz.engine.model import Metrics, Outcome, Read, Snapshot
from authzviz.kube.connection import Connection
from authzviz.kube.metrics import read_metrics
from authzviz.net import COMMAND_LINE
from tests.kube.reading import UNTOLD, collected, credentials
from tests.memory import MIB, growth
from tests.replay import RECORDINGS, Replay, Reply, replay, responses, serve, status_reply

COUNT = "apiserver_admission_controller_admission_duration_seconds_count"
TYPE = "# TYPE apiserver_admission_controller_admission_duration_seconds histogram\n"
AFTER = "# TYPE apiserver_client_certificate_expiration_seconds histogram\n"
DECISIONS = "apiserver_authorization_decisions_total"


def text(*lines: str, kind: str = "text/plain; version=0.0.4") -> Reply:
    return 200, {"Content-Type": kind}, "".join(lines).encode()


def plugin(name: str, operation: str = "CREATE", kind: str = "validate") -> str:
    labels = f'name="{name}",operation="{operation}",rejected="false",type="{kind}"'
    return f"{COUNT}{{{labels}}} 3\n"


def of(server: Replay, *, with_node_graph: bool = False, most: int = 64 * MIB) -> Read[Metrics]:
    with Connection(
        credentials(server), COMMAND_LINE, deadline_seconds=20, max_bytes=most
    ) as connection:
        return read_metrics(connection, with_node_graph=with_node_graph)


def told(reply: Reply, *, with_node_graph: bool = False) -> Read[Metrics]:
    with serve(lambda *_: reply) as server:
        return of(server, with_node_graph=with_node_graph)


RECORDED = [path.name.removesuffix(".json.gz") for path in RECORDINGS.glob("v1.[12]*.json.gz")]


@pytest.mark.parametrize("recording", sorted(RECORDED))
def test_a_real_apiservers_metrics_show_node_restriction(recording: str) -> None:
    with replay(recording) as server:
        near, far = of(server), of(server, with_node_graph=True)

    assert near.value is not None
    assert far.value is not None
    is_on = "no-restriction" not in recording
    assert ("NodeRestriction" in near.value.admission_plugins) is is_on
    assert "NamespaceLifecycle" in near.value.admission_plugins
    assert near.value.has_node_graph is None
    is_shown = "node_authorizer_graph_" in responses(recording)["/metrics"]["json"]
    assert far.value.has_node_graph is is_shown
    assert far.value.admission_plugins == near.value.admission_plugins


def test_only_what_is_needed_is_read() -> None:
    far_behind = "x" * (6 * MIB)
    with serve(lambda *_: text(TYPE, AFTER, far_behind)) as server:
        read = of(server, most=MIB)

    assert read.outcome is Outcome.OK


def test_label_values_are_unescaped_and_cleaned() -> None:
    reply = text(
        f'{DECISIONS}{{decision="allowed",name="a\\"b\\\\c\\nd",type="Webhook"}} 1\n',
        f'{DECISIONS}{{decision="denied",name="rbac",type="RBAC"}} 1 1700000000\n',
        f"{DECISIONS}{{broken\n",
        f"{DECISIONS} 4\n",
    )

    read = told(reply)

    assert read.value is not None
    assert read.value.authorizers == (("", ""), ("RBAC", "rbac"), ("Webhook", 'a"b\\c d'))


def test_a_plugin_that_was_only_asked_about_connections_tells_nothing_of_others() -> None:
    read = told(text(TYPE, plugin("ValidatingAdmissionWebhook", "CONNECT"), AFTER))

    assert read.value is not None
    assert read.value.admission_plugins == ()


def test_a_write_that_was_rejected_early_tells_nothing_of_later_plugins() -> None:
    early = told(text(TYPE, plugin("NamespaceLifecycle", kind="admit"), AFTER))
    on = told(text(TYPE, plugin("NodeRestriction", kind="admit"), AFTER))

    assert early.value is not None
    assert early.value.admission_plugins == ()
    assert on.value is not None
    assert on.value.admission_plugins == ("NodeRestriction",)


def test_metrics_in_the_middle_of_which_reading_ended_tell_nothing_by_absence() -> None:
    endless = "".join(plugin(f"P{n % 900}") for n in range(80_000))

    read = told(text(TYPE, endless))

    assert read.value is not None
    assert read.value.admission_plugins == ()


ENDS: dict[str, tuple[str, bool | None]] = {
    "there": ("node_authorizer_graph_actions_duration_seconds_sum 1\n", True),
    "not there": ("# TYPE zzz counter\nzzz 1\n", False),
    "the end without it": ("aaa 1\n", False),
    "cut off in a line": ("aaa", None),
}


@pytest.mark.parametrize(("end", "expected"), ENDS.values(), ids=ENDS)
def test_the_node_authorizers_own_metrics(end: str, expected: bool | None) -> None:
    read = told(text(TYPE, AFTER, end), with_node_graph=True)

    assert read.value is not None
    assert read.value.has_node_graph is expected


UNUSABLE: dict[str, tuple[Reply, Outcome, str]] = {
    "forbidden": (status_reply(403, "/metrics"), Outcome.FORBIDDEN, "forbidden"),
    "HTML": (text("<html>", kind="text/html"), Outcome.FAILED, "no metrics in text form"),
    "another form": (
        text("x", kind="application/openmetrics-text"),
        Outcome.FAILED,
        "no metrics in text form",
    ),
    "a line without end": (text("x" * (1 << 20)), Outcome.FAILED, "a line of the metrics"),
    "too many series": (
        text(TYPE, *(plugin(f"P{n}") for n in range(2000))),
        Outcome.FAILED,
        "too many series",
    ),
    "compressed": (
        (200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, gzip.compress(b"x")),
        Outcome.FAILED,
        "compressed",
    ),
}


@pytest.mark.parametrize(("reply", "outcome", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_metrics_that_can_not_be_used_say_why(reply: Reply, outcome: Outcome, said: str) -> None:
    read = told(reply)

    assert (read.outcome, read.value) == (outcome, None)
    assert said in read.why


def endless(head: bytes, line: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        while True:
            connection.sendall(line * 1000)

    return answer


def test_b19_endless_metrics_end_at_a_cap() -> None:
    raw = endless(b"Content-Type: text/plain", b"aaa_total 1\n")
    with serve(lambda *_: None, raw=raw) as server, growth() as measured:
        read = of(server)

    assert read.value is not None
    assert (read.value.authorizers, read.value.admission_plugins) == ((), ())
    assert measured.most_bytes < 64 * MIB


def test_metrics_are_read_last_and_far_only_without_reviews() -> None:
    with replay("v1.28.15-leftover") as server:
        near = of_one(collected(server))
    last = [path for path in server.requests if not path.startswith("/api")][-1]
    with replay("v1.28.15-leftover", refuse={**UNTOLD, "/metrics": 0}) as server:
        far = of_one(collected(server))

    assert last == "/metrics"
    assert near.has_node_graph is None
    assert far.has_node_graph is True


def of_one(snapshot: Snapshot) -> Metrics:
    (server,) = snapshot.apiservers.value or ()
    assert server.observed is not None
    assert server.observed.metrics is not None
    assert server.observed.metrics.value is not None
    return server.observed.metrics.value
