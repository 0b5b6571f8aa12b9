"""Certificates, requests and keys of every kind, made by hand: what no signer would issue, too."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime(2026, 11, 24, 9, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)


@cache
def new_key(name: str = "leaf") -> ec.EllipticCurvePrivateKey:
    """A key; the same for the same name, since making one takes time."""
    del name
    return ec.generate_private_key(ec.SECP256R1())


def subject(names: Sequence[str], groups: Sequence[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name(
        # Not validated: X.520 allows 64 letters, Kubernetes more.
        [
            *attributes,
            *(x509.NameAttribute(NameOID.COMMON_NAME, n, _validate=False) for n in names),
        ]
    )


@dataclass(frozen=True)
class Authority:
    """Signs; one of the same name with another `key` is another."""

    name: str = "kubernetes"
    key: str = "kubernetes"
    above: Authority | None = None

    @property
    def certificate(self) -> x509.Certificate:
        return make((self.name,), (), by=self.above or self, key=self.key, is_authority=True)

    @property
    def pem(self) -> str:
        return pem(self.certificate)


KUBERNETES = Authority()


def make(
    names: Sequence[str] = ("system:node:node1",),
    groups: Sequence[str] = ("system:nodes",),
    *,
    by: Authority = KUBERNETES,
    key: str = "leaf",
    begin: datetime.datetime = NOW - 30 * DAY,
    end: datetime.datetime = NOW + 335 * DAY,
    purposes: Sequence[x509.ObjectIdentifier] | None = CLIENT,
    signs: bool | None = True,
    is_authority: bool = False,
) -> x509.Certificate:
    """A certificate; None leaves an extension out."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(names, groups))
        .issuer_name(subject((by.name,), ()))
        .public_key(new_key(key).public_key())
        .serial_number(4711)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if purposes is not None and not is_authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if signs is not None:
        flags = dict.fromkeys(_FLAGS, False)
        flags.update(digital_signature=signs, key_encipherment=True, key_cert_sign=is_authority)
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    return builder.sign(new_key(by.key), hashes.SHA256())


_FLAGS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def request(
    names: Sequence[str] = ("system:node:node1",), groups: Sequence[str] = ("system:nodes",)
) -> str:
    """A signing request as PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(names, groups))
    return builder.sign(new_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True)
class Keys:
    """The same private key in the forms in which keys lie about."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def all(self) -> dict[str, bytes]:
        locked = BestAvailableEncryption(b"a password")
        return {
            "PKCS 8": self._as(Encoding.PEM, PrivateFormat.PKCS8),
            "SEC 1": self._as(Encoding.PEM, PrivateFormat.TraditionalOpenSSL),
            "OpenSSH": self._as(Encoding.PEM, PrivateFormat.OpenSSH),
            "PKCS 8, encrypted": self._as(Encoding.PEM, PrivateFormat.PKCS8, locked),
            "PKCS 8 in DER": self._as(Encoding.DER, PrivateFormat.PKCS8),
            "SEC 1 in DER": self._as(Encoding.DER, PrivateFormat.TraditionalOpenSSL),
            "PKCS 8 in DER, encrypted": self._as(Encoding.DER, PrivateFormat.PKCS8, locked),
            "PKCS 12": pkcs12.serialize_key_and_certificates(b"me", self.key, None, None, locked),
        }

    def _as(
        self,
        encoding: Encoding,
        format_: PrivateFormat,
        encryption: KeySerializationEncryption | None = None,
    ) -> bytes:
        return self.key.private_bytes(encoding, format_, encryption or NoEncryption())
