"""Where the boxes of the path picture stand: columns left to right, each box beside its children.

Everything is laid out as a tree, so boxes can't overlap: a box takes the height of what hangs on
it, or its own. All lengths are pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from the right side of one place to the left side of another."""

    start: Placed
    end: Placed
    look: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole picture; `writes` are the needs whose writes pass through `restriction`."""

    width: float
    height: float
    places: tuple[Placed, ...]
    edges: tuple[Edge, ...]
    writes: tuple[Placed, ...]
    restriction: Placed


def laid_out(root: Box, restriction: Box) -> Layout:
    """Every box in its place, and the lines between them."""
    places: list[Placed] = []
    edges: list[Edge] = []
    height = _put(root, 0, TOP, places, edges).height_of_all
    bottom = TOP + height
    writes = tuple(place for place in places if place.box.is_pill and place.box.look == "good")
    middle = (writes[0].y + writes[-1].y + writes[-1].height) / 2 if writes else TOP + height / 2
    size = _sized(restriction, 4, 0)
    guard = _moved(size, max(float(TOP), middle - size.height / 2))
    bottom = max(bottom, guard.y + guard.height)
    return Layout(WIDTH, bottom + 12, (*places, guard), tuple(edges), writes, guard)


@dataclass(frozen=True, slots=True)
class _Branch:
    place: Placed
    height_of_all: float


def _put(box: Box, depth: int, y: float, places: list[Placed], edges: list[Edge]) -> _Branch:
    """Place a box and what hangs on it from `y` downwards."""
    own = _sized(box, depth, y)
    children = []
    below = y + max(0.0, (own.height - _height_of_all(box.children, depth + 1)) / 2)
    for index, child in enumerate(box.children):
        below += _gap(box.children[index - 1], child) if index else 0
        branch = _put(child, depth + 1, below, places, edges)
        below += branch.height_of_all
        children.append(branch.place)
    if children:
        middle = (children[0].y + children[-1].y + children[-1].height) / 2
        bottom = max(below, y + own.height)
        own = _moved(own, min(max(y, middle - own.height / 2), bottom - own.height))
    places.append(own)
    edges.extend(Edge(own, child, child.box.look) for child in children)
    return _Branch(own, max(below, y + own.height if not children else own.y + own.height) - y)


def _height_of_all(boxes: tuple[Box, ...], depth: int) -> float:
    heights = [
        max(_sized(box, depth, 0).height, _height_of_all(box.children, depth + 1)) for box in boxes
    ]
    gaps = sum(_gap(one, other) for one, other in pairwise(boxes))
    return sum(heights) + gaps


def _gap(one: Box, other: Box) -> int:
    return PILL_GAP if one.is_pill and other.is_pill else GAP


def _sized(box: Box, depth: int, y: float) -> Placed:
    x, width = COLUMNS[depth]
    room = width - 2 * PADDING_X
    if box.is_pill:
        title = wrapped(box.title, PILL_SIZE, room, 2)
        height = len(title) * LINE_HEIGHT + 2 * PILL_PADDING_Y
        return Placed(box, x, y, width, height, title, ())
    title = wrapped(box.title, TITLE_SIZE, room, 3)
    lines = tuple(part for line in box.lines for part in wrapped(line, LINE_SIZE, room, 3))
    height = (len(title) + len(lines)) * LINE_HEIGHT + 2 * PADDING_Y
    return Placed(box, x, y, width, height, title, lines)


def _moved(place: Placed, y: float) -> Placed:
    return Placed(place.box, place.x, y, place.width, place.height, place.title, place.lines)
