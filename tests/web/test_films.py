"""Clips that are MP4 in the player: frame by frame, as exact as the others, and one clip after the other."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from client.tools import needed
from e2e.house import House, until
from web.conftest import Visit
from web.site import Site

STEP, FRAMES = 20, 11
"""Frame k of every episode is grey, `STEP * k` bright; with the reset's there are so many."""
TRAINER = """
    import numpy as np
    import filmlab

    run = filmlab.init(project="films", name="films", id="films", schedule="always", formats=["mp4"], fps=10)
    for index in range(3):
        with run.episode(index) as episode:
            episode.frame(np.zeros((64, 96, 3), np.uint8))
            for step in range(1, 11):
                episode.step(step % 2, float(step), np.full((64, 96, 3), 20 * step, np.uint8))
    run.finish()
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page of a run whose clips are MP4 alone."""
    needed("av")
    house = House(tmp_path_factory.mktemp("films"))
    try:
        house.train(TRAINER)
        house.wait_printed()
        yield Site(house)
    finally:
        house.close()


def shown(page: Page) -> int:
    """The frame that the canvas shows, by how bright its middle is; -1 for what is none."""
    # By way of a canvas of our own: reading the player's again and again would make the browser complain.
    bright = page.evaluate(
        "(() => { const canvas = document.querySelector('.player canvas'), one = new OffscreenCanvas(1, 1);"
        " const pen = one.getContext('2d', { willReadFrequently: true });"
        " pen.drawImage(canvas, canvas.width / 2, canvas.height / 2, 1, 1, 0, 0, 1, 1);"
        " return pen.getImageData(0, 0, 1, 1).data[1]; })()"
    )
    frame = round(bright / STEP)
    # What the film is compressed by takes a little, never so much that it could be another frame.
    return frame if abs(bright - STEP * frame) <= STEP // 4 else -1


def sees(page: Page, frame: int) -> None:
    until(lambda: shown(page) == frame, f"frame {frame}, not {shown(page)}")
    expect(page.locator(".player .count")).to_have_text(f"{frame + 1} / {FRAMES}")


def open_player(films: Site, visit: Visit) -> Page:
    page = visit(films).enter("/runs/films")
    page.get_by_label("Sort").select_option("episode")
    expect(page.locator("button.clip").first).to_contain_text("Episode 0")
    page.locator("button.clip").first.click()
    expect(page.locator(".player h2")).to_have_text("Episode 0")
    expect(page.locator(".player .count")).to_contain_text(f"/ {FRAMES}")
    return page


def test_each_frame_by_key(films: Site, visit: Visit) -> None:
    """Forwards and backwards, to both ends and beyond: the frame that is counted is the one that is seen."""
    page = open_player(films, visit)
    page.keyboard.press("Home")
    for frame in range(FRAMES):
        sees(page, frame)
        page.keyboard.press("ArrowRight")
    sees(page, FRAMES - 1)
    for frame in reversed(range(FRAMES)):
        sees(page, frame)
        page.keyboard.press("ArrowLeft")
    sees(page, 0)
    page.keyboard.press("End")
    sees(page, FRAMES - 1)


def test_the_strip_belongs_to_the_frame(films: Site, visit: Visit) -> None:
    """The reset's frame has no step; frame k shows what step k - 1 came to."""
    page = open_player(films, visit)
    page.keyboard.press("Home")
    for frame in (1, 2):
        page.keyboard.press("ArrowRight")
        sees(page, frame)
        expect(page.locator(".strip-said")).to_contain_text(f"reward {frame}")


def test_it_is_dragged_and_many_are_asked_for(films: Site, visit: Visit) -> None:
    """Of several frames asked for at a time the last one is shown, also when they come faster than a film is sought."""
    page = open_player(films, visit)
    page.keyboard.press("Home")
    sees(page, 0)
    scrub = page.get_by_label("Frame", exact=True)
    for value in ("9", "2", "7", "4"):
        scrub.evaluate("(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", value)
    sees(page, 4)


def test_one_clip_after_the_other(films: Site, visit: Visit) -> None:
    """Turned over while one plays: the next is there, from its first frame, and can be stepped."""
    page = open_player(films, visit)
    for _ in range(2):
        page.keyboard.press("]")
    expect(page.locator(".player h2")).to_have_text("Episode 2")
    page.keyboard.press("Home")
    sees(page, 0)
    page.keyboard.press("ArrowRight")
    sees(page, 1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Player")).to_be_hidden()


def test_it_plays_and_is_saved(films: Site, visit: Visit) -> None:
    """By itself, around and around; to take away it is the film as it lies on disk."""
    visitor = visit(films)
    page = visitor.enter("/runs/films")
    expect(page.locator(".hero-clip video")).to_be_attached()
    expect(page.locator("button.clip .mark", has_text="film").first).to_be_visible()
    page.locator("button.clip").first.click()
    seen: set[int] = set()
    until(lambda: seen.add(shown(page)) or len(seen - {-1}) >= 4, "the film to move")  # type: ignore[func-returns-value]
    visitor.shoot("player-film")
    with page.expect_download() as download:
        page.locator(".player").get_by_role("link", name="MP4").click()
    data = download.value.path().read_bytes()
    assert data[4:8] == b"ftyp"
    assert data in [path.read_bytes() for path in films.house.run_dir().glob("episodes/*.mp4")]
