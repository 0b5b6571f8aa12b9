"""The story of the sample fleet, told to its end: the cause is read, and what would heal it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.accessible import faults
from tests.browser.chromium import WIDE, Complaints, chromium, opened
from tests.browser.story import sign_in
from tests.supervisor.conftest import environment_of_a_run
from tests.supervisor.sites import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

ACTIVE = "document.activeElement.id || document.activeElement.innerText.trim()"


@pytest.fixture(scope="module")
def signed_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, BrowserContext]]:
    """The sample fleet and an admin in a browser."""
    folder = tmp_path_factory.mktemp("whatif")
    with running(environment_of_a_run(folder), folder / "terminal") as site, chromium() as browser:
        link = site.sign_in_link()
        with opened(browser) as page:
            sign_in(page, link)
        yield link.split("/sign-in/")[0], browser


@pytest.fixture
def url(signed_in: tuple[str, BrowserContext]) -> str:
    return signed_in[0]


@pytest.fixture
def page(signed_in: tuple[str, BrowserContext]) -> Iterator[Page]:
    with opened(signed_in[1]) as page:
        page.set_viewport_size({"width": WIDE, "height": 900})
        yield page


@pytest.fixture
def complaints(page: Page) -> Complaints:
    found = Complaints()
    found.watch(page)
    return found


def test_the_story_by_mouse(url: str, page: Page, complaints: Complaints) -> None:
    page.goto(url)
    for name in ("eu-1", "eu-2", "eu-3", "eu-4", "eu-5"):
        page.get_by_role("checkbox", name=f"Tick {name}").check()
    page.get_by_role("button", name="Compare").click()
    cause = page.locator(".likely-cause")
    expect(cause).to_contain_text("eu-5 refuses its kubelets: the binding system:node has no")
    cause.get_by_role("link", name="What if eu-5", exact=True).click()

    answer = page.locator("#answer")
    expect(answer).to_contain_text("It heals the kubelets: they get all they need.")
    expect(answer).to_contain_text("It hands out no Secrets beyond those of a kubelet's own pods.")
    expect(answer).to_contain_text("Node authorizer")
    page.get_by_role("link", name=re.compile("Quick way out")).click()
    expect(answer).to_contain_text(
        "It heals the kubelets, and hands every kubelet all Secrets of the cluster."
    )
    expect(answer).to_contain_text("It reads all Secrets of the cluster")
    assert page.url.endswith("/what-if/?add=system:node%3DGroup:system:nodes")
    assert not complaints


def test_the_story_by_keyboard(url: str, page: Page, complaints: Complaints) -> None:
    page.goto(url)
    reach(page, "see what would heal it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("eu-5")
    reach(page, "Turn on the Node authorizer")
    page.keyboard.press("Enter")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("It hands out no Secrets beyond those of a kubelet's own pods.")

    reach(page, "Change it by hand")
    page.keyboard.press("Enter")
    reach(page, "mode-1")
    page.keyboard.type("R")
    reach(page, "mode-2")
    page.keyboard.type("nobody")
    box = page.get_by_role("checkbox", name="Give it Group system:nodes")
    box.focus()
    page.keyboard.press("Space")
    reach(page, "Show what it does")
    page.keyboard.press("Enter")
    expect(answer).to_contain_text("hands every kubelet all Secrets of the cluster")
    expect(page).to_have_url(re.compile(r"what-if/\?add=system%3Anode%3DGroup%3Asystem%3Anodes$"))
    assert not complaints


def test_bindings_are_found_while_typing_and_the_change_is_taken(url: str, page: Page) -> None:
    page.goto(f"{url}/clusters/us-1/what-if/")
    rows = page.locator(".bindings li:visible")
    expect(rows).to_have_count(5)
    page.get_by_label("Find by name, role or subject").press_sequentially("canary")
    expect(rows).to_have_count(1)
    page.get_by_role("checkbox", name="Drop the binding ClusterRoleBinding canary-node").check()
    page.get_by_label("Find by name, role or subject").fill("discovery")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Show what it does").click()

    expect(page.locator("#answer")).to_contain_text("It breaks the kubelets of 1 node")


def test_wrong_input_is_said_beside_its_field(url: str, page: Page) -> None:
    page.goto(f"{url}/clusters/eu-5/what-if/")
    page.get_by_label("Kubernetes version").fill("1.99x")
    page.get_by_role("button", name="Show what it does").click()
    expect(page.locator("#version-error")).to_contain_text("1.99x is no version that is known")
    expect(page.get_by_label("Kubernetes version")).to_have_value("1.99x")
    page.get_by_role("link", name="See what is wrong").click()
    expect(page.locator("#version-error")).to_be_in_viewport()

    assert faults(page) == []


def test_a_change_is_made_without_a_script(url: str, page: Page) -> None:
    page.route("**/*.js", lambda route: route.abort())
    page.goto(f"{url}/clusters/eu-5/what-if/")
    page.get_by_label("first").select_option("Node")
    page.get_by_label("second").select_option("RBAC")
    page.get_by_role("button", name="Show what it does").click()

    expect(page.locator("#answer")).to_contain_text("It hands out no Secrets")


def reach(page: Page, name: str) -> None:
    """Press the tabulator until what begins with `name` has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(ACTIVE).startswith(name):
            return
    raise AssertionError(f"the tabulator never reaches {name}")
