"""What can go wrong between us and an apiserver, each with a message for people."""

from __future__ import annotations

from typing import ClassVar


class KubeError(Exception):
    """Something about a cluster that a person can act on: `message` says what."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ReadForbidden(KubeError):
    """The apiserver refused one read (403)."""


class ReadFailed(KubeError):
    """One read gave no usable answer."""


class NotFound(ReadFailed):
    """The apiserver has nothing at this path (404)."""


class Expired(ReadFailed):
    """A list's continue token is too old (410)."""


class ClusterUnreachable(KubeError):
    """Not even /version was answered. `kind` tells the causes apart for programs."""

    kind: ClassVar[str] = "unreachable"


class NameNotResolved(ClusterUnreachable):
    """DNS knows no such host."""

    kind = "dns"


class ConnectionRefused(ClusterUnreachable):
    """Nothing listens there, or a firewall says no."""

    kind = "refused"


class TimedOut(ClusterUnreachable):
    """No answer within the time given."""

    kind = "timeout"


class NotTrusted(ClusterUnreachable):
    """The server's certificate is not signed by the CA of the kubeconfig, or for another name."""

    kind = "tls"


class CertificateExpired(ClusterUnreachable):
    """A certificate's time is over: the server's, or the client's own."""

    kind = "certificate-expired"


class CertificateNotYetValid(ClusterUnreachable):
    """The server's certificate begins later, by our clock."""

    kind = "certificate-not-yet-valid"


class Unauthorized(ClusterUnreachable):
    """The apiserver does not accept the credentials (401)."""

    kind = "unauthorized"


class NotAnApiserver(ClusterUnreachable):
    """Something answered that is no kube-apiserver."""

    kind = "not-an-apiserver"


class AddressNotAllowed(ClusterUnreachable):
    """The server's address may not be connected to."""

    kind = "address-forbidden"


class CredentialsUnusable(ClusterUnreachable):
    """The certificate, key or exec plugin could not be used."""

    kind = "credentials"
