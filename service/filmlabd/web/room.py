"""What do the handlers share? The state directory, the daemon's ear, and answers kept while nothing changes."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from filmlab.control import Control, NoDaemon
from filmlab.errors import BadInput, Transient
from filmlab.paths import StatePaths
from filmlabd.index.read import NoIndex, Reader
from filmlabd.json_text import dump
from filmlabd.model import RunRow
from filmlabd.overview import Glance, Overview
from filmlabd.web.documents import run_row
from filmlabd.web.pulse import Pulse
from filmlabd.web.shelf import Shelf

ASK_TIMEOUT_S = 5.0
LISTED_MAX = 2000
DISK_FILES_MAX = 20_000
DISK_AGE_S = 15.0
_DISK_BUDGET_S = 0.05
_PACE_S = 2.0


class NoSuchRun(BadInput):
    """There is no run of that id."""


@dataclass(slots=True)
class Room:
    """For the threads that answer; the loop itself touches nothing in here."""

    paths: StatePaths
    shelf: Shelf = field(default_factory=Shelf)
    pulse: Pulse = field(init=False)
    _overview: Overview = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _disk: dict[str, tuple[float, bool, int]] = field(default_factory=dict)
    """run id -> (looked at, it was over by then, bytes)."""

    def __post_init__(self) -> None:
        self.pulse = Pulse(self.paths.index)
        self._overview = Overview(self.paths.index)

    def reader(self) -> Reader:
        """Raises NoIndex where nothing has been recorded yet."""
        return Reader(self.paths.index)

    @contextlib.contextmanager
    def opened(self, run_id: str) -> Iterator[tuple[Reader, RunRow]]:
        """The index, open for as long as an answer takes, and the run of exactly this id.

        Raises:
            NoSuchRun: there is none.
        """
        try:
            reader = self.reader()
        except NoIndex:
            raise NoSuchRun("nothing has been recorded yet") from None
        with reader:
            try:
                run = reader.run(run_id)
            except BadInput as error:
                raise NoSuchRun(str(error)) from None
            if run.run_id != run_id:
                raise NoSuchRun(f"no run has the id {run_id!r}")
            yield reader, run

    def run(self, run_id: str) -> RunRow:
        """The run of exactly this id, alone. Raises as `opened`."""
        with self.opened(run_id) as (_, run):
            return run

    def called(self, name: str) -> list[str]:
        """The ids of the runs of this name, at most two: none, one, or several."""
        try:
            with self.reader() as reader:
                return reader.called(name)
        except NoIndex:
            return []

    def ask(self, verb: str, **args: Any) -> dict[str, Any]:
        """What the daemon says. Raises as `Control.ask`."""
        return Control(self.paths, ASK_TIMEOUT_S).ask(verb, **args)

    def daemon_says(self) -> dict[str, Any] | None:
        """Its status, None where none answers."""
        try:
            return self.ask("status")
        except (NoDaemon, Transient, BadInput):
            return None

    def run_lines(self) -> list[bytes]:
        """The table of runs, a JSON object for each, the newest run first."""
        # Paces fade while nothing changes, so that an answer is kept for a moment only.
        version = (self.pulse.version(), int(time.time() / _PACE_S))
        text = self.shelf.get("runs", version, self._runs)
        return text.split(b"\n") if text else []

    def _runs(self) -> bytes:
        with self._lock:
            try:
                shown = self._overview.look(time.time())[:LISTED_MAX]
            except NoIndex:
                return b""
            self._weigh(shown)
            rows = [run_row(item, self._disk.get(item.run.run_id, (0.0, False, None))[2]) for item in shown]
        return b"\n".join(dump(row).encode() for row in rows)

    def _weigh(self, shown: list[Glance]) -> None:
        """Look what the prints of some runs take up: those first that were never looked at, and never for long."""
        now = time.monotonic()
        for gone in self._disk.keys() - {item.run.run_id for item in shown}:
            del self._disk[gone]
        due = [item.run for item in shown if self._is_due(item.run, now)]
        for run in sorted(due, key=lambda run: self._disk.get(run.run_id, (0.0, False, 0))[0]):
            if time.monotonic() - now > _DISK_BUDGET_S:
                return
            self._disk[run.run_id] = (time.monotonic(), run.printed, size_bytes(run.directory))

    def _is_due(self, run: RunRow, now: float) -> bool:
        known = self._disk.get(run.run_id)
        if known is None:
            return True
        return not (known[1] and run.printed) and now - known[0] > DISK_AGE_S


def size_bytes(directory: str) -> int:
    """What the files below it take up; of very many files, of the first."""
    total, left = 0, DISK_FILES_MAX
    folders = [directory]
    while folders and left > 0:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            # Gone, or not ours to look at.
            continue
    return total
