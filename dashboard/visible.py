"""Names from clusters as a person can trust to see them: nothing invisible, nothing reordered."""

from __future__ import annotations

import dataclasses
import unicodedata
from typing import TypeVar, cast

from authzviz.reports.printable import BLANK

Shown = TypeVar("Shown")

# Cc and Cf hold the controls, bidi overrides and zero-width letters, Co and Cs what no font draws,
# and Zs the spaces that pass for the one of ASCII.
HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"})


def visible(text: str) -> str:
    """The text with every invisible or reordering character written out, as ⟨U+202E⟩."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"⟨U+{ord(letter):04X}⟩"
        if (unicodedata.category(letter) in HIDDEN and letter not in " \n\t") or letter in BLANK
        else letter
        for letter in text
    )


def odd_letters(text: str) -> str:
    """The letters outside ASCII with their names, since a look-alike is not the name; or ""."""
    odd = dict.fromkeys(letter for letter in text if not letter.isascii() and letter.isalnum())
    return ", ".join(
        f"{letter} U+{ord(letter):04X} {unicodedata.name(letter, 'unnamed')}" for letter in odd
    )


def made_visible(value: Shown) -> Shown:
    """The same value, dataclasses and tuples within, with every string in it made visible.

    Pages show this and nothing else, so that no template can forget it.
    """
    return cast("Shown", _made_visible(value))


def _made_visible(value: object) -> object:
    if type(value) is str:  # not StrEnum: those are our own words
        return visible(value)
    if isinstance(value, tuple):
        return tuple(_made_visible(item) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: _made_visible(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **changes)
    return value
