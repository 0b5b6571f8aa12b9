"""Text from a cluster, made fit for Markdown (CommonMark, with GitHub's tables)."""

from __future__ import annotations

import re

from authzviz.reports.printable import printable

_MARKUP = re.compile(r"([\\`*_\[\]<>#|~$&])|(?<=\w)(:)(?=//)|(?<=www)(\.)|^([-+=]|\d+(?=[.)]))")
_BACKTICKS = re.compile(r"`+")


def inline(text: str) -> str:
    """The text in one line without any markup: every sign that would be one is escaped, what hides
    or turns text around is written out.

    Source: spec.commonmark.org 0.31.2, "Backslash escapes"; github.github.com/gfm, "Autolinks".
    """
    return _MARKUP.sub(_escaped, " ".join(printable(text).split()))


def code(text: str) -> str:
    """The text in one line as a span of code."""
    shown = " ".join(printable(text).split())
    ticks = "`" * (_longest(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}" if shown else ""


def cell(span: str) -> str:
    """A span of code inside a table, where a bar would end the cell."""
    return span.replace("|", r"\|")


def fenced(text: str, language: str) -> str:
    """The text as it stands, as a block of code whose fence nothing in it can end."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _escaped(found: re.Match[str]) -> str:
    sign = found.group()
    # A number at the start makes a list: what is escaped is the dot or bracket behind it.
    return f"{sign}\\" if sign.isdigit() else f"\\{sign}"


def _longest(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
