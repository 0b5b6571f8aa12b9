"""Every page of the running product in Chromium: it fits, it is quiet, and hands can work it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.accessible import faults
from tests.browser.chromium import NARROW, WIDE
from tests.browser.conftest import LIVE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site

_ACTIVE = "document.activeElement.innerText.trim() || document.activeElement.id"
PAGES = {
    "fleet": "/",
    "fleet, sorted": "/?sort=-name",
    "fleet, nothing found": "/?search=nowhere",
    "fleet, grouped and filtered": "/?by=verdict&severity=high&severity=critical&sort=findings",
    "always refused": "/clusters/eu-5/",
    "legacy binding": "/clusters/eu-1/",
    "over-granted": "/clusters/eu-2/",
    "unrestricted": "/clusters/eu-3/",
    "node authorizer": "/clusters/eu-4/",
    "mixed": "/clusters/us-1/",
    "grants": "/clusters/eu-2/grants/",
    "grants, one reaches nobody": "/clusters/eu-5/grants/",
    "grants, nothing found": "/clusters/eu-2/grants/?search=nowhere",
    "nodes": "/clusters/eu-1/nodes/",
    "nodes, none": "/clusters/eu-5/nodes/",
    "nodes, nothing found": "/clusters/eu-1/nodes/?search=nowhere",
    "nodes of differing paths": "/clusters/us-1/nodes/?sort=path",
    "evidence": "/clusters/us-1/evidence/",
    "audit log, none": "/clusters/eu-1/audit-log/",
    "a raw role": "/clusters/eu-2/objects/clusterroles/system:node/",
    "a raw binding": "/clusters/eu-2/objects/clusterrolebindings/system:node/",
    "a raw node": "/clusters/eu-1/objects/nodes/eu-1-worker-1/",
    "plan, refused": "/clusters/eu-5/plan/",
    "plan, legacy binding": "/clusters/eu-1/plan/",
    "plan, none is needed": "/clusters/eu-4/plan/",
    "plans": "/plans/",
    "plans, nothing found": "/plans/?search=nowhere",
    "tickets, none": "/tickets/",
    "open a ticket": "/clusters/eu-1/ticket/",
    "tickets, nothing found": "/tickets/?search=nowhere",
    "help": "/help/",
    "history": "/history/",
    "history, nothing found": "/history/?search=nowhere",
    "history of a cluster": "/clusters/eu-5/history/",
    "a snapshot compared": "/clusters/eu-1/history/?from=1&to=1",
    "compare five": "/clusters/compare/?c=eu-1&c=eu-2&c=eu-3&c=eu-4&c=eu-5",
    "compare with a baseline": "/clusters/compare/?c=eu-4&c=us-1&c=eu-5&baseline=eu-4",
    "compare, nothing chosen": "/clusters/compare/",
    "what if": "/clusters/eu-5/what-if/",
    "what if, healed": "/clusters/eu-5/what-if/?modes=Node,RBAC",
    "what if, healed the quick way": "/clusters/eu-5/what-if/?add=system:node%3DGroup:system:nodes",
    "what if, broken": "/clusters/eu-1/what-if/?take=system:node%3DGroup:system:nodes",
    "what if, by kinds of nodes": "/clusters/us-1/what-if/?modes=Node,RBAC&version=1.36",
    "accept a finding": "/clusters/eu-1/risks/?finding=bdbb55fc453777fa60057589a6a6e84b",
    "accepted risks": "/risks/",
    "activity": "/activity/",
    "activity, nothing found": "/activity/?search=nowhere",
    "settings": "/clusters/eu-1/settings/",
    "remove": "/clusters/eu-1/remove/",
    "add": "/clusters/add/",
    "check a certificate": "/certificates/?cluster=eu-1",
    "explain a log": "/explain/?cluster=eu-1",
    "explain an example": "/explain/?example",
    "explain a log of a cluster that is gone": "/explain/?cluster=gone",
    "reader": "/reader/",
    "reader of a cluster": "/clusters/eu-1/reader/",
    "trackers": "/trackers/",
    "add a tracker": "/trackers/add/github/",
    "people": "/people/",
    "reader of an old version": "/reader/?version=1.22&distribution=openshift",
    "profile": "/profile/",
    "password": "/account/password/set/",
    "sign out": "/account/logout/",
}


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_page_fits_and_nothing_fails(
    site: Site, page: Page, complaints: Complaints, path: str
) -> None:
    page.goto(site.url + path)
    expect_to_fit_in_every_view(page)

    assert not complaints


VISITED = {
    "sign in": ("/account/login/?next=/people/", "Sign in"),
    "a link that is over": ("/sign-in/never-given-out/", "This link is over"),
    "no such page": ("/nowhere/", "Not here"),
}


@pytest.mark.parametrize(("path", "heading"), VISITED.values(), ids=VISITED)
def test_a_visitor_sees_pages_that_fit(
    site: Site, page: Page, complaints: Complaints, path: str, heading: str
) -> None:
    cookies = site.browser.cookies()
    site.browser.clear_cookies()
    try:
        page.goto(site.url + path)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        expect_to_fit_in_every_view(page)
    finally:
        site.browser.add_cookies(cookies)  # type: ignore[arg-type]  # what it gave itself

    assert not [one for one in complaints if "404" not in one]


def test_the_theme_is_chosen_and_kept(site: Site, page: Page) -> None:
    root = page.locator("html")
    page.goto(site.url)
    page.get_by_role("button", name="Dark").click()
    page.goto(f"{site.url}/people/")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="As the system").click()

    expect(root).to_have_attribute("data-bs-theme", "light")


def test_clusters_are_found_while_typing_and_filtered_by_verdict(site: Site, page: Page) -> None:
    page.goto(site.url)
    rows = page.locator("table.fleet tbody tr")
    page.get_by_label("Find by name").press_sequentially("eu-2")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Over-granted")
    expect(page).to_have_url(re.compile("search=eu-2"))
    page.goto(site.url)
    page.get_by_role("link", name=re.compile("1 Refused")).click()

    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("eu-5")
    page.get_by_role("link", name=re.compile("Show all")).click()
    expect(rows.filter(has_text="us-1")).to_have_count(1)


def test_the_sample_leads_to_the_outage_and_its_command_is_copied(site: Site, page: Page) -> None:
    site.browser.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(site.url)
    page.get_by_role("link", name="see why in eu-5").click()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    assert page.evaluate("navigator.clipboard.readText()") == (
        "kubectl set subject clusterrolebinding system:node --group=system:nodes"
    )


def test_the_sample_tells_why_the_fifth_cluster_is_broken(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(site.url)
    for name in ("eu-1", "eu-2", "eu-3", "eu-4"):
        page.get_by_role("checkbox", name=f"Tick {name}").check()
    page.get_by_role("checkbox", name="Tick eu-5").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Compare").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("5 clusters compared")
    expect(page.locator(".likely-cause")).to_contain_text(
        "eu-5 refuses its kubelets: the binding system:node has no subjects"
    )
    page.get_by_role("link", name=re.compile("As baseline.*eu-1")).click()
    expect(page.get_by_text("differs from eu-1")).to_be_visible()
    page.get_by_role("link", name=re.compile("Remove.*eu-3")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("4 clusters compared")
    page.get_by_text("alike in all").click()
    expect(page.get_by_role("table", name="What is alike")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as CSV").click()

    assert saved.value.suggested_filename.startswith("comparison-")
    assert not complaints


def test_what_is_ticked_stays_so_while_the_fleet_page_asks_again(site: Site, page: Page) -> None:
    page.goto(site.url)
    box = page.get_by_role("checkbox", name="Tick eu-2")
    box.check()
    with page.expect_response(lambda answer: "sort=name" in answer.url):
        page.evaluate("htmx.ajax('GET', '/?sort=name', {target: '#clusters', swap: 'outerHTML'})")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text(re.compile("Cluster"))

    expect(box).to_be_checked()


def test_what_is_compared_stays_in_sight_on_a_narrow_screen(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": NARROW, "height": 900})
    page.goto(f"{site.url}{PAGES['compare five']}")
    table = page.get_by_role("region", name="Table of what differs")
    before = page.get_by_role("rowheader", name="Node authorizer").bounding_box()
    table.evaluate("it => { it.scrollLeft = 400; }")
    after = page.get_by_role("rowheader", name="Node authorizer").bounding_box()

    assert before
    assert after
    assert table.evaluate("it => it.scrollLeft") == 400
    assert before["x"] == after["x"]


def test_the_keyboard_reaches_what_there_is_to_do(site: Site, page: Page) -> None:
    page.goto(site.url)
    fleet = _tabbed(page, 20)
    page.goto(f"{site.url}/clusters/eu-5/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    skipped_to = page.evaluate(_ACTIVE)
    cluster = _tabbed(page, 16)

    links = [
        "Fleet",
        "Plans",
        "Tickets",
        "History",
        "Explain",
        "Certificates",
        "Activity",
        "Add clusters",
        "People",
    ]
    assert fleet[:12] == ["Skip to the content", "authzviz", *links, "Help"]
    assert {"Light", "search", "Find", "see why in eu-5"} <= set(fleet)
    assert skipped_to.startswith("Fleet")
    head = ["Fleet", "eu-5", "Refused", "Compare", "Open ticket", "Preview\nof the ticket"]
    assert cluster[:8] == [*head, "Settings", "Overview"]
    assert "Copy" in cluster


def test_a_certificate_is_checked_without_a_script(site: Site, page: Page) -> None:
    page.route("**/*.js", lambda route: route.abort())
    page.goto(f"{site.url}/certificates/")
    page.get_by_label("Certificate or subject").fill("subject=O = system:masters, CN = admin")
    page.get_by_role("button", name="Check it").click()
    expect(page.locator("#answer")).to_contain_text("it is in group system:masters")
    expect(page.get_by_label("Certificate or subject")).to_have_value("")


def test_a_checked_certificate_fits(site: Site, page: Page, complaints: Complaints) -> None:
    page.goto(f"{site.url}/certificates/?cluster=eu-5")
    page.get_by_label("Certificate or subject").fill(
        "O = system:nodes, O = a-group-whose-name-is-very-long-and-has-no-blank-in-it-at-all,"
        " CN = system:node:ip-10-0-0-1.a-region-of-some-cloud.compute.internal"
    )
    page.get_by_role("button", name="Check it").click()
    expect(page.locator("#answer")).to_contain_text("eu-5 would refuse it")
    expect_to_fit_in_every_view(page)

    assert not complaints


def test_a_private_key_is_refused_and_not_shown_again(site: Site, page: Page) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----"
    page.goto(f"{site.url}/certificates/")
    page.get_by_label("Certificate or subject").fill(key)
    page.get_by_role("button", name="Check it").click()
    expect(page.locator("#refusal")).to_contain_text("That held a private key.")
    expect(page.get_by_label("Certificate or subject")).to_have_value("")
    assert "MC4CAQAw" not in page.content()
    expect_to_fit_in_every_view(page)


def test_a_local_context_is_added_read_paused_and_removed(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/clusters/add/")
    page.get_by_role("checkbox", name=LIVE).check()
    page.get_by_role("button", name="Add those chosen").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Legacy binding")

    status = page.locator("#status")
    _expect_read(status)
    page.get_by_role("button", name="Read now").click()
    # Queued or being read: the line stays so until it asks again, two seconds later.
    expect(status.locator(".turning")).to_be_visible()
    _expect_read(status)
    expect_to_fit_in_every_view(page)
    page.get_by_role("link", name="Evidence", exact=True).click()
    expect(page.locator("#apiservers")).to_contain_text("How this is known")
    expect(page.locator("#credentials")).to_contain_text("What they may")

    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_label("Probe NodeRestriction")).not_to_be_checked()
    expect_to_fit_in_every_view(page)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("link", name=LIVE).click()
    page.get_by_role("button", name="Resume reading").click()
    expect(page.get_by_role("button", name="Read now")).to_be_visible()

    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Remove it").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#messages")).to_contain_text("is removed")
    assert not complaints


def _expect_read(status: Locator) -> None:
    """The reading has ended, and the line says how old its facts are."""
    expect(status).to_contain_text(re.compile(r"read \d+ s ago"))
    expect(status).to_contain_text("every 60 s")


def expect_to_fit_in_every_view(page: Page) -> None:
    """With all that folds unfolded, nothing makes the page itself scroll sideways, at either width,
    light or dark, and axe finds nothing wrong with it.
    """
    page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
    for width in (NARROW, WIDE):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
            wider = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wider == 0, f"{page.url} at {width} px, {scheme}: {wider} px too wide"
            if (width, scheme) in ((NARROW, "dark"), (WIDE, "light")):
                assert faults(page) == [], f"{page.url} at {width} px, {scheme}"


def _tabbed(page: Page, times: int) -> list[str]:
    """What has the focus after each press of the tabulator."""
    focused = []
    for _ in range(times):
        page.keyboard.press("Tab")
        focused.append(page.evaluate(_ACTIVE))
    return focused
