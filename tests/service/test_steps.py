"""An episode's steps as lists and arrays."""

import json
import struct

from filmlab.wire.entries import JSON_COLUMN, Column, StepColumn, Steps
from filmlabd.index.steps import join_steps
from service.keeping import steps


def column(which: Column, items: list[object]) -> StepColumn:
    return StepColumn(column=which, dtype=JSON_COLUMN, count=len(items), data=json.dumps(items).encode())


def body(*columns: StepColumn) -> bytes:
    return Steps(run=1, wall=0.0, film=1, columns=columns).body()


def test_entries_are_joined_in_order() -> None:
    """Rewards become one float64 array, actions one list."""
    joined = join_steps([steps(1, [0.5, -1.0]).body(), steps(1, [2.0], first=2).body()])
    assert (joined.rewards.tolist(), joined.actions) == ([0.5, -1.0, 2.0], [0, 1, 0])
    assert (join_steps([]).rewards.tolist(), join_steps([]).actions) == ([], [])


def test_actions_keep_their_shape() -> None:
    """Vectors become lists, as JSON has them; actions that are no numbers come as they were."""
    packed = StepColumn(column=Column.ACTION, dtype=1, count=2, shape=(3,), data=struct.pack("<6f", *range(6)))
    joined = join_steps([body(packed), body(column(Column.ACTION, [{"left": 1}, "jump"]))])
    assert joined.actions == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], {"left": 1}, "jump"]


def test_rewards_that_are_no_numbers_count_as_none() -> None:
    """A JSON column of rewards may hold anything: what is no number is 0."""
    assert join_steps([body(column(Column.REWARD, [1, "x", None, 2.5]))]).rewards.tolist() == [1.0, 0.0, 0.0, 2.5]


def test_an_unreadable_body_gives_no_steps() -> None:
    """Damage costs its own entry only."""
    assert join_steps([b"no steps", steps(1, [1.0]).body()]).rewards.tolist() == [1.0]
