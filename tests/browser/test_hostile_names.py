"""Names without a blank, with markup, or that reorder: no page grows or runs with them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from authzviz.kube import bundle
from tests.browser.chromium import NARROW, WIDE
from tests.dashboard.snapshots import READ_AT
from tests.dashboard.test_hostile import read_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site

NAMES = {
    "long": "x" * 253,
    "markup": "<img src=x onerror=alert(1)>" + "</td></svg>" * 9,
    "out of an attribute": "\"'><script src=//example.org/x></script><a autofocus onfocus=alert(1) "
    "href=javascript:alert(1)><svg onload=alert(1)><style>@import '//example.org'</style>{{7*7}}",
    "reordering": "evil\u202egnp.exe\u200b" * 9,
    "far": "界面" * 60,
}
PATHS = (
    "/",
    "/?by=group",
    "/clusters/{slug}/",
    "/clusters/{slug}/grants/",
    "/clusters/{slug}/nodes/",
    "/clusters/{slug}/evidence/",
    "/clusters/{slug}/what-if/",
    "/clusters/{slug}/history/",
    "/clusters/{slug}/settings/",
    "/clusters/{slug}/remove/",
    "/clusters/compare/?c={slug}&c=eu-1&baseline={slug}",
    "/history/",
    "/activity/",
    "/explain/?cluster={slug}",
    "/certificates/?cluster={slug}",
)
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The innermost of what stands out.
_WIDEST = """[...document.querySelectorAll("body *")].filter(
    one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
).slice(-1).map(one => one.outerHTML.slice(0, 160))"""


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_page_grows_with_its_names(
    site: Site, page: Page, complaints: Complaints, name: str
) -> None:
    slug = _added(site, page, name)

    wide = []
    for path in PATHS:
        page.goto(site.url + path.format(slug=slug))
        page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
        for width in (NARROW, WIDE):
            page.set_viewport_size({"width": width, "height": 900})
            by = page.evaluate(_WIDER)
            wide += (
                [f"{path} at {width} px: {by} px too wide: {page.evaluate(_WIDEST)}"] if by else []
            )

    assert wide == []
    assert not complaints


def _added(site: Site, page: Page, name: str) -> str:
    """The slug of a cluster with these names, uploaded as a bundle."""
    content = bundle.to_bytes(replace(read_of(name), name=name[:100], read_at=READ_AT))
    page.goto(f"{site.url}/clusters/add/")
    form = page.locator("form[action$='/bundle/']")
    file = {"name": "bundle.json.gz", "mimeType": "application/gzip", "buffer": content}
    form.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]  # is one
    form.locator("input[name=name]").fill(name[:100])
    form.get_by_role("button", name="Add this cluster").click()
    page.wait_for_url(re.compile("/clusters/(?!add/)[^/]+/$"))
    return page.url.rstrip("/").rsplit("/", 1)[-1]
