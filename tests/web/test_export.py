"""A run that was given away: `filmlab export` of a real run, opened from disk in a browser with nothing else there."""

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from e2e.house import House
from web.scene import PHONE, SHOTS, WIDE

NAME = "<img src=x onerror=alert(1)>"
PROGRAM = """
    import os, filmlab, numpy as np

    run = filmlab.init(
        project="given", name=os.environ["RUN_NAME"], schedule="every:2", formats=("gif", "webp"), config={"lr": 0.001},
    )
    for episode in range(8):
        with run.episode(episode) as told:
            for step in range(10):
                frame = np.full((60, 80, 3), 240, np.uint8)
                frame[20:40, 5 + 6 * step : 15 + 6 * step] = (30, 90, 200)
                told.step(action=0, reward=float(episode), frame=frame)
        run.log({"loss": 1.0 / (1 + episode), "odd": float("nan") if episode > 5 else episode}, step=episode)
    run.finish()
"""


@pytest.fixture
def given(house: House, tmp_path: Path) -> Path:
    """The file, when everything that it was made from is gone."""
    house.train(PROGRAM, RUN_NAME=NAME)
    house.wait_printed()
    said = house.command("export", house.runs()[0].run_id, "-o", "given.html")
    assert "4 clips, 4 curves" in said
    house.close()
    path = tmp_path / "elsewhere" / "given.html"
    path.parent.mkdir()
    (house.root / "given.html").rename(path)
    shutil.rmtree(house.root / "films")
    return path


def look_through(page: Page) -> None:
    """Down the whole page, so that every picture is drawn."""
    for image in page.locator("img").all():
        image.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.evaluate("scrollTo(0, 0)")


@pytest.mark.parametrize(("scheme", "screen"), [("light", WIDE), ("dark", WIDE), ("light", PHONE)])
def test_opens_from_disk(browser: Browser, given: Path, scheme: str, screen: tuple[int, int]) -> None:
    """Clips and curves are seen, a name with markup is text, nothing but the file is asked for, axe finds nothing."""
    complaints: list[str] = []
    asked: list[str] = []
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
        viewport={"width": screen[0], "height": screen[1]},
        offline=True,
    )
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(given.as_uri())
    look_through(page)
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"export_{scheme}_{screen[0]}.png", full_page=True)
    alts = page.eval_on_selector_all("img", "all => all.filter(i => i.naturalWidth > 0).map(i => i.alt)")
    widest = page.evaluate("document.documentElement.scrollWidth")
    heading, best = page.locator("h1").inner_text(), page.get_by_text("Best: Episode 6").is_visible()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    barriers = Axe().run(page)
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == [given.as_uri()]
    assert barriers.violations_count == 0, barriers.generate_report()
    assert heading == NAME
    assert best
    assert [alt.split(":")[0] for alt in alts] == [
        "Episode 6", "episode/return", "Episode 0", "Episode 2", "Episode 4", "episode/length", "loss", "odd",
    ]  # fmt: skip
    assert widest <= screen[0]
    assert paper == {"light": "rgb(247, 248, 250)", "dark": "rgb(12, 16, 20)"}[scheme]
