"""What a comparison is made of: values of clusters, rows of cells, and likely causes."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot


@dataclass(frozen=True, slots=True)
class Side:
    """One cluster of a comparison: its name, what was read of it, and what that was judged."""

    name: str
    snapshot: Snapshot
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class Value:
    """What one cluster has in one row: short words, and more of them in `detail`.

    `tells` is what is compared, the text where it is empty: "5 of 5" and "3 of 3" both tell that
    all are Ready. What `is_unknown` equals nothing, not even another unknown.
    """

    text: str
    detail: str = ""
    is_unknown: bool = False
    tells: str = ""

    @property
    def compared(self) -> str:
        """What is compared."""
        return self.tells or self.text


@dataclass(frozen=True, slots=True)
class Subject:
    """What a row is about: a stable id, its title, and a second line where that is not enough."""

    id: str
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cluster's value in a row; `is_different` from the baseline, or from what most have."""

    text: str
    detail: str = ""
    is_different: bool = False
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One subject with a cell for each cluster, in the order of the clusters.

    `is_same` where every cell is known and tells the same; `is_untold` where none is known.
    """

    id: str
    title: str
    note: str
    cells: tuple[Cell, ...]
    is_same: bool
    is_untold: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together; `left_out` is how many more there would be."""

    id: str
    title: str
    rows: tuple[Row, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Cause:
    """Why clusters differ, in a sentence; `detail` holds them against the others, `remedy` says
    what would mend it. `clusters` are those it holds for.
    """

    id: str
    title: str
    detail: str
    clusters: tuple[str, ...]
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Clusters side by side; `baseline` is None where they are held against what most have."""

    names: tuple[str, ...]
    baseline: str | None
    groups: tuple[Group, ...]
    causes: tuple[Cause, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row of every group."""
        return tuple(row for group in self.groups for row in group.rows)
