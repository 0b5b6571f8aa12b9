"""The sample fleet in a running product, and an admin's browser, for all tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.browser.chromium import WIDE, Complaints, chromium, opened
from tests.browser.story import sign_in
from tests.replay import replay
from tests.supervisor.conftest import environment_of_a_run
from tests.supervisor.sites import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

LIVE = "team-live"
# So slow that progress can be seen, and well within the deadline.
_ANSWER_SECONDS = 0.2


class Site(NamedTuple):
    """The running product and an admin in a browser."""

    url: str
    browser: BrowserContext


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The sample fleet, and a kubeconfig of this machine with one context, LIVE."""
    folder = tmp_path_factory.mktemp("site")
    with replay("v1.37.2-legacy", name=LIVE, delay_seconds=_ANSWER_SECONDS) as live:
        (folder / "kubeconfig").write_text(live.kubeconfig)
        environment = {**environment_of_a_run(folder), "KUBECONFIG": str(folder / "kubeconfig")}
        with running(environment, folder / "terminal") as site, chromium() as browser:
            link = site.sign_in_link()
            site.run("manage", "load_sample")
            with opened(browser) as page:
                sign_in(page, link)
            yield Site(link.split("/sign-in/")[0], browser)


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """A page of the admin's browser, wide and light."""
    with opened(site.browser) as page:
        page.set_viewport_size({"width": WIDE, "height": 900})
        page.emulate_media(color_scheme="light")
        yield page


@pytest.fixture
def complaints(page: Page) -> Complaints:
    """What the browser finds wrong with the page."""
    found = Complaints()
    found.watch(page)
    return found
