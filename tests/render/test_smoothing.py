"""Covers filmlabd.render.smoothing: the moving average against exact fractions, at once and as it grows."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlabd.render.smoothing import MovingAverage, moving_average

CASES = json.loads((Path(__file__).parent / "moving_average_cases.json").read_text())
TOLERANCE = Fraction(1, 10**12)


def exact(values: np.ndarray, window: int) -> list[Fraction | None]:
    """The definition, in fractions: None for a window without a finite value."""
    width = max(window, 1)
    means: list[Fraction | None] = []
    for end in range(1, len(values) + 1):
        kept = [Fraction(v) for v in values[max(end - width, 0) : end].tolist() if math.isfinite(v)]
        means.append(sum(kept, Fraction(0)) / len(kept) if kept else None)
    return means


def assert_near(found: np.ndarray, expected: list[Fraction | None]) -> None:
    assert len(found) == len(expected)
    for number, (mine, right) in enumerate(zip(found.tolist(), expected, strict=True)):
        if right is None:
            assert math.isnan(mine), number
        else:
            assert math.isfinite(mine), number
            assert abs(Fraction(mine) - right) <= TOLERANCE * abs(right), (number, mine, float(right))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['values'])} values, window {case['window']}")
def test_agrees_with_what_callers_are_used_to(case: dict[str, object]) -> None:
    """The drop-in recorder's average is the one that its users' programs have always seen."""
    found = moving_average([float(v) for v in case["values"]], case["window"])  # type: ignore[attr-defined,arg-type]
    expected = np.array([math.nan if v is None else float(v) for v in case["average"]])  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("window", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    "disturb",
    [
        pytest.param(lambda y: None, id="benign"),
        pytest.param(lambda y: y.__setitem__(10, 1e18), id="an early outlier"),
        pytest.param(lambda y: y.__setitem__(slice(40, 50), 1e300), id="1e300"),
        pytest.param(lambda y: y.__setitem__(slice(5, 9), [1e300, 1.0, -1e300, 3.0]), id="what cancels"),
        pytest.param(lambda y: y.__iadd__(1e9), id="a large offset"),
        pytest.param(lambda y: y.__setitem__(slice(20, 260), np.nan), id="NaN for longer than a window"),
        pytest.param(lambda y: y.__setitem__(slice(0, 300, 3), [np.inf, -np.inf] * 50), id="infinities"),
        pytest.param(lambda y: y.__imul__(1.7e308 / 5), id="sums past the largest float"),
    ],
)
def test_is_exact_to_a_part_in_1e12(window: int, disturb: object) -> None:
    """No outlier, offset or hole disturbs an average that does not contain it, nor one that does."""
    y = np.random.default_rng(window).normal(size=300).clip(-5, 5)
    disturb(y)  # type: ignore[operator]
    assert_near(moving_average(y, window), exact(y, window))


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.floats(), st.just(1e300), st.just(math.nan)), max_size=60),
    st.integers(-2, 70),
)
@settings(max_examples=120)
def test_hits_the_exact_mean_within_its_own_rounding(values: list[float], window: int) -> None:
    """For any floats at all the error is 1e-12 of the mean, or 1e-25 of the values where these cancel."""
    y = np.array(values)
    scale = exact(np.abs(y), window)
    for mine, right, size in zip(moving_average(y, window).tolist(), exact(y, window), scale, strict=True):
        if right is None or size is None:
            assert math.isnan(mine)
        else:
            allowed = TOLERANCE * abs(right) + Fraction(1, 10**25) * size + Fraction(1, 10**300)
            assert abs(Fraction(mine) - right) <= allowed


@given(
    st.lists(st.floats(width=32), max_size=80),
    st.integers(1, 20),
    st.lists(st.integers(0, 30), max_size=12),
)
@settings(max_examples=120)
def test_grows_to_the_same_bits(values: list[float], window: int, cuts: list[int]) -> None:
    """A curve that was drawn live equals the one drawn at the end, however the values came in."""
    smoother = MovingAverage(window)
    parts, start = [], 0
    for size in [*cuts, len(values)]:
        parts.append(smoother.extend(values[start : start + size]))
        start += size
    assert np.concatenate(parts).tobytes() == moving_average(values, window).tobytes()


def test_keeps_no_view_of_what_it_was_given() -> None:
    """A caller may reuse its array."""
    smoother, block = MovingAverage(4), np.array([1.0, 2.0, 3.0])
    smoother.extend(block)
    block[:] = 1e9
    assert smoother.extend(np.array([4.0, 5.0])).tolist() == [2.5, 3.5]


def test_a_window_longer_than_any_history_costs_no_memory() -> None:
    """A window of a billion reserves nothing: memory follows the values."""
    np.testing.assert_allclose(moving_average([1.0, 2.0, 6.0], 10**9), [1.0, 1.5, 3.0], rtol=1e-15)
