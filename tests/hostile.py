"""A server that breaks every rule, over TLS; each of its manners has a name."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator, Mapping

from tests.replay import (
    Post,
    Raw,
    Replay,
    Reply,
    json_reply,
    recorded_reply,
    responses,
    serve,
    status_reply,
)
from tests.reviews import review_of

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
JSON = {"Content-Type": "application/json"}
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def once(*pieces: bytes) -> Raw:
    """Send these and end the connection."""

    def act(connection: socket.socket) -> None:
        connection.sendall(b"".join(pieces))

    return act


def endless(head: bytes, piece: bytes, pause: float = 0.0) -> Raw:
    """Send a piece again and again, until the other side has had enough."""

    def act(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(head)
            while True:
                connection.sendall(piece)
                time.sleep(pause)

    return act


def silent(connection: socket.socket) -> None:
    """Say nothing until the other side leaves."""
    with contextlib.suppress(OSError):
        connection.recv(1)


def reset(connection: socket.socket) -> None:
    """Begin an answer and tear the connection down, without the end that TLS asks for."""
    with contextlib.suppress(OSError):
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def half_closed(connection: socket.socket) -> None:
    """Send no more, and wait for ever for the other side."""
    with contextlib.suppress(OSError):
        connection.sendall(HEAD)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
RAW: dict[str, Raw] = {
    "B19 chunks for ever": endless(CHUNKED, b"8000\r\n" + b" " * 0x8000 + b"\r\n"),
    "B19 tiny chunks for ever": endless(CHUNKED, b"1\r\n \r\n" * 5000),
    "B19 a chunk of size -1": endless(CHUNKED + b"-1\r\n", b" " * 0x8000),
    "B19 a chunk of size -5": endless(CHUNKED + b"-5\r\n", b" " * 0x8000),
    "B19 a chunk of an absurd size": endless(CHUNKED + b"f" * 60_000 + b"\r\n", b" " * 0x8000),
    "B19 a chunk size for ever": endless(CHUNKED, b"0" * 0x8000),
    "B19 trailers for ever": endless(CHUNKED + b"0\r\n", b"X: y\r\n" * 5000),
    "B19 no length, no end": endless(HEAD + b"\r\n", b" " * 0x8000),
    "B19 a negative length": endless(HEAD + b"Content-Length: -1\r\n\r\n", b" " * 0x8000),
    "B19 two lengths": once(HEAD, b"Content-Length: 2\r\nContent-Length: 900\r\n\r\n{}"),
    "B19 a length of words": once(HEAD, b"Content-Length: many\r\n\r\n{}"),
    "B19 an absurd length": once(HEAD, b"Content-Length: 99999999999999999999\r\n\r\n{}"),
    "B19 headers for ever": endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 5000),
    "B19 a header for ever": endless(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 0x8000),
    "B19 a status line for ever": endless(b"HTTP/1.1 200 ", b"O" * 0x8000),
    "B20 a byte now and then": endless(HEAD + b"Content-Length: 100000\r\n\r\n", b" ", 0.05),
    "B20 a head that never ends": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.05),
    "B20 continue for ever": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "B20 continue now and then": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
    "B20 nothing at all": silent,
    "early hints only": once(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "switching protocols": once(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    "no HTTP": once(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a status that is no number": once(b"HTTP/1.1 two hundred\r\n\r\n"),
    "a status of 999": once(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"),
    "a status without text": once(b"HTTP/1.1 500\r\n\r\n"),
    "another HTTP": once(b"HTTP/9.9 200 OK\r\n\r\n{}"),
    "headers that are none": once(b"HTTP/1.1 200 OK\r\n\x00\xff\r\n: \r\n\r\n{}"),
    "an end without an answer": once(b""),
    "a reset": reset,
    "a half-closed connection": half_closed,
}


def _list(kind: str, items: bytes = b"", more: bytes = b"") -> Reply:
    return 200, JSON, b'{"kind":"%s","items":[%s]%s}' % (kind.encode(), items, more)


CRBS = "ClusterRoleBindingList"
DEEP = b',"x":' + b"[" * 100_000 + b"]" * 100_000
GOOD = (
    b'{"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"view"},'
    b'"subjects":[{"kind":"User","name":"ann"}]}'
)
REPLIES: dict[str, Reply] = {
    "B17 a redirect to metadata": (302, {"Location": "https://169.254.169.254/"}, b""),
    "B17 a redirect to itself": (307, {"Location": f"{RBAC}/clusterrolebindings"}, b""),
    "B17 a redirect without a place": (308, {}, b""),
    "B18 gzip": (200, {**JSON, "Content-Encoding": "gzip"}, b"\x1f\x8b" + b"\0" * 1000),
    "B18 deflate": (200, {**JSON, "Content-Encoding": "deflate"}, b"\x78\x9c" + b"\0" * 99),
    "B18 br, in capitals": (200, {**JSON, "content-encoding": "BR"}, b"\x1b" + b"\0" * 99),
    "B18 gzip, not announced": (200, JSON, b"\x1f\x8b" + b"\0" * 1000),
    "B19 shorter than it says": (200, {**JSON, "Content-Length": "5000"}, b"{}"),
    "B19 longer than it says": (200, {**JSON, "Content-Length": "2"}, b"{}" + b"x" * 5000),
    "B19 an error for ever": (500, JSON, b"x" * (8 << 20)),
    "B21 the same token": _list(CRBS, GOOD, b',"metadata":{"continue":"again"}'),
    "B21 a huge token": _list(CRBS, GOOD, b',"metadata":{"continue":"' + b"x" * 100_000 + b'"}'),
    "B21 a token of line breaks": _list(CRBS, GOOD, b',"metadata":{"continue":"\\r\\nX: y"}'),
    "B23 HTML": (200, {"Content-Type": "text/html"}, b"<html><form>Sign in</form></html>"),
    "B23 another kind": _list("PodList"),
    "B23 items null": json_reply({"kind": CRBS, "items": None}),
    "B23 no items": json_reply({"kind": CRBS}),
    "B23 a Status with 200": json_reply({"kind": "Status", "message": "<b>no</b>"}),
    "B23 nothing": (200, JSON, b""),
    "B23 null": (200, JSON, b"null"),
    "B26 deep": _list(CRBS, GOOD, DEEP),
    "B26 NaN": _list(CRBS, b"NaN"),
    "B26 a huge number": _list(CRBS, GOOD, b',"x":1' + b"0" * 100_000),
    "B26 a huge exponent": _list(CRBS, GOOD, b',"x":1e999999999'),
    "B26 doubled keys": _list(CRBS, GOOD, b',"items":null,"kind":"PodList","items":[]'),
    "B26 no UTF-8": _list(CRBS, GOOD, b',"x":"\xff\xfe"'),
    "B26 no UTF-8 in a name": _list(CRBS, GOOD.replace(b'"b"', b'"\xff\xfe"')),
    "B26 lone surrogates in a name": _list(CRBS, GOOD.replace(b'"b"', b'"\\ud800"')),
    "B26 NUL in a name": _list(CRBS, GOOD.replace(b'"b"', b'"\\u0000"')),
    "B26 a name without end": _list(CRBS, GOOD.replace(b'"b"', b'"' + b"b" * 500_000 + b'"')),
    "B26 cut off": (200, JSON, b'{"kind":"ClusterRoleBindingList","items":['),
    "B22 gone": status_reply(410, "/"),
    "F16 busy, and garbage": (429, {**JSON, "Retry-After": "soon"}, b"{}"),
    "F16 busy for ever": (429, {**JSON, "Retry-After": "999999999999"}, b"{}"),
    "F16 busy, less than none": (503, {**JSON, "Retry-After": "-5"}, b"{}"),
    "F16 busy until a date": (503, {**JSON, "Retry-After": "Wed, 21 Oct 2037 07:28:00 GMT"}, b""),
    "F16 busy for a second": (429, {**JSON, "Retry-After": "1"}, b"{}"),
    "401": status_reply(401, "/"),
    "403": status_reply(403, "/"),
}


VALID = "valid"
MANNERS: dict[str, Reply | Raw] = {**REPLIES, **RAW}


@contextlib.contextmanager
def hostile(recording: str, manners: Mapping[str, str]) -> Iterator[Replay]:
    """Serve a recording in which each path that begins so is answered in the manner of that name,
    questions too; VALID is as it was recorded.
    """
    served = responses(recording)

    def of_manner(path: str) -> Reply | Raw | None:
        for begin, manner in manners.items():
            if path.startswith(begin) and manner != VALID:
                return MANNERS[manner]
        return None

    def answer(path: str, query: dict[str, str], accept: str) -> Reply | Raw | None:
        return of_manner(path) or recorded_reply(served, path, query, accept)

    def answer_post(post: Post) -> Reply | Raw | None:
        return of_manner(post.path) or review_of(recording, post)

    with serve(answer, answer_post=answer_post) as server:
        yield server
