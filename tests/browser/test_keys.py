"""Keys that work on every page, and what a page does while it waits or has lost its server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site

_POLL = "htmx.ajax('GET', '/', {source: '#clusters', target: '#clusters', swap: 'outerHTML'})"


def test_keys_lead_to_the_search_and_to_pages(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.keyboard.press("/")
    expect(page.get_by_role("main").get_by_role("searchbox").first).to_be_focused()
    page.keyboard.type("gh/?")
    expect(page).to_have_url(re.compile("search="))
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("h")

    expect(page.get_by_role("heading", level=1)).to_have_text("History")


def test_the_list_of_keys_opens_and_closes(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/profile/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()


def test_keys_with_a_modifier_are_the_browsers_own(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.keyboard.press("Control+/")
    page.keyboard.press("Alt+?")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("searchbox").first).not_to_be_focused()


def test_keys_can_be_turned_off_and_stay_so(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/profile/")
    page.get_by_role("main").get_by_role("checkbox", name=re.compile("Keyboard")).uncheck()
    page.goto(site.url)
    page.keyboard.press("?")
    page.keyboard.press("/")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("searchbox").first).not_to_be_focused()
    page.goto(f"{site.url}/help/")
    page.get_by_role("main").get_by_role("checkbox", name=re.compile("Keyboard")).check()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("?")

    expect(page.get_by_role("dialog")).to_be_visible()


def test_words_are_found_in_the_help_page(site: Site, page: Page, complaints: Complaints) -> None:
    page.goto(f"{site.url}/help/")
    page.keyboard.press("/")
    page.keyboard.type("heartbeat")
    expect(page.locator("#lease")).to_be_visible()
    expect(page.locator("#verdict-refused")).to_be_hidden()
    expect(page.locator("#verdicts")).to_be_hidden()
    page.get_by_role("searchbox").clear()
    expect(page.locator("#verdict-refused")).to_be_visible()

    assert not complaints


def test_a_page_that_lost_its_server_says_so_until_it_is_back(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.route("**/?*", lambda route: route.abort())
    page.route(site.url + "/", lambda route: route.abort())
    page.evaluate(f"{_POLL}.catch(() => 0)")
    lost = page.locator("#lost")
    expect(lost).to_contain_text("The server can't be reached. What you see is from ")
    expect(lost.locator("time:visible")).to_have_text(re.compile(r"\d+ s ago"))
    page.unroute_all()
    page.evaluate(_POLL)

    expect(lost.locator(".note:visible")).to_have_count(0)


def test_a_page_whose_session_is_over_stays_and_leads_to_signing_in(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/?sort=name")
    cookies = site.browser.cookies()
    site.browser.clear_cookies()
    try:
        page.evaluate(_POLL)
        link = page.get_by_role("link", name="Sign in again")
        expect(link).to_be_visible()
        expect(link).to_have_attribute(
            "href", re.compile(r"/account/login/\?next=%2F%3Fsort%3Dname$")
        )
        expect(page.locator("table.fleet")).to_be_visible()
    finally:
        site.browser.add_cookies(cookies)  # type: ignore[arg-type]  # what it gave itself
    page.evaluate(_POLL)

    expect(link).to_be_hidden()


def test_a_slow_request_shows_its_progress_and_a_quick_one_none(site: Site, page: Page) -> None:
    held: list[Route] = []
    page.goto(site.url)
    page.route("**/?search=*", lambda route: _keep(held, route))
    page.get_by_label("Find by name").press_sequentially("eu-2")
    expect(page.locator("html.is-loading")).to_have_count(1)
    held[-1].continue_()
    expect(page.locator("html.is-loading")).to_have_count(0)
    page.evaluate(_POLL)

    expect(page.locator("html.is-loading")).to_have_count(0)


def test_a_form_is_sent_once(site: Site, page: Page) -> None:
    sent: list[str] = []

    def answer(route: Route) -> None:
        sent.append(route.request.url)
        route.fulfill(status=204)  # with which a browser stays where it is

    page.goto(f"{site.url}/people/")
    page.route("**/people/invite/", answer)
    page.get_by_label("For whom").fill("someone")
    button = page.get_by_role("button", name="Make a one-time link")
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    button.click()
    page.get_by_label("For whom").press("Enter")
    expect(button).to_have_attribute("aria-busy", "true")

    assert len(sent) == 1


def _keep(held: list[Route], route: Route) -> None:
    # A method of a list is nothing that Playwright can call.
    held.append(route)
