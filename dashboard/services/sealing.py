"""Secrets at rest: sealed with a key that is not in the database, and bound to their row.

A sealed value is `version (1 byte) | key id (4) | nonce (12) | AES-256-GCM ciphertext`; purpose and
row id are authenticated with it, so that a value copied to another row does not open.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_VERSION = b"\x01"


class SealError(Exception):
    """The value was sealed with a key that is not configured, for another row, or was changed."""


def seal(secret: bytes, *, purpose: str, row: str) -> bytes:
    """`secret` sealed with the first of CREDENTIALS_KEYS."""
    key = settings.CREDENTIALS_KEYS[0]
    nonce = os.urandom(12)
    return (
        _VERSION + _key_id(key) + nonce + AESGCM(key).encrypt(nonce, secret, _bound(purpose, row))
    )


def open_sealed(sealed: bytes, *, purpose: str, row: str) -> bytes:
    """What `seal` was given; raises SealError."""
    version, key_id, nonce, ciphertext = sealed[:1], sealed[1:5], sealed[5:17], sealed[17:]
    if version != _VERSION:
        raise SealError("this value was sealed by another version of authzviz")
    for key in settings.CREDENTIALS_KEYS:
        if _key_id(key) == key_id:
            try:
                return AESGCM(key).decrypt(nonce, ciphertext, _bound(purpose, row))
            except InvalidTag:
                break
    raise SealError(
        "the stored credentials can't be opened: the key that sealed them is neither among "
        "AUTHZVIZ_CREDENTIALS_KEYS nor in the data directory's credentials.key"
    )


def is_current(sealed: bytes) -> bool:
    """True where `sealed` was made with the first key, which a rotation wants of all."""
    return sealed[1:5] == _key_id(settings.CREDENTIALS_KEYS[0])


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"authzviz key id" + key).digest()[:4]


def _bound(purpose: str, row: str) -> bytes:
    return f"{purpose}:{row}".encode()
