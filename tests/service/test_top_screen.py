"""Covers filmlabd.cli.top_screen: no terminal, however small, is overfull; what matters most comes first."""

import io
import math
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from filmlabd.cli.top_screen import screen
from filmlabd.cli.top_view import Board, board
from filmlabd.overview import Glance
from service.glances import glance

NOBODY = {"state_dir": "/s", "daemon": "none", "trouble": []}
STATUS = {
    "version": "1.2", "pid": 7, "uptime_s": 60.0, "queue": {"waiting": 3, "running": 1, "failed": 2},
    "workers": {"80": "", "81": "episode:1"},
}  # fmt: skip


def drawn(shown: Board, width: int = 140, height: int | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(screen(shown, width, height, "q ends"))
    return capture.get().splitlines()


def seen(*glances: Glance, troubles: tuple[str, ...] = ()) -> Board:
    return board(glances, NOBODY | {"trouble": troubles}, {}, 2**30, 5.0)


def test_a_wide_terminal() -> None:
    """Everything that is known of a run stands in its line, and of the daemon in the line above."""
    document = {"state_dir": "/s", "daemon": "running", "status": STATUS, "trouble": []}
    lines = drawn(board([glance("a")], document, {"a": 7.25, "": 2048.0}, 2**30, 5.0))
    assert lines[0].startswith("filmlab  1 alive · 0 over · 2 episodes/s · 7.2 points/s")
    assert lines[1] == "daemon queue 3 waiting, 2 given up · workers 1/2 · in 2 KiB/s · 1 GiB free · up 1 min"
    assert lines[3].split() == [
        "RUN", "PROJECT", "STATUS", "EPISODES", "EP/S", "POINTS/S", "LAST", "BEST", "RETURN",
    ]  # fmt: skip
    assert lines[4].split() == ["●", "run", "a", "p", "running", "5/10", "2", "7.2", "40", "80.5", "▁▅█"]
    assert lines[-1] == "q ends"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("height", [4, 8, 24, 60])
@pytest.mark.parametrize("count", [0, 1, 7, 200])
def test_never_overfull(width: int, height: int, count: int) -> None:
    """No line is wider than the terminal, and there are no more than it has (but for six), however many the runs."""
    names = ("x" * 150, "強化学習" * 20, "a\x1b[2Jb\nc", "[bold]no markup[/bold]")
    runs = [glance(str(number), name=names[number % 4]) for number in range(count)]
    lines = drawn(seen(*runs), width, height)
    assert all(cell_len(line) <= width for line in lines)
    assert len(lines) <= max(height, 6)


def test_as_many_runs_as_fit() -> None:
    """Those that do not fit are counted; where all of them fit nothing is said."""
    runs = [glance(f"{number:03d}") for number in range(200)]
    lines = drawn(seen(*runs), height=24)
    assert len(lines) == 24
    assert lines[-2] == "and 182 more runs; filmlab ls has them all"
    assert len(drawn(seen(*runs[:19]), height=24)) == 24
    assert not any("more" in line for line in drawn(seen(*runs[:19]), height=24))
    assert len(drawn(seen(*runs), height=None)) == 205


def test_a_narrow_terminal() -> None:
    """What matters least goes first: the status, the project, the rates, the curve; the episodes stay."""
    titles = {width: drawn(seen(glance("a")), width)[3].split() for width in (96, 80, 60, 30)}
    assert titles[80] == ["RUN", "EPISODES", "EP/S", "POINTS/S", "LAST", "BEST", "RETURN"]
    assert titles[60] == ["RUN", "EPISODES", "LAST", "BEST", "RETURN"]
    assert titles[30] == ["RUN", "EPISODES"]


def test_nothing_in_a_name_is_obeyed() -> None:
    """Neither the terminal nor rich takes a name for a command."""
    text = "\n".join(drawn(seen(glance("a", name="a\x1b[2Jb"), glance("b", name="[red]c[/red]"))))
    assert "\x1b" not in text
    assert "[red]c[/red]" in text


def test_troubles_are_seen_first() -> None:
    """They stand above the runs, a few of them; what was dropped or given up has columns when there is any."""
    run = replace(glance("a"), dropped={"film": 3}, failed=2)
    lines = drawn(seen(run, troubles=("a " * 200, *"bcde")))
    assert lines[2].startswith("! a a a")
    assert lines[3:6] == ["! b", "! c", "! and 2 more; filmlab status has them all"]
    assert lines[7].split()[-2:] == ["DROPPED", "FAILED"]
    assert lines[8].split()[-2:] == ["3", "2"]


def test_when_all_are_over() -> None:
    """There are no rates then, and nothing that could be wrong."""
    lines = drawn(seen(glance("a", "finished"), glance("b", "crashed")))
    assert lines[1] == "no daemon · 1 GiB free"
    assert "EP/S" not in lines[3]
    assert [line.split()[0] for line in lines[4:6]] == ["✓", "✗"]


def test_nothing_yet() -> None:
    """Without a run it says how there comes to be one; without a daemon, that it may be wrong about who is alive."""
    assert "no runs yet" in drawn(seen())[3]
    assert "may be over" in drawn(seen(glance("a")))[1]


def test_what_is_not_known() -> None:
    """A run without a return, and a pace that is not known yet, have a dash."""
    lines = drawn(seen(replace(glance("a"), last_return=math.nan, best_return=math.nan, spark=())))
    assert lines[4].split()[-3:] == ["–", "–", "–"]
