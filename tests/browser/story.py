"""The outage as it is lived through in the browser, from the kubeconfig to the Node authorizer.

One telling for the test, which looks, and for the pictures, which are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.lab.cluster import group

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.lab.cluster import Cluster
    from tests.lab.components import Kubelet

    Show = Callable[[str], None]

PATIENCE_MS = 60_000


def sign_in(page: Page, link: str) -> None:
    """Use the one-time link of the terminal."""
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Fleet", level=1)).to_be_visible()


def add_cluster(page: Page, kubeconfig: str, show: Show) -> None:
    """Paste a kubeconfig of one context, test it, and add its cluster."""
    page.get_by_role("link", name="Add clusters").first.click()
    page.get_by_label("or paste it").fill(kubeconfig)
    page.get_by_role("button", name="Show its contexts").click()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_text("everything needed can be read")).to_be_visible()
    show("add")
    page.get_by_role("button", name="Add those chosen").click()


def play(page: Page, url: str, cluster: Cluster, kubelet: Kubelet, show: Show) -> None:
    """Add the outage's cluster, mend it the quick way, then the real way.

    `kubelet` runs and is refused. `show` is called with each picture's name when it can be taken.
    """
    add_cluster(page, cluster.kubeconfig(), show)
    page.goto(f"{url}/clusters/{cluster.name}/")
    _expect_verdict(page, "Refused")
    expect(page.locator(".facts").first).to_contain_text("no nodes")
    show("refused")

    cluster.set_subject("system:node", group("system:nodes"))
    kubelet.wait_until_ready()
    _read_now(page)
    _expect_verdict(page, "Legacy binding")
    _expect_ready(page, kubelet)
    show("legacy-binding")

    cluster.remove_subjects("system:node")
    cluster.restart(authorization_mode="Node,RBAC")
    kubelet.wait_until_ready()
    _read_now(page)
    _expect_verdict(page, "Node authorizer")
    _expect_ready(page, kubelet)
    show("node-authorizer")


def _read_now(page: Page) -> None:
    page.get_by_role("button", name="Read now").click()


def _expect_ready(page: Page, kubelet: Kubelet) -> None:
    """The tab of nodes has it as Ready; ends where it began."""
    page.get_by_role("link", name="Nodes", exact=True).click()
    expect(page.locator("#nodes tr", has_text=kubelet.name)).to_contain_text("Ready")
    page.get_by_role("link", name="Overview", exact=True).click()


def _expect_verdict(page: Page, words: str) -> None:
    """The next reading shows by itself: no reload."""
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text(words, timeout=PATIENCE_MS)
