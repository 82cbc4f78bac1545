"""How figures of the benchmarks are said, and which of them make one fail."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from figures import Figure, number, promise, said, spread, table


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("p50", "≤ 1 ms", "2 ms", False), "missed"),
        (Figure("p50", "≤ 1 ms", "1 ms", True), "met"),
        (Figure("p50", "reported", "1 ms"), ""),
        (promise("dropped", "0", "1", False), "BROKEN"),
        (promise("dropped", "0", "0", True), "met"),
    ],
)
def test_verdicts(figure: Figure, verdict: str) -> None:
    """A time is missed, a promise is broken, and what nothing is required of has no verdict."""
    assert figure.verdict == verdict


def test_a_spread_is_of_all_values() -> None:
    """The longest call is in it, however rare."""
    found = spread([1.0] * 9999 + [500.0])
    assert found == {"p50": 1.0, "p99": 1.0, "p99.9": 1.0, "max": 500.0}
    assert said(found, "µs") == "1 / 1 / 1 / 500 µs"


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (12.34, "12.3"), (1234.5, "1234"), (float("inf"), "inf")]
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """And never fewer than stand before the point."""
    assert number(value) == text


def test_the_table_is_aligned() -> None:
    """It is Markdown, and readable as it stands."""
    lines = table([Figure("a", "b", "c"), promise("longer", "0", "1", False)]).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert lines[3].endswith("| BROKEN |")
