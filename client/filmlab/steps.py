"""How do the actions and rewards of a film become columns? By dtype where all are alike, else as JSON."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.jsonable import jsonable
from filmlab.wire.columns import DTYPES, JSON_COLUMN, Column, StepColumn
from filmlab.wire.jsonbody import to_json

ACTION_MAX_BYTES = 8 * 1024

_NUMBERS = {np.dtype(text): number for number, text in enumerate(DTYPES)}
_PLAIN = {int: np.dtype("<i8"), float: np.dtype("<f8"), bool: np.dtype("|b1")}


def plain_number(value: Any) -> float:
    """A number out of whatever can be one: also an array of one element, as vector environments give rewards.

    Raises:
        TypeError, ValueError, or what a stranger's `__float__` raises: it is none.
    """
    # Arrays with dimensions are no numbers for numpy any more, whatever their size.
    is_array = isinstance(value, np.ndarray) and value.size == 1
    return float(value.item() if is_array or has_gradient(value) else value)


def has_gradient(value: Any) -> bool:
    """Whether it is a tensor of torch that is part of a graph: its `__float__` warns, its `item` does not."""
    return getattr(value, "requires_grad", False) is True


def keep_action(action: Any) -> tuple[Any, int]:
    """An action as it is now (the loop may use its array again), and about how many bytes it takes beside a number.

    Raises:
        ValueError: it is over 8 KiB.
    """
    if action is None or type(action) in _PLAIN or isinstance(action, np.generic):
        return action, 0
    if not isinstance(action, np.ndarray) and hasattr(action, "__array__"):
        action = np.asarray(action)
    if isinstance(action, np.ndarray):
        if action.nbytes > ACTION_MAX_BYTES:
            raise ValueError(f"an action of {action.nbytes} bytes; at most {ACTION_MAX_BYTES} are kept")
        return action.copy(), action.nbytes
    kept = jsonable(action)
    size_bytes = len(to_json(kept))
    if size_bytes > ACTION_MAX_BYTES:
        raise ValueError(f"an action of over {ACTION_MAX_BYTES} bytes")
    return kept, size_bytes


def columns(actions: list[Any], rewards: list[float]) -> tuple[StepColumn, ...]:
    """The columns of some consecutive steps; actions that are all None have none."""
    data = np.asarray(rewards, dtype="<f8").tobytes()
    reward = StepColumn(column=Column.REWARD, dtype=_NUMBERS[np.dtype("<f8")], count=len(rewards), data=data)
    if all(action is None for action in actions):
        return (reward,)
    table = _uniform(actions)
    if table is None:
        texts = to_json([jsonable(action) for action in actions])
        return StepColumn(column=Column.ACTION, dtype=JSON_COLUMN, count=len(actions), data=texts), reward
    action = StepColumn(
        column=Column.ACTION,
        dtype=_NUMBERS[table.dtype],
        count=len(actions),
        shape=table.shape[1:],
        data=table.tobytes(),
    )
    return action, reward


def _uniform(actions: list[Any]) -> NDArray[Any] | None:
    """All actions as one array, when they are of one type, dtype and shape that travels as numbers."""
    first = actions[0]
    kind = type(first)
    if any(type(action) is not kind for action in actions):
        return None
    if kind in _PLAIN:
        try:
            return np.array(actions, dtype=_PLAIN[kind])
        except OverflowError:
            return None
    if not isinstance(first, np.ndarray | np.generic):
        return None
    dtype = first.dtype.newbyteorder("<")
    # What has no element at all would be items of no bytes, and they have no place in a column.
    if dtype not in _NUMBERS or first.ndim > 3 or not first.size:
        return None
    if any(action.dtype != first.dtype or action.shape != first.shape for action in actions):
        return None
    return np.array(actions, dtype=dtype).reshape(len(actions), *first.shape)
