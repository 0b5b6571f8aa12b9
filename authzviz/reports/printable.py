"""Text from a cluster, made fit for a terminal."""

from __future__ import annotations

import unicodedata

# Control, format (bidi marks, zero width), surrogate, private use, line and paragraph separators,
# and the spaces that look like the one of ASCII, or are none to see.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"}
BLANK = frozenset(
    {
        # Letters and signs that are drawn as nothing, or as a blank.
        *"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159\U00016fe4",
        *map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))),
    }
)
"""What Unicode calls default ignorable (DerivedCoreProperties.txt) and none of the categories of
hidden characters holds, and the blanks among its signs."""


def printable(text: str) -> str:
    r"""Return `text` with what a terminal would obey, or hide, written out (an escape as \x1b)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(letter) for letter in text)


def _visible(letter: str) -> str:
    if letter == " " or (unicodedata.category(letter) not in _UNPRINTABLE and letter not in BLANK):
        return letter
    return ascii(letter)[1:-1]
