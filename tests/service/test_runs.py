"""A run's attempts, writers and limits."""

import pytest

from filmlab.errors import BadInput
from filmlab.schedule import CaptureSchedule
from filmlabd.core import runs
from filmlabd.core.runs import HOUR_S, Run
from service.rig import begin


def test_writers_of_one_attempt_share_its_number_and_the_next_start_has_the_next() -> None:
    """Joining a living run is no new attempt; coming after the last writer's end is."""
    run = Run("r1")
    assert run.open(begin(), session=1) == 1
    assert run.open(begin(writer="eval"), session=2) == 1
    run.close("main", "finished")
    assert run.open(begin(), session=3) == 1
    run.close("main", "finished")
    run.close("eval", "finished")
    assert not run.alive
    assert run.open(begin(), session=4) == 2


def test_of_a_writer_that_is_done_nothing_is_kept() -> None:
    """A run that lives on may have one short-lived writer after another."""
    run = Run("r1")
    run.open(begin(), session=1)
    for number in range(3):
        run.open(begin(writer=f"eval-{number}"), session=2 + number)
        run.close(f"eval-{number}", "finished")
    assert run.writers.keys() == run.counted.keys() == {"main"}


def test_a_living_writer_is_not_taken_over() -> None:
    """The message names the run, the writer and the way out."""
    run = Run("r1")
    run.open(begin(), session=1)
    with pytest.raises(BadInput, match=r"run r1: its writer 'main' is alive.*writer="):
        run.open(begin(), session=2)
    assert run.open(begin(), session=1) == 1


def test_an_unreadable_schedule_is_refused() -> None:
    """A schedule that cannot be read is the sender's fault, and no attempt begins with it."""
    run = Run("r1")
    with pytest.raises(BadInput):
        run.open(begin(schedule="every:banana"), session=1)
    assert (run.attempt, run.alive) == (0, False)


def test_one_crashed_writer_makes_the_attempt_crashed_until_the_next() -> None:
    """A run whose evaluation finished and whose trainer died is crashed; a resumed one starts clean."""
    run = Run("r1")
    run.open(begin(), session=1)
    run.close("main", "crashed")
    assert run.crashed
    run.open(begin(), session=2)
    assert not run.crashed


def test_hourly_limits_forget_after_an_hour() -> None:
    """At most N in any hour, over all writers."""
    run = Run("r1", schedule=CaptureSchedule.parse("always&max:2/h"))
    kept = [run.judge("always", 1000.0 + minute * 60).kept for minute in (0, 1, 2)]
    assert kept == [True, True, False]
    assert run.judge("always", 1000.0 + HOUR_S).kept


def test_the_ring_has_the_last_n_of_each_writer() -> None:
    """Each writer has its own last N."""
    run = Run("r1", schedule=CaptureSchedule.parse("last:2"))
    for film in range(1, 4):
        run.push_provisional("main", 1, film)
    run.push_provisional("eval", 2, 1)
    assert run.trim_provisional("main") == [(1, 1)]
    assert run.trim_provisional("eval") == []
    assert run.take_provisional("main") == [(1, 2), (1, 3)]
    assert run.take_provisional("main") == []


def test_only_so_many_metrics_of_a_run_have_a_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers with names of their own share the bound, and the curves that there are go on."""
    monkeypatch.setattr(runs, "RUN_METRICS_MAX", 3)
    run = Run("r1")
    assert run.logged(["a", "b"]) == ["a", "b"]
    assert run.logged(["c", "d", "a"]) == ["c", "a"]
    assert run.logged(["e"]) == []
    assert run.metrics == {"a", "b", "c"}
