"""Which of the coming episodes a plan captures, as the trainer will decide it."""

from filmlab.schedule import CaptureSchedule
from filmlab.schedule.asked import Asked
from filmlabd.forecast import SHOWN, coming


def test_rules_and_requests() -> None:
    """By number: what the schedule says and what somebody asked for, each with its reason, and no more than a few."""
    schedule = CaptureSchedule.parse("every:10")
    asked = Asked(((12, 13),), 2, "ann")
    found = coming(schedule, asked, 5, 0)
    assert [episode for episode, _ in found] == [5, 6, 10, 12, 13]
    assert len(found) == SHOWN
    assert (found[0][1], found[2][1]) == ("asked for by ann", "every 10")


def test_it_ends_with_the_run() -> None:
    """Nothing is promised beyond the last episode; of a schedule that never captures nothing is."""
    assert coming(CaptureSchedule.parse("every:10"), Asked((), 0, ""), 15, 25) == [(20, "every 10")]
    assert coming(CaptureSchedule.parse("never"), Asked((), 0, ""), 0, 0) == []
