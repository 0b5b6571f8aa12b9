"""What axe finds wrong with a page for those who hear it, enlarge it or have no mouse."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AXE = Path(__file__).parent / "vendor" / "axe.min.js"
# What a colour changes to counts, not what it is on the way there.
_FOUND = """async () => {
    const turning = document.getAnimations().filter(one => one instanceof CSSTransition);
    turning.forEach(one => one.finish());
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`
    ));
}"""


def faults(page: Page) -> list[str]:
    """Every violation of axe's rules on the page as it is shown now, best practices included."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    found: list[str] = page.evaluate(_FOUND)
    return found


@cache
def _source() -> str:
    return _AXE.read_text()
