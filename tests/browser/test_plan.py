"""The Plan tab in Chromium: read, started, ticked and left by mouse, keyboard, without scripts."""

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

    from playwright.sync_api import Locator, Page

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site

PLAN = "/clusters/eu-1/plan/"


@pytest.fixture
def plan(site: Site, page: Page) -> Iterator[Page]:
    """The plan of eu-1, which nobody has started; left again afterwards."""
    page.goto(site.url + PLAN)
    yield page
    page.goto(site.url + PLAN)
    leave = page.get_by_role("button", name="Leave this plan")
    if leave.count():
        leave.click()
        expect(page.locator("#past")).to_contain_text("Left")


def by_hand(page: Page) -> Locator:
    """The first step that someone has to tick."""
    return page.locator(".plan-step", has=page.locator(".step-tick")).first


def test_a_plan_is_started_ticked_taken_back_and_left(plan: Page, complaints: Complaints) -> None:
    page = plan
    page.get_by_role("button", name="Start this plan").click()
    expect(page.locator("#messages")).to_contain_text("The plan is started")
    step = by_hand(page)
    title = step.locator(".step-title").inner_text()
    if step.locator("details[open]").count() == 0:
        step.locator("summary").click()
    step.get_by_label("Note, if there is one").fill("asked the team")
    step.get_by_role("button", name="It is done").click()
    ticked = page.locator(".plan-step", has_text=title).first
    expect(ticked).to_contain_text("asked the team")
    expect(ticked.get_by_role("button", name="Take back")).to_be_visible()
    expect_to_fit_in_every_view(page)
    ticked.get_by_role("button", name="Take back").click()
    expect(page.locator("#messages")).to_contain_text("Taken back")
    page.get_by_role("button", name="Leave this plan").click()
    expect(page.locator("#past")).to_contain_text("Left")

    assert not complaints


def test_the_keyboard_alone_starts_unfolds_and_ticks(plan: Page) -> None:
    page = plan
    page.get_by_role("button", name="Start this plan").press("Enter")
    step = by_hand(page)
    title = step.locator(".step-title").inner_text()
    if step.locator("details[open]").count() == 0:
        step.locator("summary").press("Enter")
    step.get_by_label("Note, if there is one").press("Enter")
    ticked = page.locator(".plan-step", has_text=title).first

    expect(ticked.locator(".chip").first).to_contain_text("Ticked")
    page.locator("body").press("g")
    page.locator("body").press("p")
    expect(page.get_by_role("heading", level=1)).to_have_text("Plans")
    expect(page.locator("table.plans tbody tr").first).to_contain_text("eu-1")


def test_a_link_leads_to_a_folded_step(site: Site, plan: Page) -> None:
    page = plan
    anchor = page.locator(".step-body").last.get_attribute("id")
    page.goto(f"{site.url}/help/")
    page.goto(f"{site.url}{PLAN}#{anchor}")

    expect(page.locator(f"[id='{anchor}']")).to_be_visible()
    expect(page.locator(f"[id='{anchor}']")).to_be_in_viewport()


def test_it_is_read_and_started_without_a_script(plan: Page) -> None:
    page = plan
    page.route("**/*.js", lambda route: route.abort())
    page.reload()
    step = page.locator(".plan-step").last
    step.locator("summary").click()
    expect(step.get_by_role("heading", name="Verify")).to_be_visible()
    page.get_by_role("button", name="Start this plan").click()
    expect(page.locator(".plan-progress")).to_contain_text(re.compile(r"\d+ of \d+ steps done"))


def test_what_is_copied_is_what_is_printed(site: Site, plan: Page) -> None:
    page = plan
    site.browser.grant_permissions(["clipboard-read", "clipboard-write"])
    block = page.locator("#phase-node-authorizer .command").first
    if not block.is_visible():
        page.locator("#phase-node-authorizer summary").first.click()
    block.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == block.locator("code").text_content()
    assert "\n" in copied


def test_on_paper_every_step_is_unfolded(plan: Page) -> None:
    page = plan
    page.emulate_media(media="print")
    bodies = page.locator(".step-body")
    hidden = page.evaluate(
        "[...document.querySelectorAll('.step-body')].filter(one => !one.checkVisibility()).length"
    )

    assert bodies.count() > 3
    assert hidden == 0


def test_the_fleet_marks_what_migrates(site: Site, plan: Page) -> None:
    page = plan
    page.get_by_role("button", name="Start this plan").click()
    page.set_viewport_size({"width": NARROW, "height": 900})
    page.goto(site.url)
    page.get_by_role("link", name=re.compile("Plan: ")).click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("eu-1")
    expect(page.locator(".tabs [aria-current]")).to_have_text("Plan")


def test_nodes_are_watched_live_until_someone_stops(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/clusters/add/")
    page.get_by_role("checkbox", name=LIVE).check()
    page.get_by_role("button", name="Add those chosen").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Legacy binding")
    page.get_by_role("link", name="Plan", exact=True).click()
    page.get_by_role("button", name="Start this plan").click()
    step = page.locator(".plan-step", has=page.locator(".watch-box")).first
    if step.locator("details[open]").count() == 0:
        step.locator("summary").click()
    step.get_by_role("button", name="Watch the nodes").click()
    watch = page.locator("#watch")
    expect(watch).to_contain_text(re.compile("Renewed since the step: 0 of [0-9]"))
    expect(page.locator("#watch-said")).to_have_text(re.compile("^Renewed since the step: 0 of"))
    expect(watch.locator(".watch-waiting a").first).to_have_attribute(
        "href", re.compile("/nodes/\\?search=")
    )
    with page.expect_response(lambda answer: answer.url.endswith("/plan/watch/")):
        page.locator("#watch-stop").focus()
    expect(page.locator("#watch-stop")).to_be_focused()
    expect_to_fit_in_every_view(page)
    page.locator("#watch-stop").press("Enter")
    expect(page.locator("#watch")).to_contain_text("someone stopped it")
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Remove it").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#messages")).to_contain_text("is removed")

    assert not complaints
