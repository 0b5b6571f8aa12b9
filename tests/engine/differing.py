"""Two snapshots, and what is said to have changed between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from authzviz.engine.diff import difference
from authzviz.engine.model import (
    Outcome,
    Snapshot,
)
from tests.engine.build import (
    unread,
)

Case = tuple[Snapshot, Snapshot, list[tuple[str, str]]]


def partly(snapshot: Snapshot, *names: str) -> Snapshot:
    """The same with something in these lists that was not understood."""
    reads: dict[str, Any] = {
        name: replace(getattr(snapshot, name), gaps=("item 7",)) for name in names
    }
    return replace(snapshot, **reads)


def without(snapshot: Snapshot, *names: str, outcome: Outcome = Outcome.FORBIDDEN) -> Snapshot:
    """The same with these reads refused."""
    reads: dict[str, Any] = {name: unread(getattr(snapshot, name), outcome) for name in names}
    return replace(snapshot, **reads)


def said(before: Snapshot, after: Snapshot) -> list[tuple[str, str]]:
    return [(one.words, one.means) for one in difference(before, after)]
