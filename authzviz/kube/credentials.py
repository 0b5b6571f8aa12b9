"""What it takes to sign in to one apiserver; the secret parts never show themselves."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from authzviz.net.secret import Secret


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A command that prints credentials; run only for who asked for it on their command line."""

    command: str
    args: tuple[str, ...]
    env: tuple[tuple[str, Secret], ...]
    api_version: str
    provide_cluster_info: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to reach one apiserver and who to be there.

    Certificates and the key are PEM. `ca_data` None means the system's CAs. `exec_plugin` is set
    only for the command line, and stands for the token or certificate that it will print.
    """

    server: str
    ca_data: Secret | None = None
    token: Secret | None = None
    client_certificate: Secret | None = None
    client_key: Secret | None = None
    tls_server_name: str = ""
    insecure: bool = False
    exec_plugin: ExecPlugin | None = None

    @property
    def secret_texts(self) -> tuple[str, ...]:
        """What must not appear in any message: the token and the lines of the key."""
        key = self.client_key.reveal() if self.client_key else ""
        token = self.token.reveal() if self.token else ""
        lines = [line for line in key.splitlines() if len(line) > 20 and "-----" not in line]
        return tuple(text for text in (token, *lines) if text)

    def to_json(self) -> str:
        """Everything, in clear: to be encrypted at once. Not for an exec plugin."""
        if self.exec_plugin:
            raise ValueError("credentials of an exec plugin can't be stored")
        return json.dumps(
            {
                "server": self.server,
                "ca_data": _revealed(self.ca_data),
                "token": _revealed(self.token),
                "client_certificate": _revealed(self.client_certificate),
                "client_key": _revealed(self.client_key),
                "tls_server_name": self.tls_server_name,
                "insecure": self.insecure,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Credentials:
        """The credentials that `to_json` gave."""
        fields = json.loads(text)

        def secret(name: str) -> Secret | None:
            return Secret(fields[name]) if fields[name] else None

        return cls(
            server=fields["server"],
            ca_data=secret("ca_data"),
            token=secret("token"),
            client_certificate=secret("client_certificate"),
            client_key=secret("client_key"),
            tls_server_name=fields["tls_server_name"],
            insecure=fields["insecure"],
        )


def _revealed(secret: Secret | None) -> str | None:
    return secret.reveal() if secret else None


def expires_at(credentials: Credentials) -> datetime | None:
    """When they stop working, UTC: the client certificate's notAfter or the token's exp.

    The earlier of both; None where neither tells (a token that is no JWT, or has no end).
    """
    known = [
        moment
        for moment in (_certificate_end(credentials), _token_end(credentials.token))
        if moment is not None
    ]
    return min(known, default=None)


def _certificate_end(credentials: Credentials) -> datetime | None:
    if credentials.client_certificate is None:
        return None
    from cryptography import x509

    try:
        pem = credentials.client_certificate.reveal().encode()
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        return None


def _token_end(token: Secret | None) -> datetime | None:
    parts = token.reveal().split(".") if token else []
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return None
