"""How the lab is doing, on its page."""

from playwright.sync_api import expect

from e2e.house import House, until
from web.conftest import Visit
from web.scene import PHONE
from web.site import Site
from web.stories import begin_alive


def test_the_lab(house: House, visit: Visit) -> None:
    """Daemon, queue, throughput, disk, and what each training was held up for; without a daemon it says so."""
    site = Site(house)
    visitor = visit(site)
    page = visitor.enter("/lab")
    expect(page.locator("#lab")).to_contain_text("A trainer starts one by itself")
    trainer = begin_alive(house)
    expect(page.locator("#lab")).to_contain_text("1 run alive")
    trainer.play(6)
    trainer.finish()
    row = page.locator("tr[data-run=alive]")
    expect(row).to_contain_text("µs")
    expect(row).to_contain_text("finished")
    for title in ("Queue", "Throughput", "State directory"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    visitor.shoot("lab")
    phone = visit(site, size=PHONE, dark=True)
    small = phone.enter("/lab")
    expect(small.locator("tr[data-run=alive]")).to_be_attached()
    assert small.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    phone.shoot("lab-phone-dark")


def test_what_was_given_up_is_tried_again(house: House, visit: Visit) -> None:
    """A print that could not be written stands there with its reason; once there is room for it, Retry makes it."""
    blocker = house.root / "films" / "play"
    blocker.parent.mkdir()
    blocker.write_text("in the way")
    trainer = begin_alive(house)
    trainer.play(1)
    site = Site(house)
    visitor = visit(site)
    page = visitor.enter("/lab")
    failed = page.locator("tr[data-key^='episode:']")
    expect(failed).to_contain_text("given up")
    visitor.shoot("lab-given-up")
    blocker.unlink()
    failed.get_by_role("button", name="Retry").click()
    expect(page.locator(".toast")).to_have_text("It is tried again.")
    until(lambda: list((house.root / "films").glob("play/*/episodes/*.gif")), "the print that was given up")
    expect(failed).to_have_count(0)
    assert site.post("/api/retry", {"key": "episode:0:0"}).status == 400
    trainer.finish()
