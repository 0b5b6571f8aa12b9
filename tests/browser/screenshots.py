"""The pictures in docs/: `python -m tests.browser.screenshots docs/images`.

Taken of the real product: the outage on a live lab cluster, the sample fleet, and a large one.
"""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.chromium import NARROW, Theme, chromium
from tests.browser.story import play, sign_in
from tests.lab.rig import open_lab
from tests.supervisor.conftest import environment_of_a_run
from tests.supervisor.sites import RunningSite, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Page

_DESK = 1200
_LOWEST = 400
_TALLEST = 1500  # what says most stands above; the rest only makes a picture small
_FIFTH = "/clusters/compare/?c=eu-1&c=eu-2&c=eu-3&c=eu-4&c=eu-5"
_VIEWS: dict[str, tuple[Theme, int]] = {
    "": ("light", _DESK),
    "-dark": ("dark", _DESK),
    "-narrow": ("light", NARROW),  # the last one's theme stays
}
# Of the sample fleet, in every view.
_LOOKS = {"fleet": "/", "cluster": "/clusters/eu-5/", "compare": _FIFTH}
# Of the sample fleet, in one view.
_PAGES = {
    "over-granted": "/clusters/eu-2/",
    "mixed": "/clusters/us-1/",
    "grants": "/clusters/eu-2/grants/",
    "nodes": "/clusters/us-1/nodes/",
    "evidence": "/clusters/eu-1/evidence/",
    "object": "/clusters/eu-2/objects/clusterrolebindings/system:node/",
    "what-if": "/clusters/eu-5/what-if/?modes=Node,RBAC",
    "help": "/help/",
}
_SEED = "from tests import fleet; fleet.fill(1000, changes=12, nodes=12)"
_THOUSAND = {"fleet-of-a-thousand": "/?by=group", "history": "/history/"}


def take(directory: Path) -> None:
    """Write every picture anew; takes about four minutes."""
    directory.mkdir(parents=True, exist_ok=True)
    _story(directory)
    _sample_fleet(directory)
    _thousand(directory)


def _story(directory: Path) -> None:
    with open_lab() as lab, _site() as site, chromium(width=_DESK) as browser:
        fresh = lab.cluster(
            "prod-eu-5", authorization_mode="RBAC", admission_plugins="NodeRestriction"
        )
        kubelet = lab.kubelet(fresh, "node1")
        lab.controller_manager(fresh)
        kubelet.wait_for_log('cannot get resource "leases"')
        link = site.sign_in_link()
        page = browser.new_page()
        sign_in(page, link)
        play(page, _url(link), fresh, kubelet, lambda name: _shoot(page, directory, name))
        _what_tells(page, _url(link), fresh.name, directory)


def _what_tells(page: Page, url: str, cluster: str, directory: Path) -> None:
    """What became of the cluster, how something is known, and a certificate held against it."""
    _visit(page, url, directory, {"cluster-history": f"/clusters/{cluster}/history/"})
    page.goto(f"{url}/clusters/{cluster}/evidence/")
    servers = page.locator("#apiservers")
    servers.get_by_text("How this is known").click()
    servers.screenshot(path=directory / "apiservers.png")
    page.goto(f"{url}/certificates/?cluster={cluster}")
    page.get_by_label("Certificate or subject").fill("O=system:node, CN=system:node:node1")
    page.get_by_role("button", name="Check it").click()
    page.locator("#answer").wait_for()
    _shoot(page, directory, "certificate")


def _sample_fleet(directory: Path) -> None:
    with _site() as site, _signed_in(site) as (page, url):
        for view, (theme, width) in _VIEWS.items():
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size({"width": width, "height": 900})
            looks = {f"{name}{view}": path for name, path in _LOOKS.items()}
            _visit(page, url, directory, looks)
        page.set_viewport_size({"width": _DESK, "height": 900})
        _visit(page, url, directory, _PAGES)
        _explain(page, url, directory)
        _act(page, url, directory)
        _migrate(page, url, directory)
        _open_tickets(page, url, directory)


def _migrate(page: Page, url: str, directory: Path) -> None:
    """A plan is started, for steps to stand somewhere."""
    page.goto(f"{url}/clusters/eu-1/plan/")
    page.get_by_role("button", name="Start this plan").click()
    page.locator(".plan-progress").wait_for()
    _visit(page, url, directory, {"plan": "/clusters/eu-1/plan/", "plans": "/plans/"})


def _open_tickets(page: Page, url: str, directory: Path) -> None:
    """One ticket is opened after a look at it and more from the fleet; one is closed by hand."""
    page.goto(f"{url}/clusters/eu-5/ticket/")
    _shoot(page, directory, "ticket-preview")
    page.get_by_role("button", name="Open it in").click()
    page.locator(".ticket-tag").first.wait_for()
    page.goto(url)
    for name in ("eu-1", "eu-2", "us-1"):
        page.get_by_role("checkbox", name=f"Tick {name}").check()
    page.get_by_role("button", name="Open tickets…").click()
    page.get_by_role("button", name="Open 3 in").click()
    page.get_by_text("3 of 3 opened").wait_for()
    page.get_by_role("link", name=re.compile("of us-1$")).click()
    page.get_by_role("button", name="Close it").click()
    page.get_by_text("by people").first.wait_for()
    page.goto(f"{url}/tickets/")
    _shoot(page, directory, "tickets")
    page.get_by_role("link", name=re.compile("of eu-5$")).click()
    page.locator("#ticket").wait_for()
    _shoot(page, directory, "ticket")
    _visit(page, url, directory, {"fleet-tickets": "/", "trackers": "/trackers/"})


def _explain(page: Page, url: str, directory: Path) -> None:
    page.goto(f"{url}/explain/?example")
    page.get_by_role("button", name="Explain it").click()
    page.locator("#total").wait_for()
    _shoot(page, directory, "explain")


def _act(page: Page, url: str, directory: Path) -> None:
    """A finding is accepted and clusters are put into a group, for something to be listed."""
    page.goto(f"{url}/clusters/eu-2/")
    page.get_by_role("link", name=re.compile("^Accept")).click()
    page.get_by_label("Why it is accepted").fill("Until the agents have accounts of their own.")
    page.get_by_role("button", name="Accept it").click()
    page.goto(url)
    for name in ("eu-1", "eu-2", "eu-3"):
        page.get_by_role("checkbox", name=f"Tick {name}").check()
    page.locator("#menu-change-name").click()
    page.get_by_label("Put into the group").fill("Europe")
    page.get_by_role("button", name="Put", exact=True).click()
    page.get_by_role("button", name="Undo").first.wait_for()
    _visit(page, url, directory, {"accepted-risks": "/risks/", "activity": "/activity/"})


def _thousand(directory: Path) -> None:
    """A thousand clusters as a database would hold them."""
    with _site() as site:
        site.sign_in_link()
        site.run("manage", "shell", "--command", _SEED)
        with _signed_in(site) as (page, url):
            page.get_by_role("button", name="Remove the recorded ones").click()
            _visit(page, url, directory, _THOUSAND)


@contextmanager
def _signed_in(site: RunningSite) -> Iterator[tuple[Page, str]]:
    """A page of the admin's browser, and the site's address."""
    link = site.sign_in_link()
    with chromium(width=_DESK) as browser:
        page = browser.new_page()
        sign_in(page, link)
        yield page, _url(link)


def _visit(page: Page, url: str, directory: Path, pages: Mapping[str, str]) -> None:
    for name, path in pages.items():
        page.goto(url + path)
        _shoot(page, directory, name)


@contextmanager
def _site() -> Iterator[RunningSite]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with running(environment_of_a_run(directory), directory / "terminal") as site:
            yield site


def _url(link: str) -> str:
    return link.split("/sign-in/", 1)[0]


def _shoot(page: Page, directory: Path, name: str) -> None:
    page.evaluate("scrollTo(0, 0)")
    width = page.evaluate("innerWidth")
    page.set_viewport_size({"width": width, "height": _LOWEST})  # a page is as tall as its window
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(height, _TALLEST)})
    page.screenshot(path=directory / f"{name}.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
