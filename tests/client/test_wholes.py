"""Whole numbers of any library."""

from typing import Any

import numpy as np
import pytest

from filmlab.errors import BadInput
from filmlab.wholes import whole


class Liar:
    """Says that it is an index, and is none."""

    def __index__(self) -> int:
        raise RuntimeError("not today")


@pytest.mark.parametrize("value", [7, np.int64(7), np.uint8(7), np.array(7)])
def test_any_library(value: Any) -> None:
    """It comes as Python's own."""
    found = whole("width", value)
    assert found == 7
    assert type(found) is int


@pytest.mark.parametrize(
    ("value", "got"),
    [(-1, "-1"), (True, "True"), (2**53, "9007199254740992"), (1.0, "float"), ("7", "str"), (Liar(), "Liar")],
)
def test_what_is_none(value: Any, got: str) -> None:
    """Said with its name, what is expected and what it is."""
    with pytest.raises(BadInput, match=f"^width: a whole number from 0, got {got}$"):
        whole("width", value)


def test_bounds() -> None:
    """Both belong to it."""
    assert [whole("n", value, 2, 4) for value in (2, 4)] == [2, 4]
    for value in (1, 5):
        with pytest.raises(BadInput, match=f"^n: a whole number from 2 to 4, got {value}$"):
            whole("n", value, 2, 4)
