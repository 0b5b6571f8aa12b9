"""Certificates of a lab cluster: one authority each, so that no credential fits two clusters."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIFE = datetime.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, both as PEM text."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token."""

    token: str


Credential = Certificate | Token


class Authority:
    """A certificate authority that lives in memory; `certificate` is its own, as PEM text."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name, ())
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = _pem(self._certificate)

    def client(self, user: str, groups: Sequence[str] = ()) -> Certificate:
        """Return a client certificate: CN is the user, each O a group."""
        return self._issue(_name(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def server(self, name: str) -> Certificate:
        """Return a server certificate for 127.0.0.1 and localhost."""
        loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        names = (loopback, x509.DNSName("localhost"))
        return self._issue(_name(name, ()), ExtendedKeyUsageOID.SERVER_AUTH, names)

    def _issue(
        self, subject: x509.Name, use: x509.ObjectIdentifier, names: Sequence[x509.GeneralName]
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, self._name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Certificate(_pem(builder.sign(self._key, hashes.SHA256())), private_pem(key))


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the key in the form whose public half the apiserver can read too: not PKCS 8."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def kubeconfig(contexts: Sequence[tuple[str, str, str, Credential]]) -> str:
    """Return a kubeconfig of (context, server URL, authority as PEM, credential).

    Everything is embedded; the first context is the current one.
    """
    clusters, users, entries = [], [], []
    for name, server, authority, credential in contexts:
        clusters.append(
            f"- name: {name}\n  cluster:\n    server: {server}\n"
            f"    certificate-authority-data: {_base64(authority)}\n"
        )
        users.append(f"- name: {name}\n  user:\n{_user_fields(credential)}")
        entries.append(f"- name: {name}\n  context:\n    cluster: {name}\n    user: {name}\n")
    return (
        "apiVersion: v1\nkind: Config\n"
        f"current-context: {contexts[0][0]}\n"
        f"clusters:\n{''.join(clusters)}"
        f"contexts:\n{''.join(entries)}"
        f"users:\n{''.join(users)}"
    )


def _user_fields(credential: Credential) -> str:
    if isinstance(credential, Token):
        return f"    token: {credential.token}\n"
    return (
        f"    client-certificate-data: {_base64(credential.certificate)}\n"
        f"    client-key-data: {_base64(credential.key)}\n"
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str, organizations: Sequence[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
