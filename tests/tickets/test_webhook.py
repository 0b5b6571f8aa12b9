"""What a webhook sends, by whom it is verified, and what of it is never told."""

from __future__ import annotations

import socket
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from authzviz.net import AddressPolicy
from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketRejected,
    TrackerError,
    TrackerUnavailable,
)
from authzviz.tickets.port import Port
from authzviz.tickets.webhook import KIND, signature
from tests.replay import TOKEN, Reply
from tests.tickets.receiver import KEY, ReceiverStage, is_signed
from tests.tickets.stage import dropped, refuse
from tests.tickets.test_contract import DRAFT, LATER, MARKER, NOTE, new

FIRST = "00000000-0000-4000-8000-0000000000aa"
ID = f"{MARKER}.{FIRST}"


@pytest.fixture
def stage() -> Iterator[ReceiverStage]:
    with ReceiverStage().standing() as standing:
        assert isinstance(standing, ReceiverStage)
        yield standing


EVENTS: dict[str, tuple[Callable[[Port, str], object], str, dict[str, object]]] = {
    "opened": (
        lambda port, delivery: port.create(DRAFT, delivery),
        "ticket.opened",
        {
            "ticket": ID,
            "marker": MARKER,
            "title": DRAFT.title,
            "body": DRAFT.body,
            "page": DRAFT.page,
            "labels": ["ops"],
            "assignee": "",
            "due": "2031-04-01",
        },
    ),
    "opened without a date": (
        lambda port, delivery: port.create(replace(DRAFT, due=None), delivery),
        "ticket.opened",
        {"due": None},
    ),
    "updated": (
        lambda port, delivery: port.update(ID, title="t", body="b", delivery=delivery),
        "ticket.updated",
        {"ticket": ID, "marker": MARKER, "title": "t", "body": "b"},
    ),
    "commented": (
        lambda port, delivery: port.comment(ID, NOTE, delivery),
        "ticket.commented",
        {"ticket": ID, "comment": {"id": FIRST, "text": NOTE, "is_edit": False}},
    ),
    "a comment edited": (
        lambda port, delivery: port.edit_comment(ID, "c", LATER, delivery),
        "ticket.commented",
        {"ticket": ID, "comment": {"id": "c", "text": LATER, "is_edit": True}},
    ),
    "closed": (
        lambda port, delivery: port.close(ID, delivery),
        "ticket.closed",
        {"ticket": ID, "marker": MARKER},
    ),
    "reopened": (
        lambda port, delivery: port.reopen(ID, delivery),
        "ticket.reopened",
        {"ticket": ID, "marker": MARKER},
    ),
}


@pytest.mark.parametrize(("act", "type_", "data"), EVENTS.values(), ids=EVENTS)
def test_each_change_is_one_signed_event(
    stage: ReceiverStage, act: Callable[[Port, str], object], type_: str, data: dict[str, object]
) -> None:
    act(stage.port(), FIRST)

    (asked,) = stage.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")
    assert asked.headers["webhook-id"] == FIRST
    assert is_signed(asked)
    (event,) = stage.receiver.events.values()
    assert event["type"] == type_
    assert event["data"] | data == event["data"]


def test_the_signature_is_the_one_of_the_specification() -> None:
    # The example that the specification's reference libraries are tested with.
    key = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)

    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_f14_what_is_sent_again_is_the_same_event(stage: ReceiverStage) -> None:
    stage.on("create", dropped)
    with pytest.raises(OutcomeUnknown):
        stage.port().create(DRAFT, FIRST)

    made = stage.port().create(DRAFT, FIRST)

    assert made.id == ID
    assert [asked.headers["webhook-id"] for asked in stage.asked] == [FIRST, FIRST]
    assert stage.asked[0].body == stage.asked[1].body
    assert stage.count() == 1


def test_nothing_is_known_of_what_came_of_it(stage: ReceiverStage) -> None:
    port = stage.port()
    made = port.create(DRAFT, FIRST)

    assert not KIND.traits.reads_back
    assert (port.find(MARKER), port.read([made.id])) == ((), {})
    assert port.find_comment(made.id, MARKER) is None
    states = [made.state, port.close(made.id, new()).state, port.reopen(made.id, new()).state]
    assert states == ["sent", "closing sent", "reopening sent"]


def test_a_check_sends_an_event_about_no_ticket(stage: ReceiverStage) -> None:
    said = stage.port().check()

    assert "127.0.0.1" in said
    assert TOKEN not in said
    ((id_, event),) = stage.receiver.events.items()
    assert event == {"type": "ping", "data": {}}
    assert "." not in id_


REFUSED: dict[str, tuple[int, bool, str]] = {
    "bad request": (400, False, "400"),
    "not authorised": (401, True, "does not take"),
    "forbidden": (403, True, "does not take"),
    "not there": (404, True, "does not take"),
    "gone": (410, True, "pause the tracker"),
    "unprocessable": (422, False, "422"),
    "elsewhere": (302, True, "not shown"),
}


@pytest.mark.parametrize(("status", "is_of_tracker", "words"), REFUSED.values(), ids=REFUSED)
def test_b36_a_refusal_tells_the_status_and_no_secret(
    stage: ReceiverStage, status: int, is_of_tracker: bool, words: str
) -> None:
    echo = {"said": f"no {TOKEN}, it said"}
    stage.on("create", refuse(status, echo, location=f"https://other.example.org/{TOKEN}"))

    with pytest.raises(TicketRejected, match=words) as caught:
        stage.port().create(DRAFT, FIRST)

    assert caught.value.is_of_tracker is is_of_tracker
    assert_no_secret(caught.value)
    assert "it said" not in caught.value.message


def test_a_receiver_that_goes_on_answering_is_not_read(stage: ReceiverStage) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    stage.on("create", lambda do: endless)

    assert stage.port().create(DRAFT, FIRST).id == ID


def test_b48_a_head_without_end_is_cut(stage: ReceiverStage) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        with suppress(OSError):
            for number in range(1 << 20):
                connection.sendall(b"X-%d: " % number + b"x" * 60_000 + b"\r\n")

    stage.on("create", lambda do: endless)

    with pytest.raises(OutcomeUnknown):
        stage.port().create(DRAFT, FIRST)


def test_a_header_of_ones_own_goes_along(stage: ReceiverStage) -> None:
    setup = stage.setup(header="X-Api-Key", header_value=f"key {TOKEN}")

    KIND.connect(setup).create(DRAFT, FIRST)

    assert stage.asked[0].headers["x-api-key"] == f"key {TOKEN}"


UNUSABLE = {
    "http": {"url": f"http://h/{TOKEN}"},
    "no URL": {"url": TOKEN},
    "a fragment": {"url": f"https://h/{TOKEN}#{TOKEN}"},
    "a short secret": {"secret": "whsec_" + b64encode(b"x" * 23).decode()},
    "a long secret": {"secret": b64encode(b"x" * 65).decode()},
    "a secret that is no base64": {"secret": f"whsec_{TOKEN}!"},
    "no header name for a value": {"header_value": TOKEN},
    "no value for a header": {"header": "X-Api-Key"},
    "a line end in a header's name": {"header": "X-A\r\nX-B", "header_value": TOKEN},
    "a line end in a header's value": {"header": "X-A", "header_value": f"{TOKEN}\r\nX-B: 1"},
    "a header that is not theirs": {"header": "Webhook-Signature", "header_value": TOKEN},
    "the host": {"header": "HOST", "header_value": TOKEN},
}


@pytest.mark.parametrize("told", UNUSABLE.values(), ids=UNUSABLE)
def test_what_can_not_be_used_is_told_before_anything_is_sent(
    stage: ReceiverStage, told: dict[str, str]
) -> None:
    others = {name: text for name, text in told.items() if name != "secret"}
    setup = stage.setup(20.0, told.get("secret", ""), **others)

    with pytest.raises(TicketRejected) as caught:
        KIND.connect(setup)

    assert caught.value.is_of_tracker
    assert_no_secret(caught.value)
    assert stage.asked == []


def test_a_secret_may_stand_without_its_prefix(stage: ReceiverStage) -> None:
    stage.port(secret=KEY).create(DRAFT, FIRST)

    assert stage.count() == 1


def test_b36_where_it_can_not_be_reached_the_path_is_not_told(stage: ReceiverStage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = listening.getsockname()[1]

    with pytest.raises(TrackerUnavailable) as caught:
        stage.port(url=f"https://127.0.0.1:{free}/{TOKEN}").create(DRAFT, FIRST)

    assert_no_secret(caught.value)


def test_a_private_address_is_refused_where_the_policy_says_so(stage: ReceiverStage) -> None:
    setup = replace(stage.setup(), policy=AddressPolicy(private=False))

    with pytest.raises(TicketRejected, match="loopback") as caught:
        KIND.connect(setup).create(DRAFT, FIRST)

    assert caught.value.is_of_tracker
    assert KIND.is_outward


def assert_no_secret(error: TrackerError) -> None:
    shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert TOKEN not in shown
    assert KEY not in shown


def test_a_reply_of_any_good_status_is_enough(stage: ReceiverStage) -> None:
    def accepted() -> Reply:
        return 202, {"Content-Type": "text/html"}, b"<html>"

    stage.on("create", lambda do: accepted())

    assert stage.port().create(DRAFT, FIRST).state == "sent"


def test_the_documented_way_to_verify_an_event_verifies_it(stage: ReceiverStage) -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhook.md").read_text()
    sample: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], sample)  # noqa: S102
    stage.port().create(DRAFT, FIRST)
    (asked,) = stage.asked

    assert sample["is_genuine"](f"whsec_{KEY}", asked.headers, asked.body)
    assert not sample["is_genuine"](f"whsec_{KEY}", asked.headers, asked.body + b" ")
    old = {**asked.headers, "webhook-timestamp": "1614265330"}
    assert not sample["is_genuine"](f"whsec_{KEY}", old, asked.body)
