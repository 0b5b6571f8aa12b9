"""Debian's Chromium, headless, and what it complains of."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Error, expect, sync_playwright

from tests.supervisor.sites import children, command_line, kill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Dialog, Page

# It looks nothing up and fetches nothing by itself: only the page under test is on the network.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = 1440, 380
_OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
Theme = Literal["light", "dark"]
_PATIENCE_MS = 60_000
# Chromium now and then never says that a page or itself has ended: no test fails of that.
_PAGE_MS, _END_SECONDS = 5_000, 40


class Complaints(list[str]):
    """What the browser said is wrong: console errors, exceptions, blocked and failed requests; and
    dialogs, which no page opens, and requests to other hosts, which none sends.
    """

    def watch(self, page: Page) -> None:
        """Note from now on what goes wrong on this page."""
        page.on("console", lambda said: self._note(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("requestfailed", lambda request: self._note_failure(request.failure, request.url))
        page.on("response", lambda answer: self._note_status(answer.status, answer.url))
        page.on("dialog", self._note_dialog)
        page.on("request", lambda request: self._note_host(request.url))

    def _note(self, text: str) -> None:
        self.append(text)

    def _note_dialog(self, dialog: Dialog) -> None:
        self.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _note_host(self, url: str) -> None:
        place = urlsplit(url)
        if place.scheme in {"http", "https"} and place.hostname not in _OWN_HOSTS:
            self.append(f"a request to another host: {url}")

    def _note_failure(self, why: str | None, url: str) -> None:
        if why != "net::ERR_ABORTED":  # what a page asks for while one leaves it
            self._note(f"{why} {url}")

    def _note_status(self, status: int, url: str) -> None:
        if status >= 400:
            self._note(f"{status} {url}")


@contextmanager
def chromium(
    *, width: int = WIDE, theme: Theme = "light", scale: float = 1
) -> Iterator[BrowserContext]:
    """A browser with a fresh profile; pages in it wait up to a minute for what is looked for."""
    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("Chromium is missing: apt-get install chromium")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        _ended_by_force() as force,
        sync_playwright() as playwright,
    ):
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            args=_ARGUMENTS,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            device_scale_factor=scale,
            timeout=_PATIENCE_MS,
        )
        context.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        try:
            yield context
        finally:
            force.start()
            with suppress(Error):
                context.close()


@contextmanager
def opened(browser: BrowserContext) -> Iterator[Page]:
    """A page that afterwards asks for nothing any more; one that can't be closed is left behind."""
    page = browser.new_page()
    try:
        yield page
    finally:
        with suppress(Error), _ended_by_force() as force:
            force.start()
            page.goto("about:blank", timeout=_PAGE_MS)
            # Asked like this, it is told at once; otherwise one waits for the end without a bound.
            with page.expect_event("close", timeout=_PAGE_MS):
                page.close(run_before_unload=True)


@contextmanager
def _ended_by_force() -> Iterator[Timer]:
    """From the timer's start there are so many seconds to the block's end, then all browsers of
    this process are killed: whoever waits for one goes on.
    """
    timer = Timer(_END_SECONDS, _kill_browsers)
    timer.daemon = True
    try:
        yield timer
    finally:
        timer.cancel()


def _kill_browsers() -> None:
    for pid in browsers():
        with suppress(ProcessLookupError):
            kill(pid)


def browsers() -> list[int]:
    """The processes of all browsers that this process opened, without their own children."""
    drivers = [pid for pid in children(os.getpid()) if "run-driver" in command_line(pid)]
    return [pid for driver in drivers for pid in children(driver)]
