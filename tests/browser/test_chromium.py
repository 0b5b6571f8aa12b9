"""Chromium that never says it has ended: what was tested stands, and the next browser starts."""

from __future__ import annotations

import os
import signal

import pytest

from tests.browser import chromium as harness
from tests.browser.chromium import browsers, chromium, opened
from tests.supervisor.sites import none_runs

_BUSY = "setTimeout(() => { for (;;); })"


def test_one_that_hangs_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "_END_SECONDS", 8)
    with chromium() as browser, opened(browser) as page:
        page.set_content("<h1>Fleet</h1>")
        running = browsers()
        for pid in running:
            os.kill(pid, signal.SIGSTOP)

    none_runs(running)
    assert len(running) == 1
    with chromium() as browser, opened(browser) as page:
        page.set_content("<h1>Fleet</h1>")
        assert page.get_by_role("heading").inner_text() == "Fleet"


def test_a_page_that_hangs_is_left_behind() -> None:
    with chromium() as browser:
        with opened(browser) as page:
            page.evaluate(_BUSY)
        with opened(browser) as page:
            page.set_content("<h1>Fleet</h1>")
            assert page.get_by_role("heading").inner_text() == "Fleet"
        assert page.is_closed()


def test_what_fails_in_a_page_fails() -> None:
    with pytest.raises(ZeroDivisionError), chromium() as browser, opened(browser):
        raise ZeroDivisionError
