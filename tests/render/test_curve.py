"""Covers filmlabd.render.curve, geometry and theme: what a panel shows, in every case that runs have come up with."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from filmlabd.render.curve import DARK, LIGHT, Drawing, Panel, Series, draw, to_png, to_svg

LONG_NAME = ("a_metric_whose_name_goes_on_" * 8)[:200]


def noisy(n: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    x = np.arange(n, dtype=np.float64)
    return x, scale * (200 * (1 - np.exp(-x / max(n / 4, 1))) + 30 * rng.normal(size=n))


def series(n: int, **options: object) -> Series:
    return Series("reward", *noisy(n), **options)  # type: ignore[arg-type]


def panel(*shown: Series, **options: object) -> Panel:
    return Panel("training reward over episodes", "Episode", "Reward", shown, **options)  # type: ignore[arg-type]


def holed() -> Series:
    x, y = noisy(300)
    y[50:70] = np.nan
    y[100], y[140] = np.inf, -np.inf
    return Series("reward", x, y, average_window=10)


PANELS = {
    "no series": panel(),
    "no point": panel(series(0, average_window=10)),
    "one point": panel(series(1, average_window=10)),
    "three points": panel(series(3, average_window=2)),
    "a hundred points": panel(series(100, average_window=10)),
    "a thousand points": panel(series(1000)),
    "fifty thousand points": panel(series(50_000, average_window=100)),
    "all NaN": panel(Series("reward", np.arange(9.0), np.full(9, np.nan), average_window=3)),
    "some NaN and infinities": panel(holed()),
    "values of 1e-12": panel(Series("reward", *noisy(300, 1e-14), average_window=10)),
    "values of 1e12": panel(Series("reward", *noisy(300, 1e10), average_window=10)),
    "the largest floats": panel(Series("reward", np.arange(4.0), np.array([-1.79e308, 1.79e308, 0.0, 1.79e308]))),
    "the smallest floats": panel(Series("reward", np.arange(4.0), np.array([0.0, 5e-324, 0.0, 5e-324]))),
    "constant": panel(Series("reward", np.arange(50.0), np.full(50, 3.5), average_window=10)),
    "one x": panel(Series("reward", np.full(5000, 2.0), noisy(5000)[1])),
    "long names": Panel(LONG_NAME, LONG_NAME, LONG_NAME, (Series(LONG_NAME, *noisy(50), average_window=5),)),
    "forty series": panel(*(Series(f"head {k} " + LONG_NAME[:30], *noisy(20, k + 1.0)) for k in range(40))),
    "recorder": panel(series(500, average_window=100), recorder_ticks=True),
    "recorder, 1e300": panel(Series("reward", *noisy(50, 1e300)), recorder_ticks=True),
}


@pytest.fixture(params=PANELS, name="drawing")
def _drawing(request: pytest.FixtureRequest) -> Drawing:
    return draw(PANELS[request.param])


def test_every_panel_is_valid_xml_of_the_right_size(drawing: Drawing) -> None:
    """Whatever a run logs, its curve is well-formed SVG of 960×540."""
    for theme in (LIGHT, DARK):
        root = ET.fromstring(to_svg(drawing, theme))
        assert (root.get("width"), root.get("height")) == ("960", "540")
        assert "nan" not in to_svg(drawing, theme).replace("finite", "")


def test_every_panel_is_a_palette_png_of_the_right_size(drawing: Drawing) -> None:
    """Whatever a run logs, its curve is a PNG of 960×540 with one palette, in both themes."""
    for theme in (LIGHT, DARK):
        with Image.open(BytesIO(to_png(drawing, theme))) as image:
            image.load()
            assert (image.size, image.mode, image.format) == ((960, 540), "P", "PNG")
