"""The run page's section of results: what trainings and evaluations came to, and what befell them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.house import House
from e2e.told import Told
from web.conftest import Visit
from web.scene import PHONE
from web.site import Site

TESTS = str(Path(__file__).parents[1])
TRAINER = f"""
    import sys
    sys.path.insert(0, {TESTS!r})
    import filmlab
    from filmlab.results import EpisodeFiles
    from results import samples

    run = filmlab.init(project="play", name="judged", id="judged")
    run.log({{"loss": 1.0}}, step=1)
    run.log_results(samples.training(run.dir), save_checkpoint=True)
    run.log_results(samples.evaluation(run.dir), episodes=EpisodeFiles(500, 8000, render="absent_module:frame"))
    run.finish()
"""
PLAY = f"""
    import sys
    sys.path.insert(0, {TESTS!r})
    from results import samples

    def play(run):
        run.log_results(samples.training(run.dir, scale=2.0))
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page of a run with results of both kinds; a function of its evaluation is not there."""
    house = House(tmp_path_factory.mktemp("judged"))
    try:
        house.train(TRAINER)
        house.wait_printed()
        yield Site(house)
    finally:
        house.close()


def section(page: Page, title: str) -> Locator:
    return page.locator("#facts section.facts").filter(has=page.get_by_role("heading", name=title, exact=True))


def row(table: Locator, name: str) -> Locator:
    return table.locator("tr").filter(has=table.page.get_by_role("rowheader", name=name, exact=True)).locator("td")


def test_what_they_came_to(judged: Site, visit: Visit) -> None:
    """A table for each, by its numbers and circumstances; beside the configuration, which is the run's own."""
    visitor = visit(judged)
    page = visitor.enter("/runs/judged")
    training, evaluation = section(page, "Training results"), section(page, "Evaluation results")
    expect(row(training, "final_eval_return_mean")).to_have_text(re.compile("1,?234.5"))
    expect(row(training, "num_eval_checkpoints")).to_have_text("2")
    expect(row(training, "device")).to_have_text("cpu")
    expect(row(evaluation, "mean_return")).to_have_text("4.0")
    expect(row(evaluation, "num_episodes")).to_have_text("2")
    expect(row(training, "problem")).to_have_count(0)
    page.locator("#facts").scroll_into_view_if_needed()
    visitor.shoot("results")


def test_what_befell_them(judged: Site, visit: Visit) -> None:
    """A function that is not there is one line of its evaluation; the numbers are there all the same."""
    page = visit(judged).enter("/runs/judged")
    expect(row(section(page, "Evaluation results"), "problem")).to_contain_text("absent_module")


def test_on_a_phone(judged: Site, visit: Visit) -> None:
    """A long line of them does not make the page wider than the screen."""
    visitor = visit(judged, size=PHONE, dark=True)
    page = visitor.enter("/runs/judged")
    expect(section(page, "Evaluation results")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    section(page, "Evaluation results").scroll_into_view_if_needed()
    visitor.shoot("results-phone-dark")


def test_they_appear_by_themselves(house: House, visit: Visit) -> None:
    """Results of a run that lives are there without a reload."""
    trainer = Told(house, {"project": "play", "name": "alive", "id": "alive"}, PLAY)
    page = visit(Site(house)).enter("/runs/alive")
    expect(page.locator("h1")).to_have_text("alive")
    expect(section(page, "Training results")).to_have_count(0)
    trainer.play(1)
    expect(row(section(page, "Training results"), "final_eval_return_mean")).to_have_text(re.compile("2,?469"))
    trainer.finish()
