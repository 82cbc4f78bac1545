"""Addresses that lead nowhere: people get a page with the way back, scripts get JSON."""

import pytest
from playwright.sync_api import expect

from e2e.house import House
from web.conftest import Visit
from web.scene import PHONE
from web.site import Site, write_runs


def test_a_run_that_nobody_knows(rich: Site, visit: Visit) -> None:
    """In the house's look, with the words that say why; the link leads to the runs."""
    for name, size, dark in (("wide", None, False), ("phone-dark", PHONE, True)):
        visitor = visit(rich, dark=dark, **({"size": size} if size else {}))
        page = visitor.enter()
        visitor.go("/runs/nobody")
        expect(page.locator("h1")).to_have_text("Not here")
        expect(page.locator("main")).to_contain_text("No run is called 'nobody'.")
        assert page.title() == "Not here · filmlab"
        visitor.expect_complaint("404")
        visitor.shoot(f"lost-{name}")
        page.get_by_role("link", name="All runs").click()
        expect(page.locator("tbody tr").first).to_be_visible()


@pytest.mark.parametrize("path", ["/nowhere", "/runs/rich/more", "/runs/a%20name", "/favicon.ico", "/lab/x"])
def test_an_address_that_is_none(rich: Site, visit: Visit, path: str) -> None:
    """Whether there is no such page or there could be none: a page, and no address of it is followed."""
    visitor = visit(rich)
    visitor.enter()
    page = visitor.go(path)
    expect(page.locator("h1")).to_have_text("Not here")
    expect(page.get_by_role("link", name="All runs")).to_be_visible()
    visitor.expect_complaint("404")


@pytest.mark.parametrize(
    "path",
    ["/api/nowhere", "/api", "/api/runs/nobody", "/api/runs/nobody/episodes", "/api/runs/nobody/curves?m=x",
     "/prints/nobody/metrics.csv", "/prints/nobody/0000000000000001/1/clip", "/static/x/nothing.js"],
)  # fmt: skip
def test_scripts_get_json(rich: Site, path: str) -> None:
    """Also where the browser would take a page."""
    reply = rich.ask(path, accept="text/html,*/*")
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["error"]


def test_before_anything_was_recorded(house: House) -> None:
    """A link of yesterday's, of a state directory that is empty today; a name is not an id."""
    site = Site(house)
    reply = site.ask("/runs/run00000")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"Nothing has been recorded yet." in reply.body
    write_runs(house, 1, name="<img src=x>")
    assert site.ask("/runs/run00000").status == 200
    lost = site.ask("/runs/run0")
    assert (lost.status, b"no run has the id" in lost.body.lower()) == (404, True)


def test_a_name_leads_to_its_run(house: House) -> None:
    """People type what a run is called: to the one run of that name, or to the table of those that have it."""
    write_runs(house, 1, name="seed-42")
    one = Site(house).ask("/runs/seed-42")
    assert (one.status, one.headers["location"]) == (303, "/runs/run00000")


def test_a_name_of_several_leads_to_the_table(house: House, visit: Visit) -> None:
    """Filtered by it, so that one of them can be picked; who was not let in is not led anywhere."""
    write_runs(house, 3, name="twin")
    site = Site(house)
    visitor = visit(site)
    visitor.enter()
    page = visitor.go("/runs/twin")
    expect(page.locator("#count")).to_have_text("3 runs")
    assert page.url.endswith("/?q=twin")
    assert site.ask("/runs/twin", cookie=None).status == 401


def test_without_the_token_nothing_is_told(rich: Site) -> None:
    """Whether a run is there is nobody's business who was not let in."""
    known, unknown = (rich.ask(f"/runs/{run}", cookie=None, accept="text/html") for run in ("rich", "nobody"))
    assert (known.status, known.body) == (unknown.status, unknown.body)
