"""Covers filmlabd.render.ticks: round numbers, honest labels, and the drop-in recorder's own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlabd.render.ticks import Axis, padded, recorder_x_axis, recorder_y_axis, round_axis, widened

FINITE = st.floats(allow_nan=False, allow_infinity=False)
DIGITS = str.maketrans({"−": "-", "\u2009": "", "⁻": "-", **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))})


def said(axis: Axis) -> list[float]:
    """The values that a reader takes from the labels."""
    factor = axis.factor.translate(DIGITS).removeprefix("×10") or "0"
    texts = [label.translate(DIGITS) for label in axis.labels]
    return [float(t.removesuffix("M") + ("e6" if t.endswith("M") else f"e{factor}")) for t in texts]


@pytest.mark.parametrize(
    ("low", "high", "labels", "factor"),
    [
        (0, 1, "0 0.2 0.4 0.6 0.8 1.0", ""),
        (-1.3, 2.7, "−1 0 1 2", ""),
        (0, 250_000, "0 50\u2009000 100\u2009000 150\u2009000 200\u2009000 250\u2009000", ""),
        (0, 1e6, "0 0.2M 0.4M 0.6M 0.8M 1.0M", ""),
        (1e-12, 1.5e-12, "1.0 1.1 1.2 1.3 1.4 1.5", "×10⁻¹²"),
        (1e12, 2e12, "1.0 1.2 1.4 1.6 1.8 2.0", "×10¹²"),
        (-1e300, 1e300, "−1.0 −0.5 0 0.5 1.0", "×10³⁰⁰"),
        (0, 0.0007, "0 0.0002 0.0004 0.0006", ""),
        (1e9, 1e9 + 2, "1.0 1.5", ""),
    ],
)
def test_labels_are_what_a_person_would_write(low: float, high: float, labels: str, factor: str) -> None:
    """Ticks are short, of one form, with U+2212 for minus, thin spaces between thousands and one factor for all."""
    axis = round_axis(low, high, most=6)
    if high - low == 2:
        labels = " ".join(f"1\u2009000\u2009000\u200900{tenths / 10:.1f}" for tenths in (0, 5, 10, 15, 20))
    assert (" ".join(axis.labels), axis.factor) == (labels, factor)


@given(FINITE, FINITE, st.integers(2, 12))
def test_ticks_are_inside_few_even_and_labelled_truly(a: float, b: float, most: int) -> None:
    """For any range at all: ticks ascend within it, no more than asked, and each label says the value it stands at."""
    low, high = widened(min(a, b), max(a, b))
    assert math.isfinite(low) and math.isfinite(high) and low < high
    axis = round_axis(low, high, most=most)
    assert len(axis.at) == len(axis.labels) <= most
    assert all(low <= at <= high for at in axis.at)
    assert all(x < y for x, y in zip(axis.at, axis.at[1:], strict=False))
    assert len(set(axis.labels)) == len(axis.labels)
    for value, at in zip(said(axis), axis.at, strict=True):
        assert value == pytest.approx(at, rel=1e-12, abs=5e-324)


@pytest.mark.parametrize("last", [1, 2, 3, 5, 9, 30, 99, 1000, 123_456])
def test_episodes_are_whole(last: int) -> None:
    """No axis of episodes is labelled 0.5."""
    assert all(at == int(at) for at in round_axis(0, last, most=9, whole=True).at)


@pytest.mark.parametrize("value", [0.0, 3.5, -1e12, 1e-12, 5e-324, 1.79e308, -1.79e308])
def test_a_flat_series_gets_room_on_both_sides(value: float) -> None:
    """A constant is drawn in the middle of a range, not on its edge or divided by zero."""
    low, high = widened(value, value)
    assert math.isfinite(low) and math.isfinite(high)
    assert low <= value <= high and low < high


def test_a_range_that_varies_is_left_alone() -> None:
    """Only a flat range is widened: 1e12 ± 1 is data, not noise."""
    assert widened(1e12, 1e12 + 1) == (1e12, 1e12 + 1)


def test_padding_never_overflows() -> None:
    """The longest range that floats have can still be padded."""
    assert padded(0.0, 10.0, 0.05) == (-0.5, 10.5)
    assert all(math.isfinite(end) for end in padded(-1.79e308, 1.79e308, 0.05))


@pytest.mark.parametrize(
    ("last", "labels"),
    [(4, "0 1 2 3 4"), (9, "0 2 4 5 7 9"), (1, "0 1"), (0, "0"), (99, "0 20 40 59 79 99"), (10**6, None)],
)
def test_recorder_x_ticks(last: int, labels: str | None) -> None:
    """The drop-in recorder's x ticks stand at round(k · last / 5), written plainly."""
    axis = recorder_x_axis(last)
    assert " ".join(axis.labels) == (labels or "0 200000 400000 600000 800000 1000000")
    assert list(axis.at) == [float(label) for label in axis.labels]
    assert (axis.low, axis.high) == ((0, last) if last else (-0.5, 0.5))


def test_recorder_y_ticks() -> None:
    """Six y ticks from the largest to the smallest value, two decimals."""
    axis = recorder_y_axis(-3.0, 7.0)
    assert axis.labels == ("-3.00", "-1.00", "1.00", "3.00", "5.00", "7.00")
    assert (axis.low, axis.high) == (-3.0, 7.0)


@pytest.mark.parametrize(("value", "pad"), [(0.0, 1.0), (5.0, 1.5), (-100.0, 11.0), (0.2, 1.02)])
def test_recorder_pads_a_flat_series(value: float, pad: float) -> None:
    """A flat series is padded by max(1, 0.1·|y| + 1)."""
    axis = recorder_y_axis(value, value)
    assert (axis.low, axis.high) == pytest.approx((value - pad, value + pad))


@pytest.mark.parametrize("value", [1e12, 1e300, -1.79e308])
def test_recorder_labels_stay_short(value: float) -> None:
    """A value of three hundred digits does not push the plot off the picture."""
    axis = recorder_y_axis(value, value)
    assert axis.low < axis.high
    assert all(len(label) <= 18 for label in axis.labels)


def test_recorder_has_no_negative_zero() -> None:
    """Two decimals of a tiny negative value are 0.00."""
    assert set(recorder_y_axis(-1e-12, 1e-12).labels) == {"0.00"}
