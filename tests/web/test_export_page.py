"""A run is taken away as one file, and opened where nothing else is."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from web.conftest import Visit
from web.site import Site


def test_one_file(rich: Site, visit: Visit, browser: Browser, tmp_path: Path) -> None:
    """Saved from the page, opened from disk without a network: curves and clips are in it."""
    page = visit(rich).enter("/runs/rich")
    page.locator(".menu summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="The run as one HTML file").click()
    file = tmp_path / "rich.html"
    download.value.save_as(file)
    assert download.value.suggested_filename == "rich.html"
    context = browser.new_context(offline=True)
    asked: list[str] = []
    alone = context.new_page()
    alone.on("request", lambda request: asked.append(request.url.partition(":")[0]))
    alone.goto(file.as_uri())
    expect(alone.locator("h1")).to_contain_text("rich")
    shown = alone.evaluate(
        "[...document.images].map(i => (i.loading = 'eager', i.decode().then(() => i.naturalWidth)))"
    )
    assert shown and len(alone.locator("img").all()) > 8
    assert (
        alone.evaluate("Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth > 0)))").count(
            True
        )
        > 8
    )
    assert set(asked) <= {"file", "data"}
    context.close()
