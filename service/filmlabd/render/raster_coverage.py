"""Which pixels a mark covers, and how much of each."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from filmlabd.render.downsample import Floats, Ints
from filmlabd.render.geometry import Band, Stroke

# Full coverage; more steps cannot be told apart, fewer show as fringes.
LEVELS: Final = 15

# Flat pixel positions, each at most once, and how much of each is covered, 1…LEVELS.
Coverage: TypeAlias = tuple[Ints, npt.NDArray[np.intp]]


def band_coverage(band: Band, width: int, height: int) -> Coverage:
    """Column by column, exact in y: a band's edges hardly move within a column."""
    inside = (band.column >= 0) & (band.column < width)
    column = band.column[inside]
    top, bottom = np.clip(band.top[inside], 0, height), np.clip(band.bottom[inside], 0, height)
    first = np.floor(top).astype(np.intp)
    which, row = _ragged(first, np.ceil(bottom).astype(np.intp) - first)
    covered = np.minimum(bottom[which], row + 1.0) - np.maximum(top[which], row)
    return _quantised(row * width + column[which], covered)


def stroke_coverage(stroke: Stroke, width: int, height: int) -> Coverage:
    """Every pixel by its distance from the nearest of the stroke's segments, whose ends are round."""
    a, b = _segments(stroke)
    half = stroke.width_px / 2
    steep = np.abs(b[:, 1] - a[:, 1]) > np.abs(b[:, 0] - a[:, 0])
    buffer = np.zeros(width * height, np.uint8)
    touched = []
    for chosen, flip in ((~steep, False), (steep, True)):
        if chosen.any():
            touched.append(_rasterise(a[chosen], b[chosen], half, flip, buffer, (width, height)))
    where = np.concatenate(touched)
    where = np.unique(where) if len(where) < 4096 else np.flatnonzero(buffer)
    return where, buffer[where].astype(np.intp)


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


def _rasterise(
    a: Floats, b: Floats, half: float, flip: bool, buffer: npt.NDArray[np.uint8], shape: tuple[int, int]
) -> Ints:
    """Raises `buffer` to the coverage of segments that all run more along one axis: y if `flip`, else x.

    Walks along that axis; at each step a fixed number of pixels across holds all that the stroke touches.
    """
    major, minor = (1, 0) if flip else (0, 1)
    length_major, length_minor = b[:, major] - a[:, major], b[:, minor] - a[:, minor]
    low, high = np.minimum(a[:, major], b[:, major]), np.maximum(a[:, major], b[:, major])
    first = np.floor(low - half - 0.5).astype(np.intp)
    which, step = _ragged(first, np.floor(high + half + 0.5).astype(np.intp) - first + 1)
    along = step + 0.5 - a[which, major]
    slope = np.divide(length_minor, length_major, out=np.zeros_like(length_minor), where=length_major != 0)
    centre = a[which, minor] + slope[which] * np.clip(
        along, np.minimum(length_major, 0)[which], np.maximum(length_major, 0)[which]
    )
    # At 45° a stroke is √2 as wide across an axis.
    across = int(np.ceil((half + 0.5) * np.sqrt(2) * 2)) + 1
    start = np.floor(centre - across / 2 + 0.5).astype(np.intp)
    cell = start[:, None] + np.arange(across)
    offset = cell + 0.5 - a[which, minor][:, None]
    squared = length_major**2 + length_minor**2
    share = (along * length_major[which])[:, None] + offset * length_minor[which][:, None]
    share /= np.maximum(squared, 1e-12)[which][:, None]
    np.clip(share, 0.0, 1.0, out=share)
    distance = np.hypot(
        along[:, None] - share * length_major[which][:, None], offset - share * length_minor[which][:, None]
    )
    covered = half + 0.5 - distance
    width, height = shape
    size_major, size_minor = (height, width) if flip else (width, height)
    inside = (covered > 0) & (cell >= 0) & (cell < size_minor) & ((step >= 0) & (step < size_major))[:, None]
    where = (step[:, None] * width + cell if flip else cell * width + step[:, None])[inside]
    levels = (np.minimum(covered[inside], 1.0) * LEVELS + 0.5).astype(np.uint8)
    np.maximum.at(buffer, where, levels)
    touched: Ints = where[levels > 0]
    return touched


def _ragged(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """For ranges that begin at `first` and have `count` members: of every member, which range it is of, and itself."""
    count = np.maximum(count, 0)
    which = np.repeat(np.arange(len(first)), count)
    start = np.cumsum(count) - count
    return which, np.arange(len(which)) - start[which] + first[which]


def _quantised(where: Ints, covered: Floats) -> Coverage:
    level = (np.clip(covered, 0.0, 1.0) * LEVELS + 0.5).astype(np.intp)
    seen = level > 0
    return where[seen], level[seen]
