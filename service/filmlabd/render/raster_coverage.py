"""Which pixels a mark covers, and how much of each."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from filmlabd.render.downsample import Floats, Ints
from filmlabd.render.geometry import Band, Stroke

# Full coverage; more steps cannot be told apart, fewer show as fringes.
LEVELS: Final = 15

# Flat pixel positions, each at most once, and how much of each (or of all) is covered, 1…LEVELS.
Coverage: TypeAlias = tuple[Ints, Ints | int]


def band_coverage(band: Band, width: int, height: int) -> tuple[Coverage, Coverage]:
    """Column by column, exact in y: a band's edges hardly move within a column.

    Returns:
        The pixels that are covered wholly, by far the most, and those at the edges; none is in both.
    """
    inside = (band.column >= 0) & (band.column < width)
    column = band.column[inside]
    top, bottom = np.clip(band.top[inside], 0, height), np.clip(band.bottom[inside], 0, height)
    first, last = np.ceil(top).astype(np.intp), np.floor(bottom).astype(np.intp)
    count = np.maximum(last - first, 0)
    # Going down one row is `width` further in the picture; the first of each column is where the one before left off.
    start = first * width + column - (np.cumsum(count) - count) * width
    solid = np.arange(count.sum()) * width + np.repeat(start, count)
    # Above and below the whole pixels; a band within one pixel has that one only.
    over, under = first - 1, np.maximum(last, first)
    rows, columns = np.concatenate([over, under]), np.concatenate([column, column])
    covered = np.minimum(np.tile(bottom, 2), rows + 1.0) - np.maximum(np.tile(top, 2), rows)
    level = (np.clip(covered, 0.0, 1.0) * LEVELS + 0.5).astype(np.intp)
    seen = (level > 0) & (rows >= 0) & (rows < height)
    return (solid, LEVELS), ((rows * width + columns)[seen], level[seen])


def stroke_coverage(stroke: Stroke, width: int, height: int) -> Coverage:
    """Every pixel by its distance from the nearest of the stroke's segments, whose ends are round."""
    a, b = _segments(stroke)
    half = stroke.width_px / 2
    # Only the part of the picture that the stroke can reach: samples in a legend are tiny.
    reach = half + 1
    low = np.maximum(np.floor(stroke.points.min(axis=0) - reach).astype(np.intp), 0)
    high = np.minimum(np.ceil(stroke.points.max(axis=0) + reach).astype(np.intp), (width, height))
    size = np.maximum(high - low, 0)
    a, b = a - low, b - low
    steep = np.abs(b[:, 1] - a[:, 1]) > np.abs(b[:, 0] - a[:, 0])
    buffer = np.zeros((int(size[1]), int(size[0])), np.uint8)
    for chosen, flip in ((~steep, False), (steep, True)):
        if chosen.any():
            _rasterise(a[chosen], b[chosen], half, buffer, flip)
    where = np.flatnonzero(buffer.reshape(-1) != 0)
    rows, columns = np.divmod(where, max(buffer.shape[1], 1))
    return (rows + low[1]) * width + columns + low[0], buffer.reshape(-1)[where].astype(np.intp)


def _segments(stroke: Stroke) -> tuple[Floats, Floats]:
    """Starts and ends, (m, 2); a run of one point is a segment of no length."""
    points, count = stroke.points, len(stroke.points)
    last = np.zeros(count, bool)
    last[np.append(stroke.starts[1:], count) - 1] = True
    first = np.zeros(count, bool)
    first[stroke.starts] = True
    lone = first & last
    begin = np.flatnonzero(~last)
    return np.concatenate([points[begin], points[lone]]), np.concatenate([points[begin + 1], points[lone]])


def _rasterise(a: Floats, b: Floats, half: float, buffer: npt.NDArray[np.uint8], flip: bool) -> None:
    """Raises `buffer` to the coverage of segments that all run more along one axis: y if `flip`, else x.

    Walks along that axis; at each step a fixed number of pixels across holds all that the stroke touches.
    """
    major, minor = (1, 0) if flip else (0, 1)
    size_major, size_minor = (buffer.shape[0], buffer.shape[1]) if flip else (buffer.shape[1], buffer.shape[0])
    # Fine to a ten-thousandth of a pixel, and half the memory.
    a, b = a.astype(np.float32), b.astype(np.float32)
    run, rise = b[:, major] - a[:, major], b[:, minor] - a[:, minor]
    low, high = np.minimum(a[:, major], b[:, major]), np.maximum(a[:, major], b[:, major])
    first = np.maximum(np.floor(low - half - 0.5), 0).astype(np.intp)
    last = np.minimum(np.floor(high + half + 0.5), size_major - 1).astype(np.intp)
    which, step = _ragged(first, last - first + 1)
    length = np.hypot(run, rise)
    # A segment of no length has any direction.
    dx, dy = (
        np.divide(side, length, out=np.full_like(length, lone), where=length > 0)
        for side, lone in ((run, 1), (rise, 0))
    )
    dx, dy, middle = dx[which], dy[which], (length / 2)[which, None]
    along = (step + np.float32(0.5)) - a[which, major]
    origin = a[which, minor]
    # Where the stroke is at this step, from the start of its segment; beyond its ends, at the end.
    centre = dy / np.where(dx == 0, 1, dx) * np.clip(along, np.minimum(run, 0)[which], np.maximum(run, 0)[which])
    # At 45° a stroke is √2 as wide across an axis.
    across = math.ceil((2 * half + 1) * math.sqrt(2)) + 1
    cell = np.floor(origin + centre - (across / 2 - 0.5)).astype(np.int32)[:, None] + np.arange(across, dtype=np.int32)
    offset = (cell + np.float32(0.5)) - origin[:, None]
    aside = (along * dy)[:, None] - offset * dx[:, None]
    beyond = np.maximum(np.abs((along * dx)[:, None] + offset * dy[:, None] - middle) - middle, 0)
    distance = aside * aside + beyond * beyond
    near = (distance < (half + 0.5) ** 2) & (cell >= 0) & (cell < size_minor)
    covered = np.minimum(np.float32(half + 0.5) - np.sqrt(distance[near]), 1)
    levels = (covered * LEVELS + np.float32(0.5)).astype(np.uint8)
    steps = np.broadcast_to(step[:, None], cell.shape)[near]
    where = steps * size_minor + cell[near] if flip else cell[near] * size_major + steps
    np.maximum.at(buffer.reshape(-1), where, levels)


def _ragged(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """For ranges that begin at `first` and have `count` members: of every member, which range it is of, and itself."""
    count = np.maximum(count, 0)
    which = np.repeat(np.arange(len(first)), count)
    start = np.cumsum(count) - count
    return which, np.arange(len(which)) - start[which] + first[which]
