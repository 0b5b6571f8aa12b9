"""What addresses ask for, read the same way everywhere: what can't be meant counts for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

_MOST_LETTERS = 300
_MOST_DIGITS = 18


def text(query: Mapping[str, str], name: str) -> str:
    """What was typed, cut; U+0000 is in no name, and no database takes it."""
    return query.get(name, "").replace("\0", "").strip()[:_MOST_LETTERS]


def number(query: Mapping[str, str], name: str) -> int:
    """The number; 0, which is no page and no row, for anything else."""
    given = query.get(name, "")
    is_number = given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS
    return int(given) if is_number else 0


def day(query: Mapping[str, str], name: str) -> date | None:
    """The day as a form sends it, 2026-11-24."""
    try:
        return date.fromisoformat(query.get(name, ""))
    except ValueError:
        return None


def uuid(query: Mapping[str, str], name: str) -> UUID | None:
    """The mark of an act or of an upload."""
    try:
        return UUID(query.get(name, ""))
    except ValueError:
        return None
