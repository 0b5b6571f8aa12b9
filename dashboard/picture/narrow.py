"""The path picture for a phone: the same tree from top to bottom, each level a step to the right.

All lengths are pixels.
"""

from __future__ import annotations

from dashboard.picture.layers import Box
from dashboard.picture.layout import (
    GAP,
    HEADINGS,
    PILL_GAP,
    Heading,
    Layout,
    Line,
    Placed,
    fitted,
    gap_between,
    is_dead_end,
    written,
)

WIDTH = 344
STEP = 22
HEADING_HEIGHT = 24
_LEFT, _RIGHT = 2, 20
_TRUNK = 10


class _Pen:
    """What is drawn so far, and how far down that reaches."""

    def __init__(self) -> None:
        self.places: list[Placed] = []
        self.lines: list[Line] = []
        self.headings: list[Heading] = []
        self.y = 0.0
        self._named: set[int] = set()

    def put(self, box: Box, depth: int) -> Placed:
        """Place the box below all others, and what hangs on it below it."""
        x = _LEFT + STEP * depth
        place = fitted(box, x, self.y, WIDTH - _RIGHT - x)
        self.places.append(place)
        self.y += place.height
        children = []
        for index, child in enumerate(box.children):
            self.y += gap_between(box.children[index - 1], child) if index else PILL_GAP
            self.name(depth + 1, x + STEP)
            children.append(self.put(child, depth + 1))
        # The last first, so that no line is drawn over by a longer one of another look.
        for child_place in reversed(children):
            self.lines.append(_elbow(place, child_place))
        return place

    def name(self, depth: int, x: float) -> None:
        """Name the level, where it is met for the first time."""
        if depth not in self._named:
            self._named.add(depth)
            self.y += HEADING_HEIGHT
            self.headings.append(Heading(HEADINGS[depth], x, self.y - 8))


def laid_out_narrow(root: Box, restriction: Box) -> Layout:
    """Every box in its place, and the lines between them."""
    pen = _Pen()
    pen.name(0, _LEFT)
    pen.put(root, 0)
    writes, look = written(pen.places, restriction)
    pen.y += GAP
    pen.name(len(HEADINGS) - 1, _LEFT)
    guard = fitted(restriction, _LEFT, pen.y, WIDTH - _RIGHT - _LEFT)
    if writes:
        pen.lines.append(_bracket(writes, guard, look))
    height = guard.y + guard.height + 2
    places = (*pen.places, guard)
    return Layout("narrow", WIDTH, height, places, tuple(pen.lines), tuple(pen.headings))


def _elbow(start: Placed, end: Placed) -> Line:
    """Down from the left of a box, and right to the one that hangs on it."""
    x, y = start.x + _TRUNK, start.y + start.height
    line = f"M{x:g} {y:g}V{end.middle:g}H{end.x:g}"
    broken = (x, (y + end.middle) / 2) if is_dead_end(start, end) else None
    return Line(line, end.box.look, broken)


def _bracket(writes: list[Placed], guard: Placed, look: str) -> Line:
    """Along the right of the needs whose writes pass through it, down to NodeRestriction."""
    left, right = writes[0].x + writes[0].width + 3, WIDTH - 6
    top, bottom = writes[0].y + 4, writes[-1].y + writes[-1].height - 4
    bracket = f"M{left:g} {top:g}H{right:g}M{left:g} {bottom:g}H{right:g}"
    end = guard.x + guard.width
    return Line(f"{bracket}M{right:g} {top:g}V{guard.middle:g}H{end:g}", look)
