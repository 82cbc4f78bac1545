"""What the page looks like with a real training in it: the pictures of docs/page.md are made here."""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect

from e2e.house import House
from patience import PATIENCE_S
from web.conftest import Visit
from web.site import Site

EXAMPLE = Path(__file__).parents[2] / "examples" / "cartpole.py"
SIZE = (1280, 800)


def test_a_real_training(house: House, visit: Visit) -> None:
    """Three agents learn CartPole; the table, a run, its player and their comparison show it."""
    trainers = [
        subprocess.Popen(
            [sys.executable, str(EXAMPLE), "--seed", str(seed), "--generations", "5"],
            env=house.environ, cwd=house.root, stdout=subprocess.DEVNULL,
        )
        for seed in (1, 2, 3)
    ]  # fmt: skip
    assert [trainer.wait(PATIENCE_S * 2) for trainer in trainers] == [0, 0, 0]
    house.wait_printed()
    site = Site(house)
    visitor = visit(site, size=SIZE)
    page = visitor.enter()
    expect(page.locator("tbody .thumb img")).to_have_count(3)
    visitor.wait_true("[...document.images].every(image => image.complete)")
    visitor.shoot("docs-runs")
    visitor.go(f"/runs/{house.runs()[0].run_id}")
    expect(page.locator(".panel canvas").first).to_be_visible()
    visitor.wait_true("[...document.querySelectorAll('.film img')].every(image => image.naturalWidth > 0)")
    page.locator(".hero-clip").get_by_role("button", name="Best").click()
    visitor.shoot("docs-run")
    page.keyboard.press("p")
    expect(page.locator(".player .strip-said")).to_contain_text("reward")
    page.keyboard.press("End")
    visitor.shoot("docs-player")
