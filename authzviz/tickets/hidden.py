"""A secret in the forms in which a server may send it back."""

from __future__ import annotations

import html
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

_LEAST_IN_BASE64 = 8


def forms(secrets: Iterable[str]) -> tuple[str, ...]:
    """The secrets as they are and as JSON, a URL, a page, base64 and digits may have them, the
    longest first.
    """
    found = {form for one in secrets for form in _forms_of(one)}
    return tuple(sorted(found - {""}, key=len, reverse=True))


def _forms_of(secret: str) -> Iterator[str]:
    as_json = json.dumps(secret)[1:-1]
    yield from (secret, as_json, as_json.replace("/", r"\/"))
    yield from (quote(secret, safe=""), quote_plus(secret), html.escape(secret))
    if len(secret) >= _LEAST_IN_BASE64:
        yield from (secret.encode().hex(), secret.encode().hex().upper())
        for form in _in_base64(secret.encode()):
            yield from (form, form.replace("+", "-").replace("/", "_"))


def _in_base64(secret: bytes) -> Iterator[str]:
    """What base64 makes of it within something longer, as `user:secret`, wherever it begins."""
    for before in range(3):
        encoded = b64encode(bytes(before) + secret).decode().rstrip("=")
        # The letters at both ends hold bits of what is around it.
        ragged = (before + len(secret)) % 3 != 0
        yield encoded[(0, 2, 3)[before] : -1 if ragged else None]
