"""Covers filmlabd.render.pyramid: a history without end in bounded memory, exact in its extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlab.errors import BadInput
from filmlabd.render import downsample
from filmlabd.render.pyramid import CELLS, TAIL, Pyramid, Track
from filmlabd.render.smoothing import moving_average


def noisy(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    y = rng.normal(size=n)
    y[rng.integers(0, n, n // 50)] = np.nan
    return np.arange(n, dtype=np.float64), y


def test_keeps_every_sample_of_a_short_history() -> None:
    """A history that can be drawn point by point is."""
    x, y = noisy(CELLS)
    pyramid = Pyramid()
    pyramid.append(x, y)
    assert pyramid.groups().table.tobytes() == downsample.singles(x, y).table.tobytes()


@pytest.mark.parametrize("n", [5_000, 100_000, 400_000])
def test_columns_lose_no_extreme_and_no_sample(n: int) -> None:
    """Every column's range is the true range of its samples, at any length; no sample is lost or counted twice."""
    x, y = noisy(n)
    pyramid = Pyramid()
    pyramid.append(x, y)
    columns = pyramid.columns(864)
    assert len(columns) == 864
    assert (columns.samples, columns.count.sum()) == (n, np.isfinite(y).sum())
    for number in range(0, 864, 61):
        inside = y[int(columns.x_first[number]) : int(columns.x_last[number]) + 1]
        assert (columns.low[number], columns.high[number]) == (np.nanmin(inside), np.nanmax(inside))
        assert columns.mean[number] == pytest.approx(np.nanmean(inside), abs=1e-12)
    width = columns.x_last - columns.x_first + 1
    # Column edges fall on edges of groups, which are narrower than a column.
    assert width.max() <= 2.1 * n / 864


def test_memory_is_bounded_and_fine_enough() -> None:
    """However long the history, it is held in a few thousand groups, and never in fewer than a picture has columns."""
    pyramid = Pyramid()
    for start in range(0, 300_000, 1_700):
        x = np.arange(start, start + 1_700, dtype=np.float64)
        pyramid.append(x, np.sin(x))
        groups = len(pyramid.groups())
        assert groups <= CELLS + 1 + TAIL
        assert groups >= min(pyramid.samples, CELLS // 2)


@given(st.lists(st.integers(0, 3000), max_size=8), st.booleans())
@settings(max_examples=25)
def test_one_by_one_or_in_batches_is_the_same(sizes: list[int], singly: bool) -> None:
    """What a picture shows does not depend on how the samples came in."""
    total = sum(sizes)
    x, y = noisy(total + 100)
    whole, parts = Pyramid(), Pyramid()
    whole.append(x[:total], y[:total])
    start = 0
    for size in sizes:
        part = slice(start, start + size)
        if singly:
            for one in zip(x[part].tolist(), y[part].tolist(), strict=True):
                parts.add(*one)
        else:
            parts.append(x[part], y[part])
        start += size
    assert parts.samples == total
    np.testing.assert_array_equal(parts.groups().table, whole.groups().table)


def test_x_may_stand_still_or_leap() -> None:
    """A million points at one x, or a leap of nine orders of magnitude, is still a bounded history."""
    pyramid = Pyramid()
    pyramid.append(np.full(20_000, 5.0), np.arange(20_000.0))
    pyramid.append(np.linspace(1e9, 1e9 + 1, 20_000), np.arange(20_000.0))
    groups = pyramid.groups()
    assert len(groups) <= CELLS + 1 + TAIL
    assert (groups.samples, groups.high.max()) == (40_000, 19_999)


def test_refuses_what_is_no_series_and_stays_as_it_was() -> None:
    """x that goes back or is not finite, and shapes that differ, are the sender's fault and leave no trace."""
    pyramid = Pyramid()
    pyramid.append([1.0, 2.0], [1.0, 2.0])
    for x, y in (([1.5], [0.0]), ([3.0, 2.5], [0.0, 0.0]), ([np.nan], [0.0]), ([3.0], [0.0, 1.0]), ([[3.0]], [[1.0]])):
        with pytest.raises(BadInput):
            pyramid.append(x, y)
    for x in (1.5, np.nan, np.inf):
        with pytest.raises(BadInput, match="expected a finite value, at least 2"):
            pyramid.add(x, 0.0)
    assert (pyramid.samples, pyramid.last_x, len(pyramid.groups())) == (2, 2.0, 2)


def test_a_track_averages_what_it_was_given() -> None:
    """The live average is the moving average of the whole history, whichever way it came in."""
    x, y = noisy(3_000)
    track = Track(100)
    for one in zip(x[:1000].tolist(), y[:1000].tolist(), strict=True):
        track.add(*one)
    track.append(x[1000:2000], y[1000:2000])
    for one in zip(x[2000:].tolist(), y[2000:].tolist(), strict=True):
        track.add(*one)
    assert track.window == 100
    expected, reference = moving_average(y, 100), Pyramid()
    reference.append(x, expected)
    np.testing.assert_array_equal(track.average.groups().table, reference.groups().table)
    assert track.raw.samples == 3_000


def test_a_track_refuses_before_it_changes() -> None:
    """A refused sample is in neither the series nor its average."""
    track = Track(3)
    track.add(1.0, 1.0)
    with pytest.raises(BadInput):
        track.add(0.0, 9.0)
    with pytest.raises(BadInput):
        track.append([0.0], [9.0])
    assert (track.raw.samples, track.average.samples) == (1, 1)
