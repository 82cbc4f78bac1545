"""The table of runs, as somebody who opens it sees it."""

import re

import pytest
from playwright.sync_api import expect

from e2e.house import House
from web.conftest import Visit
from web.scene import PHONE
from web.site import Site, write_runs
from web.stories import begin_alive


def test_nobody_has_recorded_anything(house: House, visit: Visit) -> None:
    """An empty page says what to do, and fills itself when a run begins."""
    site = Site(house)
    visitor = visit(site)
    page = visitor.enter()
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    visitor.shoot("runs-none")
    house.train("import filmlab\nfilmlab.init(project='p', name='the first').finish()")
    expect(page.get_by_role("link", name="the first")).to_be_visible()


def test_a_run_that_lives(house: House, visit: Visit) -> None:
    """New episodes are counted in the open table without a reload; the newest clip plays under the pointer."""
    trainer = begin_alive(house)
    site = Site(house)
    visitor = visit(site)
    page = visitor.enter()
    row = page.locator("tr[data-run=alive]")
    expect(row).to_contain_text("running")
    trainer.play(7)
    expect(row.locator(".c-episodes")).to_have_text("7")
    expect(row.locator(".c-last")).to_have_text("42")
    poster = row.locator(".thumb img")
    expect(poster).to_have_attribute("src", re.compile("/poster"))
    poster.hover()
    expect(poster).to_have_attribute("src", re.compile("/clip"))
    page.mouse.move(5, 5)
    expect(poster).to_have_attribute("src", re.compile("/poster"))
    visitor.shoot("runs-one")
    trainer.finish()
    expect(row).to_contain_text("finished")


@pytest.fixture
def many(house: House) -> Site:
    """A page with 200 runs."""
    write_runs(house, 200)
    return Site(house)


def test_two_hundred_runs(many: Site, visit: Visit) -> None:
    """Filtered by words, regular expression and status; sorted, grouped and pinned; the view is in the address."""
    visitor = visit(many)
    page = visitor.enter()
    rows = page.locator("tbody tr[data-run]")
    expect(rows).to_have_count(200)
    visitor.shoot("runs-200")
    page.keyboard.press("/")
    page.keyboard.type("lander sac 19")
    expect(page.locator("#count")).to_contain_text("of 200 runs")
    assert all("lander" in text and "sac" in text for text in rows.all_inner_texts())
    page.locator("#filter").fill("^run 1[0-4]$")
    expect(page.locator("tbody")).to_contain_text("No run matches")
    page.get_by_label("regular expression").check()
    expect(rows).to_have_count(5)
    page.locator("#filter").fill("(")
    expect(page.locator("#filter")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#count")).to_have_text("not a regular expression")
    page.locator("#filter").fill("")
    page.get_by_role("button", name="crashed 18").click()
    expect(rows).to_have_count(18)
    page.get_by_role("button", name="crashed 18").click()
    page.get_by_role("button", name="Best").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Best")
    best = [float(text.replace(",", "").replace("−", "-")) for text in page.locator("td.c-best").all_inner_texts()]
    assert best == sorted(best, reverse=True)
    page.get_by_role("button", name="Pin run 7", exact=True).click()
    expect(rows.first).to_contain_text("run 7")
    page.get_by_label("Group").select_option("project")
    expect(page.locator("tr.group")).to_have_count(2)
    page.reload()
    expect(page.locator("tr.group")).to_have_count(2)
    expect(page.get_by_role("button", name="Pin run 7", exact=True)).to_have_attribute("aria-pressed", "true")


def test_on_a_phone_and_in_the_dark(many: Site, visit: Visit) -> None:
    """Every row is a card, and nothing reaches beyond the screen's edge."""
    for dark in (False, True):
        visitor = visit(many, size=PHONE, dark=dark)
        page = visitor.enter()
        expect(page.locator("tbody tr[data-run]").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        visitor.shoot(f"runs-200-phone-{'dark' if dark else 'light'}")
    visitor = visit(many, dark=True)
    page = visitor.enter()
    # Keys are heard once the scripts run, and these draw the rows.
    expect(page.locator("tbody tr[data-run]").first).to_be_visible()
    visitor.shoot("runs-200-dark")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
