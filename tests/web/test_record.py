"""Somebody asks a living run for more, on its page."""

from playwright.sync_api import expect

from e2e.house import House, until
from web.conftest import Visit
from web.site import Site
from web.stories import begin_alive


def captured(house: House) -> list[int]:
    with house.read() as index:
        return [row.episode for row in index.episodes("alive", filmed=True)]


def test_record_now(house: House, visit: Visit) -> None:
    """The next episode, the next few, another schedule: each says what comes of it, and the trainer does it."""
    trainer = begin_alive(house)
    trainer.play(2)
    site = Site(house)
    visitor = visit(site)
    page = visitor.enter("/runs/alive")
    record = page.locator("#record")
    expect(record).to_contain_text("In force: every:5")
    record.get_by_role("button", name="Record the next episode").click()
    expect(record.get_by_role("status")).to_have_text("The next episode will be recorded.")
    expect(record.locator(".coming .tag").first).to_contain_text("2 asked for by")
    visitor.shoot("record")
    trainer.play(1)
    assert 2 in captured(house)
    expect(page.locator("button.clip", has_text="Episode 2")).to_be_visible()
    record.get_by_label("How many episodes").fill("2")
    record.get_by_role("button", name="Record the next", exact=True).click()
    expect(record).to_contain_text("the next 2 episodes")
    trainer.play(2)
    assert captured(house) == [0, 2, 3, 4]
    record.get_by_label("Capture schedule").fill("every:3")
    record.get_by_role("button", name="Change").click()
    expect(record).to_contain_text("In force: every:3")
    trainer.play(3)
    until(lambda: captured(house) == [0, 2, 3, 4, 6], "episode 6 by the new schedule")
    record.get_by_label("Capture schedule").fill("every:banana")
    record.get_by_role("button", name="Change").click()
    expect(record.get_by_role("alert")).to_contain_text("banana")
    expect(record.get_by_role("status")).to_have_text("")
    visitor.expect_complaint("400 (Bad Request)")
    trainer.play(1)
    expect(record).to_contain_text("episode 9 is next")
    expect(record.get_by_label("Capture schedule")).to_have_value("every:banana")
    page.locator("h1").click()
    page.keyboard.press("n")
    expect(record).to_contain_text("Asked for by")
    record.get_by_role("button", name="Forget what was asked for").click()
    expect(record.get_by_role("button", name="Forget what was asked for")).to_be_hidden()
    trainer.finish()
    expect(record).to_contain_text("Was in force: every:3")
    expect(record.get_by_role("button", name="Record the next episode")).to_be_hidden()


def test_what_cannot_be_asked(house: House) -> None:
    """Nonsense is refused with a reason, before the daemon is bothered."""
    trainer = begin_alive(house)
    site = Site(house)
    for body in (
        {},
        {"next": -1},
        {"next": "1"},
        {"next": True},
        {"wanted": "x"},
        {"schedule": ""},
        {"schedule": 5},
        [],
    ):
        reply = site.post("/api/runs/alive/record", body)
        assert (reply.status, "error" in reply.json) == (400, True), body
    assert site.post("/api/runs/nobody/record", {"next": 1}).status == 404
    assert site.ask("/api/runs/alive/plan").json["schedule"] == "every:5"
    trainer.finish()
    house.wait_printed()
    assert "over" in site.post("/api/runs/alive/record", {"next": 1}).json["error"]
