"""The pictures in docs/: `python -m tests.browser.screenshots docs/images`.

Taken of the real product: the outage on a live lab cluster, and the sample fleet.
"""

from __future__ import annotations

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
    from collections.abc import Iterator

    from playwright.sync_api import Page

_DESK = 1200
_TALLEST = 1500  # what says most stands above; the rest only makes a picture small
_SAMPLE = ("eu-5", "eu-2", "eu-4")
_FIFTH = "/clusters/compare/?c=eu-1&c=eu-2&c=eu-3&c=eu-4&c=eu-5"
_VIEWS: tuple[tuple[Theme, int], ...] = (("light", _DESK), ("dark", _DESK), ("light", NARROW))


def take(directory: Path) -> None:
    """Write every picture anew; takes about two minutes."""
    directory.mkdir(parents=True, exist_ok=True)
    _story(directory)
    _sample_fleet(directory)


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
    """How something is known, and a certificate held against the cluster."""
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
    with _site() as site:
        url = _url(site.sign_in_link())
        for theme, width in _VIEWS:
            link = site.run("manage", "sign_in_link", "--base-url", url)
            with chromium(width=width, theme=theme) as browser:
                page = browser.new_page()
                sign_in(page, link)
                _tour(page, url, directory, f"{theme}-{width}")


def _tour(page: Page, url: str, directory: Path, view: str) -> None:
    _shoot(page, directory, f"fleet-{view}")
    for name in _SAMPLE:
        page.goto(f"{url}/clusters/{name}/")
        _shoot(page, directory, f"{name}-{view}")
    page.goto(url + _FIFTH)
    _shoot(page, directory, f"compare-{view}")
    for name in ("history", "help"):
        page.goto(f"{url}/{name}/")
        _shoot(page, directory, f"{name}-{view}")


@contextmanager
def _site() -> Iterator[RunningSite]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with running(environment_of_a_run(directory), directory / "terminal") as site:
            yield site


def _url(link: str) -> str:
    return link.split("/sign-in/", 1)[0]


def _shoot(page: Page, directory: Path, name: str) -> None:
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    page.set_viewport_size({"width": width, "height": min(height, _TALLEST)})
    page.screenshot(path=directory / f"{name}.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
