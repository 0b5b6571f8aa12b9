"""Phrases that summary, findings and next steps share."""

from __future__ import annotations

from authzviz.engine.assessment import NodeCounts, Path
from authzviz.engine.classes import UNNAMED_NODE

_SHOWN = 3


def listed(words: list[str], last: str = "and") -> str:
    """The words as a list in a sentence: "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def shown_modes(modes: tuple[str, ...] | None) -> str:
    """The modes as the flag has them, or that they can't be told."""
    return "authorizers that can't be told" if modes is None else ",".join(modes)


def counted(count: int, noun: str) -> str:
    """How many there are: "1 node", "2,000 nodes"."""
    return f"{count:,} {noun if count == 1 else f'{noun}s'}"


def age(seconds: float) -> str:
    """How long that is, in one unit: "1 second", "40 minutes", "3 days"; 0 for what is to come."""
    whole = max(0, int(seconds))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if whole >= 2 * size:
            return counted(whole // size, unit)
    return counted(whole, "second")


def overdue_of(counts: NodeCounts, overdue: int) -> str:
    """How many nodes are silent: "1 of 6 nodes no longer renews its Lease"."""
    renew = "renews its" if overdue == 1 else "renew their"
    return f"{overdue:,} of {counted(counts.total or 0, 'node')} no longer {renew} Lease"


def ready_of(counts: NodeCounts) -> str:
    """How many nodes are Ready: "0 of 6 nodes are Ready"."""
    total = counts.total or 0
    return (
        f"{counts.ready or 0:,} of {counted(total, 'node')} {'is' if total == 1 else 'are'} Ready"
    )


def shown_names(path: Path) -> str:
    """The nodes of a path: names where few, the count where many."""
    if not path.names:
        return "a node yet to join" if path.example == UNNAMED_NODE else path.example
    if path.nodes <= _SHOWN:
        return listed(list(path.names))
    return f"{path.example} and {path.nodes - 1:,} others"


def words_of(beyond: tuple[str, ...]) -> str:
    """The first, and worst, of what a grant gives beyond the Node authorizer."""
    more = len(beyond) - _SHOWN
    words = "; ".join(beyond[:_SHOWN])
    return f"{words}; and {more:,} more" if more > 0 else words
