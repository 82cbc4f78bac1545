"""What somebody reads on the page: names and times on little room, curves of few points, menus that go away."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from e2e.house import House
from filmlab import kinds, words
from filmlab.wire.entries import Dropped
from service.keeping import RUN, Followed, end_episode
from web.conftest import Visit
from web.scene import PHONE
from web.site import Site

NAME = "a-name_" * 20 + "seed42"
ODD = f"""
    import math
    import filmlab

    run = filmlab.init(project="odd", name={NAME!r}, id="odd", tags=["t" * 60], group="g" * 60)
    for number in range(5):
        run.log({{"few/points": 10.0 * number, "few/nothing": math.nan}}, step=number)
    run.log({{f"g{{metric // 30:02d}}/m{{metric:03d}}": 1.0 for metric in range(90)}}, step=0)
    run.finish()
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page of a run with a long name, long tags, 92 metrics, and few points of each."""
    house = House(tmp_path_factory.mktemp("odd"))
    try:
        house.train(ODD)
        yield Site(house)
    finally:
        house.close()


def asked(page: Page, module: str, script: str) -> object:
    """What a module of the page answers."""
    path = "document.querySelector('script[type=module]').src"
    return page.evaluate(f"import({path}.replace(/[^/]+$/, {module!r})).then((m) => {script})")


def test_long_names_stay_inside(odd: Site, visit: Visit) -> None:
    """On a phone nothing reaches beyond the edge, whatever a run is called; the end of its name can be seen."""
    visitor = visit(odd, size=PHONE)
    page = visitor.enter()
    expect(page.locator("tr[data-run=odd] .who a")).to_contain_text("…")
    expect(page.locator("tr[data-run=odd] .who a")).to_contain_text("seed42")
    for path in ("/", "/compare?run=odd", "/runs/odd", "/lab"):
        visitor.go(path)
        expect(page.locator("main")).to_contain_text("seed42")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], path


def test_the_mean_of_a_group_does_not_leap_where_one_run_ends_a_little_later(odd: Site, visit: Visit) -> None:
    """Both count to the very end; a run that is over long before does not."""
    page = visit(odd).enter()
    script = """
        const series = (xs, mean) => ({ group: 'a', x: xs, mean: xs.map(() => mean), last: mean });
        const ends = (...list) => [m.byGroup(list)[0].mean.at(0), m.byGroup(list)[0].mean.at(-1)];
        const alike = ends(series([0, 1.1, 2.1], 10), series([0.1, 1, 2], 20));
        return [alike, ends(series([0, 1, 9], 10), series([0, 1], 20))];
    """
    assert asked(page, "groups.js", f"{{ {script} }}") == [[15, 15], [15, 10]]


def test_hundreds_of_metrics_are_folded(odd: Site, visit: Visit) -> None:
    """Groups behind the first panels begin closed; what is looked for opens."""
    page = visit(odd).enter("/runs/odd")
    expect(page.locator(".group h3")).to_have_text(["few", "g00", "g01", "g02"])
    expect(page.locator(".group[open] h3")).to_have_text(["few", "g00", "g01"])
    page.get_by_label("Filter metrics").fill("m085")
    expect(page.locator(".panel[data-metric='g02/m085'] canvas")).to_be_visible()


def test_few_points_are_not_averaged_away(odd: Site, visit: Visit) -> None:
    """An average is over at most a quarter of a curve's points: five of them are drawn as they are."""
    page = visit(odd).enter("/runs/odd")
    expect(page.locator(".panel[data-metric='few/points'] canvas")).to_be_visible()
    series = (
        "(total => ({ total, x: five, step: five, mean: five, low: five, high: five, count: five.map(() => 1),"
        " superseded: null }))"
    )
    script = f"((five) => m.table([{series}(5), {series}(500)], {{ smoothing: 10, log: false }}))([0, 1, 2, 3, 4])"
    drawn = asked(page, "table.js", script)
    assert isinstance(drawn, list)
    few, many = drawn[4], drawn[9]
    assert few == [0, 1, 2, 3, 4]
    assert many[-1] < 3


def test_very_many_clips_leave_the_curve_to_be_seen(odd: Site, visit: Visit) -> None:
    """All dots where there is room for them; of thousands an even selection, from the first on."""
    page = visit(odd).enter("/runs/odd")
    script = (
        "[50, 3000].map((count) => m.thinned(Array.from({ length: count }, (_, index) => index), 900))"
        ".map((kept) => [kept.length, kept[0], kept[1], kept.at(-1)])"
    )
    assert asked(page, "clipdots.js", script) == [[50, 0, 1, 49], [100, 0, 30, 2970]]


def test_ticks_of_time(odd: Site, visit: Visit) -> None:
    """As exact as they are far apart, and without am and pm."""
    page = visit(odd).enter("/")
    script = (
        "((at) => [[at, 3600], [at, 1], [at + 0.2999, 0.1], [at, 604800], [new Date(2026, 1, 3) / 1000, 3600]]"
        ".map(([wall, apart]) => m.tick(wall, apart)))(new Date(2026, 1, 3, 14, 5, 9) / 1000)"
    )
    assert asked(page, "words.js", script) == ["14:05", "14:05:09", "14:05:09.300", "02-03", "02-03"]


def test_the_page_reads_as_everything_else(odd: Site, visit: Visit) -> None:
    """Numbers, durations, sizes and counts are written alike in Python and in the browser."""
    page = visit(odd).enter("/")
    # Nothing exactly between two roundings: Python takes the even one.
    values = [
        sign * digits * 10.0**power for power in range(-12, 19) for digits in (0, 1, 1.2346, 7.777) for sign in (1, -1)
    ]
    spans = [abs(value) for value in values]
    script = (
        f"[{values}.map(m.number), {spans}.map(m.duration), {spans}.map(m.bytes),"
        f" {list(range(3))}.map((n) => m.plural(n, 'clip'))]"
    )
    assert asked(page, "words.js", script) == [
        [words.number(value) for value in values],
        [words.duration(span) for span in spans],
        [words.size(span) for span in spans],
        [words.plural(count, "clip") for count in range(3)],
    ]


def test_what_can_be_shown(odd: Site, visit: Visit) -> None:
    """The browser knows the kinds of files that Python makes."""
    page = visit(odd).enter("/")
    shown = [kinds.MOVING, kinds.STILLS, [kinds.FILM]]
    found = [[end[1:] for end in ends] for ends in shown]
    assert asked(page, "kinds.js", "[m.MOVING, m.STILLS, [m.FILM]]") == found


def test_a_menu_goes_away(odd: Site, visit: Visit) -> None:
    """By Escape, after which its button has the focus, and by a click beside it."""
    page = visit(odd).enter("/runs/odd")
    save, entry = page.locator(".menu summary"), page.get_by_role("link", name="Metrics as CSV")
    save.click()
    expect(entry).to_be_visible()
    page.keyboard.press("Escape")
    expect(entry).to_be_hidden()
    expect(save).to_be_focused()
    save.click()
    expect(entry).to_be_visible()
    page.locator("h1").click()
    expect(entry).to_be_hidden()


def test_what_is_missing_appears_by_itself(house: House, visit: Visit) -> None:
    """A trainer that only says what it could not hand over brings no points and no clips: an open page shows it."""
    house.paths.make()
    story = Followed(house.paths.index)
    story.open()
    story.say(end_episode(0))
    assert story.answers.runs()
    page = visit(Site(house)).enter(f"/runs/{RUN}")
    expect(page.locator(".stats")).to_contain_text("Points")
    expect(page.locator(".missing")).to_have_count(0)
    story.say(Dropped(run=1, wall=1.0, what="film", count=3, size_bytes=10, reason="memory is full"))
    assert story.answers.runs()
    expect(page.locator(".missing")).to_contain_text("3 films not handed over (10 B): memory is full")
    story.index.close()
