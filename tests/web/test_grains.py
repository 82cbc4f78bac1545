"""Grains keep what can be seen of points, and what is held of them is bounded."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlabd.web.grains import BAD, FINITE, HIGH, LOW, MEAN, Granary, grind, merge

VALUES = st.lists(st.floats(width=32) | st.sampled_from([1e308, -1e308]), min_size=1, max_size=60)


@settings(max_examples=60)
@given(values=VALUES, cells=st.integers(1, 40), again=st.integers(1, 7))
def test_nothing_is_lost_or_counted_twice(values: list[float], cells: int, again: int) -> None:
    """Ground, and merged once more: range, counts and mean of all are those of the points, and none overflows."""
    array = np.array(values)
    at = np.arange(len(array))
    table = grind((at, at, at.astype(float), array), cells)
    assert table.shape[1] <= cells
    for found in (table, merge(table, np.arange(table.shape[1]) // again)):
        finite = array[np.isfinite(array)]
        assert (found[FINITE].sum(), found[BAD].sum()) == (len(finite), len(array) - len(finite))
        if len(finite):
            assert (np.nanmin(found[LOW]), np.nanmax(found[HIGH])) == (finite.min(), finite.max())
            known = found[FINITE] > 0
            mean = float((found[MEAN][known] * (found[FINITE][known] / len(finite))).sum())
            assert np.isclose(mean, (finite / len(finite)).sum(), rtol=1e-9, atol=1e-9 * np.abs(finite).max())
        else:
            assert np.isnan(found[MEAN]).all()


def test_what_is_held_is_bounded() -> None:
    """What was not asked for longest goes first."""
    at = np.arange(4096)
    table = grind((at, at, at.astype(float), at.astype(float)), 16)
    granary = Granary(max_bytes=3 * table.nbytes)
    for chunk in (1, 2, 3):
        granary.keep(chunk, table)
    assert granary.held(1) is not None
    granary.keep(4, table)
    assert [chunk for chunk in (1, 2, 3, 4) if granary.held(chunk) is not None] == [1, 3, 4]
