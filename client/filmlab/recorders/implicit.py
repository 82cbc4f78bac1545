"""Which run do recorders record to? One of their own in each process, begun with the first use, ended with the process.

Its page and whatever else is not a recorder's file stay in the state directory.
"""

import itertools
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from filmlab._apart import begin_apart
from filmlab._process import Process
from filmlab._run import Run
from filmlab.tally import FlushWait
from filmlab.wire.entries import Recorder, RecorderAsk, Wish, encode_entry
from filmlab.wire.names import clean_text

LONELY_AUTO_S = 15.0
"""How long a wait goes on without a daemon, where one is being started; DELIVERY allows a busy node 10 s."""
LONELY_S = 3.0
"""The same where nobody starts one."""
_COLUMNS_MAX_CHARS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a wait: `ok`; or the prints that failed, or why there is no answer."""

    ok: bool
    failures: str = ""
    unanswered: str = ""


class ImplicitRun:
    """The run, as its recorders use it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.seat = run._seat
        self._columns: set[str] = set()

    def enter(self, what: str) -> Process | None:
        """The session to record to; None where nothing is recorded. In a forked child it is another one."""
        return self.seat.process if self.seat.ready(what) else None

    def declare(self, process: Process, described: Recorder) -> int:
        """Say what a recorder is; the number that stands for it in this session."""
        return process.declare_recorder(replace(described, run=self.seat.tally.number, wall=time.time()))

    def columns_for(self, title: str) -> str:
        """What the metrics of one more recorder of curves begin with."""
        base = clean_text(title, _COLUMNS_MAX_CHARS) or "training"
        name = next(name for name in _numbered(base) if name not in self._columns)
        self._columns.add(name)
        return name

    def reason(self, episode: int, total_episodes: int) -> str:
        """Why somebody wants this episode: it was asked for, or the run's plan was changed to one with rules."""
        asked = self.run.asks_for(episode)
        planned = self.run._decider.schedule.reasons(episode, total_episodes)
        return ", ".join([*([asked] if asked else []), *planned])

    def take_asked(self, episode: int) -> str:
        """The same for an episode that is printed now: it uses up what was asked for."""
        if not self.run.asks_for(episode):
            return ""
        return self.run._decider.take_asked(episode)

    def ask(self, number: int, wish: Wish, rows: int = 0) -> None:
        """Ask for files, without waiting for them."""
        self.seat.put(encode_entry(self._asking(number, wish, rows, 0)))

    def wait(self, process: Process, number: int, wish: Wish, rows: int, timeout_s: float) -> Answer:
        """The same, and wait until they are there: not for ever, and not long where there is no daemon."""
        tally, mode = self.seat.tally, self.run._options.mode
        if mode == "offline":
            self.ask(number, wish, rows)
            process.link.wait_safe(timeout_s)
            return Answer(False, unanswered="mode offline was asked for")
        with tally.flush() as wait:
            self.seat.put(encode_entry(self._asking(number, wish, rows, wait.token)))
            process.link.hurry()
            why = _answered(process, wait, timeout_s, LONELY_AUTO_S if mode == "auto" else LONELY_S)
        return Answer(False, unanswered=why) if why else Answer(wait.ok, "" if wait.ok else wait.reason)

    def _asking(self, number: int, wish: Wish, rows: int, token: int) -> RecorderAsk:
        return RecorderAsk(
            run=self.seat.tally.number, wall=time.time(), recorder=number, wish=wish, rows=rows, token=token
        )


_lock = threading.Lock()
_runs: list[ImplicitRun] = []


def implicit_run() -> ImplicitRun:
    """That of this process; begun if there is none.

    Raises:
        BadInput: an environment variable or the state directory cannot be used.
    """
    with _lock:
        if not _runs or _runs[0].seat.finished:
            _runs[:] = [ImplicitRun(_begin())]
        return _runs[0]


def finish() -> None:
    """End the recorders' run as the end of the process does: everything is safe, the daemon goes on developing.

    For notebooks and tests. A recorder that is used afterwards begins another run.
    """
    with _lock:
        runs, _runs[:] = list(_runs), []
    for item in runs:
        item.run.finish()


def _begin() -> Run:
    return begin_apart("recorders of ", name=None, schedule="never", fps=30.0)


def _answered(process: Process, wait: FlushWait, timeout_s: float, lonely_s: float) -> str:
    """Wait for the daemon's answer; empty when it came, else why it did not."""
    now = time.monotonic()
    give_up_at, lonely_since = now + timeout_s, now
    while not wait.answered.wait(max(0.0, min(0.1, give_up_at - now))):
        now = time.monotonic()
        status = process.link.status()
        if status.state == "online":
            lonely_since = now
        if process.link.dead:
            return status.why or "this process records nothing more"
        if now >= give_up_at:
            return f"there was no answer within {timeout_s:g} s" + (f": {status.why}" if status.why else "")
        if now - lonely_since >= lonely_s:
            return status.why or "no daemon answers"
    return ""


def _numbered(base: str) -> Iterator[str]:
    yield base
    for number in itertools.count(2):
        yield f"{base} {number}"


def _after_fork() -> None:
    """In the child: another thread of the parent may hold the lock at this moment."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
