"""A cluster that does not answer: every cause has its own message, and nothing takes for ever."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authzviz.kube.collect import collect
from authzviz.kube.errors import (
    AddressNotAllowed,
    CertificateExpired,
    CertificateNotYetValid,
    ClusterUnreachable,
    ConnectionRefused,
    CredentialsUnusable,
    NameNotResolved,
    NotAnApiserver,
    NotTrusted,
    TimedOut,
    Unauthorized,
)
from authzviz.kube.kubeconfig import Credentials
from authzviz.net import COMMAND_LINE, AddressPolicy
from authzviz.net.secret import Secret
from tests.kube.reading import RECORDING, collected
from tests.kube.test_credentials import CERTIFICATE
from tests.replay import HANG, Reply, certificates, json_reply, replay, serve

VERSIONS: dict[str, tuple[Reply, type[ClusterUnreachable], str]] = {
    "401": ((401, {}, b"Unauthorized"), Unauthorized, "does not accept the credentials"),
    "B17 a redirect": ((302, {"Location": "https://169.254.169.254/"}, b""), NotAnApiserver, "302"),
    "B23 a login page": (
        (200, {"Content-Type": "text/html"}, b"<html>"),
        NotAnApiserver,
        "login page",
    ),
    "404": ((404, {}, b"not found"), NotAnApiserver, "404"),
    "another service": (json_reply({"version": "1.2"}), NotAnApiserver, "unexpected answer"),
    "a version that is none": (json_reply({"gitVersion": "<b>"}), NotAnApiserver, "unexpected"),
    "503": ((503, {}, b"starting"), ClusterUnreachable, "503 Service Unavailable"),
    "compressed": ((200, {"Content-Encoding": "gzip"}, b"x"), NotAnApiserver, "compressed"),
}


@pytest.mark.parametrize(("reply", "kind", "message"), VERSIONS.values(), ids=VERSIONS)
def test_without_a_version_there_is_no_snapshot(
    reply: Reply, kind: type[ClusterUnreachable], message: str
) -> None:
    with (
        replay(RECORDING, replace={"/version": reply}) as server,
        pytest.raises(kind, match=message) as raised,
    ):
        collected(server)

    assert type(raised.value) is kind
    assert "169.254" not in raised.value.message


def test_an_untrusted_certificate() -> None:
    with replay(RECORDING) as server, pytest.raises(NotTrusted, match="not trusted"):
        collected(server, ca_data=None)


def test_b46_an_expired_certificate_of_the_server() -> None:
    with (
        serve(lambda *_: None, valid_days=(-2, -1)) as server,
        pytest.raises(CertificateExpired, match="has expired"),
    ):
        collected(server)


def test_b46_a_certificate_of_the_server_that_begins_tomorrow() -> None:
    with (
        serve(lambda *_: None, valid_days=(1, 2)) as server,
        pytest.raises(CertificateNotYetValid, match="not valid yet: one of the two clocks"),
    ):
        collected(server)


def test_a_certificate_for_another_name() -> None:
    with replay(RECORDING) as server, pytest.raises(NotTrusted, match="not trusted"):
        collected(server, tls_server_name="other.example.com")


def test_a_server_name_of_its_own_is_checked_instead_of_the_host() -> None:
    with replay(RECORDING) as server:
        snapshot = collected(server, tls_server_name="localhost")

    assert snapshot.version.is_whole


def test_insecure_takes_any_certificate() -> None:
    with replay(RECORDING) as server:
        snapshot = collected(server, ca_data=None, insecure=True)

    assert snapshot.version.is_whole


def test_b9_an_address_that_is_not_allowed_is_not_connected_to() -> None:
    with replay(RECORDING) as server, pytest.raises(AddressNotAllowed, match="loopback"):
        collected(server, policy=AddressPolicy())

    assert server.requests == []


def test_b46_an_expired_token_is_named_as_such() -> None:
    claims = urlsafe_b64encode(json.dumps({"exp": 1_600_000_000}).encode()).decode().rstrip("=")

    with (
        replay(RECORDING) as server,
        pytest.raises(Unauthorized, match="expired on 2020-09-13 12:26 UTC"),
    ):
        collected(server, token=Secret(f"e30.{claims}.x"))


def unauthorized_at(minutes: int) -> Callable[[socket.socket], None]:
    """A 401 of a server whose clock is that many minutes ahead."""
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    answer = f"HTTP/1.1 401 Unauthorized\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"
    return lambda connection: connection.sendall(answer.encode())


CLOCKS = {
    "ten minutes ahead": (10, "; its clock is 10 minutes ahead of ours"),
    "ten minutes behind": (-10, "; its clock is 10 minutes behind ours"),
    "a minute ahead": (1, ""),
}


@pytest.mark.parametrize(("minutes", "said"), CLOCKS.values(), ids=CLOCKS)
def test_b46_refused_credentials_are_told_from_a_wrong_clock(minutes: int, said: str) -> None:
    with (
        serve(lambda *_: None, raw=unauthorized_at(minutes)) as server,
        pytest.raises(Unauthorized, match=r"\(401 Unauthorized\)") as raised,
    ):
        collected(server)

    assert raised.value.message.partition("(401 Unauthorized)")[2] == said


def test_b46_a_token_has_expired_once_the_apiservers_clock_says_so() -> None:
    end = datetime.now(UTC) + timedelta(minutes=4)
    claims = urlsafe_b64encode(json.dumps({"exp": end.timestamp()}).encode()).decode().rstrip("=")

    with (
        serve(lambda *_: None, raw=unauthorized_at(10)) as server,
        pytest.raises(Unauthorized, match=r"expired on .* its clock is 10 minutes ahead"),
    ):
        collected(server, token=Secret(f"e30.{claims}.x"))


def test_b46_an_expired_client_certificate_is_named_as_such() -> None:
    certificate, dashes, key = certificates(-2, -1)[1].partition("-----BEGIN PRIVATE KEY")
    with (
        serve(lambda *_: (401, {}, b"")) as server,
        pytest.raises(Unauthorized, match="the credentials expired on"),
    ):
        collected(
            server,
            token=None,
            client_certificate=Secret(certificate),
            client_key=Secret(dashes + key),
        )


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    with pytest.raises(ConnectionRefused, match="nothing listens"):
        collect(
            Credentials(f"https://127.0.0.1:{port}", token=Secret("x")),
            name="x",
            policy=COMMAND_LINE,
        )


def test_a_name_that_dns_does_not_know() -> None:
    with pytest.raises(NameNotResolved, match="can't be resolved"):
        collect(
            Credentials("https://no-such-host.invalid", token=Secret("x")),
            name="x",
            policy=COMMAND_LINE,
        )


def test_no_answer_in_time() -> None:
    with replay(RECORDING, refuse={"/version": HANG}) as server, pytest.raises(TimedOut):
        collected(server, seconds=1)


def test_a_port_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(TimedOut):
        collect(
            Credentials(f"https://127.0.0.1:{listening.getsockname()[1]}", token=Secret("x")),
            name="x",
            policy=COMMAND_LINE,
            deadline_seconds=1,
        )


def test_b16_a_server_that_is_no_https_is_refused_when_connecting_too() -> None:
    with pytest.raises(AddressNotAllowed, match="not http"):
        collect(Credentials("http://kube.example.com"), name="x", policy=COMMAND_LINE)


def test_an_encrypted_key_is_not_asked_for_its_password() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"canary"),
    )
    used = Credentials(
        "https://127.0.0.1:1", client_certificate=CERTIFICATE, client_key=Secret(key.decode())
    )

    with pytest.raises(CredentialsUnusable, match="can't be used"):
        collect(used, name="x", policy=COMMAND_LINE)


def test_a_key_that_is_none() -> None:
    broken = Credentials(
        "https://127.0.0.1:1",
        client_certificate=Secret("-----BEGIN CERTIFICATE-----\ncanary"),
        client_key=Secret("-----BEGIN PRIVATE KEY-----\ncanary"),
    )

    with pytest.raises(CredentialsUnusable) as raised:
        collect(broken, name="x", policy=COMMAND_LINE)

    assert "canary" not in raised.value.message


def trickle(connection: socket.socket, piece: bytes, pause: float) -> None:
    """Send a piece again and again, until the other side has had enough."""
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(piece)
            time.sleep(pause)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ENDLESS = {
    "B20 a byte now and then": (HEAD + b"Content-Length: 100000\r\n\r\n", b" ", 0.05, TimedOut),
    "B20 a head that never ends": (b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.05, TimedOut),
    "B20 continue for ever": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, TimedOut),
    "B19 chunks for ever": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"8000\r\n" + b" " * 0x8000 + b"\r\n",
        0.0,
        NotAnApiserver,
    ),
    "B19 a chunk size for ever": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"0" * 0x8000,
        0.0,
        NotAnApiserver,
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", b"x", 0.0, NotAnApiserver),
}


@pytest.mark.parametrize(("head", "piece", "pause", "kind"), ENDLESS.values(), ids=ENDLESS)
def test_an_endless_answer_is_ended(
    head: bytes, piece: bytes, pause: float, kind: type[ClusterUnreachable]
) -> None:
    def raw(connection: socket.socket) -> None:
        connection.sendall(head)
        trickle(connection, piece, pause)

    with serve(lambda *_: None, raw=raw) as server, pytest.raises(kind):
        collected(server, seconds=2, max_bytes=4 << 20)
