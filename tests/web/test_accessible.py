"""Everybody can use it: names, contrast and order, as axe sees them, on every page, light and dark, wide and phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from web.conftest import Visit
from web.scene import PHONE, WIDE, Visitor
from web.site import Site


def check(page: Page) -> None:
    """No rule of axe is broken, best practices and contrast (WCAG AA) among them."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), (WIDE, True), (PHONE, False)])
def test_no_violation(rich: Site, visit: Visit, size: tuple[int, int], dark: bool) -> None:
    """The door, the table, a run, its player, a comparison, the lab, the list of keys."""
    visitor: Visitor = visit(rich, size=size, dark=dark)
    page = visitor.go("/")
    expect(page.locator("#said")).to_be_visible()
    check(page)
    page = visitor.enter()
    expect(page.locator("tbody tr").first).to_be_visible()
    check(page)
    visitor.go("/runs/rich")
    expect(page.locator("button.clip").first).to_be_visible()
    expect(page.locator(".panel canvas").first).to_be_visible()
    check(page)
    page.keyboard.press("p")
    expect(page.locator(".player .count")).to_contain_text("/")
    check(page)
    visitor.go("/compare?run=rich")
    expect(page.locator(".panel canvas").first).to_be_visible()
    check(page)
    visitor.go("/runs/nobody")
    expect(page.locator("h1")).to_have_text("Not here")
    check(page)
    visitor.expect_complaint("404")
    visitor.go("/lab")
    expect(page.locator("tr[data-run=rich]")).to_be_attached()
    check(page)
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_be_visible()
    check(page)
