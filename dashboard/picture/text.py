"""Text that stays inside its box: measured, wrapped, and ended with an ellipsis."""

from __future__ import annotations

import unicodedata

from dashboard.picture.widths import WIDTHS

ELLIPSIS = "…"
BREAK_AFTER = " -/:,._"
FEWEST_LETTERS = 4


def letter_width(letter: str) -> int:
    """How wide a letter is in thousandths of the font size; never less than what is drawn.

    Letters outside the vendored font come from one that we don't know: they count as wide.
    """
    code = ord(letter)
    if 32 <= code < 256:
        return WIDTHS[code - 32]
    if unicodedata.combining(letter):
        return 0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1000 if letter.isalpha() else 1400
    return 1100


def width_of(text: str, size: float) -> float:
    """The width of a line of text in pixels at a font size in pixels."""
    return sum(map(letter_width, text)) * size / 1000


def fitting(text: str, size: float, width: float) -> str:
    """The text, or as much of it as fits the width with an ellipsis."""
    if width_of(text, size) <= width:
        return text
    kept, room = [], width - width_of(ELLIPSIS, size)
    for letter in text:
        room -= width_of(letter, size)
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + ELLIPSIS


def wrapped(text: str, size: float, width: float, most: int) -> tuple[str, ...]:
    """The text in at most so many lines that fit the width, broken after a space or a separator
    where one is near, the last with an ellipsis if something is left over.
    """
    lines: list[str] = []
    rest = " ".join(text.split())
    while rest and len(lines) < most - 1:
        line = _first_line(rest, size, width)
        lines.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    if rest:
        lines.append(fitting(rest, size, width))
    return tuple(lines)


def _first_line(text: str, size: float, width: float) -> str:
    room, end = width, 0
    for letter in text:
        room -= width_of(letter, size)
        if room < 0:
            break
        end += 1
    if end == len(text):
        return text
    broken = _last_break(text, end)
    if text[end] == " ":
        broken = end
    elif len(text) - broken < FEWEST_LETTERS and _last_break(text, broken - 1) > end // 2:
        broken = _last_break(text, broken - 1)  # rather than "worker-" and a lonely "1"
    # A break that leaves most of the line empty reads worse than one within a name.
    return text[: broken if broken > end // 2 else max(end, 1)]


def _last_break(text: str, end: int) -> int:
    return max(text.rfind(separator, 0, end) for separator in BREAK_AFTER) + 1
