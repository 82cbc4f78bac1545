"""How a series becomes marks: lines while its samples can be told apart, a band over its range once they cannot."""

from __future__ import annotations

from typing import Final

import numpy as np

from filmlabd.render import downsample
from filmlabd.render.downsample import Columns, Floats, Ints
from filmlabd.render.geometry import Band, Mark, Plot, Rect, Stroke

DOT_PX: Final = 5.5
# Samples this far apart are marked with a dot: a line between them is a guess.
_DOT_SPACING_PX: Final = 14
# Columns this near are one band; those further apart are joined by a line.
_BAND_GAP_PX: Final = 3
# Strokes longer than this, for one line, are a scribble that a band shows as well, faster and smaller.
_MAX_STROKE_PX: Final = 60_000
_MARK_HEIGHT_PX: Final = 6
_ARROW_SPACING_PX: Final = 9
_MAX_BAR_GAP_PX: Final = 16


def is_dense(trace: Columns, plot: Plot) -> bool:
    """Whether `trace` is drawn as a band: it holds groups, or more samples than columns, or its line fills the plot."""
    if not trace.exact or len(trace) > plot.width:
        return True
    rise = np.abs(np.diff(plot.to_y(trace.mean)))
    return bool(np.nansum(rise) > _MAX_STROKE_PX)


def thin(trace: Columns, plot: Plot) -> Columns:
    """`trace` in one group per pixel column."""
    if len(trace) == 0:
        return trace
    return downsample.reduce(trace, downsample.cells_of(trace, plot.x.low, plot.x.high, plot.width))


def line(trace: Columns, plot: Plot, width_px: float, ink: str, opacity: float) -> Stroke | None:
    """Samples, or means of groups, joined by lines; broken where all is missing, None if nothing is finite."""
    points, starts = _runs(_middle_px(trace, plot), plot.to_y(trace.mean))
    return Stroke(points, starts, width_px, ink, opacity) if len(points) else None


def dots(trace: Columns, plot: Plot, ink: str, opacity: float, *, lone_only: bool = False) -> list[Mark]:
    """Dots on samples that no line reaches, which would be invisible, and (not `lone_only`) on any that stand apart."""
    points, starts = _runs(_middle_px(trace, plot), plot.to_y(trace.mean))
    if not len(points):
        return []
    lengths = np.diff(np.append(starts, len(points)))
    spacing = plot.width / max(len(trace), 1)
    if lone_only or not (trace.exact and spacing >= _DOT_SPACING_PX):
        points = points[starts[lengths == 1]]
    if not len(points):
        return []
    return [Stroke(points, np.arange(len(points)), DOT_PX, ink, opacity)]


def band(columns: Columns, plot: Plot, width_px: float, ink: str, opacity: float) -> list[Mark]:
    """What the line through all samples covers.

    Args:
        columns: as `thin` gives them.
        width_px: of that line: the range is widened by half of it on either side.
    """
    runs, marks = [], list[Mark]()
    column = downsample.cells_of(columns, plot.x.low, plot.x.high, plot.width)
    present = np.flatnonzero(columns.count > 0)
    if not len(present):
        return marks
    broken = np.concatenate(([True], np.diff(present) > 1))
    distance = np.diff(column[present], prepend=column[present[:1]])
    for part in np.split(np.arange(len(present)), np.flatnonzero(broken | (distance > _BAND_GAP_PX)))[1:]:
        runs.append(present[part])
    bridges = np.flatnonzero(~broken & (distance > _BAND_GAP_PX))
    if len(bridges):
        marks.append(_bridges(columns, plot, present, bridges, width_px, ink, opacity))
    covered = [_covered(columns, plot, column, run, width_px) for run in runs]
    if covered:
        where, top, bottom = (np.concatenate(part) for part in zip(*covered, strict=True))
        marks.append(Band(where + plot.left, top, bottom, ink, opacity))
    return marks


def missing(columns: Columns, plot: Plot, ink: str) -> list[Mark]:
    """Marks outside the plot where values are not finite: bars below it for NaN, arrows above and below for ±Inf."""
    centre = plot.left + downsample.cells_of(columns, plot.x.low, plot.x.high, plot.width)
    marks: list[Mark] = []
    having = np.flatnonzero(columns.nan > 0)
    if len(having):
        bars = centre[having]
        # One bar for neighbours: a comb would flicker, and there is nothing between them to point at.
        apart = np.where(np.diff(having) > 1, 2, _MAX_BAR_GAP_PX)
        for run in np.split(bars, np.flatnonzero(np.diff(bars) > apart) + 1):
            width = int(run[-1] - run[0]) + 2
            marks.append(Rect(int(run[0]) - 1, plot.bottom + 2, width, _MARK_HEIGHT_PX, ink))
    for which, tip, tail in (
        (columns.above, plot.top - 9.0, plot.top - 4.5),
        (columns.below, plot.bottom + 8.0, plot.bottom + 3.5),
    ):
        at = _spaced(centre[which > 0])
        if len(at):
            points = np.stack(
                [np.stack([at + dx, np.full(len(at), y)], 1) for dx, y in ((-4, tail), (0, tip), (4, tail))], 1
            )
            marks.append(Stroke(points.reshape(-1, 2), np.arange(0, 3 * len(at), 3), 1.6, ink))
    return marks


def _middle_px(trace: Columns, plot: Plot) -> Floats:
    return plot.to_x(trace.x_first / 2 + trace.x_last / 2)


def _runs(x: Floats, y: Floats) -> tuple[Floats, Ints]:
    """The finite points, (n, 2), and where among them each unbroken run starts."""
    kept = np.flatnonzero(np.isfinite(y))
    starts = np.flatnonzero(np.diff(kept, prepend=-2) > 1)
    return np.stack([x[kept], y[kept]], axis=1), starts


def _bridges(
    columns: Columns, plot: Plot, present: Ints, at: Ints, width_px: float, ink: str, opacity: float
) -> Stroke:
    """Lines from the last value of one column to the first of the next, where columns lie apart."""
    left, right = present[at - 1], present[at]
    start = np.stack([plot.to_x(columns.x_last[left]), plot.to_y(columns.last[left])], axis=1)
    end = np.stack([plot.to_x(columns.x_first[right]), plot.to_y(columns.first[right])], axis=1)
    points = np.stack([start, end], axis=1).reshape(-1, 2)
    return Stroke(points, np.arange(0, len(points), 2), width_px, ink, opacity)


def _covered(columns: Columns, plot: Plot, column: Ints, run: Ints, width_px: float) -> tuple[Ints, Floats, Floats]:
    """Columns, tops and bottoms of one band without gaps."""
    where = np.arange(column[run[0]], column[run[-1]] + 1)
    # Single columns left out by chance are bridged.
    top = np.interp(where, column[run], plot.to_y(columns.high[run]))
    bottom = np.interp(where, column[run], plot.to_y(columns.low[run]))
    # The line goes on from one column into the next: ranges that do not touch meet halfway.
    down, up = (bottom[:-1] + top[1:]) / 2, (top[:-1] + bottom[1:]) / 2
    falls, rises = bottom[:-1] < top[1:], top[:-1] > bottom[1:]
    joined_top, joined_bottom = top.copy(), bottom.copy()
    joined_bottom[:-1][falls] = down[falls]
    joined_top[1:][falls] = down[falls]
    joined_top[:-1][rises] = np.minimum(joined_top[:-1][rises], up[rises])
    joined_bottom[1:][rises] = np.maximum(joined_bottom[1:][rises], up[rises])
    return where, joined_top - width_px / 2, joined_bottom + width_px / 2


def _spaced(columns: Ints) -> Floats:
    """The middles of `columns`, ascending, without those too near to the one kept before."""
    kept: list[int] = []
    for position in columns.tolist():
        if not kept or position - kept[-1] >= _ARROW_SPACING_PX:
            kept.append(position)
    return np.array(kept) + 0.5
