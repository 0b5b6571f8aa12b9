"""Each read ends as ok, forbidden or failed, whatever the other side does."""

from __future__ import annotations

import gzip
from types import SimpleNamespace
from typing import Any

import pytest

from authzviz.engine.model import Outcome, Read, Snapshot
from tests.kube.reading import RECORDING, UNTOLD, collected, with_answers
from tests.memory import MIB, growth
from tests.replay import HANG, TOKEN, Reply, json_reply, replay, status_reply

RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRBS = f"{RBAC}/clusterrolebindings"
PODS = "/api/v1/namespaces/kube-system/pods"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
PATHS = {
    "apiservers": PODS,
    "cluster_roles": f"{RBAC}/clusterroles",
    "cluster_role_bindings": CRBS,
    "roles": f"{RBAC}/roles",
    "role_bindings": f"{RBAC}/rolebindings",
    "nodes": "/api/v1/nodes",
    "leases": LEASES,
}
# What else would tell the same.
OTHERWISE = {"apiservers": UNTOLD}
JSON = {"Content-Type": "application/json"}


def binding(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "ann"}],
    }


def page(items: list[Any], token: str = "") -> Reply:
    return json_reply(
        {"kind": "ClusterRoleBindingList", "metadata": {"continue": token}, "items": items}
    )


def bindings(answer: Any) -> Read[Any]:
    return with_answers({CRBS: answer}).cluster_role_bindings


def check_others(snapshot: Snapshot, name: str) -> None:
    """Every other read is as good as ever (endpoints are in no recording)."""
    for other, read in snapshot.reads.items():
        if other not in {name, "endpoints"}:
            assert read.is_whole, other


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, Outcome.FAILED),
        (403, Outcome.FORBIDDEN),
        (404, Outcome.FAILED),
        (500, Outcome.FAILED),
    ],
)
def test_f10_a_refused_read_is_never_empty(name: str, status: int, outcome: Outcome) -> None:
    with replay(RECORDING, refuse={PATHS[name]: status, **OTHERWISE.get(name, {})}) as server:
        snapshot = collected(server)

    read = snapshot.reads[name]
    assert read.outcome is outcome
    assert read.value is None
    assert read.why
    assert read.permission
    check_others(snapshot, name)


@pytest.mark.parametrize("name", PATHS)
def test_f10_a_read_without_answer_leaves_time_for_the_others(name: str) -> None:
    with replay(RECORDING, refuse={PATHS[name]: HANG, **OTHERWISE.get(name, {})}) as server:
        snapshot = collected(server, seconds=4)

    read = snapshot.reads[name]
    assert (read.outcome, read.value) == (Outcome.FAILED, None)
    assert "in time" in read.why
    check_others(snapshot, name)


def test_f10_everything_forbidden_is_still_a_snapshot() -> None:
    with replay(RECORDING, refuse={"*": 403}) as server:
        snapshot = collected(server)

    assert {read.outcome for read in snapshot.reads.values()} == {Outcome.FORBIDDEN}
    assert all(read.value is None for read in snapshot.reads.values())


def test_a_forbidden_read_says_what_the_apiserver_said() -> None:
    with replay(RECORDING, refuse={CRBS: 403}) as server:
        read = collected(server).cluster_role_bindings

    assert read.why == f'forbidden: User "reader" cannot get path "{CRBS}"'
    assert read.permission == "list clusterrolebindings.rbac.authorization.k8s.io"


def test_b17_a_redirect_is_not_followed() -> None:
    with replay(RECORDING) as other:
        target = f"{other.url}{CRBS}"
        with replay(RECORDING, replace={CRBS: (302, {"Location": target}, b"")}) as server:
            read = collected(server).cluster_role_bindings
            asked = [one for one in server.requests if one.startswith(CRBS)]

    assert read.outcome is Outcome.FAILED
    assert "302 Found (a redirect, not followed)" in read.why
    assert (len(asked), other.requests) == (1, [])


def test_b18_a_compressed_answer_is_refused_unpacked_by_nobody() -> None:
    reply = (200, {**JSON, "Content-Encoding": "gzip"}, b"\x1f\x8b" + b"\0" * 1000)

    read = bindings(reply)

    assert read.outcome is Outcome.FAILED
    assert "compressed" in read.why


BOMBS = {
    "announced": {"Content-Encoding": "gzip"},
    "not announced": {},
}


@pytest.mark.parametrize("headers", BOMBS.values(), ids=BOMBS)
def test_b18_a_bomb_is_never_unpacked(headers: dict[str, str]) -> None:
    packed = gzip.compress(b"\0" * (300 * MIB), 1)

    with growth() as measured:
        read = bindings((200, {**JSON, **headers}, packed))

    assert read.outcome is Outcome.FAILED
    assert measured.most_bytes < 64 * MIB


def test_b19_too_large_headers_are_refused() -> None:
    reply = (200, {**JSON, **{f"X-{n}": "x" * 30_000 for n in range(3)}}, b"{}")

    read = bindings(reply)

    assert read.outcome is Outcome.FAILED
    assert "headers are too large" in read.why


def test_b19_a_header_of_a_megabyte_is_refused() -> None:
    snapshot = with_answers({CRBS: (200, {**JSON, "X-Long": "x" * (1 << 20)}, b"{}")})

    assert snapshot.cluster_role_bindings.outcome is Outcome.FAILED
    check_others(snapshot, "cluster_role_bindings")


def test_b19_an_answer_shorter_than_it_says_is_no_answer() -> None:
    read = bindings((200, {**JSON, "Content-Length": "5000", "Connection": "close"}, b'{"kind":'))

    assert (read.outcome, read.value) == (Outcome.FAILED, None)


def test_b19_more_than_the_budget_ends_the_reading() -> None:
    with replay(RECORDING) as server:
        snapshot = collected(server, max_bytes=60_000)

    assert snapshot.version.is_whole
    assert snapshot.role_bindings.outcome is Outcome.FAILED
    assert "more than is taken" in snapshot.role_bindings.why


def test_a_list_is_read_page_by_page() -> None:
    def answer(path: str, query: dict[str, str], accept: str) -> Reply:
        number = int(query.get("continue", "0"))
        assert query["limit"] == "500"
        return page([binding(f"b{number}")], str(number + 1) if number < 3 else "")

    read = bindings(answer)

    assert [one.name for one in read.value or ()] == ["b0", "b1", "b2", "b3"]
    assert read.is_whole


def test_b21_the_same_token_for_ever_is_incomplete() -> None:
    read = bindings(page([binding("b")], "again"))

    assert (read.outcome, read.value) == (Outcome.FAILED, None)
    assert "incomplete" in read.why


class Expiring:
    """Three pages whose third is gone the first `times` times."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, path: str, query: dict[str, str], _: str) -> Reply:
        number = int(query.get("continue", "0"))
        if number == 2 and self.times:
            self.times -= 1
            return status_reply(410, path)
        return page([binding(f"b{number}")], str(number + 1) if number < 2 else "")


def test_b22_an_expired_list_is_begun_anew_once() -> None:
    read = bindings(Expiring(1))

    assert [one.name for one in read.value or ()] == ["b0", "b1", "b2"]


def test_b22_a_list_that_expires_twice_is_incomplete() -> None:
    read = bindings(Expiring(2))

    assert (read.outcome, read.value) == (Outcome.FAILED, None)
    assert "incomplete" in read.why


LOGIN = (200, {"Content-Type": "text/html"}, b"<html><form>Sign in</form></html>")
DEEP = b'{"kind":"ClusterRoleBindingList","items":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
UNEXPECTED: dict[str, Reply] = {
    "B23 HTML": LOGIN,
    "B23 wrong kind": json_reply({"kind": "PodList", "items": []}),
    "B23 items null": json_reply({"kind": "ClusterRoleBindingList", "items": None}),
    "B23 no items": json_reply({"kind": "ClusterRoleBindingList"}),
    "B23 a Status": json_reply({"kind": "Status", "message": "<b>no</b>"}),
    "B23 empty": (200, JSON, b""),
    "B23 no UTF-8": (200, JSON, b'{"kind":"\xff\xfe"}'),
    "B26 deep": (200, JSON, DEEP),
    "B26 NaN": (200, JSON, b'{"kind":"ClusterRoleBindingList","items":[NaN]}'),
    "B26 cut off": (200, JSON, b'{"kind":"ClusterRoleBindingList","items":['),
}


@pytest.mark.parametrize("reply", UNEXPECTED.values(), ids=UNEXPECTED)
def test_an_unexpected_answer_is_no_empty_list(reply: Reply) -> None:
    read = bindings(reply)

    assert (read.outcome, read.value) == (Outcome.FAILED, None)
    assert "unexpected answer" in read.why


def test_b24_a_malformed_item_is_a_gap_and_the_others_stay() -> None:
    items = [binding("good"), {**binding("bad"), "subjects": "x"}, {"metadata": None}, 7]

    read = bindings(page(items))

    assert [one.name for one in read.value or ()] == ["good"]
    assert not read.is_whole
    assert read.gaps[0].startswith("bad: Expected `array | null`, got `str`")
    assert read.gaps[1].startswith("item 3: ")
    assert len(read.gaps) == 3


def test_b24_many_gaps_are_counted() -> None:
    read = bindings(page([7] * 50))

    assert len(read.gaps) == 21
    assert read.gaps[-1] == "and 30 more"


def test_b29_names_stay_as_they_were_given() -> None:
    odd = "\u0455ystem:nodes\u202e<img src=x>"
    item = {**binding(odd), "subjects": [{"kind": "Group", "name": odd}]}

    (found,) = list(bindings(page([item])).value or ())

    assert (found.name, found.subjects[0].name) == (odd, odd)


def test_b35_an_error_that_echoes_our_token_is_redacted() -> None:
    said = f"bad \x1b[31mtoken {TOKEN}\n" + "x" * 1000

    read = bindings(status_reply(403, CRBS, said))

    assert TOKEN not in repr(read)
    assert read.why.startswith("bad [31mtoken ***")
    assert len(read.why) <= 300
    assert read.why.isprintable()


class Busy:
    """Too many requests, the first `times` times."""

    def __init__(self, times: int, wait: str = "1") -> None:
        self.times, self.wait, self.asked = times, wait, 0

    def __call__(self, path: str, *_: object) -> Reply:
        self.asked += 1
        if self.asked <= self.times:
            status, headers, body = status_reply(429, path)
            return status, {**headers, "Retry-After": self.wait}, body
        return page([binding("b")])


def test_f16_a_busy_apiserver_is_asked_again() -> None:
    busy = Busy(1)

    read = bindings(busy)

    assert read.is_whole
    assert busy.asked == 2


def test_f16_no_two_pollers_wait_equally_long(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("authzviz.kube.connection.time", SimpleNamespace(sleep=waits.append))

    assert bindings(Busy(3, "2")).is_whole

    assert len(set(waits)) == 3
    assert all(2 <= wait <= 2.6 for wait in waits)


@pytest.mark.parametrize("wait", ["999999999", "-5", "Wed, 21 Oct 2037 07:28:00 GMT", "x"])
def test_f16_a_senseless_wait_is_not_waited_for(wait: str) -> None:
    busy = Busy(1, wait)

    with replay(RECORDING, replace={CRBS: busy}) as server:
        read = collected(server, seconds=4).cluster_role_bindings

    assert read.outcome is Outcome.FAILED
    assert "429 Too Many Requests" in read.why
    assert busy.asked == 1


def test_one_connection_serves_all_reads() -> None:
    with replay(RECORDING) as server:
        collected(server)

    assert len(server.connections) == 1


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with replay(RECORDING) as server:
        assert collected(server).version.is_whole
