"""Deadlines that know the difference between a hang and a busy machine."""

import os

import pytest

from filmlabd.pool.deadline import left_s, waited_s


@pytest.mark.parametrize(
    ("passed_s", "waited", "left"),
    [
        (60.0, 0.0, 0.0),
        (59.9, 0.0, 0.0),
        (60.0, 59.0, 59.0),
        (60.0, 20.0, 20.0),
        (119.0, 59.0, 0.0),
        (600.0, 600.0, 0.0),
        (599.0, 590.0, 51.0),
    ],
)
def test_waiting_for_a_processor_does_not_count(passed_s: float, waited: float, left: float) -> None:
    """A worker that hangs is over at its deadline; one that never got a processor goes on, though not for ever."""
    assert left_s(60.0, passed_s, waited) == pytest.approx(left)


def test_what_the_kernel_says() -> None:
    """The time on the run queue is read for a process that lives, and nothing for one that does not."""
    assert waited_s(os.getpid()) >= 0.0
    assert waited_s(2**22 + 1) == 0.0
