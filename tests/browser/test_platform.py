"""A fleet of hundreds in Chromium: acts on many clusters, their undoing, and twenty compared."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests import tracked
from tests.browser.chromium import NARROW, WIDE, chromium, opened
from tests.browser.conftest import Site
from tests.browser.story import sign_in
from tests.browser.test_pages import expect_to_fit_in_every_view
from tests.supervisor.conftest import environment_of_a_run
from tests.supervisor.sites import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.browser.chromium import Complaints

# A group of five is a fifth of them, and more than a page.
_CLUSTERS, _IN_GROUP = 260, 52
_FILL = (
    "import django; django.setup(); from tests import fleet, tracked;"
    f" fleet.fill({_CLUSTERS}, changes=2, nodes=2); tracked.fill()"
)
_ACT = f"/tickets/?batch={tracked.BATCH}"
_ADDED = ("jira-cloud", "mail", "webhook")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A fleet of hundreds, none of which is there to be read."""
    folder = tmp_path_factory.mktemp("platform")
    environment = environment_of_a_run(folder)
    with running(environment, folder / "terminal") as site, chromium() as browser:
        link = site.sign_in_link()
        settings = {**environment, "DJANGO_SETTINGS_MODULE": "authzviz.settings"}
        subprocess.run([sys.executable, "-c", _FILL], env=settings, check=True, timeout=120)
        with opened(browser) as page:
            sign_in(page, link)
        yield Site(link.split("/sign-in/")[0], browser)


def test_ticks_of_three_pages_are_compared_in_their_order(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/?sort=name")
    for number in (1, 2, 3):
        expect(page.locator("caption")).to_contain_text(f"Clusters {50 * number - 49} to")
        for box in page.locator("tbody input.pick").all()[:10]:
            box.check()
        if number < 3:
            page.get_by_role("link", name="Next", exact=True).click()
    expect(page.locator("#ticked")).to_have_text("30 ticked, 20 not on this page")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("20 clusters compared")
    expect(page.get_by_text("10 more are left out")).to_be_visible()
    heads = page.locator("table.compare thead th a:not(.d-print-none)")
    expect(heads.first).to_have_text("cluster-0000")
    expect(heads.nth(19)).to_have_text("cluster-0059")

    assert not complaints


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_heads_stay_in_sight_where_twenty_are_compared(site: Site, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    slugs = "&".join(f"c=cluster-{number:04}" for number in range(20))
    page.goto(f"{site.url}/clusters/compare/?{slugs}")
    table = page.get_by_role("region", name="Table of what differs")
    table.evaluate("table => table.scrollTo(900, 300)")
    edge = table.bounding_box()
    row = table.locator("tbody th[scope=row]").first.bounding_box()
    head = table.locator("thead th").nth(9).bounding_box()

    assert edge
    assert row
    assert head
    assert abs(row["x"] - edge["x"]) < 3
    assert abs(head["y"] - edge["y"]) < 3
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_all_that_a_filter_finds_is_paused_and_that_is_undone(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/?group=Europe&sort=name")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    page.get_by_role("checkbox", name=f"all {_IN_GROUP} found").check()
    expect(page.locator("#ticked")).to_have_text(f"{_IN_GROUP} ticked")
    box = page.get_by_role("checkbox", name="Tick cluster-0000")
    expect(box).to_be_checked()
    expect(box).to_be_disabled()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#messages")).to_contain_text(f"{_IN_GROUP} clusters paused.")
    expect(page.locator("table.fleet tbody td").get_by_text("paused")).to_have_count(50)
    page.get_by_role("button", name="Undo what was just done").click()
    expect(page.locator("#messages")).to_contain_text(f"{_IN_GROUP} changes undone.")
    expect(page.locator("table.fleet tbody td").get_by_text("paused")).to_have_count(0)
    expect(page).to_have_url(f"{site.url}/?group=Europe&sort=name")

    assert not complaints


def test_all_that_a_filter_finds_is_compared_as_far_as_it_goes(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/?group=Europe&sort=name")
    page.get_by_role("checkbox", name=f"all {_IN_GROUP} found").check()
    page.get_by_role("button", name="Compare").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("20 clusters compared")
    expect(page.get_by_text(f"{_IN_GROUP - 20} more are left out")).to_be_visible()


def test_enter_in_a_field_does_what_the_button_beside_it_does(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/?sort=name")
    page.get_by_role("checkbox", name="Tick all on this page").press("Space")
    page.locator("#menu-change summary").press("Enter")
    page.get_by_label("Put into the group").fill("Wave 1")
    page.get_by_label("Put into the group").press("Enter")
    expect(page.locator("#messages")).to_contain_text("50 clusters put into the group Wave 1.")
    expect(page.locator("table.fleet .in-group", has_text="Wave 1")).to_have_count(50)
    page.get_by_role("button", name="Undo what was just done").click()
    expect(page.locator("table.fleet .in-group", has_text="Wave 1")).to_have_count(0)

    assert not complaints


def test_a_few_are_removed_and_activity_tells_it(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/?search=cluster-025&sort=name")
    for number in (251, 252, 253):  # none of the group that other tests count
        page.get_by_role("checkbox", name=f"Tick cluster-0{number}").check()
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove these 3").click()
    expect(page.locator("#messages")).to_contain_text("3 clusters removed.")
    expect(page.locator("#ticked")).to_contain_text("Tick clusters")
    page.goto(f"{site.url}/activity/")

    act = page.locator(".act", has_text="removed 3 clusters")
    expect(act).to_contain_text(re.compile(r"cluster-0251,\s+cluster-0252,\s+cluster-0253"))


def test_what_is_accepted_leads_to_the_finding(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/?state=accepted&sort=name")
    page.locator("a.find", has_text="accepted").first.click()
    expect(page.get_by_role("heading", name="Accepted", exact=True)).to_be_in_viewport()
    page.goto(f"{site.url}/risks/")
    page.locator("table.risks td a").first.click()

    expect(page.locator(":target")).to_contain_text("Ours until the next upgrade.")


STATES = ("rejected", "unknown", "closed")


def test_pages_of_tickets_fit_in_every_state(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(site.url + _ACT)
    expect(page.locator("#progress")).to_contain_text("of 17 opened")
    expect_to_fit_in_every_view(page)
    built_in = page.locator("tr", has_text="Built-in list").locator("a[id^=to-]")
    addresses = [built_in.first.get_attribute("href")]
    for state in STATES:
        page.goto(f"{site.url}{_ACT}&state={state}")
        addresses.append(page.locator("a[id^=to-]").first.get_attribute("href"))
    for address in addresses:
        page.goto(f"{site.url}{address}")
        expect_to_fit_in_every_view(page)

    assert not complaints


def test_pages_of_trackers_fit_in_every_state(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/trackers/")
    expect_to_fit_in_every_view(page)
    page.get_by_role("link", name="redmine", exact=True).click()
    expect_to_fit_in_every_view(page)
    page.get_by_role("link", name="Remove it…").click()
    expect_to_fit_in_every_view(page)
    for kind in _ADDED:
        page.goto(f"{site.url}/trackers/add/{kind}/")
        expect_to_fit_in_every_view(page)

    assert not complaints


def test_a_ticket_of_many_clusters_is_looked_at_before_it_is_opened(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/?search=cluster-003&sort=name")
    for number in (30, 32, 34):
        page.get_by_role("checkbox", name=f"Tick cluster-00{number}").check()
    page.get_by_role("button", name="Open tickets").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Open 2 tickets?")
    expect(page.locator("#left-1")).to_contain_text("cluster-0030")
    expect_to_fit_in_every_view(page)

    assert not complaints


def test_tickets_are_opened_and_commented_by_keyboard_and_without_a_script(
    site: Site, page: Page
) -> None:
    page.route("**/*.js", lambda route: route.abort())
    page.goto(f"{site.url}/clusters/cluster-0100/")
    page.get_by_role("button", name="Open ticket").press("Enter")
    expect(page.locator("#messages")).to_contain_text("A ticket is queued for Built-in list.")
    page.goto(f"{site.url}/?search=cluster-010&sort=name")
    for number in (102, 104):
        page.get_by_role("checkbox", name=f"Tick cluster-0{number}").press("Space")
    page.get_by_role("button", name="Open tickets").press("Enter")
    page.get_by_role("button", name="Open 2 in Built-in list").press("Enter")
    expect(page.locator("#messages")).to_contain_text("2 queued for Built-in list.")
    page.goto(f"{site.url}{_ACT}&state=open")
    page.locator("tr", has_text="Built-in list").locator("a[id^=to-]").press("Enter")
    page.get_by_role("textbox", name="Comment").fill("Mine now")
    page.get_by_role("button", name="Add the comment").press("Enter")

    expect(page.locator(".comments li").last).to_contain_text("Mine now")
