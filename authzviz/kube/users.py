"""A cluster and a user of a kubeconfig -> credentials, or the field that stands in the way."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path

from authzviz.kube.credentials import Credentials, ExecPlugin
from authzviz.kube.fields import Fields
from authzviz.net import AddressForbidden, AddressPolicy
from authzviz.net.secret import Secret
from authzviz.net.url import parse_https

_MAX_FILE_BYTES = 1 << 20
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")


@dataclass(frozen=True, slots=True)
class Strictness:
    """What is taken beside data in the kubeconfig itself."""

    policy: AddressPolicy
    insecure: bool = False
    tls_server_name: bool = False
    files: bool = False
    exec_plugins: bool = False


def credentials_of(
    cluster: Fields,
    cluster_folder: Path | None,
    user: Fields,
    user_folder: Path | None,
    strictness: Strictness,
) -> Credentials:
    """The credentials of one cluster for one user. Raises KubeconfigError that names the field."""
    _refuse_user(user, strictness)
    server = _server(cluster, strictness)
    if cluster.has("proxy-url"):
        raise cluster.error("proxy-url", "proxies are not supported")
    name = cluster.text("tls-server-name")
    if name and not strictness.tls_server_name:
        raise cluster.error("tls-server-name", "is not allowed here")
    if name and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,252})", name):
        raise cluster.error("tls-server-name", "is not a host name")
    ca = _pem(cluster, cluster_folder, "certificate-authority", strictness)
    certificate = _pem(user, user_folder, "client-certificate", strictness)
    key = _pem(user, user_folder, "client-key", strictness)
    token = _token(user, user_folder, strictness)
    plugin = _exec_plugin(user, user_folder) if user.has("exec") else None
    if bool(certificate) != bool(key):
        missing = "client-key-data" if certificate else "client-certificate-data"
        raise user.error(missing, "is missing: a certificate and its key belong together")
    if not (token or certificate or plugin):
        raise user.error("token", "is missing, and there is no client certificate either")
    return Credentials(
        server=server,
        ca_data=ca,
        token=token,
        client_certificate=certificate,
        client_key=key,
        tls_server_name=name,
        insecure=_insecure(cluster, ca, strictness),
        exec_plugin=plugin,
    )


def _refuse_user(user: Fields, strictness: Strictness) -> None:
    if user.has("exec") and not strictness.exec_plugins:
        cure = (
            "run with --allow-exec to allow it"
            if strictness.files
            else "use the token of a ServiceAccount instead"
        )
        raise user.error("exec", f"runs a command; {cure}")
    if user.has("auth-provider"):
        raise user.error(
            "auth-provider", "may run a command; use the token of a ServiceAccount instead"
        )
    for field in _IMPERSONATION:
        if user.has(field):
            raise user.error(field, "acting as someone else is not supported")
    for field in ("username", "password"):
        if user.has(field):
            raise user.error(field, "basic authentication is gone since Kubernetes 1.19")


def _server(cluster: Fields, strictness: Strictness) -> str:
    try:
        url = parse_https(cluster.required("server"))
        if url.is_address:
            strictness.policy.check(url.host, url.port)
    except AddressForbidden as forbidden:
        raise cluster.error("server", str(forbidden)) from None
    except ValueError as problem:
        if str(problem).startswith(cluster.path):
            raise
        raise cluster.error("server", str(problem)) from None
    return str(url)


def _insecure(cluster: Fields, ca: Secret | None, strictness: Strictness) -> bool:
    field = "insecure-skip-tls-verify"
    insecure = cluster.is_true(field)
    if insecure and ca:
        raise cluster.error(field, "contradicts the certificate authority beside it")
    if insecure and not strictness.insecure:
        raise cluster.error(
            field, "is not allowed here: anyone between could read the token; embed the CA"
        )
    return insecure


def _pem(fields: Fields, folder: Path | None, field: str, strictness: Strictness) -> Secret | None:
    """PEM out of FIELD-data, which kubectl prefers, or out of the file that FIELD names."""
    data = f"{field}-data"
    if fields.has(data):
        if fields.has(field) and not strictness.files:
            raise fields.error(field, "names a file: embed data only")
        try:
            text = base64.b64decode("".join(fields.text(data).split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise fields.error(data, "is not base64 of PEM") from None
        where = data
    elif fields.has(field):
        text, where = _file(fields, folder, field, strictness), field
    else:
        return None
    if "-----BEGIN " not in text:
        raise fields.error(where, "is not PEM")
    return Secret(text)


def _token(user: Fields, folder: Path | None, strictness: Strictness) -> Secret | None:
    # A token file goes before a token, as in client-go: it is the one that is renewed.
    if user.has("tokenFile"):
        token, field = _file(user, folder, "tokenFile", strictness).strip(), "tokenFile"
    else:
        token, field = user.text("token").strip(), "token"
    if token and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise user.error(field, "must hold no spaces, control or non-ASCII characters")
    return Secret(token) if token else None


def _file(fields: Fields, folder: Path | None, field: str, strictness: Strictness) -> str:
    name = fields.required(field)
    if not strictness.files or folder is None:
        data = "token" if field == "tokenFile" else f"{field}-data"
        raise fields.error(field, f"names a file; embed data instead ({data})")
    try:
        with (folder / name).open("rb") as file:
            raw = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise fields.error(field, f"{name}: {error.strerror}") from None
    if len(raw) > _MAX_FILE_BYTES:
        raise fields.error(field, f"{name} is larger than 1 MiB")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise fields.error(field, f"{name} is no text") from None


def _exec_plugin(user: Fields, folder: Path | None) -> ExecPlugin:
    plugin = user.child("exec")
    version = plugin.required("apiVersion")
    if version not in _EXEC_VERSIONS:
        raise plugin.error("apiVersion", f"must be one of {', '.join(_EXEC_VERSIONS)}")
    env = tuple(
        (entry.required("name"), Secret(entry.text("value")))
        for entry in plugin.entries("env", 100)
    )
    command = plugin.required("command")
    if "/" in command and folder is not None:
        command = str(folder / command)
    return ExecPlugin(
        command=command,
        args=plugin.texts("args"),
        env=env,
        api_version=version,
        provide_cluster_info=plugin.is_true("provideClusterInfo"),
    )
