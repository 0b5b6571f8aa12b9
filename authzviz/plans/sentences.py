"""Parts of the sentences that say how a step stands."""

from __future__ import annotations

from authzviz.engine.model import Outcome, Read
from authzviz.engine.phrases import listed

_MOST_NAMED = 5


def why_unread(read: Read[object] | None, what: str) -> str:
    """Why `what` was not read whole, and which permission would tell; "" where it was."""
    if read is None:
        return f"{what}: not asked for"
    if read.is_whole:
        return ""
    if read.gaps:
        return f"{what}: not all could be understood ({read.gaps[0]})"
    if read.outcome is Outcome.FORBIDDEN:
        return f"{what}: forbidden; permit it to {read.permission}"
    return f"{what}: the read failed ({read.why or 'no reason given'})"


def first_of(found: list[str]) -> str:
    """The first five as a list in a sentence, and how many more there are."""
    more = len(found) - _MOST_NAMED
    return f"{listed(found[:_MOST_NAMED])}{f', and {more} more' if more > 0 else ''}"
