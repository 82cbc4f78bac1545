"""How does a board look on a terminal of some width and height? Drawn by rich, which only `filmlab top` needs."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group
from rich.table import Table
from rich.text import Text

from filmlab.words import duration, plural, size
from filmlabd.cli.format import printable
from filmlabd.cli.top_view import Board, RunLine, bars

_GAP = 2
_NAME_CHARS = (14, 36)
"""At least and at most."""
_SPARK_CHARS = (10, 24)
"""On a narrow terminal and on a wide one."""
_WIDE_CHARS = 100
_TROUBLES_MAX = 3
_MARKS = {"running": ("●", "cyan"), "finished": ("✓", "green"), "crashed": ("✗", "red")}


@dataclass(frozen=True, slots=True)
class Column:
    """One column behind the name."""

    title: str
    width: int
    rank: int
    """Where there is not room for all, those of the highest go."""
    cell: Callable[[RunLine], Text]
    right: bool = True


def screen(board: Board, width: int, height: int | None, keys: str = "") -> Group:
    """The whole picture.

    Args:
        height: in lines; None: as high as it gets.
        keys: what can be pressed, for the last line.
    """
    head = [_first(board, width), _daemon(board), *_troubles(board.troubles), Text()]
    foot = [Text(keys, "dim")] if keys else []
    if not board.runs:
        foot.insert(0, Text("no runs yet: a program that calls filmlab.init makes the first", "dim"))
        return Group(*_one_line_each(head + foot))
    # One line of titles, one that says how many are left out.
    room = len(board.runs) if height is None else height - len(head) - len(foot) - 2
    shown = len(board.runs) if room + 1 >= len(board.runs) else max(0, room)
    spark_chars = _SPARK_CHARS[width >= _WIDE_CHARS]
    table = _table(board.runs[:shown], _columns(board.runs, spark_chars), width)
    if shown < len(board.runs):
        foot.insert(0, Text(f"and {plural(len(board.runs) - shown, 'more run')}; filmlab ls has them all", "dim"))
    return Group(*_one_line_each(head), table, *_one_line_each(foot))


def _one_line_each(lines: Sequence[Text]) -> Sequence[Text]:
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return lines


def _first(board: Board, width: int) -> Text:
    finished = len(board.runs) - board.alive
    said = [f"{board.alive} alive", f"{finished} over", f"{_rate(board.episodes_per_s)} episodes/s"]
    said.append(f"{_rate(board.points_per_s)} points/s")
    line = Text("filmlab", "bold").append("  " + " · ".join(said), "not bold")
    clock = time.strftime("%H:%M:%S", time.localtime(board.wall))
    gap = width - line.cell_len - len(clock)
    return line.append(" " * gap + clock, "not bold dim") if gap > 1 else line


def _daemon(board: Board) -> Text:
    daemon = board.daemon
    free = [f"{size(daemon.free_bytes)} free"] if daemon.free_bytes is not None else []
    if daemon.state == "none":
        said = ["no daemon: what is called running may be over" if board.alive else "no daemon", *free]
        return Text(" · ".join(said), "yellow")
    if daemon.state != "running":
        return Text(" · ".join(["the daemon does not answer", *free]), "bold red")
    queue = [f"{daemon.waiting} waiting", *([f"{daemon.failed} given up"] if daemon.failed else [])]
    said = [f"queue {', '.join(queue)}", f"workers {daemon.busy}/{daemon.workers}"]
    said += [f"in {size(daemon.bytes_per_s)}/s"] if not math.isnan(daemon.bytes_per_s) else []
    said += free
    said += [f"up {duration(daemon.uptime_s)}"] if not math.isnan(daemon.uptime_s) else []
    return Text("daemon ", "green").append(" · ".join(said), "default")


def _troubles(troubles: Sequence[str]) -> Iterator[Text]:
    for trouble in troubles[:_TROUBLES_MAX]:
        yield Text(f"! {printable(trouble)}", "red")
    if len(troubles) > _TROUBLES_MAX:
        yield Text(f"! and {len(troubles) - _TROUBLES_MAX} more; filmlab status has them all", "red")


def _columns(runs: Sequence[RunLine], spark_chars: int) -> list[Column]:
    """All that there could be, in their order. What nobody has is left out."""
    found = [
        Column("PROJECT", 12, 7, lambda run: Text(printable(run.project), "dim"), right=False),
        Column("STATUS", 8, 8, lambda run: Text(run.status, _MARKS.get(run.status, ("", ""))[1]), right=False),
        Column("EPISODES", 11, 1, lambda run: Text(_episodes(run))),
        Column("EP/S", 6, 5, lambda run: Text(_rate(run.episodes_per_s) if _is_alive(run) else "")),
        Column("POINTS/S", 8, 6, lambda run: Text(_rate(run.points_per_s) if _is_alive(run) else "")),
        Column("LAST", 8, 2, lambda run: Text(_number(run.last_return))),
        Column("BEST", 8, 3, lambda run: Text(_number(run.best_return), "bold")),
        Column("RETURN", spark_chars, 4, lambda run: Text(bars(run.spark, spark_chars), "cyan"), right=False),
    ]
    if not any(map(_is_alive, runs)):
        found = [column for column in found if not column.title.endswith("/S")]
    if any(run.dropped for run in runs):
        found.append(Column("DROPPED", 7, 0, lambda run: Text(f"{run.dropped or ''}", "yellow")))
    if any(run.failed for run in runs):
        found.append(Column("FAILED", 6, 0, lambda run: Text(f"{run.failed or ''}", "red")))
    return found


def _is_alive(run: RunLine) -> bool:
    return run.status == "running"


def _table(runs: Sequence[RunLine], columns: Sequence[Column], width: int) -> Table:
    """As many columns as there is room for; the name takes what is left."""
    kept = list(columns)
    while kept and _taken(kept) + _NAME_CHARS[0] > width:
        kept.remove(max(kept, key=lambda column: column.rank))
    name_chars = max(1, min(_NAME_CHARS[1], width - _taken(kept)))
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("RUN", width=name_chars, no_wrap=True, overflow="ellipsis")
    for column in kept:
        table.add_column(column.title, width=column.width, no_wrap=True, justify="right" if column.right else "left")
    for run in runs:
        table.add_row(_name(run), *(column.cell(run) for column in kept))
    return table


def _taken(columns: Sequence[Column]) -> int:
    return sum(column.width + _GAP for column in columns)


def _name(run: RunLine) -> Text:
    mark, style = _MARKS.get(run.status, ("?", ""))
    return Text(mark, style).append(f" {printable(run.name)}", "default")


def _episodes(run: RunLine) -> str:
    return f"{run.episodes}/{run.total_episodes}" if run.total_episodes >= run.episodes > 0 else str(run.episodes)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.5g}"


def _rate(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.0f}" if value >= 99.5 or value == 0 else f"{value:.2g}"
