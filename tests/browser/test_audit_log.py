"""A recorded audit log, uploaded in Chromium: the agent is named, and the plan knows of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.chromium import Complaints
    from tests.browser.conftest import Site

RECORDED = Path(__file__).parents[1] / "data/audit"


def test_a_recorded_log_names_the_agent_and_moves_the_plan(
    site: Site, page: Page, complaints: Complaints
) -> None:
    page.goto(f"{site.url}/clusters/add/")
    form = page.locator("form[action$='/bundle/']")
    form.locator("input[type=file]").set_input_files(RECORDED / "node-first.bundle.json.gz")
    form.locator("input[name=name]").fill("recorded")
    form.get_by_role("button", name="Add this cluster").click()
    page.wait_for_url(re.compile("/clusters/(?!add/)[^/]+/$"))
    cluster = page.url
    page.goto(f"{cluster}plan/")
    proof = page.locator(".plan-step", has_text="See in the audit log that nobody needs").first
    before = proof.locator(".chip").first.inner_text()
    accounts = page.locator(".plan-step", has_text="node-agent")
    assert accounts.count() == 0

    page.goto(f"{cluster}audit-log/")
    page.get_by_label("Files").set_input_files(RECORDED / "node-first.jsonl.gz")
    page.get_by_role("button", name="Upload and read").click()

    expect(page.locator("#proof")).to_contain_text("Something would break")
    expect(page.locator("#uses")).to_contain_text("node-agent")
    page.goto(f"{cluster}plan/")
    expect(accounts.first).to_be_attached()
    expect(proof.locator(".chip").first).not_to_have_text(before)
    assert not complaints
