"""Requests to a tracker: to checked addresses only, with a deadline, a cap, and no redirects.

Each error says whether the request can have had an effect, which decides what may be sent again.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from math import inf, isfinite
from typing import Any
from urllib.parse import quote, urlencode

from authzviz.net import AddressForbidden, AddressPolicy
from authzviz.net.pinned import LimitedSocket, Limits, NameUnresolved, PinnedConnection, Route
from authzviz.net.url import parse_https
from authzviz.net.words import clean
from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketGone,
    TicketRejected,
    TrackerError,
    TrackerLimited,
    TrackerUnavailable,
)
from authzviz.tickets.hidden import forms

DEADLINE_SECONDS = 20.0
MAX_ANSWER_BYTES = 4 << 20
_AROUND_BODY = 256 << 10
_MAX_ERROR_BYTES = 16 << 10
_PIECE = 64 << 10
_LONGEST_HEADER, _LEAST_SECRET = 4_000, 8
LEAST_WAIT, LONGEST_WAIT = 1.0, 3_600.0
_NO_LETTER = re.compile(r"[\x00\ud800-\udfff]")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_SAFE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A tracker's answer of a good status (2xx); header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def json(self) -> Any:
        """The body as JSON, its texts such that any database takes them, and without our secrets.
        Raises ValueError.
        """
        text = self.body.decode(errors="replace")
        try:
            found = json.loads(text, parse_constant=_no_number, parse_float=_finite)
            return _plain(found, self.secrets)
        except RecursionError:
            raise ValueError("nested too deeply") from None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A tracker's answer of another status; `words` is the beginning of its body, in one line, and
    `body` more of it, for those who read it as JSON. Neither holds a secret of ours.
    """

    status: int
    headers: Mapping[str, str]
    words: str
    body: str = ""

    @property
    def wait_seconds(self) -> float | None:
        """What Retry-After asks for, clamped; None where it says nothing that can be read."""
        return retry_after(self.headers.get("retry-after", ""))


class SentElsewhere(TicketRejected):
    """The tracker answered with a redirect, which is not followed: nothing was done."""


class Deadline:
    """Until when everything that is asked has to be answered, however many requests that takes."""

    def __init__(self, seconds: float = inf) -> None:
        self.begin(seconds)

    def begin(self, seconds: float) -> None:
        """Let it be that many seconds from now."""
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds until then, less than none when it is over."""
        return self._end - time.monotonic()


class TrackerHttp:
    """One tracker's server. `secrets` are taken out of whatever is said about it."""

    def __init__(
        self,
        url: str,
        policy: AddressPolicy,
        *,
        headers: Mapping[str, str],
        secrets: tuple[str, ...],
        ca_pem: str = "",
        deadline_seconds: float = DEADLINE_SECONDS,
        whole: Deadline | None = None,
    ) -> None:
        """`deadline_seconds` are for each request, `whole` is for all of them.

        Raises TicketRejected where the URL, the CA or the headers can't be used.
        """
        try:
            self._server = parse_https(url)
        except ValueError as problem:
            raise TicketRejected(f"URL: {problem}", is_of_tracker=True) from None
        self._policy = policy
        self._headers = {
            "User-Agent": "authzviz",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **headers,
        }
        if not all(map(_HEADER_VALUE.fullmatch, headers.values())):
            raise TicketRejected(
                "the credentials hold a line break or a letter that can't be sent",
                is_of_tracker=True,
            )
        self._secrets = forms(secrets)
        self._tls = tls_context(ca_pem)
        self._seconds = deadline_seconds
        self._whole = whole or Deadline()

    @property
    def host(self) -> str:
        """The server's host."""
        return self._server.host

    def clean(self, text: str, *, most: int = 300) -> str:
        """The tracker's words without our secrets, in one line of at most so many letters."""
        return clean(text, self._secrets, most=most)

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | list[str]] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        keeps_body: bool = True,
    ) -> Answer | Refusal:
        """The answer, whatever its status but a redirect's. `body` goes as JSON, bytes as they are.
        Of an answer whose body is not kept, no word is read or told.

        Raises TicketRejected, TrackerUnavailable and, for what may have been done, OutcomeUnknown.
        """
        target = f"{self._server.path}{path}" + (
            f"?{urlencode(query, doseq=True)}" if query else ""
        )
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        asked = {**self._headers, **(headers or {})}
        if sent is not None:
            asked.setdefault("Content-Type", "application/json")
        seconds = min(self._seconds, self._whole.left())
        limits = Limits(seconds, MAX_ANSWER_BYTES + _AROUND_BODY)
        connection = PinnedConnection(
            self._server.host,
            self._server.port,
            route=Route(self._policy, limits),
            context=self._tls,
            certificate_name=self._server.host,
        )
        try:
            self._connect(connection)
            return self._exchange(connection, method, target, asked, sent, keeps_body)
        finally:
            connection.close()

    def _connect(self, connection: PinnedConnection) -> None:
        try:
            connection.connect()
        except AddressForbidden as error:
            raise TicketRejected(f"{self.host}: {error}", is_of_tracker=True) from None
        except NameUnresolved:
            raise TrackerUnavailable(f"DNS knows no {self.host}") from None
        except ssl.SSLCertVerificationError as error:
            raise TrackerUnavailable(
                f"the certificate of {self.host} is not trusted: {self.clean(error.verify_message)}"
            ) from None
        except TimeoutError:
            raise TrackerUnavailable(f"{self.host} could not be reached in time") from None
        except (OSError, ValueError) as error:
            raise TrackerUnavailable(
                f"{self.host} could not be reached: {self.clean(str(error))}"
            ) from None

    def _exchange(
        self,
        connection: PinnedConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        keeps_body: bool,
    ) -> Answer | Refusal:
        try:
            with connection.ask(method, target, headers, body) as response:
                return self._answer(response, keeps_body)
        except (HTTPException, OSError, ValueError) as error:
            why = "in time" if isinstance(error, TimeoutError) else "with a whole answer"
            message = f"{self.host} did not answer {why}"
            if method in _SAFE_METHODS:
                raise TrackerUnavailable(message) from None
            raise OutcomeUnknown(message) from None

    def _answer(self, response: HTTPResponse, keeps_body: bool) -> Answer | Refusal:
        headers = {
            name.lower(): clean(value, self._secrets, most=_LONGEST_HEADER)
            for name, value in response.headers.items()
        }
        if response.status < 200:
            raise ValueError("another answer was to follow")
        if 300 <= response.status < 400:
            place = self.clean(_place(headers.get("location", "")))
            place = (place or "nowhere") if keeps_body else "to an address not shown"
            raise SentElsewhere(
                f"{self.host} sends us elsewhere ({response.status}, {place}): "
                "put that address into the tracker's URL if it is right",
                is_of_tracker=True,
            )
        if not 200 <= response.status < 300:
            words = _beginning(response) if keeps_body else ""
            body = clean(words, self._secrets, most=_MAX_ERROR_BYTES)
            return Refusal(response.status, headers, self.clean(words), body)
        said = self._body(response) if keeps_body else b""
        # A short one would be found in any text.
        secrets = tuple(one for one in self._secrets if len(one) >= _LEAST_SECRET)
        return Answer(response.status, headers, said, secrets)

    def _body(self, response: HTTPResponse) -> bytes:
        if response.headers.get("Content-Encoding", "identity") not in {"", "identity"}:
            raise ValueError("compressed, though not asked for")
        body = bytearray()
        while piece := response.read(_PIECE):
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise ValueError("too large")
        if response.length:
            raise ValueError("cut short")
        return bytes(body)


def _beginning(response: HTTPResponse) -> str:
    """The beginning of what is said beside a bad status, which holds even where that breaks off."""
    try:
        return response.read(_MAX_ERROR_BYTES).decode(errors="replace")
    except (HTTPException, OSError, ValueError):
        return ""


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _no_number(text)


def _plain(found: Any, secrets: tuple[str, ...]) -> Any:
    """The JSON without halves of letters, U+0000 and secrets in its texts."""
    if isinstance(found, str):
        for secret in secrets:
            found = found.replace(secret, "***")
        return _NO_LETTER.sub("\N{REPLACEMENT CHARACTER}", found)
    if isinstance(found, list):
        return [_plain(one, secrets) for one in found]
    if isinstance(found, dict):
        return {_plain(key, secrets): _plain(one, secrets) for key, one in found.items()}
    return found


def _place(location: str) -> str:
    """Where a redirect leads to, without what may be secret in it: user name, query, fragment."""
    return re.sub(r"//[^/@]*@", "//", re.split("[?#]", location)[0])


def usual_error(
    refusal: Refusal, host: str, *, is_change: bool, is_of_ticket: bool = False
) -> TrackerError:
    """What a refusal means where its tracker says nothing else.

    `is_change` where it may have had an effect, `is_of_ticket` where the address named a ticket
    that may be gone.
    """
    said = f"{host} answered {refusal.status}" + (f": {refusal.words}" if refusal.words else "")
    if refusal.status == 429:
        return TrackerLimited(f"{host} takes no more for now", wait_seconds=refusal.wait_seconds)
    if refusal.status >= 500 or refusal.status == 408:
        # A proxy may give up on what the server behind it still does.
        if is_change:
            return OutcomeUnknown(said)
        return TrackerUnavailable(said, wait_seconds=refusal.wait_seconds)
    if refusal.status == 401:
        return TicketRejected(f"{host} does not accept the credentials", is_of_tracker=True)
    if is_of_ticket and refusal.status in {404, 410}:
        return TicketGone(f"{host} has no such ticket any more, or hides it")
    if refusal.status == 404:
        said = f"{said.rstrip('.')}; the name or address is wrong, or hidden from these credentials"
    return TicketRejected(said, is_of_tracker=refusal.status in {403, 404})


def retry_after(text: str, now: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header asks for, between a second and an hour; None where it
    is missing or nothing that can be read. Source: RFC 9110, 10.2.3.
    """
    text = text.strip()
    if re.fullmatch(r"[0-9]+", text):
        seconds = float(text)
    else:
        try:
            until = parsedate_to_datetime(text)
            seconds = (until - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, LEAST_WAIT), LONGEST_WAIT)


def segment(text: str) -> str:
    """One segment of a path, whatever is in the text."""
    return quote(text, safe="")


def tls_context(ca_pem: str) -> ssl.SSLContext:
    """What a server's certificate is checked by: these CAs, the system's where none are given.
    Raises TicketRejected where they can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = LimitedSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not ca_pem:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError, TypeError):
        raise TicketRejected("the CA certificates can't be used", is_of_tracker=True) from None
    return context
