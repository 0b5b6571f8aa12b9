"""Text from a cluster, made fit for a terminal."""

from __future__ import annotations

import unicodedata

# Control, format (bidi marks, zero width), surrogate, private use, line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def printable(text: str) -> str:
    r"""Return `text` with what a terminal would obey, or hide, written out (an escape as \x1b)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(letter) for letter in text)


def _visible(letter: str) -> str:
    if unicodedata.category(letter) not in _UNPRINTABLE:
        return letter
    return ascii(letter)[1:-1]
