"""Covers filmlabd.export_choice: which clips are shown when not all fit."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from filmlabd.export_choice import by_worth


def test_the_order() -> None:
    """The best goes first, then the newest and the first, then the middles of what is not shown yet."""
    assert list(islice(by_worth(101, 30), 7)) == [30, 100, 0, 65, 47, 82, 15]
    assert list(by_worth(3, 2)) == [2, 0, 1]
    assert list(by_worth(1, 0)) == [0]
    assert list(by_worth(0, 0)) == []


@given(st.integers(1, 300).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, count - 1))))
def test_every_clip_has_its_turn(case: tuple[int, int]) -> None:
    """Each is named once, whatever their number and whichever is the best."""
    count, best = case
    assert sorted(by_worth(count, best)) == list(range(count))
