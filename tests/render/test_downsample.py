"""Covers filmlabd.render.downsample: groups of samples say truly what is in them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlabd.render import downsample
from filmlabd.render.downsample import Columns

VALUES = st.one_of(st.floats(-1e3, 1e3), st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, 1.7e308]))


def summary(columns: Columns) -> tuple[float, ...]:
    return tuple(columns.table[7:].sum(axis=1).tolist())


def check_group(columns: Columns, number: int, y: np.ndarray) -> None:
    """Group `number` says of the samples `y` what they are."""
    kept = y[np.isfinite(y)]
    counts = [len(kept), np.isnan(y).sum(), (y == np.inf).sum(), (y == -np.inf).sum()]
    assert columns.table[7:, number].tolist() == counts
    if len(kept):
        stated = [row[number] for row in (columns.first, columns.last, columns.low, columns.high)]
        assert stated == [kept[0], kept[-1], kept.min(), kept.max()]
        mean = math.fsum((kept / len(kept)).tolist())
        assert columns.mean[number] == pytest.approx(mean, rel=1e-9, abs=1e-12 * float(np.abs(kept).max()))
    else:
        assert np.isnan(columns.table[2:7, number]).all()


@given(st.lists(VALUES, min_size=1, max_size=60), st.data())
@settings(max_examples=100)
def test_groups_hold_what_is_in_them(values: list[float], data: st.DataObject) -> None:
    """Minimum, maximum, first, last, mean and counts of every group are those of its samples, whatever they are."""
    y = np.array(values)
    cell = np.array(sorted(data.draw(st.lists(st.integers(0, 9), min_size=len(y), max_size=len(y)))))
    columns = downsample.reduce(downsample.singles(np.arange(len(y), dtype=float), y), cell)
    assert len(columns) == len(set(cell.tolist()))
    for number, which in enumerate(sorted(set(cell.tolist()))):
        check_group(columns, number, y[cell == which])
        inside = np.flatnonzero(cell == which)
        assert (columns.x_first[number], columns.x_last[number]) == (inside[0], inside[-1])


@given(st.lists(VALUES, min_size=1, max_size=60))
@settings(max_examples=60)
def test_groups_of_groups_hold_the_same(values: list[float]) -> None:
    """Folding twice, as a pyramid does, loses nothing that folding once keeps."""
    single = downsample.singles(np.arange(len(values), dtype=float), np.array(values))
    number = np.arange(len(values))
    once = downsample.reduce(single, number // 6)
    fine = downsample.reduce(single, number // 2)
    twice = downsample.reduce(fine, np.arange(len(fine)) // 3)
    exact = [row for row in range(downsample.ROWS) if row != 6]
    np.testing.assert_array_equal(twice.table[exact], once.table[exact])


@pytest.mark.parametrize("holes", [False, True])
def test_condensing_at_once_or_in_two_steps_is_the_same(holes: bool) -> None:
    """A series given as arrays and one kept as groups lose nothing of their extremes, nor a sample."""
    rng = np.random.default_rng(3)
    x, y = np.cumsum(rng.random(50_000)), rng.normal(size=50_000)
    if holes:
        y[rng.integers(0, len(y), 900)] = np.nan
        y[7], y[8] = np.inf, -np.inf
    columns = downsample.condense(x, y, 512)
    assert len(columns) == 512
    assert columns.samples == 50_000
    kept = y[np.isfinite(y)]
    assert (np.nanmin(columns.low), np.nanmax(columns.high)) == (kept.min(), kept.max())
    np.testing.assert_allclose(np.sum(columns.mean * columns.count) / len(kept), kept.mean(), atol=1e-12)
    edges = np.linspace(x[0], x[-1], 513)
    for number in (0, 100, 511):
        part = (x >= edges[number]) & ((x < edges[number + 1]) | (number == 511))
        check_group(columns, number, y[part])


def test_few_samples_are_left_alone() -> None:
    """Up to the number of columns every sample is its own group: nothing is hidden without need."""
    columns = downsample.condense(np.arange(5.0), np.array([1.0, np.nan, 2.0, np.inf, -np.inf]), 5)
    assert columns.exact
    assert summary(columns) == (2, 1, 1, 1)


def test_means_of_the_largest_floats_are_finite() -> None:
    """Where sums overflow, means do not."""
    y = np.full(1000, 1.7e308)
    assert downsample.condense(np.arange(1000.0), y, 10).mean == pytest.approx(1.7e308)


def test_uneven_steps_fall_where_their_x_is() -> None:
    """Columns are equal in x, not in samples: a burst of points fills one column, not the picture."""
    x = np.concatenate([np.linspace(0, 1, 1000), [50.0, 100.0]])
    columns = downsample.condense(x, x, 100)
    assert columns.count.tolist() == [999, 1, 1, 1] or columns.count.tolist() == [1000, 1, 1]
    assert columns.x_last[-1] == 100


@pytest.mark.parametrize(("low", "high"), [(-1.7e308, 1.7e308), (0.0, 5e-324), (1e12, 1e12 + 1), (-3.0, 7.0)])
def test_unit_spans_any_range(low: float, high: float) -> None:
    """A range may be as long, as small or as far from zero as floats allow."""
    np.testing.assert_allclose(downsample.unit(np.array([low, high]), low, high), [0.0, 1.0], atol=1e-9)


def test_unit_of_an_empty_range_is_zero() -> None:
    """A range without length divides by nothing."""
    assert downsample.unit(np.array([3.0, 3.0]), 3.0, 3.0).tolist() == [0.0, 0.0]


def test_between_cuts_by_x() -> None:
    """An attempt is cut where the next began: what begins at or past it is left out."""
    columns = downsample.singles(np.arange(6.0), np.arange(6.0))
    assert columns.between(2.0, 4.0).mean.tolist() == [2.0, 3.0]
    assert len(columns.between(-np.inf, np.inf)) == 6
