"""What a failed exchange means, in words for people."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

from urllib3.exceptions import (
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)
from urllib3.exceptions import TimeoutError as HTTPTimeout

from authzviz.kube.errors import (
    AddressNotAllowed,
    CertificateExpired,
    ConnectionRefused,
    KubeError,
    NameNotResolved,
    NotAnApiserver,
    NotTrusted,
    ReadFailed,
    TimedOut,
    Unauthorized,
)
from authzviz.net import AddressForbidden
from authzviz.net.pinned import BudgetSpent, NameUnresolved

_X509_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL


def trouble(error: BaseException, host: str, clean: Callable[[str], str]) -> KubeError:
    """The error for people that stands for what urllib3, ssl or the guards raised."""
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, AddressForbidden):
            return AddressNotAllowed(f"{host}: {cause}")
        if isinstance(cause, (NameUnresolved, NameResolutionError)):
            return NameNotResolved(f"{host} can't be resolved: DNS knows no such name")
        if isinstance(cause, BudgetSpent):
            return ReadFailed("the apiserver sent more than is taken from one cluster")
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return _tls_trouble(cause, host, clean)
    return _transport_trouble(chain, host, clean)


def _transport_trouble(
    chain: list[BaseException], host: str, clean: Callable[[str], str]
) -> KubeError:
    if any(_is_late(cause) for cause in chain):
        return TimedOut(f"{host} did not answer in time")
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return ConnectionRefused(f"{host} refused the connection: nothing listens on that port")
    if any(isinstance(cause, ProtocolError) for cause in chain):
        return NotAnApiserver(f"{host} broke off, or answered something that is no HTTP")
    return ConnectionRefused(f"{host} can't be reached: {clean(_last_words(chain))}")


def _is_late(cause: BaseException) -> bool:
    # urllib3 calls every failed connection a timeout.
    is_slow = isinstance(cause, HTTPTimeout) and not isinstance(cause, NewConnectionError)
    return is_slow or isinstance(cause, TimeoutError)


def _tls_trouble(cause: ssl.SSLError, host: str, clean: Callable[[str], str]) -> KubeError:
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code == _X509_EXPIRED:
            return CertificateExpired(f"the certificate of {host} has expired")
        return NotTrusted(f"the certificate of {host} is not trusted: {cause.verify_message}")
    reason = (cause.reason or "").upper()
    if "CERTIFICATE_EXPIRED" in reason:
        return CertificateExpired(f"{host} says that the client certificate has expired")
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return Unauthorized(f"{host} does not accept the client certificate")
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
        return NotAnApiserver(f"{host} does not speak TLS on this port")
    return NotTrusted(f"no TLS connection to {host}: {clean(cause.reason or 'handshake failed')}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it came from, urllib3's wrapped reasons included."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (
            current.__cause__,
            current.__context__,
            getattr(current, "reason", None),
            *current.args,
        )
        waiting.extend(cause for cause in inner if isinstance(cause, BaseException))


def _last_words(chain: list[BaseException]) -> str:
    for cause in reversed(chain):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return "the connection failed" if isinstance(chain[0], HTTPError) else str(chain[0])
