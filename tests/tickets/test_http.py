"""How trackers are asked: whatever their servers do, the error says whether it can be done."""

from __future__ import annotations

import json
import socket
import threading
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from urllib.parse import quote

import pytest

from authzviz.net import AddressPolicy
from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketGone,
    TicketRejected,
    TrackerError,
    TrackerLimited,
    TrackerUnavailable,
)
from authzviz.tickets.http import (
    LEAST_WAIT,
    LONGEST_WAIT,
    Answer,
    Deadline,
    Refusal,
    SentElsewhere,
    TrackerHttp,
    retry_after,
    usual_error,
)
from tests.hostile import HEAD, RAW, endless, once
from tests.replay import TOKEN, Asked, Raw, Replay, Reply, certificates, serve_any
from tests.tickets.stage import LOOPBACK

JSON = {"Content-Type": "application/json"}
SPECIAL = 'canary "quoted"/<slashed>&+'


def http_to(
    server: Replay, *, seconds: float = 20.0, secret: str = TOKEN, ca: str | None = None
) -> TrackerHttp:
    """The way to that server."""
    return TrackerHttp(
        server.url,
        LOOPBACK,
        headers={"Authorization": f"Bearer {secret}"},
        secrets=(secret,),
        ca_pem=server.ca if ca is None else ca,
        deadline_seconds=seconds,
    )


def answering(reply: Reply | Raw | None) -> Callable[[Asked], Reply | Raw | None]:
    """What answers so, whatever is asked."""
    return lambda asked: reply


def failure(http: TrackerHttp, method: str = "POST") -> TrackerError:
    """How it fails, having looked for secrets in what is said."""
    with pytest.raises(TrackerError) as caught:
        http.ask(method, "/x", body={} if method == "POST" else None)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert TOKEN not in shown
    return caught.value


# Bounded by a deadline alone: they send nothing, or too little to spend the bytes.
SLOW = {
    "B20 a byte now and then",
    "B20 a head that never ends",
    "B20 continue now and then",
    "B20 nothing at all",
}
# Broken in a way that leaves an answer all the same.
ANSWERS = {
    "B19 two lengths",
    "B19 a length of words",
    "B19 an absurd length",
    "a status of 999",
    "a status without text",
    "headers that are none",
    "a half-closed connection",
}


@pytest.mark.parametrize("manner", sorted({*RAW} - ANSWERS))
def test_whatever_breaks_an_answer_leaves_the_outcome_unknown(manner: str) -> None:
    with serve_any(answering(RAW[manner])) as server:
        http = http_to(server, seconds=1.5 if manner in SLOW else 20.0)
        assert isinstance(failure(http), OutcomeUnknown)


@pytest.mark.parametrize("manner", ["B20 nothing at all", "a reset", "no HTTP", "early hints only"])
def test_a_question_that_is_not_answered_can_be_asked_again(manner: str) -> None:
    with serve_any(answering(RAW[manner])) as server:
        error = failure(http_to(server, seconds=1.5 if manner in SLOW else 20.0), "GET")

    assert isinstance(error, TrackerUnavailable)


@pytest.mark.parametrize("manner", sorted(ANSWERS))
def test_what_is_odd_never_escapes(manner: str) -> None:
    with serve_any(answering(RAW[manner])) as server:
        found: object
        try:
            found = http_to(server).ask("GET", "/x")
        except TrackerUnavailable as error:
            found = error
    assert isinstance(found, Answer | Refusal | TrackerUnavailable)


HUGE: dict[str, Raw] = {
    "a length of a gigabyte": endless(HEAD + b"Content-Length: 1073741824\r\n\r\n", b" " * 0x8000),
    "without end": endless(HEAD + b"\r\n", b" " * 0x8000),
}


@pytest.mark.parametrize("huge", HUGE.values(), ids=HUGE)
def test_b48_a_huge_answer_is_cut_and_one_that_is_not_kept_is_not_read(huge: Raw) -> None:
    with serve_any(answering(huge)) as server:
        assert "whole answer" in failure(http_to(server)).message
        assert http_to(server).ask("POST", "/x", body={}, keeps_body=False) == Answer(
            200, {**dict(_headers(huge)), "content-type": "application/json"}, b""
        )


def _headers(huge: Raw) -> Iterator[tuple[str, str]]:
    if huge is HUGE["a length of a gigabyte"]:
        yield "content-length", "1073741824"


def test_b48_an_answer_that_takes_ever_so_long_is_cut_at_the_deadline() -> None:
    with serve_any(answering(None)) as server:
        assert "in time" in failure(http_to(server, seconds=1.5)).message


@pytest.mark.parametrize("coding", ["gzip", "deflate", "BR"])
def test_b18_a_compressed_answer_is_none(coding: str) -> None:
    reply = 200, {**JSON, "Content-Encoding": coding}, b"\x1f\x8b" + b"\0" * 1000
    with serve_any(answering(reply)) as server:
        assert isinstance(failure(http_to(server)), OutcomeUnknown)
        assert server.requests == ["POST /x"]


REDIRECTS = {
    "to metadata": "https://169.254.169.254/latest",
    "to itself": "/x",
    "to nowhere": "",
    "with a secret": f"https://{TOKEN}@host.example/y?token={TOKEN}#{TOKEN}",
}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("location", REDIRECTS.values(), ids=REDIRECTS)
def test_b17_no_redirect_is_followed(status: int, location: str) -> None:
    with serve_any(answering((status, {"Location": location}, b""))) as server:
        error = failure(http_to(server))
        assert isinstance(error, SentElsewhere)
        assert error.is_of_tracker
        assert server.requests == ["POST /x"]


def test_a_redirect_does_not_tell_the_query_and_the_user() -> None:
    location = "https://ann:word@host.example/y?token=word#word"
    with serve_any(answering((302, {"Location": location}, b""))) as server:
        message = failure(http_to(server)).message

    assert "https://host.example/y" in message
    assert "word" not in message
    assert "ann" not in message


FORBIDDEN: dict[str, tuple[str, AddressPolicy]] = {
    "metadata": ("https://169.254.169.254", LOOPBACK),
    "loopback": ("https://127.0.0.1:1", AddressPolicy()),
    "a name for loopback": ("https://localhost:1", AddressPolicy()),
    "private": ("https://10.0.0.1", AddressPolicy(private=False)),
    "outside the networks": (
        "https://192.0.2.1",
        AddressPolicy(cidrs=(ip_network("198.51.100.0/24"),)),
    ),
    "mapped metadata": ("https://[::ffff:169.254.169.254]", LOOPBACK),
}


@pytest.mark.parametrize(("url", "policy"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden_addresses_are_not_connected_to(url: str, policy: AddressPolicy) -> None:
    error = failure(TrackerHttp(url, policy, headers={}, secrets=()))

    assert isinstance(error, TicketRejected)
    assert error.is_of_tracker


@pytest.mark.parametrize(
    "url",
    ["http://host.example", "https://a@b", "https://h/?q", "https://2852039166", "file:///x", ""],
)
def test_urls_that_can_not_be_used_are_refused_at_once(url: str) -> None:
    with pytest.raises(TicketRejected) as caught:
        TrackerHttp(url, LOOPBACK, headers={}, secrets=())
    assert caught.value.is_of_tracker


def test_a_name_without_an_address_is_unavailable() -> None:
    error = failure(TrackerHttp("https://tracker.invalid", LOOPBACK, headers={}, secrets=()))

    assert isinstance(error, TrackerUnavailable)
    assert "tracker.invalid" in error.message


def test_a_certificate_of_another_ca_is_not_trusted() -> None:
    other_ca = certificates(-3, 3)[0]
    with serve_any(answering((200, JSON, b"{}"))) as server:
        for ca in (other_ca, ""):
            error = failure(http_to(server, ca=ca))
            assert isinstance(error, TrackerUnavailable)
            assert "not trusted" in error.message
        assert server.requests == []


@pytest.mark.parametrize("pem", ["garbage", "-----BEGIN CERTIFICATE-----\n", "ü"])
def test_a_ca_that_is_none_is_refused_at_once(pem: str) -> None:
    with pytest.raises(TicketRejected):
        TrackerHttp("https://host.example", LOOPBACK, headers={}, secrets=(), ca_pem=pem)


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX: y", "tökén\u2028", "a\x00b"])
def test_a_token_that_no_header_can_hold_is_refused_at_once(token: str) -> None:
    with pytest.raises(TicketRejected) as caught:
        TrackerHttp(
            "https://host.example",
            LOOPBACK,
            headers={"Authorization": f"Bearer {token}"},
            secrets=(token,),
        )
    assert caught.value.is_of_tracker
    assert token not in repr(caught.value)


@contextmanager
def plain(act: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server that knows no TLS and does that with its connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            connection, _ = listening.accept()
            with connection:
                act(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def _read_a_little(connection: socket.socket) -> None:
    connection.recv(10)


EARLY: dict[str, Callable[[socket.socket], None]] = {
    "dropped before the handshake": lambda connection: None,
    "dropped within the handshake": _read_a_little,
    "no TLS": lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}


@pytest.mark.parametrize("act", EARLY.values(), ids=EARLY)
def test_what_breaks_before_anything_is_sent_has_no_effect(
    act: Callable[[socket.socket], None],
) -> None:
    with plain(act) as url:
        http = TrackerHttp(url, LOOPBACK, headers={}, secrets=())
        assert isinstance(failure(http), TrackerUnavailable)


def test_no_time_left_for_all_of_the_requests_has_no_effect() -> None:
    with serve_any(answering((200, {}, b"{}"))) as server:
        http = TrackerHttp(
            server.url, LOOPBACK, headers={}, secrets=(), ca_pem=server.ca, whole=Deadline(0)
        )
        error = failure(http)

    assert isinstance(error, TrackerUnavailable)
    assert "in time" in error.message
    assert server.requests == []


def test_nobody_listening_has_no_effect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    http = TrackerHttp(f"https://127.0.0.1:{port}", LOOPBACK, headers={}, secrets=())
    assert isinstance(failure(http), TrackerUnavailable)


ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": lambda secret: f"bad: {secret}!",
    "in JSON": lambda secret: json.dumps({"message": f"bad {secret}"}),
    "in JSON, escaped more": lambda secret: json.dumps({"message": secret}).replace("/", "\\/"),
    "in a URL": lambda secret: f"/x?token={quote(secret, safe='')}",
    "around the cut": lambda secret: "x" * (298 - len("127.0.0.1 answered 422: ")) + secret,
    "around the end of what is read": lambda secret: "\n" * (16 * 1024 - 5) + secret,
}


@pytest.mark.parametrize("secret", [TOKEN, SPECIAL], ids=["plain", "special"])
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_b35_an_error_that_echoes_our_token_is_told_without_it(
    echo: Callable[[str], str], secret: str
) -> None:
    with serve_any(answering((422, {}, echo(secret).encode()))) as server:
        refusal = http_to(server, secret=secret).ask("POST", "/x", body={})

    assert isinstance(refusal, Refusal)
    for shown in (refusal.words, refusal.body, str(usual_error(refusal, "h", is_change=True))):
        assert "canary" not in shown


def test_b36_a_secret_in_a_query_is_in_no_error() -> None:
    with serve_any(answering(once(b""))) as server, pytest.raises(OutcomeUnknown) as caught:
        http_to(server).ask("POST", "/hook", query={"token": TOKEN}, body={})

    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_basic_credentials_are_taken_out_too() -> None:
    basic = b64encode(f"ann:{TOKEN}".encode()).decode()
    with serve_any(answering((400, {}, basic.encode()))) as server:
        http = TrackerHttp(
            server.url, LOOPBACK, headers={}, secrets=(TOKEN, basic), ca_pem=server.ca
        )
        refusal = http.ask("GET", "/x")

    assert isinstance(refusal, Refusal)
    assert refusal.words == "***"


def test_a_refusal_holds_even_where_its_words_break_off() -> None:
    cut = once(b"HTTP/1.1 422 No\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhalf")
    with serve_any(answering(cut)) as server:
        refusal = http_to(server).ask("POST", "/x", body={})

    assert isinstance(refusal, Refusal)
    assert refusal.status == 422


NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WAITS: dict[str, float | None] = {
    "7": 7.0,
    " 7 ": 7.0,
    "0": LEAST_WAIT,
    "999999999": LONGEST_WAIT,
    "9" * 400: LONGEST_WAIT,
    "-5": None,
    "1.5": None,
    "soon": None,
    "": None,
    "²": None,
    "Tue, 24 Nov 2026 12:00:30 GMT": 30.0,
    "Tue, 24 Nov 2026 11:00:00 GMT": LEAST_WAIT,
    "Wed, 21 Oct 2099 07:28:00 GMT": LONGEST_WAIT,
    "Tue, 24 Nov 2026 12:00:30 -0000": None,
    "Tue, 99 Nov 2026 12:00:30 GMT": None,
    "Fri, 31 Dec 9999 23:59:59 -2359": LONGEST_WAIT,
}


@pytest.mark.parametrize(
    ("text", "seconds"), WAITS.items(), ids=[repr(text)[:40] for text in WAITS]
)
def test_b47_retry_after_is_read_and_clamped(text: str, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds


MEANINGS: dict[str, tuple[int, bool, bool, type[TrackerError], bool | None]] = {
    "400": (400, True, False, TicketRejected, False),
    "401": (401, True, False, TicketRejected, True),
    "403": (403, True, False, TicketRejected, True),
    "404 of a project": (404, True, False, TicketRejected, True),
    "404 of a ticket": (404, True, True, TicketGone, None),
    "408 of a change": (408, True, False, OutcomeUnknown, None),
    "410 of a ticket": (410, False, True, TicketGone, None),
    "413": (413, True, False, TicketRejected, False),
    "422": (422, True, False, TicketRejected, False),
    "429": (429, True, False, TrackerLimited, None),
    "500 of a change": (500, True, False, OutcomeUnknown, None),
    "503 of a read": (503, False, False, TrackerUnavailable, None),
    "999 of a change": (999, True, False, OutcomeUnknown, None),
}


@pytest.mark.parametrize(
    ("status", "is_change", "is_of_ticket", "error", "is_of_tracker"),
    MEANINGS.values(),
    ids=MEANINGS,
)
def test_a_refusal_says_whether_it_is_done_and_whose_matter_it_is(
    status: int,
    is_change: bool,
    is_of_ticket: bool,
    error: type[TrackerError],
    is_of_tracker: bool | None,
) -> None:
    refusal = Refusal(status, {}, "words")
    found = usual_error(refusal, "host", is_change=is_change, is_of_ticket=is_of_ticket)

    assert type(found) is error
    assert getattr(found, "is_of_tracker", None) is is_of_tracker
