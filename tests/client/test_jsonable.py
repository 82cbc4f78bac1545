"""Whatever a configuration holds becomes JSON that the daemon takes."""

import json
import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filmlab.jsonable import document, jsonable
from filmlab.wire.jsonbody import parse_json, to_json


class Color(Enum):
    RED = "red"


@dataclass
class Settings:
    lr: float
    nested: dict[str, Any]


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("no")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), values, max_size=5))
def test_whatever_comes_travels(value: dict[str, Any]) -> None:
    """The result passes the wire's own reader, unchanged."""
    found, complaint = document(value, "config")
    assert complaint == ""
    assert parse_json(to_json(found), "config") == found


def test_the_nearest_value_is_taken() -> None:
    """Numbers of numpy, paths, enums, dataclasses, sets and arrays are what one would write by hand."""
    given = {
        "a": np.float32(0.5), "b": np.int8(3), "c": Path("/x/y"), "d": Color.RED, "e": Settings(0.1, {"k": (1, 2)}),
        "f": np.arange(4).reshape(2, 2), "g": math.nan, "h": math.inf, "i": 2**60, "j": json.dumps, "k": np.bool_(True),
        "l": np.zeros(10_000), "m": 1 + 2j, "n": "\ud800", 7: None,
    }  # fmt: skip
    assert jsonable(given) == {
        "a": 0.5, "b": 3, "c": "/x/y", "d": "red", "e": {"lr": 0.1, "nested": {"k": [1, 2]}},
        "f": [[0, 1], [2, 3]], "g": None, "h": None, "i": str(2**60), "j": "dumps", "k": True,
        "l": "array of shape (10000,), float64", "m": "(1+2j)", "n": "?", "7": None,
    }  # fmt: skip


def test_circles_and_rude_objects_come_to_an_end() -> None:
    """A description that fails, or never ends, is no reason to fail."""
    circle: dict[str, Any] = {"rude": Rude()}
    circle["me"] = circle
    found, complaint = document(circle, "config")
    assert complaint == ""
    assert found["rude"] == "<Rude>"


def test_what_holds_itself_twice_comes_to_an_end() -> None:
    """Two circles in one object would be read 2**24 times over."""
    knot: dict[str, Any] = {}
    knot["a"] = knot["b"] = knot
    found, complaint = document(knot, "config")
    assert found == {}
    assert "config is left out: over 500000 items" in complaint


def test_what_cannot_be_taken_at_all_is_said() -> None:
    """A list is no configuration, and neither is a megabyte."""
    assert document([1], "config") == ({}, "config should be a mapping, got list; it is left out")
    found, complaint = document({str(index): "x" * 90_000 for index in range(20)}, "config")
    assert found == {}
    assert complaint.startswith("config is left out: JSON of")
