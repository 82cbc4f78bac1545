"""JSON that every reader takes, whatever the values."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlabd.json_text import document, dump, dump_column

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def strict(text: str) -> Any:
    """Python's own reader takes NaN; JSON has none."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


@given(_values)
def test_whatever_it_is(value: Any) -> None:
    """Any value becomes one line of valid JSON; what JSON has stays as it is."""
    text = dump(value)
    assert "\n" not in text
    strict(text)
    if "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value):
        assert strict(text) == value


@given(st.lists(st.floats()))
def test_columns_are_exact(values: list[float]) -> None:
    """Every finite number comes back to the last bit; the others are null and named by their index."""
    text, marks = dump_column(np.array(values, np.float64))
    words = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
    back = [words[marks[str(index)]] if item is None else item for index, item in enumerate(strict(text))]
    assert np.array_equal(np.array(back, np.float64), np.array(values, np.float64), equal_nan=True)


def test_nested_too_deep() -> None:
    """A value nested a thousand levels deep ends at the 64th instead of ending the job."""
    value: Any = math.nan
    for _ in range(900):
        value = [value]
    assert strict(dump(value)) is not None


def test_document() -> None:
    """One key to a line in its order, marks last, a newline at the end."""
    fields = {"b": 1, "a": math.inf, "rewards": np.array([1.0, math.nan]), "steps": np.array([2**60])}
    assert document(fields).decode() == (
        '{\n  "b": 1,\n  "a": null,\n  "rewards": [1.0, null],\n  "steps": [1152921504606846976],\n'
        '  "nonfinite": {"a": "inf", "rewards": {"1": "nan"}}\n}\n'
    )


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "u1", "b1"])
def test_dtypes(dtype: str) -> None:
    """Columns of any dtype that a film has become numbers or booleans."""
    assert strict(dump_column(np.array([0, 1], dtype))[0]) == [0, 1]
