"""What does a histogram look like? Bars over the values' range, framed as a curve is; for any emitter and theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from filmlab.errors import BadInput
from filmlabd.render import fonts, geometry_frame, ticks
from filmlabd.render.downsample import Floats
from filmlabd.render.geometry import Drawing, Mark, Plot, Rect

_MOST_Y_TICKS: Final = 6
_GAP_FROM_PX: Final = 4
"""Bars at least this wide stand a pixel apart."""
_HEADROOM: Final = 1.05


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """A histogram to draw.

    Attributes:
        title, x_label: free text.
        counts: (n,) how many values fell into each bin, 0 or more.
        edges: (n + 1,) ascending, finite.
        note: a remark at the lower right; "" for none.
    """

    title: str
    x_label: str
    counts: Floats
    edges: Floats
    note: str = ""

    def __post_init__(self) -> None:
        if self.counts.ndim != 1 or not len(self.counts) or self.edges.shape != (len(self.counts) + 1,):
            raise BadInput(f"a histogram of counts {self.counts.shape} and edges {self.edges.shape}")
        if not (np.isfinite(self.counts).all() and np.isfinite(self.edges).all()):
            raise BadInput("a histogram's counts and edges are finite")
        if (np.diff(self.edges) < 0).any() or (self.counts < 0).any():
            raise BadInput("a histogram's edges ascend, and its counts are not negative")


def draw(bars: Bars) -> Drawing:
    """The geometry of a histogram, 960×540, for any emitter and theme."""
    low, high = ticks.widened(float(bars.edges[0]), float(bars.edges[-1]))
    x_axis = geometry_frame.round_x_axis(low, high, whole=False)
    most = float(bars.counts.max())
    y_axis = ticks.round_axis(0.0, most * _HEADROOM or 1.0, most=_MOST_Y_TICKS)
    title = fonts.clean(bars.title)
    head, rows = geometry_frame.head(title, geometry_frame.with_factor("count", y_axis), [])
    plot = geometry_frame.plot_area(x_axis, y_axis, rows)
    x_label = geometry_frame.with_factor(fonts.clean(bars.x_label), x_axis)
    frame, texts = geometry_frame.grid(plot), geometry_frame.axis_texts(plot, x_label, bars.note)
    return Drawing(title, (*head, *frame, *_bars(bars, plot), *texts))


def _bars(bars: Bars, plot: Plot) -> list[Mark]:
    """One rectangle for each bin that is not empty; the smallest count can be seen."""
    edges = np.rint(plot.to_x(bars.edges)).astype(int).tolist()
    tops = np.rint(plot.to_y(bars.counts)).astype(int).tolist()
    marks: list[Mark] = []
    for left, right, top, count in zip(edges, edges[1:], tops, bars.counts, strict=False):
        if count > 0:
            gap = 1 if right - left >= _GAP_FROM_PX else 0
            width, top = max(1, right - left - gap), min(top, plot.bottom - 1)
            marks.append(Rect(min(left, plot.right - 1), top, width, plot.bottom - top, "cycle:0"))
    return marks
