"""Where an axis is labelled, and with what text: at round numbers, or as the drop-in recorder has always done."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Final

# The longest number that is still written out; a label past it would take the plot's room.
_MAX_RECORDER_LABEL: Final = 18
_MINUS: Final = "−"
_THIN: Final = "\u2009"
_SUPERSCRIPT: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
# Mantissas of a step, in tenths: 1, 2, 2.5 and 5 times a power of ten.
_STEPS: Final = (10, 20, 25, 50)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis.

    Attributes:
        low, high: the ends, low < high, both finite.
        at: where ticks stand, ascending, within the ends.
        labels: one text per tick.
        factor: what every label is to be multiplied with, as text for the axis' name ("×10⁻¹²"); "" for 1.
    """

    low: float
    high: float
    at: tuple[float, ...]
    labels: tuple[str, ...]
    factor: str = ""


def widened(low: float, high: float) -> tuple[float, float]:
    """A range to draw a value in that hardly varies: (low, high) as it is, or padded on both sides when it is flat."""
    size = max(abs(low), abs(high))
    if high / 2 - low / 2 > 8 * math.ulp(size):
        return low, high
    pad = max(size * 0.05, 8 * math.ulp(size)) if size else 1.0
    return _bounded(low - pad), _bounded(high + pad)


def padded(low: float, high: float, share: float) -> tuple[float, float]:
    """(low, high) with `share` of its length added at either end."""
    # Quarters: the length of a range may be more than the largest float.
    pad = (high / 4 - low / 4) * share * 4
    return _bounded(low - pad), _bounded(high + pad)


def round_axis(low: float, high: float, *, most: int, whole: bool = False) -> Axis:
    """At most `most` ticks at multiples of 1, 2, 2.5 or 5 times a power of ten.

    Args:
        low, high: finite, low < high.
        most: >= 2.
        whole: only integers: half an episode is none.
    """
    mantissa, exponent = _step(low, high, most, whole)
    counts = range(_steps_up(low, mantissa, exponent), _steps_down(high, mantissa, exponent) + 1)
    at = tuple(_value(k * mantissa, exponent - 1) for k in counts)
    labels, factor = _labels([k * mantissa for k in counts], exponent - 1)
    return Axis(low, high, at, labels, factor)


def recorder_x_axis(last: float) -> Axis:
    """The drop-in recorder's x axis from 0 to `last`: ticks at round(k · last / 5) for k of 0…5, equal ones once."""
    at = sorted({round(k * last / 5) for k in range(6)})
    low, high = (0.0, last) if last > 0 else (-0.5, 0.5)
    return Axis(low, high, tuple(float(v) for v in at), tuple(str(v) for v in at))


def recorder_y_axis(low: float, high: float) -> Axis:
    """The drop-in recorder's y axis: six ticks from `high` down to `low`, two decimals; a flat range is padded."""
    if low == high:
        pad = max(1.0, 0.1 * abs(low) + 1)
        low, high = _bounded(low - pad), _bounded(high + pad)
        if low == high:  # so large that adding the padding rounds away
            low, high = widened(low, high)
    at = tuple(high * (1 - k / 5) + low * (k / 5) for k in reversed(range(6)))
    return Axis(low, high, at, tuple(_two_decimals(v) for v in at))


def _two_decimals(value: float) -> str:
    text = f"{value:.2f}".replace("-0.00", "0.00") if abs(value) < 0.01 else f"{value:.2f}"
    return text if len(text) <= _MAX_RECORDER_LABEL else f"{value:.6e}"


def _bounded(value: float) -> float:
    return max(min(value, sys.float_info.max), -sys.float_info.max)


def _step(low: float, high: float, most: int, whole: bool) -> tuple[int, int]:
    """The smallest step of which at most `most` multiples lie in the range: (mantissa in tenths, exponent)."""
    span = max(high / most - low / most, math.ulp(0.0))
    exponent = math.floor(math.log10(span)) - 1
    if whole:
        exponent = max(exponent, 0)
    while True:
        for mantissa in _STEPS:
            if whole and exponent == 0 and mantissa == 25:
                continue
            if _steps_down(high, mantissa, exponent) - _steps_up(low, mantissa, exponent) < most:
                return mantissa, exponent
        exponent += 1


def _steps_down(value: float, mantissa: int, exponent: int) -> int:
    """How many steps fit between 0 and `value`, rounded down; exact: a tick on the end of an axis is not lost."""
    top, bottom = value.as_integer_ratio()
    ten: int = 10 ** abs(exponent - 1)
    if exponent >= 1:
        return top // (bottom * mantissa * ten)
    return top * ten // (bottom * mantissa)


def _steps_up(value: float, mantissa: int, exponent: int) -> int:
    return -_steps_down(-value, mantissa, exponent)


def _value(digits: int, exponent: int) -> float:
    """digits · 10^exponent as the nearest float."""
    return float(digits * 10**exponent) if exponent >= 0 else digits / 10**-exponent


def _labels(digits: list[int], exponent: int) -> tuple[tuple[str, ...], str]:
    """Texts for digits · 10^exponent, all with as many decimals as the finest needs, and their common factor."""
    largest = max((abs(d) for d in digits), default=0)
    if largest == 0:
        return tuple("0" for _ in digits), ""
    magnitude = len(str(largest)) - 1 + exponent
    zeros = min(_trailing_zeros(d) for d in digits if d)
    significant, finest = len(str(largest)) - zeros, exponent + zeros
    if -4 <= magnitude < 6 and finest >= -7:
        return _written(digits, exponent), ""
    if 6 <= magnitude < 9 and finest >= 3:
        return tuple(text + "M" if text != "0" else text for text in _written(digits, exponent - 6)), ""
    if significant <= 6 or not -7 <= magnitude < 16:
        return _written(digits, exponent - magnitude), "×10" + str(magnitude).translate(_SUPERSCRIPT)
    return _written(digits, exponent), ""


def _written(digits: list[int], exponent: int) -> tuple[str, ...]:
    while exponent < 0 and all(d % 10 == 0 for d in digits):
        digits, exponent = [d // 10 for d in digits], exponent + 1
    return tuple(_plain(d, exponent) for d in digits)


def _trailing_zeros(value: int) -> int:
    text = str(value)
    return len(text) - len(text.rstrip("0"))


def _plain(digits: int, exponent: int) -> str:
    """digits · 10^exponent written out, groups of three set apart."""
    if digits == 0:
        return "0"
    sign = _MINUS if digits < 0 else ""
    text = str(abs(digits))
    if exponent >= 0:
        return sign + _grouped(text + "0" * exponent)
    text = text.rjust(1 - exponent, "0")
    return sign + _grouped(text[:exponent]) + "." + text[exponent:]


def _grouped(whole: str) -> str:
    # Four digits are read at a glance, and years and small step counts look odd in two parts.
    return f"{int(whole):,}".replace(",", _THIN) if len(whole) > 4 else whole
