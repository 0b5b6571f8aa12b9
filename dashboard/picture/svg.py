"""The path picture as SVG: real links, no inline styles, and every text escaped by construction."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from django.utils.safestring import SafeString

from authzviz.engine.assessment import Assessment, Path
from dashboard.picture.layers import restriction, tree
from dashboard.picture.layout import (
    COLUMNS,
    HEADINGS,
    LINE_HEIGHT,
    PADDING_X,
    PADDING_Y,
    PILL_PADDING_Y,
    Edge,
    Layout,
    Placed,
    laid_out,
)
from dashboard.visible import made_visible, visible

BASELINE = 13


def draw(assessment: Assessment, path: Path, number: int, *, is_linked: bool = True) -> SafeString:
    """The picture of one path, to stand in a page that holds the tables it links to, or without
    links.

    Safe because the serializer escapes every text and attribute; names are made visible first.
    """
    shown, shown_path = made_visible(assessment), made_visible(path)
    layout = laid_out(tree(shown, shown_path, number), restriction(shown))
    svg = _picture(layout, is_linked=is_linked)
    return SafeString(tostring(svg, encoding="unicode", short_empty_elements=False))


def _picture(layout: Layout, *, is_linked: bool) -> Element:
    svg = Element(
        "svg",
        {
            "class": "path-picture",
            "viewBox": f"0 0 {layout.width:g} {layout.height:g}",
            "width": f"{layout.width:g}",
            "height": f"{layout.height:g}",
        },
    )
    for (x, _), heading in zip(COLUMNS, HEADINGS, strict=True):
        attributes = {"x": f"{x}", "y": "18", "class": "heading"}
        SubElement(svg, "text", attributes).text = heading
    for edge in layout.edges:
        _line(svg, edge)
    _writes(svg, layout)
    for place in layout.places:
        _box(svg, place, is_linked=is_linked)
    return svg


def _line(svg: Element, edge: Edge) -> None:
    x1, y1 = edge.start.x + edge.start.width, edge.start.y + edge.start.height / 2
    x2, y2 = edge.end.x, edge.end.y + edge.end.height / 2
    middle = (x1 + x2) / 2
    curve = f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
    SubElement(svg, "path", {"d": curve, "class": f"edge {edge.look}"})


def _writes(svg: Element, layout: Layout) -> None:
    """A bracket around the needs that are met: their writes pass through NodeRestriction."""
    if not layout.writes:
        return
    first, last, guard = layout.writes[0], layout.writes[-1], layout.restriction
    left, right = first.x + first.width + 6, first.x + first.width + 18
    top, bottom = first.y + 4, last.y + last.height - 4
    bracket = f"M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}"
    middle = guard.y + guard.height / 2
    into = f"M{right:g} {middle:g}H{guard.x:g}"
    SubElement(svg, "path", {"d": bracket + into, "class": f"edge {guard.box.look}"})


def _box(svg: Element, place: Placed, *, is_linked: bool) -> None:
    box = place.box
    look = {"class": f"{'pill' if box.is_pill else 'box'} {box.look}"}
    link = (
        SubElement(svg, "a", {"href": box.href, **look})
        if is_linked
        else SubElement(svg, "g", look)
    )
    SubElement(link, "title").text = visible(". ".join((box.title, *box.lines)))
    size = {"width": f"{place.width:g}", "height": f"{place.height:g}"}
    at = {"x": f"{place.x:g}", "y": f"{place.y:g}"}
    SubElement(link, "rect", {**at, **size, "rx": "6"})
    # An inner svg cuts off what a browser's substitute font may draw wider than measured.
    inside = SubElement(link, "svg", {**at, **size})
    y = float(PILL_PADDING_Y if box.is_pill else PADDING_Y)
    for css_class, lines in (("name", place.title), ("line", place.lines)):
        for line in lines:
            attributes = {"x": f"{PADDING_X}", "y": f"{y + BASELINE:g}", "class": css_class}
            SubElement(inside, "text", attributes).text = line
            y += LINE_HEIGHT
