"""Covers filmlabd.cli.top_view: what is shown of runs and daemon, in which order, and how fast things go."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlabd.cli.top_view import Board, Rates, bars, board
from filmlabd.overview import Glance
from service.glances import glance

NOBODY = {"state_dir": "/s", "daemon": "none", "trouble": []}
STATUS = {
    "version": "1.2", "pid": 7, "uptime_s": 60.0, "queue": {"waiting": 3, "running": 1, "failed": 2},
    "workers": {"80": "", "81": "episode:1"},
}  # fmt: skip


def seen(*glances: Glance, **rates: float) -> Board:
    return board(glances, NOBODY, rates, 10**9, 5.0)


def test_those_that_are_alive_stand_first() -> None:
    """Among equals the order stays: the newest first."""
    runs = [glance("d", "finished"), glance("c"), glance("b", "crashed"), glance("a")]
    shown = seen(*runs)
    assert [line.run_id for line in shown.runs] == ["c", "a", "d", "b"]
    assert shown.alive == 2


def test_a_line_says_what_the_index_knows() -> None:
    """Numbers are taken over as they are; drops are summed; a run without a name goes by its id."""
    one = replace(glance("a"), last_return=1.5, best_return=2.5, dropped={"film": 2, "metric": 3}, failed=4)
    line = seen(one, a=9.0).runs[0]
    assert (line.last_return, line.best_return, line.dropped, line.failed, line.points_per_s) == (1.5, 2.5, 5, 4, 9.0)
    assert seen(replace(one, run=replace(one.run, name=""))).runs[0].name == "a"


def test_sums_are_of_what_is_alive_and_known() -> None:
    """A pace that is not known yet makes no sum unknown."""
    shown = seen(glance("a"), glance("b"), glance("c", "finished"), a=3.0, b=math.nan, c=100.0)
    assert (shown.points_per_s, shown.episodes_per_s) == (3.0, 4.0)


def test_the_daemon() -> None:
    """Of one that runs its queue and workers are told; of another only that there is none, or that it hangs."""
    running = board([], {"state_dir": "/s", "daemon": "running", "status": STATUS, "trouble": ["x"]}, {"": 5.0}, 1, 5.0)
    assert (running.daemon.waiting, running.daemon.running, running.daemon.failed) == (3, 1, 2)
    assert (running.daemon.busy, running.daemon.workers, running.daemon.bytes_per_s) == (1, 2, 5.0)
    assert running.troubles == ("x",)
    assert seen().daemon.state == "none"


def test_rates() -> None:
    """A pace is unknown at first, then what its counter grew by; one that falls or goes begins anew."""
    rates = Rates()
    assert math.isnan(rates.see({"a": 100}, 10.0)["a"])
    assert rates.see({"a": 150, "b": 1}, 12.0)["a"] == 25.0
    assert rates.see({"a": 0}, 13.0) == {"a": 0.0}
    assert math.isnan(rates.see({"b": 1}, 14.0)["b"])


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([0, 0, 7, 7], 2, "▁█"),
        ([3, 3], 5, "▅▅"),
        ([0, math.nan, 1, math.inf], 9, "▁ █ "),
        ([-1.7e308, 1.7e308], 2, "▁█"),
        ([], 5, ""),
    ],
)
def test_bars(values: list[float], width: int, drawn: str) -> None:
    """The least is low, the highest high, a gap blank; all alike are in the middle; no number is too large."""
    assert bars(values, width) == drawn


@given(st.lists(st.floats(), max_size=60), st.integers(1, 30))
def test_bars_fit(values: list[float], width: int) -> None:
    """Whatever the values, there are as many characters as values, and never more than there is room for."""
    assert len(bars(values, width)) == min(len(values), width)
