"""What did an episode do, step by step? Its packed columns as lists and arrays."""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from filmlab.errors import WireError
from filmlab.wire.entries import DTYPES, JSON_COLUMN, Column, StepColumn, Steps
from filmlabd.model import StepsRow


def join_steps(bodies: Iterable[bytes]) -> StepsRow:
    """Consecutive Steps entries, by their bodies, as one. An unreadable body gives no steps."""
    actions: list[Any] = []
    rewards: list[float] = []
    for body in bodies:
        try:
            entry = Steps.read({"run": 0, "wall": 0.0}, memoryview(body))
        except WireError:
            continue
        for column in entry.columns:
            if column.column is Column.ACTION:
                actions += _items(column)
            else:
                rewards += [_number(item) for item in _items(column)]
    return StepsRow(actions, np.array(rewards, np.float64))


def _items(column: StepColumn) -> list[Any]:
    if column.dtype != JSON_COLUMN:
        return list(np.frombuffer(column.data, DTYPES[column.dtype]).reshape(column.count, *column.shape).tolist())
    try:
        items = json.loads(column.data)
    except (ValueError, RecursionError):
        return []
    return items if isinstance(items, list) else []


def _number(item: Any) -> float:
    """A reward; one that is no number counts as none."""
    try:
        return float(item) if isinstance(item, int | float) else 0.0
    except OverflowError:
        return math.inf
