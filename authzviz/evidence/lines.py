r"""A pasted log, line by line, with what is quoted in it freed of its escapes.

klog, journald, JSON logs and bodies of kubectl -v8 all quote an apiserver's message, some twice
(`err="nodes \"node1\" is forbidden"`): whatever stands between quotes is looked at unescaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

MAX_BYTES = 10_000_000
MAX_LINE_BYTES = 1_000_000
_MAX_DEPTH = 4
_MAX_TEXTS = 200
_REST_OF_QUOTED = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"')
_QUOTE = re.compile(r'(?<!\\)"')
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)")
_CONTROL = {"n": "\n", "r": "\r", "t": "\t"}
_MARKS = (
    " cannot ",
    "is forbidden",
    "NODE DENY",
    "no rules authorize",
    "Unauthorized",
    "x509: certificate has expired",
)


class LogTooLarge(ValueError):
    """More was pasted than is read; the text says how much is."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that may tell of a refusal: its number from 1, and its text."""

    number: int
    text: str

    @property
    def texts(self) -> Iterator[str]:
        """The texts in it, those that were quoted before the line itself, the first 200; made as
        they are asked for, since the first mostly tells.
        """
        return islice(_texts(self.text), _MAX_TEXTS)


@dataclass(frozen=True, slots=True)
class Log:
    """A log taken apart: the lines worth a look, how many there are, and how many were too long."""

    candidates: tuple[Line, ...]
    total: int
    too_long: int


def split_log(text: str) -> Log:
    """The lines of a log, blank ones left out. Raises LogTooLarge above 10 MB."""
    if len(text) > MAX_BYTES:
        raise LogTooLarge(f"more than {MAX_BYTES // 1_000_000} MB: paste the lines that matter")
    found, total, too_long = [], 0, 0
    # Not splitlines(): a control character within a line must not make two of it.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        total += 1
        if len(line) > MAX_LINE_BYTES:
            too_long += 1
        elif any(mark in line for mark in _MARKS):
            found.append(Line(number, line))
    return Log(tuple(found), total, too_long)


def _texts(line: str) -> Iterator[str]:
    """What is quoted, the innermost first, then the line; then the same with its escapes undone,
    for what was cut in the middle of a quote.
    """
    text = line
    for _ in range(_MAX_DEPTH):
        yield from _nested(text, _MAX_DEPTH)
        if '\\"' not in text:
            return
        text = unescaped(text)


def _nested(text: str, depth: int) -> Iterator[str]:
    for quoted in _quoted(text) if depth else ():
        if any(mark in quoted for mark in _MARKS):
            yield from _nested(unescaped(quoted), depth - 1)
    yield text


def _quoted(text: str) -> Iterator[str]:
    start = _QUOTE.search(text)
    while start:
        found = _REST_OF_QUOTED.match(text, start.end())
        if found is None:
            return  # no later quote closes either: looking on would cost the square of the length
        yield found[0][:-1]
        start = _QUOTE.search(text, found.end())


def unescaped(text: str) -> str:
    r"""The text with one level of escapes undone: \" \\ \n \u003c."""
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    escape = found[1]
    if len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _CONTROL.get(escape, escape)
