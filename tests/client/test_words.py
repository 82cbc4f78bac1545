"""Numbers, durations, sizes and counts, as people read them everywhere."""

import math

import pytest

from filmlab.words import duration, number, plural, size


@pytest.mark.parametrize(
    ("value", "words"),
    [(200.0, "200"), (-3.25, "−3.25"), (1.2e-5, "1.2e−5"), (12500.0, "12,500"), (1234.5678, "1,235"),
     (0.38754, "0.3875"), (0.000123, "0.000123"), (math.nan, "–"), (-math.inf, "−∞"), (485.123, "485.1"),
     (0.0, "0"), (1e20, "1e20"), (5e300, "5e300"), (-1234567.5, "−1.23e6")],
)  # fmt: skip
def test_numbers(value: float, words: str) -> None:
    """They are short, and as exact as one reads."""
    assert number(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (4.23e-6, "4.2 µs"), (12e-3, "12 ms"), (3e-3, "3 ms"), (1.5, "1.5 s"), (59.6, "1 min"),
     (185, "3 min 5 s"), (3599.7, "1 h"), (7800, "2 h 10 min"), (86400, "1 d"), (1e6, "11 d 13 h"), (-1, "0 s")],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    """They have two units at most."""
    assert duration(seconds) == words


def test_sizes() -> None:
    """Binary, as settings give them, in three digits."""
    found = [size(count) for count in (0, 5, 1023, 1536, 2 * 2**20, 123_456_789, 20 * 2**30, 2**40, 2**53)]
    assert found == ["0 B", "5 B", "1023 B", "1.5 KiB", "2 MiB", "118 MiB", "20 GiB", "1 TiB", "8192 TiB"]


def test_counts() -> None:
    """One is no more than one."""
    assert (plural(1, "clip"), plural(1200, "clip"), plural(2, "try", "tries")) == ("1 clip", "1,200 clips", "2 tries")
