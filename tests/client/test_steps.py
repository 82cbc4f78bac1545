"""Actions and rewards as columns: as numbers where all are alike, else as JSON."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.steps import columns, keep_action, plain_number
from filmlab.wire.columns import DTYPES, JSON_COLUMN, Column, pack_columns, read_columns


def back(actions: list[Any]) -> Any:
    """The actions as the daemon reads them."""
    film, found = read_columns(memoryview(pack_columns(1, columns(actions, [0.0] * len(actions)))))
    (action,) = [column for column in found if column.column is Column.ACTION]
    assert film == 1
    if action.dtype == JSON_COLUMN:
        return json.loads(action.data)
    return np.frombuffer(action.data, DTYPES[action.dtype]).reshape(action.count, *action.shape).tolist()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1) | st.lists(st.floats(allow_nan=False), min_size=1))
def test_plain_numbers_come_back(actions: list[Any]) -> None:
    """Exactly."""
    assert back(actions) == actions


@pytest.mark.parametrize("dtype", [*DTYPES, ">f4", ">i8"])
def test_arrays_keep_their_dtype(dtype: str) -> None:
    """Those that travel do; another byte order is turned."""
    actions = [np.array([[0, 1], [1, 0]]).astype(dtype) for _ in range(3)]
    assert back(actions) == [action.tolist() for action in actions]
    assert back(list(np.arange(2).astype(dtype))) == [0, 1]


@pytest.mark.parametrize(
    "actions",
    [
        [1, 1.5],
        [1, None],
        [True, 1],
        [2**70],
        ["left", "right"],
        [{"a": [1]}, {"a": [2]}],
        [np.zeros(2), np.zeros(3)],
        [np.zeros(2, np.float32), np.zeros(2)],
        [np.zeros(1, np.float16)],
        [np.zeros((1, 1, 1, 1))],
        [np.zeros((0, 2))],
    ],
)
def test_mixtures_are_json(actions: list[Any]) -> None:
    """Nothing is forced into a type that it has not."""
    assert len(back(actions)) == len(actions)
    assert columns(actions, [0.0] * len(actions))[0].dtype == JSON_COLUMN


def test_one_element_is_a_number_and_two_are_none() -> None:
    """Vector environments and losses come as arrays of shape (1,) or (1, 1)."""
    assert [plain_number(value) for value in (np.array([2.5]), np.array([[3]]), np.float32(0.5), True)] == [
        2.5,
        3,
        0.5,
        1,
    ]
    for none in (np.zeros(2), np.zeros(0), None, "x"):
        with pytest.raises((TypeError, ValueError)):
            plain_number(none)


def test_no_action_no_column() -> None:
    """Loops that give none have rewards only."""
    (reward,) = columns([None, None], [1.0, float("nan")])
    assert reward.column is Column.REWARD
    assert reward.count == 2


def test_an_action_is_kept_as_it_was() -> None:
    """Arrays and structures are copied; one that is too large is refused."""
    array, structure = np.zeros(2), {"a": [1]}
    kept = keep_action(array)[0], keep_action(structure)[0]
    array[:], structure["a"] = 7, [2]
    assert kept[0].tolist() == [0, 0]
    assert kept[1] == {"a": [1]}
    with pytest.raises(ValueError, match="at most 8192"):
        keep_action(np.zeros(5000))
    with pytest.raises(ValueError, match="8192"):
        keep_action(["x" * 9000])
