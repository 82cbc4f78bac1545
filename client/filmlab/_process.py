"""What of filmlab is there once in a process? A session for each place to record to: link, queue, numbers."""

import atexit
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from filmlab._names import Names
from filmlab.intake import Intake
from filmlab.link.delivery import Closing, Limits, LinkOptions, Mode
from filmlab.link.link import Link
from filmlab.link.packer import FILM_BATCH_BYTES, Packer
from filmlab.notices import Notices
from filmlab.options import RunOptions
from filmlab.paths import StatePaths
from filmlab.wire.entries import MetricNames, Recorder, encode_entry

if TYPE_CHECKING:
    from filmlab._seat import Seat

SESSIONS_KEPT = 4096

Key: TypeAlias = tuple[str, str, str, int, int, int]


@dataclass(frozen=True, slots=True)
class Departure:
    """How a run left its session: `closing` is there when it was the last one, so that the session ended with it."""

    safe: bool
    closing: Closing | None


class Process:
    """One session and the runs that it carries. Ends with the last of them."""

    def __init__(self, key: Key, options: RunOptions, paths: StatePaths, parent_session: int) -> None:
        self.key = key
        self.notices = Notices()
        # Frames that are being compressed are in memory more than once for a moment.
        headroom = min(3 * FILM_BATCH_BYTES, options.memory_bytes // 4)
        self.intake = Intake(options.memory_bytes - headroom, options.results_bytes)
        self.packer = Packer(self.intake, self._lost)
        limits = Limits(memory_bytes=options.memory_bytes // 2, spool_bytes=options.spool_bytes)
        mode: Mode = "auto" if options.mode == "disabled" else options.mode
        self.link = Link(
            self.packer,
            LinkOptions(paths, mode, options.endpoint, limits, parent_session, self.notices.tell),
        )
        self.names = Names()
        self.film_numbers = itertools.count(1)
        self._recorder_numbers = itertools.count(1)
        self._seats: dict[int, Seat] = {}
        self._run_numbers = itertools.count()
        self._forget_exit: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Start the link. Raises BadInput as `Link.start` does."""
        self.link.start()
        # After the link's own: what is registered last is called first, and finished runs must still find a link.
        self._forget_exit = _at_exit(self._exit)

    def enter(self, seat: "Seat") -> None:
        """A run joins this session; its number in it goes to `tally.number`."""
        tally = seat.tally
        tally.number = next(self._run_numbers)
        self.packer.tallies[tally.number] = tally
        self._seats[tally.number] = seat

    def leave(self, number: int, timeout_s: float, look: Callable[[], None] | None = None) -> Departure:
        """A run has said its last word; wait until that is safe. The last one takes the session with it.

        Args:
            look: called now and then meanwhile.
        """
        until = time.monotonic() + timeout_s
        safe = self.link.wait_safe(timeout_s, look)
        self._seats.pop(number, None)
        if not self._seats:
            with _lock:
                if _processes.get(self.key) is self:
                    del _processes[self.key]
            closing = self.link.close(max(0.0, until - time.monotonic()))
            self._forget_exit()
            return Departure(closing.safe, closing)
        self.packer.tallies.pop(number, None)
        return Departure(safe, None)

    def metric_ids(self, names: Sequence[str], run: int, wall: float) -> list[int]:
        """The session's numbers of metrics that were admitted; those that have none yet are declared first."""
        fresh = self.names.undeclared(names)
        if fresh:
            self.intake.put_entry(encode_entry(MetricNames(run=run, wall=wall, names=fresh)))
            self.names.declared(fresh)
        return self.names.numbers(names)

    def declare_recorder(self, described: Recorder) -> int:
        """Say what a recorder is; the number that stands for it in this session."""
        number = next(self._recorder_numbers)
        self.intake.put_entry(encode_entry(replace(described, number=number)))
        self.link.wake()
        return number

    def seats(self) -> list["Seat"]:
        """The runs that this session carries now."""
        return list(self._seats.values())

    def _lost(self, reason: str) -> None:
        """This session cannot go on; each run begins another one with its next call."""
        with _lock:
            if _processes.get(self.key) is self:
                del _processes[self.key]
        for seat in self.seats():
            seat.detach("lost")

    def _exit(self) -> None:
        """The interpreter ends: finish what is open."""
        for seat in self.seats():
            seat.at_exit()
        self.link.close()


_lock = threading.Lock()
_processes: dict[Key, Process] = {}
_sessions: dict[int, None] = {}
"""The last ones that this process has begun, in this order: of one that is over for long, nobody asks."""


def join(options: RunOptions, seat: "Seat", parent_session: int = 0) -> Process:
    """The session that carries a run with these options; begun if there is none, and the run in it.

    Raises:
        BadInput: the state directory or the endpoint cannot be used.
    """
    paths = StatePaths.find()
    key = (
        options.mode,
        options.endpoint,
        os.fspath(paths.state),
        options.memory_bytes,
        options.spool_bytes,
        options.results_bytes,
    )
    with _lock:
        process = _processes.get(key)
        if process is None or process.link.dead:
            process = Process(key, options, paths, parent_session)
            process.begin()
            _sessions[process.link.session] = None
            if len(_sessions) > SESSIONS_KEPT:
                del _sessions[next(iter(_sessions))]
            _processes[key] = process
            for note in paths.notes:
                process.notices.tell(note, note)
        process.enter(seat)
    return process


def is_ours(session: int) -> bool:
    """Whether this is or was a session of this process, one of the last `SESSIONS_KEPT`."""
    return session in _sessions


def is_open(run_id: str, writer: str) -> bool:
    """Whether this process has a run of this id and writer open."""
    seats = [seat for process in list(_processes.values()) for seat in process.seats()]
    return any((seat.id, seat.writer) == (run_id, writer) for seat in seats)


def _after_fork() -> None:
    """In the child: sessions belong to the parent; runs begin one of their own when they are used here."""
    global _lock
    _lock = threading.Lock()
    parents = list(_processes.values())
    _processes.clear()
    _sessions.clear()
    for process in parents:
        process._forget_exit()
        for seat in process.seats():
            seat.detach("forked")


def _at_exit(call: Callable[[], None]) -> Callable[[], None]:
    """See to it that this is called when the process ends; what takes that back, so that nothing of it is kept."""
    atexit.register(call)
    children = sys.modules.get("multiprocessing.process")
    if children is not None and children.parent_process() is not None:
        # A child of multiprocessing leaves by os._exit: only its own finalizers are called.
        from multiprocessing.util import Finalize

        finalizer = Finalize(None, call, exitpriority=100)

        def forget() -> None:
            atexit.unregister(call)
            finalizer.cancel()

        return forget
    return lambda: atexit.unregister(call)


os.register_at_fork(after_in_child=_after_fork)
