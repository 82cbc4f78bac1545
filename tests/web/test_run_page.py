"""The page of one run, by what a person does on it: curves, gallery, player, and the way from one to the other."""

import math
import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from e2e.house import House
from web.conftest import Visit
from web.scene import PHONE, Visitor
from web.site import Site
from web.stories import begin_alive


def open_run(visit: Visit, site: Site, **more: object) -> tuple[Visitor, Page]:
    visitor = visit(site, **more)
    page = visitor.enter("/runs/rich")
    expect(page.locator(".panel[data-metric='episode/return'] canvas")).to_be_visible()
    return visitor, page


def test_curves(rich: Site, visit: Visit) -> None:
    """Panels by group; the first value that is no number is named; attempts are apart; the head says its status."""
    visitor, page = open_run(visit, rich)
    expect(page.locator(".group h3")).to_have_text(["episode", "eval", "train"])
    loss = page.locator(".panel[data-metric='train/loss']")
    expect(loss.locator(".bad-note")).to_have_text("2 not finite, the first NaN at step 70")
    expect(loss.locator(".series span")).to_have_text(["attempt 1", "attempt 2"])
    expect(page.locator("h1")).to_have_text("rich")
    expect(page.locator(".run-head .pill")).to_have_text("finished · attempt 2")
    expect(page.locator(".stats")).to_contain_text("70")
    expect(page.locator("#facts")).to_contain_text("net.width")
    expect(page.locator("#facts")).to_contain_text("0.75")
    visitor.shoot("run", full=True)


def test_every_axis_smoothing_and_scale(rich: Site, visit: Visit) -> None:
    """Each is a control with a name; what was chosen is remembered on the next page."""
    _, page = open_run(visit, rich)
    axis = page.get_by_label("x axis")
    for value in ("episode", "wall", "relative", "step"):
        with page.expect_response(re.compile(f"curves.*x={value}")) as answer:
            axis.select_option(value)
        assert answer.value.ok
    slider = page.get_by_role("slider", name="Smoothing")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".board output")).to_have_text("off")
    page.keyboard.press("End")
    expect(page.locator(".board output")).to_have_text("over ~3,000 points")
    page.get_by_label("log", exact=True).check()
    page.get_by_label("Filter metrics").fill("entropy")
    expect(page.locator(".groups .panel:visible")).to_have_count(1)
    page.reload()
    expect(page.locator(".board output")).to_have_text("over ~3,000 points")


def test_zoom_is_shared(rich: Site, visit: Visit) -> None:
    """Dragging over one panel asks for that part of all that are seen; a key and a double click take it back."""
    _, page = open_run(visit, rich)
    over = page.locator(".panel[data-metric='train/loss'] .u-over")
    over.hover()  # waits until the panel stands still
    box = over.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    with page.expect_response(re.compile("curves.*from=")) as answer:
        page.mouse.move(box["x"] + box["width"] * 0.3, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=5)
        page.mouse.up()
    assert answer.value.url.count("m=") > 1
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    over.dblclick()
    expect(page.get_by_role("button", name="Reset zoom")).to_be_hidden()
    page.locator(".panel[data-metric='train/loss']").focus()
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Reset zoom")).to_be_hidden()


def test_gallery(rich: Site, visit: Visit) -> None:
    """Posters that play on hover; filtered by comparisons and by the reason, sorted by return, length and episode."""
    visitor, page = open_run(visit, rich)
    clips = page.locator("button.clip")
    expect(clips).to_have_count(9)
    first = clips.first.locator("img")
    first.scroll_into_view_if_needed()
    first.hover()
    expect(first).to_have_attribute("src", re.compile("/clip"))
    find = page.get_by_label("Filter clips")
    find.fill("episode>=20 attempt=1")
    expect(clips).to_have_count(3)
    find.fill("solved attempt=2")
    expect(clips).to_have_count(2)
    find.fill("")
    page.get_by_label("Kept because").select_option("last 1")
    expect(clips).to_have_count(2)
    page.get_by_label("Kept because").select_option("")
    page.get_by_label("Sort").select_option("long")
    expect(clips.first).to_contain_text("Episode 49")
    page.get_by_label("Sort").select_option("episode")
    expect(clips.first).to_contain_text("Episode 0")
    page.locator("#gallery").scroll_into_view_if_needed()
    visitor.shoot("gallery")


def test_player(rich: Site, visit: Visit) -> None:
    """A click plays the clip; frames are stepped by key, the strip says what happened in each step, speed is chosen."""
    visitor, page = open_run(visit, rich)
    page.get_by_label("Sort").select_option("episode")
    expect(page.locator("button.clip").first).to_contain_text("Episode 0")
    page.locator("button.clip").nth(1).click()
    player = page.get_by_role("dialog", name="Player")
    expect(player.locator("h2")).to_have_text("Episode 10")
    expect(player.locator(".count")).to_contain_text("/ 17")
    expect(player.locator(".strip")).to_be_visible()
    page.keyboard.press("Home")
    expect(player.locator(".count")).to_have_text("1 / 17")
    colours = _colours(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(player.locator(".count")).to_have_text("3 / 17")
    assert _colours(page) != colours, "another frame is another picture"
    expect(player.locator(".strip-said")).to_contain_text("step 2")
    expect(player.locator(".strip-said")).to_contain_text(f"reward {math.sin(2 / 3) + 0.5:.4g}"[:11])
    player.get_by_label("Speed").select_option("0.25")
    page.keyboard.press("]")
    expect(player.locator("h2")).to_have_text("Episode 20")
    visitor.shoot("player")
    with page.expect_download() as download:
        player.get_by_role("link", name="GIF").click()
    assert download.value.path().read_bytes().startswith(b"GIF89a")
    page.keyboard.press("Escape")
    expect(player).to_be_hidden()


def test_frames_for_browsers_that_cannot_take_clips_apart(rich: Site, visit: Visit) -> None:
    """Without ImageDecoder the player steps through frames that the server gives."""
    visitor = visit(rich)
    visitor.page.add_init_script("delete globalThis.ImageDecoder")
    page = visitor.enter("/runs/rich")
    with page.expect_response(re.compile("/frame/")) as answer:
        page.locator("button.clip").first.click()
    assert answer.value.ok
    expect(page.locator(".player .count")).to_contain_text("/ ")


def test_from_the_curve_to_the_episode(rich: Site, visit: Visit) -> None:
    """Over the curve of returns the nearest kept episode shows its picture; a click plays it, and so does Enter."""
    visitor, page = open_run(visit, rich)
    over = page.locator(".panel[data-metric='episode/return'] .u-over")
    box = over.bounding_box()
    assert box is not None
    middle = {"x": box["width"] * 0.42, "y": box["height"] / 2}
    # Playwright waits until the panel stands still, however late what is above it comes.
    over.hover(position=middle)  # type: ignore[arg-type]  # a Position
    preview = page.locator(".preview")
    expect(preview).to_be_visible()
    expect(preview).to_contain_text("Episode 20")
    visitor.wait_true("document.querySelector('.preview img').complete")
    visitor.shoot("curve-to-episode")
    over.click(position=middle)  # type: ignore[arg-type]  # a Position
    expect(page.locator(".player h2")).to_have_text("Episode 20")
    page.keyboard.press("Escape")
    page.locator(".panel[data-metric='episode/return']").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".player")).to_be_visible()


def test_on_a_phone(rich: Site, visit: Visit) -> None:
    """Nothing reaches beyond the screen's edge, also not the player."""
    visitor, page = open_run(visit, rich, size=PHONE, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    visitor.shoot("run-phone-dark")
    page.locator(".hero-clip .play").click()
    expect(page.locator(".player .count")).to_contain_text("/")
    assert page.evaluate("document.querySelector('.player').scrollWidth") <= PHONE[0]
    visitor.shoot("player-phone-dark")


def test_metrics_to_take_away(rich: Site, visit: Visit, tmp_path: Path) -> None:
    """CSV has a line for each point, to the last digit; JSON is what the run's history.json says."""
    _, page = open_run(visit, rich)
    page.locator(".menu summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Metrics as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "writer,attempt,metric,step,wall,value"
    scores = [line.split(",") for line in lines if line.startswith("main,2,eval/score,")]
    assert [float(line[5]) for line in scores] == [1.5 * number for number in range(20, 50)]
    assert [line.split(",")[5] for line in lines if line.startswith("main,1,train/loss,90,")] == ["inf"]
    history = rich.ask("/prints/rich/metrics.json").json
    assert len(history["metrics"]["train/loss"][0]["step"]) == 40


def test_new_points_appear_by_themselves(house: House, visit: Visit) -> None:
    """A panel of a living run is drawn further without a reload; a metric that is new gets one."""
    trainer = begin_alive(house)
    site = Site(house)
    page = visit(site).enter("/runs/alive")
    trainer.play(6)
    last = page.locator(".panel[data-metric='train/loss'] figcaption > b")
    expect(last).to_have_text("0.1667")
    expect(page.locator("button.clip")).to_have_count(2)
    trainer.play(2)
    expect(last).to_have_text("0.125")
    trainer.finish()
    expect(page.locator(".run-head .pill")).to_have_text("finished")


def _colours(page: Page) -> str:
    found: str = page.evaluate("document.querySelector('.player canvas').toDataURL()")
    assert np.frombuffer(found.encode(), np.uint8).size > 100
    return found
