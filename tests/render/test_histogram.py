"""Histograms: bars where the values are, whatever the edges and counts."""

import numpy as np
import pytest

from filmlab.errors import BadInput
from filmlabd.render.geometry import Rect
from filmlabd.render.histogram import Bars, draw
from filmlabd.render.raster import to_png
from filmlabd.render.svg import to_svg


def bars_of(counts: list[float], edges: list[float]) -> list[Rect]:
    drawing = draw(Bars("weights", "value", np.array(counts, float), np.array(edges, float)))
    assert to_png(drawing).startswith(b"\x89PNG")
    assert to_svg(drawing).startswith("<svg")
    return [mark for mark in drawing.marks if isinstance(mark, Rect) and mark.ink == "cycle:0"]


def test_a_bar_is_as_high_as_its_count() -> None:
    """Twice the count is twice the height, an empty bin has no bar, and bars stand on the axis."""
    low, high = bars_of([1, 0, 2], [0, 1, 2, 3])
    assert abs(high.height - 2 * low.height) <= 1
    assert low.y + low.height == high.y + high.height
    assert low.x + 2 * low.width <= high.x


def test_one_among_a_million_is_seen() -> None:
    """The smallest count has a pixel."""
    assert [bar.height for bar in bars_of([1e9, 1], [0, 1, 2])][1] == 1


@pytest.mark.parametrize(
    ("counts", "edges"),
    [
        ([5], [3, 3]),
        ([0, 0], [0, 1, 2]),
        ([1] * 512, np.linspace(-1e300, 1e300, 513).tolist()),
        ([1e300, 1], [0, 1e-300, 1]),
        ([1, 2], [-1, -1, 5]),
    ],
)
def test_odd_histograms_are_drawn(counts: list[float], edges: list[float]) -> None:
    """Within the picture, all of them."""
    for bar in bars_of(counts, edges):
        assert 0 <= bar.x < bar.x + bar.width <= 960
        assert 0 <= bar.y < bar.y + bar.height <= 540


@pytest.mark.parametrize(
    ("counts", "edges"),
    [([], [0]), ([1], [0, 1, 2]), ([1], [0, float("nan")]), ([float("inf")], [0, 1]), ([-1], [0, 1]), ([1], [1, 0])],
)
def test_what_is_no_histogram(counts: list[float], edges: list[float]) -> None:
    """The sender is at fault."""
    with pytest.raises(BadInput):
        Bars("weights", "value", np.array(counts, float), np.array(edges, float))
