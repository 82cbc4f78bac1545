"""A browser in front of the page, and somebody who uses it."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from e2e.house import until
from patience import PATIENCE_S
from web.site import Site

SHOTS = Path(__file__).parents[2] / "screenshots"
WIDE, PHONE = (1440, 900), (390, 844)
_ARGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def find_chromium() -> str:
    """The browser's path: its absence skips the test on a laptop, and fails it in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None and os.environ.get("CI") != "true":
        pytest.skip("no Chromium here")
    assert path is not None, "Chromium is missing"
    return path


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that speaks to nobody but the page."""
    path = find_chromium()
    # Playwright's own are five seconds for what is expected, thirty for what is done.
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGS), timeout=PATIENCE_S * 1000)
        yield browser
        browser.close()


class Visitor:
    """Somebody with a browser. What the browser complains of is kept, and is to be nothing."""

    def __init__(self, browser: Browser, site: Site, *, size: tuple[int, int] = WIDE, dark: bool = False) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )  # fmt: skip
        self.site = site
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.set_default_timeout(PATIENCE_S * 1000)

    def enter(self, path: str = "/") -> Page:
        """By the link, as it was printed, to some page of it."""
        self.page.goto(f"{self.site.origin}{path}#{self.site.token}")
        self.page.wait_for_selector("header.bar")
        assert "#" not in self.page.url, "the token stays in the address"
        return self.page

    def go(self, path: str) -> Page:
        self.page.goto(self.site.origin + path)
        return self.page

    def wait_true(self, script: str) -> None:
        """Until a script says so. Not Playwright's own way, which the page's policy forbids."""
        until(lambda: self.page.evaluate(script), script)

    def shoot(self, name: str, *, full: bool = False) -> None:
        """A screenshot, for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=full)

    def expect_complaint(self, text: str) -> None:
        """What was asked for could not be: the browser says so as well, this once."""
        (said,) = self.complaints
        assert text in said, said
        self.complaints.clear()

    def close(self) -> None:
        # An answer comes after everything that was said before; what breaks off with the page is no complaint.
        self.page.evaluate("0")
        complaints = list(self.complaints)
        self.context.close()
        assert not complaints, complaints

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")
