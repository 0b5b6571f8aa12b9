"""Where the boxes of the path picture stand: columns left to right, each box beside its children.

Everything is laid out as a tree, so boxes can't overlap: a box takes the height of what hangs on
it, or its own. All lengths are pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from dashboard.picture.layers import Box
from dashboard.picture.text import wrapped

TITLE_SIZE, LINE_SIZE, PILL_SIZE = 13, 12, 12
LINE_HEIGHT = 17
PADDING_X, PADDING_Y = 12, 10
PILL_PADDING_Y = 5
GAP, PILL_GAP = 14, 6
TOP = 40
HEADINGS = (
    "Who asks",
    "Authorizers, in order",
    "What answers",
    "What kubelets need",
    "Admission of writes",
)
COLUMNS = ((8, 196), (248, 196), (488, 262), (794, 244), (1086, 150))
WIDTH = 1244


@dataclass(frozen=True, slots=True)
class Placed:
    """A box in its place, with its text in lines that fit."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    title: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def middle(self) -> float:
        """Half its height down."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line that joins boxes, as the data of an SVG path. `broken` is where a cross says that it
    leads nowhere.
    """

    data: str
    look: str
    broken: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """The name of a column or of a level; `y` is its base line."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole picture; `form` is "wide" or "narrow"."""

    form: str
    width: float
    height: float
    places: tuple[Placed, ...]
    lines: tuple[Line, ...]
    headings: tuple[Heading, ...]


def laid_out(root: Box, restriction: Box) -> Layout:
    """Every box in its place, and the lines between them."""
    places: list[Placed] = []
    lines: list[Line] = []
    height = _put(root, 0, TOP, places, lines).height_of_all
    writes, look = written(places, restriction)
    middle = (writes[0].y + writes[-1].y + writes[-1].height) / 2 if writes else TOP + height / 2
    size = _sized(restriction, 4, 0)
    guard = replace(size, y=max(float(TOP), middle - size.height / 2))
    if writes:
        lines.append(_bracket(writes, guard, look))
    bottom = max(TOP + height, guard.y + guard.height)
    headings = tuple(Heading(text, x, 18) for text, (x, _) in zip(HEADINGS, COLUMNS, strict=True))
    return Layout("wide", WIDTH, bottom + 12, (*places, guard), tuple(lines), headings)


def written(places: list[Placed], restriction: Box) -> tuple[list[Placed], str]:
    """The needs that are met, whose writes pass through NodeRestriction, and the look of that way:
    off where none is met, so that nothing comes that far.
    """
    needs = [place for place in places if place.box.is_pill]
    met = [place for place in needs if place.box.look == "good"]
    return (met, restriction.look) if met else (needs, "off")


def fitted(box: Box, x: float, y: float, width: float) -> Placed:
    """The box as wide as that, and as high as its text makes it."""
    room = width - 2 * PADDING_X
    if box.is_pill:
        title = wrapped(box.title, PILL_SIZE, room, 2)
        height = len(title) * LINE_HEIGHT + 2 * PILL_PADDING_Y
        return Placed(box, x, y, width, height, title, ())
    title = wrapped(box.title, TITLE_SIZE, room, 3)
    lines = tuple(part for line in box.lines for part in wrapped(line, LINE_SIZE, room, 3))
    height = (len(title) + len(lines)) * LINE_HEIGHT + 2 * PADDING_Y
    return Placed(box, x, y, width, height, title, lines)


def gap_between(one: Box, other: Box) -> int:
    """How far two boxes stand apart."""
    return PILL_GAP if one.is_pill and other.is_pill else GAP


def is_dead_end(start: Placed, end: Placed) -> bool:
    """True where an authorizer is asked and what should answer says no."""
    return end.box.look == "critical" and not end.box.is_pill and start.box.look != "off"


@dataclass(frozen=True, slots=True)
class _Branch:
    place: Placed
    height_of_all: float


def _put(box: Box, depth: int, y: float, places: list[Placed], lines: list[Line]) -> _Branch:
    """Place a box and what hangs on it from `y` downwards."""
    own = _sized(box, depth, y)
    children = []
    below = y + max(0.0, (own.height - _height_of_all(box.children, depth + 1)) / 2)
    for index, child in enumerate(box.children):
        below += gap_between(box.children[index - 1], child) if index else 0
        branch = _put(child, depth + 1, below, places, lines)
        below += branch.height_of_all
        children.append(branch.place)
    if children:
        middle = (children[0].y + children[-1].y + children[-1].height) / 2
        bottom = max(below, y + own.height)
        own = replace(own, y=min(max(y, middle - own.height / 2), bottom - own.height))
    places.append(own)
    lines.extend(_line(own, child) for child in children)
    return _Branch(own, max(below, y + own.height if not children else own.y + own.height) - y)


def _line(start: Placed, end: Placed) -> Line:
    x1, y1, x2, y2 = start.x + start.width, start.middle, end.x, end.middle
    middle = (x1 + x2) / 2
    curve = f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
    broken = (middle, (y1 + y2) / 2) if is_dead_end(start, end) else None
    return Line(curve, end.box.look, broken)


def _bracket(writes: list[Placed], guard: Placed, look: str) -> Line:
    """A bracket around the needs whose writes pass through NodeRestriction."""
    first, last = writes[0], writes[-1]
    left, right = first.x + first.width + 6, first.x + first.width + 18
    top, bottom = first.y + 4, last.y + last.height - 4
    bracket = f"M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}"
    return Line(f"{bracket}M{right:g} {guard.middle:g}H{guard.x:g}", look)


def _height_of_all(boxes: tuple[Box, ...], depth: int) -> float:
    heights = [
        max(_sized(box, depth, 0).height, _height_of_all(box.children, depth + 1)) for box in boxes
    ]
    gaps = sum(gap_between(one, other) for one, other in pairwise(boxes))
    return sum(heights) + gaps


def _sized(box: Box, depth: int, y: float) -> Placed:
    x, width = COLUMNS[depth]
    return fitted(box, x, y, width)
