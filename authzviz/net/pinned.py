"""Connections to checked addresses only, with a deadline and a byte budget that nothing escapes."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from http.client import HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any

from authzviz.net.address import AddressPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# One address of several may be dead; the others still deserve a try within the deadline.
_CONNECT_SECONDS = 5.0
_MAX_ADDRESSES = 8


class NameUnresolved(OSError):
    """The host name has no address."""


class DeadlineOver(TimeoutError):
    """The time for the whole of the work, or for this read, is used up."""


class BudgetSpent(OSError):
    """The other side sent more bytes than are taken from it."""


class AnswerTooLarge(BudgetSpent):
    """The other side sent more bytes than are taken for one answer."""


class Limits:
    """What one piece of work may still use: seconds (monotonic clock) and received bytes."""

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._end = time.monotonic() + seconds
        self._read_end = self._end
        self._bytes_left = max_bytes
        self._read_bytes_left = max_bytes

    def begin_read(self, seconds: float, max_bytes: int | None = None) -> None:
        """Give the next read at most `seconds` and `max_bytes`, never more than the work has left.

        The cap holds below HTTP, whose parsers have been talked into reading without end.
        """
        self._read_end = min(self._end, time.monotonic() + seconds)
        self._read_bytes_left = self._bytes_left if max_bytes is None else max_bytes

    def left(self) -> float:
        """Seconds left for all of the work, 0 or less when it is over."""
        return self._end - time.monotonic()

    def read_left(self) -> float:
        """Seconds left for the current read. Raises DeadlineOver when there are none."""
        left = self._read_end - time.monotonic()
        if left <= 0:
            raise DeadlineOver("no time left")
        return left

    def spend(self, received: int) -> None:
        """Count received bytes. Raises BudgetSpent or AnswerTooLarge when too many came."""
        self._bytes_left -= received
        self._read_bytes_left -= received
        if self._bytes_left < 0:
            raise BudgetSpent("too many bytes")
        if self._read_bytes_left < 0:
            raise AnswerTooLarge("too many bytes for one answer")


class LimitedSocket(ssl.SSLSocket):
    """A TLS socket whose every receive is bounded by the limits.

    A per-receive timeout alone would let one byte every half second go on for hours, and header
    lines and chunk sizes are read before any cap on a body could apply.
    """

    limits: Limits | None = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        if self.limits is None:
            return super().recv_into(buffer, nbytes, flags)
        self.settimeout(self.limits.read_left())
        received = super().recv_into(buffer, nbytes, flags)
        self.limits.spend(received)
        return received


class LimitedPlainSocket(socket.socket):
    """The same without TLS, for protocols that begin without it."""

    limits: Limits | None = None

    @classmethod
    def of(cls, connected: socket.socket, limits: Limits) -> LimitedPlainSocket:
        """The socket, bounded; the one that was given is no more to be used."""
        family, kind, protocol = connected.family, connected.type, connected.proto
        bounded = cls(family, kind, protocol, fileno=connected.detach())
        bounded.limits = limits
        return bounded

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        if self.limits is None:
            return super().recv_into(buffer, nbytes, flags)
        self.settimeout(self.limits.read_left())
        received = super().recv_into(buffer, nbytes, flags)
        self.limits.spend(received)
        return received


def resolve(host: str, port: int) -> list[str]:
    """Every address that the system's resolver gives. Raises NameUnresolved."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NameUnresolved(f"{host} could not be resolved") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_in_time(
    host: str,
    port: int,
    seconds: float,
    resolver: Callable[[str, int], list[str]] = resolve,
) -> list[str]:
    """What the resolver gives; getaddrinfo knows no timeout, so it is left behind if late.

    Raises NameUnresolved and DeadlineOver.
    """
    answer: list[list[str] | OSError] = []

    def ask() -> None:
        try:
            answer.append(resolver(host, port))
        except OSError as failed:
            answer.append(failed)

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if not answer:
        raise DeadlineOver(f"{host} was not resolved in time")
    if isinstance(answer[0], OSError):
        raise answer[0]
    return answer[0]


class Route:
    """The addresses of one host, resolved and checked once, for every connection of one work.

    Raises AddressForbidden if any record is disallowed: which one would be used is not ours to
    choose. What is connected to is what was checked, so a name that changes meanwhile (DNS
    rebinding) gains nothing.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        limits: Limits,
        resolver: Callable[[str, int], list[str]] = resolve,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._addresses: tuple[str, ...] = ()
        self.limits = limits

    def connect(self, host: str, port: int) -> socket.socket:
        """A connected TCP socket. Raises AddressForbidden, NameUnresolved, OSError."""
        if not self._addresses:
            self._addresses = self._checked(host, port)
        error: OSError = NameUnresolved(f"{host} has no address")
        for address in self._addresses[:_MAX_ADDRESSES]:
            try:
                seconds = min(_CONNECT_SECONDS, self.limits.read_left())
                return socket.create_connection((address, port), seconds)
            except DeadlineOver:
                raise
            except OSError as failed:
                error = failed
        raise error

    def _checked(self, host: str, port: int) -> tuple[str, ...]:
        found = resolve_in_time(host, port, self.limits.read_left(), self._resolver)
        return tuple(str(self._policy.check(address, port)) for address in found)


class PinnedConnection(HTTPSConnection):
    """The standard library's connection, over a Route; opened when it is first used.

    `peers` are the addresses and ports that it has been connected to.
    """

    def __init__(
        self, host: str, port: int, *, route: Route, context: ssl.SSLContext, certificate_name: str
    ) -> None:
        """`certificate_name` is what SNI asks for and the certificate has to hold."""
        super().__init__(host, port, context=context)
        self._route = route
        self._tls = context
        self._certificate_name = certificate_name
        self.peers: set[tuple[str, int]] = set()

    def connect(self) -> None:
        """Connect to a checked address. Raises AddressForbidden, NameUnresolved, OSError."""
        plain = self._route.connect(self.host, self.port)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(self._route.limits.read_left())
            host, port = plain.getpeername()[:2]
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._certificate_name)
            self.peers.add((host, port))
        except BaseException:
            plain.close()
            raise
        if isinstance(self.sock, LimitedSocket):
            self.sock.limits = self._route.limits

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> HTTPResponse:
        """The answer, its body still unread. Raises OSError and http.client.HTTPException.

        What the server closed meanwhile is opened anew: it may end a kept connection at any time.
        """
        if self.sock is not None and _has_ended(self.sock):
            self.close()
        if self.sock is not None:
            self.sock.settimeout(self._route.limits.read_left())
        self.request(method, target, body, headers)
        return self.getresponse()


def _has_ended(sock: socket.socket) -> bool:
    """True where the other side said something before anything was asked: the end, as a rule."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if not poll.poll(0):
        return False
    # TLS 1.3 sends tickets when it likes, which are neither an end nor anything to be read.
    sock.settimeout(0)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True
    return True
