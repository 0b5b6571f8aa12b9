"""What changed between two snapshots, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class About(StrEnum):
    """What a change is about, in the order of its weight for kubelets."""

    VERDICT = "verdict"
    VERSION = "version"
    APISERVER = "apiserver"
    BINDING = "binding"
    ROLE = "role"
    OTHER_RBAC = "other-rbac"
    NODES = "nodes"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed, in a sentence without its full stop.

    `means` says what that is to kubelets, "" where the words say it all, or where it is nothing to
    them.
    """

    about: About
    words: str
    means: str = ""


SHOWN = 3
"""How many names stand in a sentence before the rest is counted."""


def named(names: list[str]) -> str:
    """The names as a list in a sentence: all where few, else the first and how many more."""
    if len(names) <= SHOWN + 1:
        return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
    return f"{', '.join(names[:SHOWN])} and {len(names) - SHOWN} more"
