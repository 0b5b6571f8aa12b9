"""What a failed exchange means, in words for people."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http.client import HTTPException

from authzviz.kube.errors import (
    AddressNotAllowed,
    CertificateExpired,
    CertificateNotYetValid,
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
from authzviz.net.pinned import AnswerTooLarge, BudgetSpent, NameUnresolved

# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL.
_X509_NOT_YET_VALID, _X509_EXPIRED = 9, 10


_BROKEN_OFF = (
    HTTPException,
    ssl.SSLEOFError,
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
)


def trouble(error: Exception, host: str, clean: Callable[[str], str]) -> KubeError:
    """The error for people that stands for what http.client, ssl or the guards raised."""
    if isinstance(error, AddressForbidden):
        return AddressNotAllowed(f"{host}: {error}")
    if isinstance(error, NameUnresolved):
        return NameNotResolved(f"{host} can't be resolved: DNS knows no such name")
    if isinstance(error, AnswerTooLarge):
        return ReadFailed("the answer is larger than is taken")
    if isinstance(error, BudgetSpent):
        return ReadFailed("the apiserver sent more than is taken from one cluster")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return _tls_trouble(error, host, clean)
    return _transport_trouble(error, host, clean)


def _transport_trouble(error: Exception, host: str, clean: Callable[[str], str]) -> KubeError:
    if isinstance(error, TimeoutError):
        return TimedOut(f"{host} did not answer in time")
    if isinstance(error, ConnectionRefusedError):
        return ConnectionRefused(f"{host} refused the connection: nothing listens on that port")
    if isinstance(error, _BROKEN_OFF):
        return NotAnApiserver(f"{host} broke off, or answered something that is no HTTP")
    said = getattr(error, "strerror", None) or str(error)
    return ConnectionRefused(f"{host} can't be reached: {clean(said)}")


def _tls_trouble(cause: ssl.SSLError, host: str, clean: Callable[[str], str]) -> KubeError:
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code == _X509_EXPIRED:
            return CertificateExpired(f"the certificate of {host} has expired")
        if cause.verify_code == _X509_NOT_YET_VALID:
            return CertificateNotYetValid(
                f"the certificate of {host} is not valid yet: one of the two clocks is wrong"
            )
        return NotTrusted(f"the certificate of {host} is not trusted: {cause.verify_message}")
    reason = (cause.reason or "").upper()
    if "CERTIFICATE_EXPIRED" in reason:
        return CertificateExpired(f"{host} says that the client certificate has expired")
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return Unauthorized(f"{host} does not accept the client certificate")
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
        return NotAnApiserver(f"{host} does not speak TLS on this port")
    return NotTrusted(f"no TLS connection to {host}: {clean(cause.reason or 'handshake failed')}")
