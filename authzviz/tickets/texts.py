"""Titles and bodies as they go out: within what a tracker takes, and nothing but text."""

from __future__ import annotations

import re

from authzviz.net.words import clean

CUT_SHORT = "This was too long for the tracker: the cluster's page has the rest."
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
# What the last line, which is the marker's, may have to be kept.
_LAST_LINE = 200


def title_of(text: str, most: int) -> str:
    """One line without control characters, at most so many letters."""
    return clean(_NOT_TEXT.sub(" ", text), most=most)


def link_of(text: object) -> str:
    """The URL, "" where a page could not link to it."""
    url = str(text)
    return url if re.fullmatch(r"https?://[^\s\x00-\x1f\x7f]{1,900}", url) else ""


def body_of(text: str, most: int) -> str:
    """The text without control characters, at most so many letters.

    What is longer is cut at the end of a line and says so; its last line, which holds the marker,
    stays.
    """
    text = _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))
    if len(text) <= most:
        return text
    last = text.rstrip().rpartition("\n")[2]
    ending = f"\n\n{CUT_SHORT}\n" + (f"\n{last}\n" if len(last) <= _LAST_LINE else "")
    # A fence that is cut has to be closed, with as many letters as opened it.
    room = most - len(ending) - _LAST_LINE
    kept = text[: text.rfind("\n", 0, max(room, 0)) + 1].rstrip()
    return kept + _open_fence(kept) + ending


def _open_fence(text: str) -> str:
    """What closes the fence that is still open at the end of the text, "" where none is."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found is None:
            continue
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence) and not line[found.end() :].strip():
            fence = ""
    return f"\n{fence[:_LAST_LINE]}" if fence else ""
