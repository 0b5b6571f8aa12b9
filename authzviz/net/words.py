"""A server's own words, made fit for our pages and logs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_LONGEST = 64 * 1024
_LONGEST_SHOWN = 4000


def clean(text: str, secrets: Iterable[str] = (), *, most: int = 300) -> str:
    """`text` in one line without these secrets and without control characters, at most `most`."""
    secrets = tuple(secret for secret in secrets if secret)
    text, is_cut = text[:_LONGEST], len(text) > _LONGEST
    for secret in secrets:
        text = text.replace(secret, "***")
    if is_cut:  # perhaps within a secret
        text = text[: -max(map(len, secrets), default=0) or None]
    shown = (" " if unicodedata.category(c) in {"Cc", "Cf"} else c for c in text[:_LONGEST_SHOWN])
    text = re.sub(r"\s+", " ", "".join(shown)).strip()
    return text if len(text) <= most else text[: most - 1] + "…"
