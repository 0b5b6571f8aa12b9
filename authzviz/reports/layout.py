"""Indented lines that fit a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WIDTH = 100


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A title with its lines below; nothing where there are none."""
    listed = list(lines)
    if not listed:
        return
    yield ""
    yield f"  {title}"
    for line in listed:
        yield from wrapped(line, indent="    ")


def wrapped(text: str, indent: str = "  ", width: int = _WIDTH) -> Iterator[str]:
    """The text in lines that fit a terminal, what the terminal would obey written out."""
    yield from textwrap.wrap(
        printable(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
