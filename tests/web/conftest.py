"""Fixtures of the page: one browser for all of its tests, a household for each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from playwright.sync_api import Browser

from e2e.house import House
from web.scene import Visitor, chromium
from web.site import Site
from web.stories import RICH

Visit: TypeAlias = Callable[..., Visitor]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A household whose processes end with the test."""
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def site(house: House) -> Site:
    """The page of the house."""
    return Site(house)


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page of a run that was resumed, with clips, values that are no numbers, a configuration and a summary."""
    house = House(tmp_path_factory.mktemp("rich"))
    try:
        house.train(RICH)
        house.wait_printed()
        yield Site(house)
    finally:
        house.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests; each visitor has a profile of its own."""
    with chromium() as found:
        yield found


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Visitors, who may not have heard any complaint of the browser's by the end."""
    made: list[Visitor] = []

    def one(site: Site, **more: object) -> Visitor:
        made.append(Visitor(browser, site, **more))  # type: ignore[arg-type]  # as Visitor takes them
        return made[-1]

    yield one
    for visitor in made:
        visitor.close()
