"""From a log line to the fix in Chromium: by keyboard, by mouse, from a file, without a script."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.test_pages import expect_to_fit_in_every_view

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site

REFUSED = (
    'secrets "db" is forbidden: User "system:node:eu-1-worker-1" cannot get resource "secrets" in'
    ' API group "" in the namespace "prod"'
)
HOSTILE = REFUSED.replace("eu-1-worker-1", "<img src=x onerror=alert(1)>\u202e\x1b[31m" + "a" * 300)


def test_a_line_leads_to_the_fix_by_keyboard(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/explain/")
    expect(page.get_by_label("Log lines")).to_be_focused()
    page.keyboard.insert_text(REFUSED)
    for name in ("or a file", "Hold it against", "Explain it"):
        page.keyboard.press("Tab")
        expect(page.get_by_label(name).or_(page.get_by_role("button", name=name))).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#refusal-1")).to_contain_text(
        "The kubelet of eu-1-worker-1 may not get secrets db in namespace prod"
    )
    expect(page.locator("#answer-heading")).to_be_focused()
    expect(page.locator("#held")).to_contain_text("Held against eu-1")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("eu-1")
    assert not complaints


def test_the_example_is_explained_chosen_against_another_cluster_and_copied(
    site: Site, page: Page, complaints: Complaints
) -> None:
    site.browser.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site.url}/explain/")
    page.get_by_role("link", name="Try it with an example").click()
    page.get_by_role("button", name="Explain it").click()
    expect(page.locator("#held")).to_contain_text("Held against eu-5")
    expect_to_fit_in_every_view(page)
    page.get_by_label("Hold it against").select_option("eu-4")
    page.get_by_role("button", name="Explain it").click()
    expect(page.locator("#held")).to_contain_text("because you chose it")
    expect(page.locator("#refusal-1")).to_contain_text("Allowed then")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    assert page.evaluate("navigator.clipboard.readText()").startswith("openssl x509")
    assert not complaints


def test_one_of_those_that_refuse_their_kubelets_is_chosen_by_its_button(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/explain/")
    page.get_by_label("Log lines").fill(REFUSED.replace("eu-1-", "new-"))
    page.get_by_role("button", name="Explain it").click()
    expect(page.locator("#held")).to_contain_text("No cluster of the fleet fits")
    page.get_by_role("button", name=re.compile("Hold it against this one.*eu-5")).click()
    expect(page.locator("#held")).to_contain_text("Held against eu-5")

    assert not complaints


def test_a_file_is_explained_and_a_hostile_one_fits(
    site: Site, page: Page, complaints: Complaints, tmp_path: Path
) -> None:
    file = tmp_path / "kubelet.log.gz"
    lines = [HOSTILE, *(REFUSED.replace("db", f"db{number}") for number in range(30)), "x" * 5_000]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    page.goto(f"{site.url}/explain/")
    page.get_by_label("or a file").set_input_files(file)
    page.get_by_role("button", name="Explain it").click()
    expect(page.locator("#total")).to_contain_text("31 different refusals in 32 lines")
    expect(page.locator("#answer")).to_contain_text("⟨U+202E⟩⟨U+001B⟩[31m")
    expect_to_fit_in_every_view(page)

    assert not complaints


def test_what_is_not_understood_or_too_large_is_said(
    site: Site, page: Page, complaints: Complaints, tmp_path: Path
) -> None:
    file = tmp_path / "kubelet.log"
    file.write_bytes(b"a\n" * 5_000_001)
    page.goto(f"{site.url}/explain/")
    page.get_by_label("or a file").set_input_files(file)
    page.get_by_role("button", name="Explain it").click()
    expect(page.get_by_role("alert")).to_contain_text("That is more than 10 MB")
    expect_to_fit_in_every_view(page)
    page.goto(f"{site.url}/explain/")
    page.get_by_label("Log lines").fill("all is well")
    page.get_by_role("button", name="Explain it").click()
    expect(page.locator("#nothing")).to_contain_text("No refusal in it")
    expect_to_fit_in_every_view(page)

    assert not complaints


def test_a_log_is_explained_without_a_script(site: Site, page: Page) -> None:
    page.route("**/*.js", lambda route: route.abort())
    page.goto(f"{site.url}/explain/?cluster=eu-4")
    page.get_by_label("Log lines").fill(REFUSED)
    page.get_by_role("button", name="Explain it").click()
    expect(page.locator("#held")).to_contain_text("Held against eu-4")
    expect(page.get_by_label("Log lines")).to_have_value(REFUSED)


def test_nodes_that_are_not_ready_lead_here(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/clusters/eu-5/")
    page.get_by_role("link", name="Paste log lines of their kubelets").click()
    expect(page.get_by_label("Hold it against")).to_have_value("eu-5")
