"""Clusters side by side: what they have, where they differ, and the likely cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from authzviz.engine.assessment import Assessment
from authzviz.engine.compared import Cell, Comparison, Group, Row, Side, Value
from authzviz.engine.comparison_grants import grant_lines
from authzviz.engine.comparison_rows import (
    Line,
    chain_lines,
    health_lines,
    role_lines,
    verdict_lines,
)
from authzviz.engine.likely_causes import causes_of
from authzviz.engine.model import Snapshot

__all__ = ["compare"]


def compare(
    assessed: Sequence[tuple[str, Snapshot, Assessment]], baseline: str | None = None
) -> Comparison:
    """The clusters side by side, in the order given, each held against the baseline, or where no
    cluster has that name against what most have.

    What is unknown equals nothing and differs from nothing. Never raises.
    """
    sides = tuple(Side(*each) for each in assessed)
    names = tuple(side.name for side in sides)
    base = names.index(baseline) if baseline in names else None
    grants, left_out = grant_lines(sides)
    return Comparison(
        names=names,
        baseline=None if base is None else names[base],
        groups=(
            _group("verdict", "Verdict", verdict_lines(sides), base),
            _group("chain", "Authorizers and admission", chain_lines(sides), base),
            _group("role", "What RBAC gives nodes by default", role_lines(sides), base),
            _group("grants", "Grants that reach kubelets", grants, base, left_out),
            _group("health", "Versions and nodes", health_lines(sides), base),
        ),
        causes=causes_of(sides),
    )


def _group(
    id_: str, title: str, lines: Iterable[Line], base: int | None, left_out: int = 0
) -> Group:
    return Group(id_, title, tuple(_row(line, base) for line in lines), left_out)


def _row(line: Line, base: int | None) -> Row:
    subject, values = line
    told = {value.compared for value in values if not value.is_unknown}
    is_whole = not any(value.is_unknown for value in values)
    usual = _usual(values) if base is None else _known(values[base])
    return Row(
        id=subject.id,
        title=subject.title,
        note=subject.note,
        cells=tuple(_cell(value, usual, is_alone=len(told) < 2) for value in values),
        is_same=is_whole and len(told) < 2,
        is_untold=not told,
    )


def _usual(values: tuple[Value, ...]) -> set[str]:
    """What more clusters have than anything else; empty where nothing is."""
    counts = Counter(value.compared for value in values if not value.is_unknown)
    first, second = (*counts.most_common(2), ("", 0), ("", 0))[:2]
    return {first[0]} if first[1] > second[1] else set()


def _known(value: Value) -> set[str] | None:
    """What the baseline has; None where nobody knows, so that nothing can differ from it."""
    return None if value.is_unknown else {value.compared}


def _cell(value: Value, usual: set[str] | None, *, is_alone: bool) -> Cell:
    """A cell; it differs from nothing where all that is known tells the same."""
    differs = usual is not None and not is_alone and value.compared not in usual
    return Cell(value.text, value.detail, differs and not value.is_unknown, value.is_unknown)
