"""The path picture as SVG: real links, no inline styles, and every text escaped by construction."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from django.utils.safestring import SafeString

from authzviz.engine.assessment import Assessment, Path
from dashboard.picture.layers import Place, restriction, tree
from dashboard.picture.layout import (
    LINE_HEIGHT,
    PADDING_X,
    PADDING_Y,
    PILL_PADDING_Y,
    Layout,
    Line,
    Placed,
    laid_out,
)
from dashboard.picture.narrow import laid_out_narrow
from dashboard.visible import made_visible

BASELINE = 13
CROSS, ARM = 8, 3.5


def draw(assessment: Assessment, path: Path, place: Place) -> SafeString:
    """The picture of one path, twice: for wide screens and paper, and for narrow ones. The page's
    style shows one of them; it must hold the table that both link to, if `place` leads anywhere.

    Safe because the serializer escapes every text and attribute; names are made visible first.
    """
    boxes = made_visible((tree(assessment, path, place), restriction(assessment, place)))
    pictures = (_picture(laid_out(*boxes)), _picture(laid_out_narrow(*boxes)))
    written = (tostring(each, encoding="unicode", short_empty_elements=False) for each in pictures)
    return SafeString("".join(written))


def _picture(layout: Layout) -> Element:
    svg = Element(
        "svg",
        {
            "class": f"path-picture {layout.form}",
            "viewBox": f"0 0 {layout.width:g} {layout.height:g}",
            "width": f"{layout.width:g}",
            "height": f"{layout.height:g}",
        },
    )
    for heading in layout.headings:
        attributes = {"x": f"{heading.x:g}", "y": f"{heading.y:g}", "class": "heading"}
        SubElement(svg, "text", attributes).text = heading.text
    for line in layout.lines:
        _line(svg, line)
    for place in layout.places:
        _box(svg, place)
    return svg


def _line(svg: Element, line: Line) -> None:
    SubElement(svg, "path", {"d": line.data, "class": f"edge {line.look}"})
    if line.broken is None:
        return
    x, y = line.broken
    mark = SubElement(svg, "g", {"class": "cross"})
    SubElement(mark, "circle", {"cx": f"{x:g}", "cy": f"{y:g}", "r": f"{CROSS}"})
    arms = f"M{x - ARM:g} {y - ARM:g}L{x + ARM:g} {y + ARM:g}"
    arms += f"M{x + ARM:g} {y - ARM:g}L{x - ARM:g} {y + ARM:g}"
    SubElement(mark, "path", {"d": arms})


def _box(svg: Element, place: Placed) -> None:
    box = place.box
    look = {"class": f"{'pill' if box.is_pill else 'box'} {box.look}"}
    link = (
        SubElement(svg, "a", {"href": box.href, **look}) if box.href else SubElement(svg, "g", look)
    )
    SubElement(link, "title").text = ". ".join((box.title, *box.lines))
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
