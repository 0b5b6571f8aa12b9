"""Each page by keyboard alone: all that it offers is reached, and nothing holds the focus fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.test_pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site

# What can take the focus and is shown; of a group of radio buttons only the chosen one does.
_REACHABLE = """() => {
    const fields = "input:not([type=hidden]), select, textarea";
    const kinds = `a[href], button, summary, [tabindex="0"], ${fields}`;
    const found = [...document.querySelectorAll(kinds)].filter(
        one => one.checkVisibility() && !one.disabled && !one.closest("dialog, [inert]"));
    window.walked = new Set();
    window.reachable = found;
    return found.length;
}"""
_STEP = """() => {
    const one = document.activeElement;
    if (one === document.body) return "out";
    // A field for a day takes a step for each of its parts.
    if (walked.has(one)) return one === window.last && one.type === "date" ? "" : "again";
    walked.add(one);
    window.last = one;
    const style = getComputedStyle(one);
    const box = one.getBoundingClientRect();
    const inner = one.querySelector("rect") && getComputedStyle(one.querySelector("rect"));
    const isSeen = style.outlineStyle !== "none" || style.boxShadow !== "none" ||
        (inner && parseFloat(inner.strokeWidth) >= 2.5);
    if (!isSeen) return `no focus shown: ${one.outerHTML.slice(0, 120)}`;
    return box.width && box.height ? "" : `nothing to see: ${one.outerHTML.slice(0, 120)}`;
}"""
_MISSED = """() => reachable.filter(one => !walked.has(one) && one.isConnected
    && !(one.type === "radio" && !one.checked)).map(one => one.outerHTML.slice(0, 120))"""
_MOST_STEPS, _PARTS_OF_DAYS = 400, 12


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_page_is_walked_by_keyboard(
    site: Site, page: Page, complaints: Complaints, path: str
) -> None:
    page.goto(site.url + path)
    count = page.evaluate(_REACHABLE)
    wrong = []
    for _ in range(min(count + _PARTS_OF_DAYS, _MOST_STEPS)):
        page.keyboard.press("Tab")
        said = page.evaluate(_STEP)
        if said == "again":
            break
        # Past the last comes the browser's own, then the first: some pages begin at their answer.
        if said not in ("", "out"):
            wrong.append(said)

    assert wrong == []
    if count <= _MOST_STEPS:
        assert page.evaluate(_MISSED) == []
    assert not complaints
