"""Tables for spreadsheets, in which no cell is a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from dashboard.visible import visible

# What makes a spreadsheet take a cell for a formula, in full width as well, behind blanks as well,
# or cut it in two.
_RISKY = re.compile("(?=[\t\r\n]| *[=+@\uff1d\uff0b\uff0d\uff20-])")
# The same where a spreadsheet that parts cells at semicolons or tabs, as in much of Europe, begins
# one: to that, a quoted cell ends at the first of them.
_RISKY_WITHIN = re.compile("(?<=[;\t\r\n])(?= *[=+@\uff1d\uff0b\uff0d\uff20-])")


def as_csv(lines: Iterable[Iterable[str]]) -> bytes:
    """The lines as CSV; no cell can be taken for a formula.

    UTF-8 with a byte order mark: without one, Excel reads names as another encoding.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([plain_cell(cell) for cell in line] for line in lines)
    return text.getvalue().encode("utf-8-sig")


def plain_cell(text: str) -> str:
    """The text as a spreadsheet shows it; what would start a formula gets an apostrophe."""
    shown = _RISKY_WITHIN.sub("'", visible(text))
    return f"'{shown}" if _RISKY.match(shown) else shown
