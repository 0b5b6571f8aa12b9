"""The cluster that we run in ourselves: the service account that it gives to its pods.

Source: client-go 0.37, rest/config.go, InClusterConfig. Unlike there, a CA that can't be read is an
error: the system's CAs know no cluster.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from authzviz.kube.credentials import Credentials
from authzviz.net.secret import Secret
from authzviz.net.url import parse_https

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NAME = "in-cluster"
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
_MAX_TOKEN_BYTES = 64 << 10
_MAX_CA_BYTES = 1 << 20
_MAX_NAMESPACE_BYTES = 63
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


class InClusterError(ValueError):
    """The pod's service account can't be used; the text says what is wrong, and quotes no token."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """How this pod reaches its own apiserver; `namespace` is the pod's, "" where it isn't told."""

    credentials: Credentials
    namespace: str


def is_there(environment: Mapping[str, str] = os.environ, folder: Path | None = None) -> bool:
    """True where this process runs in a pod that was given a service account."""
    has_server = bool(environment.get(_HOST) and environment.get(_PORT))
    return has_server and ((folder or FOLDER) / "token").exists()


def load(environment: Mapping[str, str] = os.environ, folder: Path | None = None) -> ServiceAccount:
    """The account as it is now. The kubelet puts a new token into its file well before the old one
    ends, so this is to be asked anew for each poll, and nothing of it kept.

    Raises InClusterError.
    """
    folder = folder or FOLDER
    return ServiceAccount(
        Credentials(
            server=_server(environment),
            ca_data=Secret(_certificates(folder / "ca.crt")),
            token=Secret(_token(folder / "token")),
        ),
        _namespace(folder / "namespace"),
    )


def _server(environment: Mapping[str, str]) -> str:
    host, port = environment.get(_HOST, ""), environment.get(_PORT, "")
    if not host or not port:
        raise InClusterError(
            f"{_HOST} and {_PORT} are not set: this process does not run in a pod, or was started "
            "without the pod's environment"
        )
    bracketed = f"[{host}]" if ":" in host else host
    try:
        server = parse_https(f"https://{bracketed}:{port}")
    except ValueError as error:
        raise InClusterError(f"{_HOST} and {_PORT} name no server: {error}") from None
    if server.path:
        raise InClusterError(f"{_HOST} and {_PORT} name no server: a path is in them")
    return str(server)


def _certificates(path: Path) -> str:
    text = _read(path, _MAX_CA_BYTES)
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise InClusterError(f"{path} holds no certificate in PEM")
    return text


def _token(path: Path) -> str:
    token = _read(path, _MAX_TOKEN_BYTES).strip()
    if not token:
        raise InClusterError(f"{path} is empty")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InClusterError(f"{path} holds no token: there are characters that no token has")
    return token


def _namespace(path: Path) -> str:
    try:
        text = _read(path, _MAX_NAMESPACE_BYTES).strip()
    except InClusterError:
        return ""
    return text if _NAMESPACE.fullmatch(text) else ""


def _read(path: Path, max_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        raise InClusterError(
            f"{path} can't be read: {error.strerror}. A pod gets it unless "
            "automountServiceAccountToken is false"
        ) from None
    if len(raw) > max_bytes:
        raise InClusterError(f"{path} is larger than {max_bytes} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InClusterError(f"{path} is no text in UTF-8") from None
