"""Verdicts over time as a step chart: a row for each verdict that occurs, the best on top; as SVG.

Every step is a link to its row in the table that says the same. All lengths are pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement, tostring

from django.utils.safestring import SafeString

from dashboard.words import VERDICTS, Word

WIDTH, LEFT, RIGHT = 1180, 132, 16
TOP, ROW, AXIS = 10, 32, 28
NARROWEST = 3.0
MOST_TICKS = 7
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS = (
    *(_MINUTE * n for n in (1, 5, 15, 30)),
    *(_HOUR * n for n in (1, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 14, 30, 91, 182, 365, 3650)),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A verdict from `since` until `until`; `title` is what the link says."""

    word: Word
    since: datetime
    until: datetime
    href: str
    title: str


def draw(steps: tuple[Step, ...]) -> SafeString:
    """The chart of these steps, the earliest first; empty where no time passes between them.

    Safe because the serializer escapes every text and attribute; no step holds a cluster's names.
    """
    if not steps or steps[-1].until <= steps[0].since:
        return SafeString("")
    return SafeString(tostring(_chart(steps), encoding="unicode", short_empty_elements=False))


def _chart(steps: tuple[Step, ...]) -> Element:
    rows = _rows(steps)
    scale = _Scale(steps[0].since, steps[-1].until)
    bottom = TOP + len(rows) * ROW
    size = {"viewBox": f"0 0 {WIDTH} {bottom + AXIS}", "width": f"{WIDTH}"}
    svg = Element("svg", {"class": "step-chart", **size, "height": f"{bottom + AXIS}"})
    _axis(svg, scale, bottom)
    for label, y in rows.items():
        SubElement(svg, "text", {"x": "0", "y": f"{y + 4:g}", "class": "name"}).text = label
        line = {"d": f"M{LEFT} {y:g}H{WIDTH - RIGHT}", "class": "row"}
        SubElement(svg, "path", line)
    for one, other in pairwise(steps):
        x, top, end = scale.at(other.since), rows[one.word.label], rows[other.word.label]
        SubElement(svg, "path", {"d": f"M{x:g} {top:g}V{end:g}", "class": "riser"})
    for step in steps:
        _step(svg, step, scale, rows[step.word.label])
    return svg


def _rows(steps: tuple[Step, ...]) -> dict[str, float]:
    """Where each verdict that occurs has its row, by its label; what can't be told is lowest."""
    known = [word.label for word in VERDICTS.values()]
    best_first = [*reversed(known[:-1]), known[-1]]
    occurring = {step.word.label for step in steps}
    labels = [label for label in best_first if label in occurring]
    labels += sorted(occurring.difference(labels))
    return {label: TOP + ROW * (place + 0.5) for place, label in enumerate(labels)}


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    end: datetime

    def at(self, when: datetime) -> float:
        share = (when - self.start) / (self.end - self.start)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[tuple[float, str]]:
        """Round times on the axis, in UTC, no more than fit."""
        length = self.end - self.start
        step = next((step for step in STEPS if length / step < MOST_TICKS), STEPS[-1])
        first = int(-(-self.start.timestamp() // step.total_seconds()))
        last = int(self.end.timestamp() // step.total_seconds())
        times = [
            datetime.fromtimestamp(number * step.total_seconds(), UTC)
            for number in range(first, last + 1)
        ]
        return [(self.at(when), _label(when, step, length)) for when in times]


def _label(when: datetime, step: timedelta, length: timedelta) -> str:
    if step < _DAY:
        return f"{when:%H:%M}" if length < _DAY else f"{when.day} {when:%b %H:%M}"
    return f"{when.day} {when:%b %Y}" if length > 300 * _DAY else f"{when.day} {when:%b}"


def _axis(svg: Element, scale: _Scale, bottom: float) -> None:
    for x, label in scale.ticks():
        SubElement(svg, "path", {"d": f"M{x:g} {TOP}V{bottom + 4:g}", "class": "tick"})
        anchor = "start" if x < LEFT + 40 else "end" if x > WIDTH - 60 else "middle"
        place = {"x": f"{x:g}", "y": f"{bottom + 20:g}", "class": "time", "text-anchor": anchor}
        SubElement(svg, "text", place).text = label


def _step(svg: Element, step: Step, scale: _Scale, y: float) -> None:
    x = scale.at(step.since)
    width = max(NARROWEST, scale.at(step.until) - x)
    x = min(x, WIDTH - RIGHT - width)
    link = SubElement(svg, "a", {"href": step.href, "class": f"step {step.word.tone}"})
    SubElement(link, "title").text = step.title
    # The whole height of the row can be hit, the line in its middle is seen.
    hit = {"x": f"{x:g}", "y": f"{y - ROW / 2 + 3:g}", "width": f"{width:g}"}
    SubElement(link, "rect", {**hit, "height": f"{ROW - 6}", "class": "hit", "rx": "3"})
    seen = {"x": f"{x:g}", "y": f"{y - 4:g}", "width": f"{width:g}", "height": "8", "rx": "2"}
    SubElement(link, "rect", {**seen, "class": "line"})
