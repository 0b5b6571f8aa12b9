"""At night: from a log line or a red row to the fix, on a phone and by keyboard alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import NARROW
from tests.browser.conftest import LIVE
from tests.browser.test_pages import expect_to_fit_in_every_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page, Route

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site

LINE = (
    'leases.coordination.k8s.io "eu-5-worker-1" is forbidden: User "system:node:eu-5-worker-1"'
    ' cannot get resource "leases" in API group "coordination.k8s.io" in the namespace'
    ' "kube-node-lease"'
)
QUICK = "kubectl set subject clusterrolebinding system:node --group=system:nodes"
_ASK = f"htmx.ajax('GET', '/clusters/{LIVE}/', {{target: '#status', swap: 'outerHTML'}})"
_IN_SIGHT = """element => {
    const box = element.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight;
}"""


@pytest.fixture
def phone(page: Page) -> Page:
    """The same page on a phone, at night."""
    page.set_viewport_size({"width": NARROW, "height": 800})
    page.emulate_media(color_scheme="dark")
    return page


def test_a_red_row_leads_to_cause_and_fix_on_a_phone(
    site: Site, phone: Page, complaints: Complaints
) -> None:
    site.browser.grant_permissions(["clipboard-read", "clipboard-write"])
    phone.goto(f"{site.url}/?verdict=refused")
    phone.get_by_role("link", name="eu-5", exact=True).click()
    for name in ("Overview", "Grants", "Nodes", "Evidence", "What if", "History"):
        tab = phone.get_by_label("Pages of this cluster").get_by_role("link", name=name)
        assert tab.evaluate(_IN_SIGHT)
        assert tab.evaluate("it => it.getBoundingClientRect().right <= innerWidth")
    assert phone.get_by_text(QUICK).evaluate(_IN_SIGHT)
    phone.get_by_role("button", name="Copy").first.click()
    expect(phone.get_by_role("button", name="Copied")).to_be_visible()

    assert phone.evaluate("navigator.clipboard.readText()") == QUICK
    assert not complaints


def test_a_line_leads_to_the_cluster_its_fix_what_that_does_and_since_when_by_keyboard(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/clusters/eu-5/")
    page.get_by_role("link", name="Paste log lines of their kubelets").press("Enter")
    expect(page.get_by_label("Log lines")).to_be_focused()
    page.keyboard.insert_text(LINE)
    page.keyboard.press("Control+Enter")
    answer = page.locator("#refusal-1")
    expect(answer).to_contain_text("The real fix: turn on the Node authorizer")
    expect(page.locator("#answer-heading")).to_be_focused()
    assert page.get_by_text(QUICK).evaluate(_IN_SIGHT)

    page.get_by_role("link", name="What it would do").last.press("Enter")
    expect(page.locator("#answer-heading")).to_have_text(re.compile("It heals the kubelets"))
    expect(page.locator(".presets a[aria-current]")).to_contain_text("Turn on the Node authorizer")
    page.go_back()
    page.go_back()
    page.get_by_role("link", name="What changed, and when").press("Enter")
    expect(page.get_by_role("heading", name="Verdict over time")).to_be_visible()
    assert not complaints


def test_the_answer_is_in_sight_on_a_phone_and_leads_to_the_cluster(
    site: Site, phone: Page, complaints: Complaints
) -> None:
    phone.goto(f"{site.url}/explain/")
    phone.get_by_label("Log lines").fill(LINE)
    phone.get_by_role("button", name="Explain it").click()
    expect(phone.locator("#refusal-1-heading")).to_be_visible()
    assert phone.locator("#refusal-1-heading").evaluate(_IN_SIGHT)
    phone.get_by_role("link", name="Choose its cluster").click()
    phone.get_by_role("button", name=re.compile("Hold it against this one.*eu-5")).click()
    expect(phone.locator("#refusal-1")).to_contain_text("In eu-5")
    assert phone.get_by_role("link", name="eu-5", exact=True).first.evaluate(_IN_SIGHT)
    expect_to_fit_in_every_view(phone)

    assert not complaints


@pytest.fixture
def changing(site: Site, page: Page) -> Iterator[Page]:
    """The page of a live cluster, of which newer facts come as soon as it asks again."""
    page.goto(f"{site.url}/clusters/add/")
    page.get_by_role("checkbox", name=LIVE).check()
    page.get_by_role("button", name="Add those chosen").click()
    expect(page.locator("#status")).to_contain_text(re.compile(r"read \d+ s ago"))
    page.reload()

    def renewed(route: Route) -> None:
        if route.request.headers.get("hx-request"):
            route.fulfill(body='<ul class="facts" id="status" data-token="another"></ul>')
        else:
            route.continue_()

    page.route(f"**/clusters/{LIVE}/", renewed)
    yield page
    page.unroute_all()
    page.goto(f"{site.url}/clusters/{LIVE}/remove/")
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#messages")).to_contain_text("is removed")


def test_what_is_newer_waits_while_something_is_opened_and_then_keeps_the_focus(
    changing: Page, complaints: Complaints
) -> None:
    changing.evaluate("window.isOld = true")
    changing.get_by_text("The same as a table").click()
    changing.evaluate(_ASK)
    expect(changing.locator("#newer")).to_be_visible()
    assert changing.evaluate("window.isOld")
    expect(changing.locator("#path-1-table")).to_have_attribute("open", "")

    changing.get_by_text("The same as a table").click()
    changing.get_by_role("link", name="History", exact=True).last.focus()
    with changing.expect_navigation():
        changing.evaluate(_ASK)
    expect(changing.locator("#newer")).to_be_hidden()
    expect(changing.get_by_role("link", name="History", exact=True).last).to_be_focused()
    assert not changing.evaluate("window.isOld")
    assert not complaints
