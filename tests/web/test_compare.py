"""Several runs beside each other."""

from playwright.sync_api import expect

from e2e.house import House
from web.conftest import Visit
from web.scene import PHONE
from web.site import Site

TWO = """
    import numpy as np
    import filmlab

    for name, group, gain in (("one", "a", 1.0), ("two", "a", 2.0), ("three", "b", 3.0)):
        run = filmlab.init(project="pair", name=name, id=name, group=group, schedule="every:10")
        for number in range(20):
            with run.episode() as episode:
                for step in range(8 + int(gain)):
                    episode.step(0, gain, np.full((40, 60, 3), 10 * step + int(gain), np.uint8))
            run.log({"train/loss": gain / (1 + number)}, step=number)
        run.finish()
"""


def test_compare(house: House, visit: Visit) -> None:
    """Picked in the table, drawn on one panel each, as means by group, and two clips in step."""
    house.train(TWO)
    house.wait_printed()
    site = Site(house)
    visitor = visit(site)
    page = visitor.enter()
    for name in ("one", "two"):
        page.get_by_label(f"Compare {name}").check()
    page.get_by_role("button", name="Compare 2").click()
    loss = page.locator(".panel[data-metric='train/loss']")
    expect(loss.locator(".series span")).to_have_text(["one", "two"])
    page.get_by_label("Add a run").select_option("three")
    expect(loss.locator(".series span")).to_have_text(["one", "two", "three"])
    assert page.url.endswith("?run=one&run=two&run=three")
    page.get_by_label("Show").select_option("group")
    expect(loss.locator(".series span")).to_have_text(["a · 2", "b · 1"])
    visitor.shoot("compare", full=True)
    duet = page.locator("#duet")
    expect(duet.locator(".count")).to_have_text("1 / 10")
    duet.get_by_role("button", name="On one frame").click()
    expect(duet.locator(".count")).to_have_text("2 / 10")
    # Both show their second frame: the number is told before the pictures are drawn.
    shades = (
        "[...document.querySelectorAll('#duet canvas')].map(c => c.getContext('2d').getImageData(5, 5, 1, 1).data[0])"
    )
    visitor.wait_true(f"String({shades}) === '11,12'")
    duet.get_by_label("Right clip").select_option(label="three · episode 10 · 33")
    expect(duet.locator(".count")).to_contain_text("/ 11")
    duet.get_by_role("button", name="Play both").click()
    expect(duet.locator(".count")).not_to_have_text("2 / 11")
    page.get_by_role("button", name="Leave out one").click()
    expect(loss.locator(".series span")).to_have_count(2)
    phone = visit(site, size=PHONE, dark=True)
    small = phone.enter("/compare?run=one&run=three")
    expect(small.locator(".panel canvas").first).to_be_visible()
    assert small.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    controls = small.locator("#duet .controls")
    assert controls.evaluate("(box) => box.scrollWidth <= box.clientWidth"), "the speed can be chosen on a phone"
    phone.shoot("compare-phone-dark")


def test_nothing_to_compare(house: House, visit: Visit) -> None:
    """The page says how to begin."""
    page = visit(Site(house)).enter("/compare")
    expect(page.get_by_role("heading", name="Nothing to compare yet")).to_be_visible()
