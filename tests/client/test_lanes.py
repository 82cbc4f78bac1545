"""Where episodes of sub-environments begin and end, against a story of single environments, in every autoreset mode."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.integrations._lanes import Autoreset, Lanes

COUNT = 3


@pytest.mark.parametrize("mode", list(Autoreset))
@given(
    plan=st.lists(st.lists(st.booleans(), min_size=COUNT, max_size=COUNT), min_size=1, max_size=30),
    waits=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_each_lane_is_as_an_environment_alone(mode: Autoreset, plan: list[list[bool]], waits: list[bool]) -> None:
    """Numbers, lengths and returns: those of an environment that ends as planned and is reset by its mode."""
    lanes = Lanes(COUNT, mode)
    lanes.reset()
    number, length, resting = [-1] * COUNT, [0] * COUNT, [False] * COUNT
    fresh = [True] * COUNT
    for wait, ends in zip(waits, plan, strict=False):
        begun = lanes.begin()
        assert begun == [lane for lane in range(COUNT) if fresh[lane]]
        for lane in begun:
            number[lane], length[lane], fresh[lane] = number[lane] + 1, 0, False
        # What a resting environment says of itself is no end: Gymnasium's own are quiet then, others may not be.
        stepping, ended = lanes.step(np.ones(COUNT), np.array(ends))
        for lane in range(COUNT):
            assert bool(stepping[lane]) is not resting[lane]
            assert bool(ended[lane]) is (ends[lane] and not resting[lane])
            length[lane] += not resting[lane]
            if ended[lane]:
                assert lanes.totals(lane, {}) == (float(length[lane]), length[lane], None)
                fresh[lane] = mode is Autoreset.SAME_STEP
                resting[lane] = not fresh[lane]
            elif resting[lane] and mode is Autoreset.NEXT_STEP:
                resting[lane], fresh[lane] = False, True
        if mode is Autoreset.DISABLED and any(resting) and not wait:
            assert not lanes.reset(np.array(resting)).any()
            fresh, resting = [was or now for was, now in zip(resting, fresh, strict=True)], [False] * COUNT
        assert lanes.fresh.tolist() == fresh
    assert lanes.numbers.tolist() == number


def test_a_reset_leaves_what_is_open() -> None:
    """Not what is over, fresh, or not of the mask."""
    lanes = Lanes(COUNT, Autoreset.DISABLED)
    assert not lanes.reset().any()
    lanes.begin()
    assert lanes.reset(np.array([True, False, False])).tolist() == [True, False, False]
    assert lanes.begin() == [0]
    lanes.step(np.zeros(COUNT), np.array([False, True, False]))
    assert lanes.reset().tolist() == [True, False, True]
    assert lanes.reset().tolist() == [False] * COUNT


def test_rewards_may_come_as_a_column() -> None:
    """As some environments of their own kind give them."""
    lanes = Lanes(COUNT, Autoreset.NEXT_STEP)
    lanes.reset()
    lanes.begin()
    lanes.step(np.full((COUNT, 1), 2.0), np.ones(COUNT, np.bool_))
    assert lanes.totals(1, {}) == (2.0, 1, None)


@pytest.mark.parametrize("stats", [{"r": [1.0]}, {"r": "x", "l": "y", "t": "z"}, {"l": [1] * COUNT, "t": [1] * COUNT}])
def test_what_is_no_statistics_does_not_count(stats: dict[str, object]) -> None:
    """Whatever else is called `episode`."""
    lanes = Lanes(COUNT, Autoreset.NEXT_STEP)
    lanes.reset()
    lanes.begin()
    lanes.step(np.ones(COUNT), np.ones(COUNT, np.bool_))
    assert lanes.totals(2, {"episode": stats}) == (1.0, 1, None)
