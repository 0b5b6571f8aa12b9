"""Certificates and requests in DER -> what they say. The one module that knows `cryptography`,
which takes longer to import than the rest: so it is imported only where there is something to read.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from authzviz.evidence.certificate_facts import (
    Certificate,
    Form,
    NotUnderstood,
    Signed,
    Usage,
)

_MOST_AUTHORITIES = 50
# What cryptography raises for bytes that only look like a certificate, here or where an odd field
# is looked at; its warnings are for what it will refuse one day.
_UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)
_PURPOSES = {
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
}
# A CN of more than 64 letters is against X.520, and a node's name alone may have 253.
warnings.filterwarnings("ignore", message="Attribute's length must be", category=UserWarning)
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")


def certificate_of(ders: tuple[bytes, ...]) -> Certificate:
    """The first of them, a client's own; the others are kept beside it for whoever asks who signed.

    Raises NotUnderstood where it is none.
    """
    try:
        found = x509.load_der_x509_certificate(ders[0])
        return Certificate(
            form=Form.CERTIFICATE,
            common_names=_texts(found.subject, NameOID.COMMON_NAME),
            organizations=_texts(found.subject, NameOID.ORGANIZATION_NAME),
            subject=found.subject.rfc4514_string(),
            issuer=found.issuer.rfc4514_string(),
            serial=f"{found.serial_number:x}",
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            usage=_usage(found.extensions),
            ders=ders,
        )
    except _UNREADABLE:
        raise NotUnderstood(
            "That is no certificate that can be read: it is damaged, or something else."
        ) from None


def request_of(der: bytes) -> Certificate:
    """The subject that a signing request asks for. Raises NotUnderstood where it is none."""
    try:
        found = x509.load_der_x509_csr(der)
        return Certificate(
            form=Form.REQUEST,
            common_names=_texts(found.subject, NameOID.COMMON_NAME),
            organizations=_texts(found.subject, NameOID.ORGANIZATION_NAME),
            subject=found.subject.rfc4514_string(),
        )
    except _UNREADABLE:
        raise NotUnderstood("That is no signing request that can be read.") from None


def signed_by(ders: tuple[bytes, ...], authorities: str) -> Signed:
    """Whether one of the authorities (PEM, one or several) signed the first of the certificates,
    itself or by way of the others.
    """
    roots = list(_authorities(authorities))
    if not roots:
        return Signed.UNREADABLE
    is_named = False
    found = list(_certificates(ders))
    reached, left = found[:1], [other for other in found[1:] if _is_authority(other)]
    while reached:
        current = reached.pop()
        if any(_did_sign(root, current) for root in roots):
            return Signed.YES
        is_named = is_named or any(_has_name(root, current) for root in roots)
        reached += [other for other in left if _did_sign(other, current)]
        left = [other for other in left if other not in reached]
    return Signed.BROKEN if is_named else Signed.NO


def _certificates(ders: tuple[bytes, ...]) -> Iterator[x509.Certificate]:
    for der in ders:
        try:
            yield x509.load_der_x509_certificate(der)
        except _UNREADABLE:
            continue


def _authorities(pem: str) -> Iterator[x509.Certificate]:
    for block in _PEM.findall(pem.encode())[:_MOST_AUTHORITIES]:
        try:
            yield x509.load_pem_x509_certificate(block)
        except _UNREADABLE:
            continue


def _did_sign(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (*_UNREADABLE, InvalidSignature):
        return False
    return True


def _has_name(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        return authority.subject == certificate.issuer
    except _UNREADABLE:
        return False


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return _usage(certificate.extensions).is_authority
    except _UNREADABLE:
        return False


def _texts(name: x509.Name, kind: x509.ObjectIdentifier) -> tuple[str, ...]:
    found: Iterable[str | bytes] = (each.value for each in name.get_attributes_for_oid(kind))
    return tuple(value for value in found if isinstance(value, str))


def _usage(extensions: x509.Extensions) -> Usage:
    purposes: tuple[str, ...] | None = None
    signs: bool | None = None
    is_authority = False
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage):
            purposes = tuple(_PURPOSES.get(each, each.dotted_string) for each in value)
        elif isinstance(value, x509.KeyUsage):
            signs = value.digital_signature
        elif isinstance(value, x509.BasicConstraints):
            is_authority = value.ca
    return Usage(purposes, signs, is_authority)
