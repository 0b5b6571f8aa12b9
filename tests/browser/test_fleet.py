"""The fleet page in Chromium: filters, ticks, what is done to many clusters, and views."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site


def test_a_choice_filters_at_once_and_the_menu_stays(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(site.url)
    rows = page.locator("table.fleet tbody tr")
    menu = page.locator("#menu-severity")
    menu.locator("summary").click()
    menu.get_by_role("checkbox", name=re.compile("critical")).press("Space")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("severity=critical"))
    expect(menu).to_have_attribute("open", "")
    expect(menu.get_by_role("checkbox", name=re.compile("critical"))).to_be_focused()
    menu.get_by_role("checkbox", name=re.compile("high")).check()
    expect(rows).not_to_have_count(1)
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    page.get_by_role("link", name="Without Findings: critical").click()
    expect(page).not_to_have_url(re.compile("critical"))

    assert not complaints


def test_ticks_stay_over_sorting_and_live_updates(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.get_by_role("checkbox", name="Tick eu-2").check()
    page.get_by_role("link", name="Cluster", exact=True).click()
    expect(page.get_by_role("checkbox", name="Tick eu-2")).to_be_checked()
    page.get_by_role("checkbox", name="Tick eu-3").check()
    page.goto(f"{site.url}/?search=eu-3")
    expect(page.locator("#ticked")).to_have_text("2 ticked, 1 not on this page")
    page.get_by_role("button", name="Compare").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("2 clusters compared")
    page.goto(site.url)
    page.get_by_role("button", name="Untick").click()
    expect(page.get_by_role("checkbox", name="Tick eu-2")).not_to_be_checked()


def test_nothing_is_asked_for_while_a_menu_is_open(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.locator("#menu-by summary").click()
    page.evaluate("window.asked = 0")
    page.evaluate("document.addEventListener('htmx:beforeSend', () => { window.asked += 1; })")
    page.evaluate("htmx.trigger('#clusters', 'refresh')")
    assert page.evaluate("window.asked") == 0
    page.keyboard.press("Escape")
    with page.expect_response(lambda answer: "seen=" in answer.url) as answer:
        page.evaluate("htmx.trigger('#clusters', 'refresh')")

    assert answer.value.status == 204


def test_many_are_labelled_and_that_is_undone(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(site.url)
    page.get_by_role("checkbox", name="Tick all on this page").check()
    page.get_by_text("Change", exact=True).click()
    page.get_by_label("Add a label").fill("team=core")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#messages")).to_contain_text("6 clusters labelled team=core.")
    expect(page.locator("table.fleet .tag", has_text="team=core")).to_have_count(6)
    expect(page.locator("#ticked")).to_contain_text("Tick clusters")
    page.get_by_role("button", name="Undo what was just done").click()
    expect(page.locator("table.fleet .tag")).to_have_count(0)

    assert not complaints


def test_removing_many_lists_them_and_may_be_left(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.get_by_role("checkbox", name="Tick eu-1").check()
    page.get_by_role("checkbox", name="Tick us-1").check()
    page.get_by_role("button", name="Remove…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Remove 2 clusters?")
    expect(page.locator(".to-remove")).to_contain_text("us-1")
    page.get_by_role("link", name="Keep them").click()

    expect(page.locator("table.fleet tbody tr")).to_have_count(6)


def test_a_view_is_kept_opened_and_forgotten(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/?verdict=refused&verdict=mixed&by=verdict")
    page.get_by_text("Keep as a view").click()
    page.get_by_label("Its name").fill("What hurts")
    page.get_by_label("Its name").press("Enter")
    expect(page.locator("#messages")).to_contain_text("What hurts is kept")
    page.get_by_role("link", name="All clusters").click()
    page.get_by_role("link", name="What hurts").click()
    expect(page.locator("table.fleet tr.group")).to_have_count(2)
    page.get_by_role("link", name="Forget this view").click()
    page.get_by_role("button", name="Forget it").click()
    expect(page.locator("#messages")).to_contain_text("is gone")

    assert not complaints


@pytest.mark.parametrize("act", ["compare", "remove"])
def test_boxes_work_without_a_script(site: Site, page: Page, act: str) -> None:
    page.route("**/*.js", lambda route: route.abort())
    page.goto(site.url)
    for name in ("eu-1", "eu-2"):
        page.get_by_role("checkbox", name=f"Tick {name}").check()
    page.locator(f"button[value={act}]").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("2 clusters")
