"""`filmlab top`: how are all runs and the daemon doing, second by second, on a terminal?"""

import contextlib
import os
import select
import shutil
import signal
import sqlite3
import sys
import termios
import time
import tty
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from filmlab.errors import BadInput, Corrupt, Transient
from filmlab.paths import StatePaths
from filmlabd.cli import status as cli_status
from filmlabd.cli.format import dump
from filmlabd.cli.look_up import Misuse
from filmlabd.cli.show import MISSING
from filmlabd.cli.top_view import Board, Rates, board
from filmlabd.index.read import NoIndex, Reader
from filmlabd.overview import Glance, Overview

if TYPE_CHECKING:
    from rich.console import Console

REDRAW_EVERY_S = 1.0
LISTEN_S = 0.1
"""So soon a key is heard and a new size of the window is seen."""
ASK_TIMEOUT_S = 1.0
KEYS = "q ends"


def run(paths: StatePaths, *, once: bool, as_json: bool) -> tuple[list[str], bool]:
    """Show it until somebody presses q or Ctrl-C; once, where nobody can: no terminal, or one that only types.

    Raises:
        Misuse: rich is missing.
    """
    watch = Watch(paths)
    if as_json:
        return [dump(asdict(watch.look(time.monotonic(), time.time())))], False
    try:
        from rich.console import Console

        from filmlabd.cli.top_screen import screen
    except ModuleNotFoundError as error:
        raise Misuse(f"`filmlab top` {MISSING} (there is no {error.name})") from None
    console = Console(highlight=False)
    if once or not console.is_terminal or console.is_dumb_terminal:
        height = console.height if console.is_terminal else None
        console.print(screen(watch.look(time.monotonic(), time.time()), console.width, height))
    else:
        with contextlib.suppress(KeyboardInterrupt):
            _live(watch, console)
    return [], False


@dataclass(slots=True)
class Watch:
    """Looks at the index, the daemon and the disk, and remembers what rates need."""

    paths: StatePaths
    _overview: Overview = field(init=False)
    _rates: Rates = field(default_factory=Rates)
    _glances: list[Glance] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._overview = Overview(self.paths.index)

    def look(self, now: float, wall: float) -> Board:
        """Everything, by now. Where the index cannot be read, what was seen last, and why."""
        document = cli_status.ask(self.paths, ASK_TIMEOUT_S)
        counters: dict[str, int] = {}
        try:
            self._glances = self._overview.look(wall)
            counters = self._count_points()
        except NoIndex:
            self._glances = []
        except (BadInput, Corrupt, Transient, sqlite3.Error) as error:
            document["trouble"].append(f"the index cannot be read: {error}")
        if "status" in document:
            counters[""] = int(document["status"].get("ingested_bytes", 0))
        try:
            free_bytes = shutil.disk_usage(self.paths.state).free
        except OSError:
            free_bytes = None
        return board(self._glances, document, self._rates.see(counters, now), free_bytes, wall)

    def _count_points(self) -> dict[str, int]:
        alive = [glance.run.run_id for glance in self._glances if glance.run.status == "running"]
        if not alive:
            return {}
        with Reader(self.paths.index) as reader:
            return {run_id: reader.point_count(run_id) for run_id in alive}


def _live(watch: Watch, console: "Console") -> None:
    from rich.live import Live

    from filmlabd.cli.top_screen import screen

    # As Ctrl-C does: the terminal is put back as it was.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _heard() as keyboard, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            seen = watch.look(time.monotonic(), time.time())
            due_at = time.monotonic() + REDRAW_EVERY_S
            size = None
            while time.monotonic() < due_at:
                if size != console.size:
                    size = console.size
                    live.update(screen(seen, size.width, size.height, KEYS), refresh=True)
                if _pressed(keyboard, LISTEN_S) in (b"q", b"Q"):
                    return


@contextlib.contextmanager
def _heard() -> Iterator[int | None]:
    """The keyboard, each key at once and unseen; None where there is none. Afterwards it is as it was."""
    if not sys.stdin.isatty():
        yield None
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard)
        yield keyboard
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _pressed(keyboard: int | None, timeout_s: float) -> bytes:
    """What was pressed first, if anything was in that time."""
    ready, _, _ = select.select([] if keyboard is None else [keyboard], [], [], timeout_s)
    return os.read(keyboard, 64)[:1] if ready and keyboard is not None else b""
