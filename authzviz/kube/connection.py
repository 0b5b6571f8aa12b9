"""One guarded connection to one apiserver."""

from __future__ import annotations

import random
import re
import ssl
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Self

from authzviz.kube import room
from authzviz.kube.errors import (
    AddressNotAllowed,
    CredentialsUnusable,
    ReadFailed,
    Unauthorized,
)
from authzviz.kube.room import Room
from authzviz.kube.troubles import trouble
from authzviz.net.pinned import LimitedSocket, Limits, PinnedConnection, Route
from authzviz.net.url import parse_https
from authzviz.net.words import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from authzviz.kube.credentials import Credentials
    from authzviz.net import AddressPolicy

JSON = "application/json"
MAX_ANSWER_BYTES = 24 << 20
_MAX_HEADER_BYTES = 64 << 10
# Of an answer that is none, only the message of its Status is of use.
_MAX_ERROR_BYTES = 64 << 10
# Head, chunk sizes and the record that was on its way when the cap was reached.
_AROUND_BODY = 4 << 20
_GOOD = frozenset({200, 201})
_MAX_TRIES = 4
_MAX_WAIT_SECONDS = 5.0
# What is asked for even where there is hardly any room left.
_LEAST_BYTES = 1 << 20
_PIECE = 1 << 16
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the apiserver said."""

    status: int
    content_type: str
    body: bytearray


class Question(StrEnum):
    """All that is ever posted; none of it changes anything.

    A review is answered and kept nowhere. The lease is a dry run: what admission says to it is
    all that is wanted, and an apiserver stores nothing of it.
    """

    ACCESS_REVIEW = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    OWN_RULES_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    LEASE_DRY_RUN = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases?dryRun=All"


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request, and what takes a good answer's body where that is not kept: False ends it."""

    method: str
    path: str
    accept: str = JSON
    max_bytes: int = MAX_ANSWER_BYTES
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    take: Callable[[bytes], bool] | None = None


class Connection:
    """Reads of one cluster within one deadline and one byte budget: GET, and each Question.

    `server_time` is the apiserver's own clock, as of its last answer.

    No redirects, no proxies of the environment, no compressed answers, one connection kept alive.
    """

    def __init__(
        self,
        credentials: Credentials,
        policy: AddressPolicy,
        *,
        deadline_seconds: float,
        max_bytes: int,
        max_kept_bytes: int = room.MAX_BYTES,
    ) -> None:
        try:
            self.server = parse_https(credentials.server)
        except ValueError as problem:
            raise AddressNotAllowed(f"server: {problem}") from None
        self.limits = Limits(deadline_seconds, max_bytes)
        self.room = Room(max_kept_bytes)
        self._read_seconds = max(deadline_seconds / 2, 1.0)
        self.server_time: datetime | None = None
        self._secrets = credentials.secret_texts
        self._headers = {"User-Agent": "authzviz", "Accept-Encoding": "identity"}
        if credentials.token:
            self._headers["Authorization"] = f"Bearer {credentials.token.reveal()}"
        self._http = PinnedConnection(
            self.server.host,
            self.server.port,
            route=Route(policy, self.limits),
            context=_tls(credentials),
            certificate_name=credentials.tls_server_name or self.server.host,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    @property
    def peer(self) -> str:
        """The address that answered, such as 192.0.2.1:6443; "" for none, or more than one."""
        peers = self._http.peers
        return address_of(*next(iter(peers))) if len(peers) == 1 else ""

    def get(self, path: str, *, accept: str = JSON, max_bytes: int = MAX_ANSWER_BYTES) -> Answer:
        """The answer to a GET, whatever its status; waits and asks again where told to (429).

        Raises ClusterUnreachable where there was none, ReadFailed where it was not acceptable.
        """
        # What is not even taken in needs no room.
        max_bytes = min(max_bytes, max(self.room.left, _LEAST_BYTES))
        return self._answer(_Exchange("GET", path, accept, max_bytes))

    def get_until(
        self, path: str, take: Callable[[bytes], bool], *, accept: str, max_bytes: int
    ) -> Answer:
        """As `get`, but a good answer's body goes to `take`, piece by piece, and is not kept.

        An empty piece is its end. Nothing more is read once `take` says False, or `max_bytes` have
        come; what is left in the middle costs the connection.
        """
        return self._answer(_Exchange("GET", path, accept, max_bytes, take=take))

    def post(
        self, question: Question, body: bytes, *, headers: Mapping[str, str] = _NONE
    ) -> Answer:
        """The answer to a question, as `get` gives it: asking it again does no harm.

        Raises ValueError for impersonation in anything but the dry run.
        """
        if headers and question is not Question.LEASE_DRY_RUN:
            raise ValueError("only the dry run may be asked as somebody else")
        asked = (*headers.items(), ("Content-Type", JSON))
        return self._answer(_Exchange("POST", Question(question).value, JSON, 1 << 20, body, asked))

    def reach(self, seconds: float) -> None:
        """Get any answer at all within `seconds`. Raises ClusterUnreachable, ReadFailed."""
        exchange = _Exchange("GET", "/version", max_bytes=_LEAST_BYTES)
        self.limits.begin_read(seconds, exchange.max_bytes + _AROUND_BODY)
        answer, _ = self._once(exchange)
        if answer.status == 401:
            raise Unauthorized(f"{self.server.host} does not accept the credentials")

    def _answer(self, exchange: _Exchange) -> Answer:
        for tries_left in reversed(range(_MAX_TRIES)):
            self.limits.begin_read(self._read_seconds, exchange.max_bytes + _AROUND_BODY)
            answer, wait = self._once(exchange)
            wait *= random.uniform(1.0, 1.3)  # noqa: S311 - jitter, so that pollers part
            if answer.status not in {429, 503} or wait == 0 or not tries_left:
                return answer
            if wait >= self.limits.left():
                return answer
            time.sleep(wait)
        raise AssertionError("unreachable")

    def check_time(self) -> None:
        """Raise ReadFailed where the time for all is used up, whoever used it."""
        if self.limits.left() <= 0:
            raise ReadFailed("there was no time left to take the answer apart")

    def clean(self, text: str, *, most: int = 300) -> str:
        """A server's words for our pages: no secrets, no control characters, `most` characters."""
        return clean(text, self._secrets, most=most)

    def _once(self, exchange: _Exchange) -> tuple[Answer, float]:
        """One exchange: the answer, and for how many seconds it asks us to wait."""
        asked = {**self._headers, "Accept": exchange.accept, **dict(exchange.headers)}
        target = f"{self.server.path}{exchange.path}"
        try:
            # Closed here: what ends with its connection is not known to http.client any more.
            with self._http.ask(exchange.method, target, asked, exchange.body) as response:
                body = self._body(response, exchange)
        except BaseException as error:
            self._http.close()  # what is left of the answer must not be the next one's beginning
            if isinstance(error, (HTTPException, OSError, ValueError)):
                raise trouble(error, self.server.host, self.clean) from None
            raise
        headers = response.headers
        self.server_time = _date(headers.get("Date", "")) or self.server_time
        answer = Answer(response.status, headers.get("Content-Type", ""), body)
        return answer, _retry_after(headers.get("Retry-After", ""))

    def _body(self, response: HTTPResponse, exchange: _Exchange) -> bytearray:
        headers = response.headers
        if sum(len(name) + len(value) for name, value in headers.items()) > _MAX_HEADER_BYTES:
            raise ReadFailed("the answer's headers are too large")
        if headers.get("Content-Encoding", "identity") not in {"", "identity"}:
            raise ReadFailed("the answer is compressed, though none was asked for")
        if response.status not in _GOOD:
            return self._beginning(response)
        if exchange.take:
            return self._given_away(response, exchange.take, exchange.max_bytes)
        body = bytearray()
        while piece := response.read(_PIECE):
            body += piece
            if len(body) > exchange.max_bytes:
                raise ReadFailed(f"the answer is larger than {exchange.max_bytes >> 20} MiB")
        _check_end(response)
        return body

    def _beginning(self, response: HTTPResponse) -> bytearray:
        body = bytearray()
        while len(body) < _MAX_ERROR_BYTES and (piece := response.read(_PIECE)):
            body += piece
        if not response.isclosed():
            self._http.close()  # what is left must not be the next answer's beginning
        return body

    def _given_away(
        self, response: HTTPResponse, take: Callable[[bytes], bool], max_bytes: int
    ) -> bytearray:
        left = max_bytes
        while piece := response.read(_PIECE):
            left -= len(piece)
            if not take(piece) or left <= 0:
                self._http.close()
                return bytearray()
        _check_end(response)
        take(b"")
        return bytearray()


def _check_end(response: HTTPResponse) -> None:
    if response.length:  # http.client tells of a body that breaks off only where it is chunked
        raise IncompleteRead(b"", response.length)


def address_of(host: str, port: int) -> str:
    """Address and port as one text: 192.0.2.1:6443, [2001:db8::1]:6443."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tls(credentials: Credentials) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = LimitedSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if credentials.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif credentials.ca_data:
            context.load_verify_locations(cadata=credentials.ca_data.reveal())
        else:
            context.load_default_certs()
        if credentials.client_certificate and credentials.client_key:
            _load_pair(
                context, credentials.client_certificate.reveal(), credentials.client_key.reveal()
            )
    except (ssl.SSLError, ValueError):
        # OpenSSL's own words may quote the material.
        raise CredentialsUnusable(
            "the CA, client certificate or client key of the kubeconfig can't be used"
        ) from None
    return context


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load a certificate and its key, which OpenSSL reads from files only.

    The file is unlinked at once by its context manager, and is ours alone (0600).
    """
    with tempfile.NamedTemporaryFile("w", prefix="authzviz-", dir=_memory_folder()) as file:
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        context.load_cert_chain(file.name, password=_no_password)


def _no_password() -> str:
    raise ValueError("the client key is encrypted")


def _memory_folder() -> str | None:
    from os import W_OK, access

    return "/dev/shm" if access("/dev/shm", W_OK) else None  # noqa: S108


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after(text: str) -> float:
    return min(float(text), _MAX_WAIT_SECONDS) if re.fullmatch(r"[0-9]{1,9}", text) else 0.0
