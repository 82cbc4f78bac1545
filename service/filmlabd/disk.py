"""Where does everything that may block on the disk happen? On one thread: journal, films, spools, and then the index.

Commands come in order through a queue; what became of them goes back as events. On a full disk film waits, and the
ballast is given up so that the journal and the index go on; when that is used up too they are waited out here: the acks
stop, the clients keep what they have, and it goes on by itself once there is room. An I/O error on a sync ends the
process: the kernel may have thrown the pages away, so only a fresh start knows what is really there.
"""

import errno
import logging
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Generator
from pathlib import Path

from filmlab.errors import Transient
from filmlab.spool import read_session, remove_session
from filmlab.wire.frame import Envelope
from filmlabd.burden import NO_DESCRIPTORS
from filmlabd.core.events import (
    Append,
    AppendFilm,
    Command,
    Compact,
    DeleteFilm,
    DropSpool,
    Event,
    Indexed,
    Measured,
    ReadSpool,
    SpoolRead,
    Sync,
    Synced,
)
from filmlabd.index.writer import Index
from filmlabd.journal.ballast import Ballast
from filmlabd.journal.compact import compact
from filmlabd.journal.films import FilmStore
from filmlabd.journal.journal import Journal, Position
from filmlabd.journal.records import NoDescriptors

log = logging.getLogger(__name__)

EX_SOFTWARE = 70
EX_IOERR = 74
FULL_RETRY_S = 1.0
MEASURE_EVERY_S = 1.0
_COMPACTING = threading.Lock()
"""One at a time: the second finds what the first has left."""
SPOOL_BATCH_BYTES = 1024 * 1024
"""Of a spool in memory at a time."""


class Disk:
    """The thread and its queue. `submit` never blocks; `on_event` is called on the thread."""

    def __init__(
        self,
        journal: Journal,
        films: FilmStore,
        index: Index,
        spool_root: Path,
        ballast: Ballast,
        on_event: Callable[[Event], None],
    ) -> None:
        self._journal = journal
        self._films = films
        self._index = index
        self._spool_root = spool_root
        self._ballast = ballast
        self._on_event = on_event
        self._queue: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._unwritten: list[Envelope] = []
        self._waiting: deque[AppendFilm] = deque()
        """Film that found no room, in the order in which it came."""
        self._unindexed: list[tuple[Position, Envelope]] = []
        self._readings: dict[int, Generator[Envelope]] = {}
        """Spools of which there is more to read, by session."""
        self._closing = threading.Event()
        self._busy_at: float | None = None
        self.full = ""
        """Why something cannot be written at the moment, or empty."""
        self._measured_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="filmlab-disk", daemon=True)
        self._thread.start()

    def submit(self, command: Command) -> None:
        """Queue one command that is for the disk."""
        self._queue.put(command)

    def stuck_s(self) -> float:
        """How long the command that is carried out at the moment has taken; 0 while the disk is full or idle."""
        busy_at = self._busy_at
        return 0.0 if busy_at is None or self.full else time.monotonic() - busy_at

    def close(self, timeout_s: float) -> None:
        """Carry out what is queued, sync, and end the thread."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._measure()
            while (command := self._next()) is not None:
                self._busy_at = time.monotonic()
                self._do(command)
                self._measure_now_and_then()
                self._busy_at = None
            self._write_films()
            self._write()
            self._sync()
            self._catch_up()
        except OSError as error:
            log.critical("the disk failed: %s; ending, so that a fresh start finds what is really there", error)
            # Not sys.exit: that would end this thread only, and the daemon would go on without a disk.
            os._exit(EX_IOERR)
        except Exception:  # a bug: without this thread nothing is ever acknowledged, and nobody would see why
            log.critical("ending because of a bug in the disk's thread", exc_info=True)
            os._exit(EX_SOFTWARE)
        finally:
            for reading in self._readings.values():
                reading.close()
            self._films.close()
            self._journal.close()
            self._index.close()

    def _next(self) -> Command | None:
        """The next command; None at the end. While there is none, the disk is looked at."""
        while True:
            try:
                return self._queue.get(timeout=2 * MEASURE_EVERY_S)
            except queue.Empty:
                self._write_films()
                self._measure()

    def _measure_now_and_then(self) -> None:
        if time.monotonic() >= self._measured_at + MEASURE_EVERY_S:
            self._measure()

    def _measure(self) -> None:
        """Tell how the disk stands. Where it has room again, the ballast is made again."""
        self._measured_at = time.monotonic()
        try:
            found = os.statvfs(self._spool_root.parent)
            free_bytes = found.f_bavail * found.f_frsize
            if not self.full:
                self._ballast.make(free_bytes)
        except FileNotFoundError:
            return  # somebody has removed the state directory: that ends the daemon in order, elsewhere
        # A file system without a bound on files says 0 of 0.
        free_files = found.f_favail if found.f_files else sys.maxsize
        all_bytes, films = found.f_blocks * found.f_frsize, self._films
        self._on_event(
            Measured(free_bytes, all_bytes, free_files, films.bytes_used(), films.count(), self.full)
        )  # fmt: skip

    def _do(self, command: Command) -> None:
        match command:
            case Append():
                self._unwritten.append(command.envelope)
            case AppendFilm():
                self._waiting.append(command)
                self._write_films()
            case Sync():
                self._do_sync(command)
            case DeleteFilm():
                self._films.delete(command.session, command.film)
            case Compact():
                self._compact(command)
            case ReadSpool():
                self._patiently(lambda: self._read_spool(command.session))
            case DropSpool():
                remove_session(self._spool_root, command.session)
            case _:
                raise TypeError(f"{type(command).__name__} is not for the disk")

    def _do_sync(self, command: Sync) -> None:
        if not command.control_only:
            self._write_films()
        self._write()
        self._sync(films=not command.control_only)
        waiting = {item.session: item.envelope.seq for item in reversed(self._waiting)}
        self._on_event(Synced(command.batch, tuple(waiting.items())))
        for session, seq in command.films:
            self._index.film_durable(session, min(seq, waiting.get(session, seq + 1) - 1))
        self._catch_up()
        self._on_event(Indexed(command.batch))

    def _write_films(self) -> None:
        """Write what waits, as far as there is room. Film waits for room, and nothing else for film."""
        while self._waiting:
            item = self._waiting[0]
            try:
                self._films.append(item.session, item.film, [item.envelope])
            except NoDescriptors as error:
                self._found_full(str(error), "film waits until there are descriptors, the rest goes on")
                return
            except Transient as error:
                self._found_full(str(error), "film waits until there is room, the rest goes on")
                return
            self._waiting.popleft()
            self.full = ""

    def _write(self) -> None:
        envelopes, self._unwritten = self._unwritten, []
        if envelopes:
            positions: list[Position] = []
            self._patiently(lambda: positions.extend(self._journal.append(envelopes)))
            self._unindexed += zip(positions, envelopes, strict=True)

    def _sync(self, *, films: bool = True) -> None:
        if films:
            self._patiently(self._films.sync)
        self._patiently(self._journal.sync)

    def _catch_up(self) -> None:
        """Bring the index up to what is durable. It follows; it never holds up an acknowledgement."""
        unindexed, self._unindexed = self._unindexed, []
        for position, envelope in unindexed:
            self._index.apply(position, envelope)
        self._patiently(self._index.commit)

    def _patiently(self, action: Callable[[], object]) -> None:
        """Do it, however long the disk stays full or too many files are open; other errors end the process."""
        while True:
            crowded = False
            try:
                action()
            except Transient as error:
                reason, crowded = str(error), isinstance(error, NoDescriptors)
            except OSError as error:
                crowded = error.errno in NO_DESCRIPTORS
                if not crowded and error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                reason = str(error)
            else:
                if not self._waiting:
                    self.full = ""
                return
            what = "descriptors" if crowded else "room"
            self._found_full(reason, f"acknowledgements stop until there {'are' if crowded else 'is'} {what}")
            if not crowded and self._ballast.release():
                log.warning("gave up the ballast, so that the journal and the index can go on for a while")
                continue
            if self._closing.wait(FULL_RETRY_S):
                raise OSError(errno.ENOSPC, f"something is still not written at the end: {reason}")

    def _found_full(self, reason: str, consequence: str) -> None:
        if not self.full:
            log.error("nothing can be written: %s; %s", reason, consequence)
        news, self.full = reason != self.full, reason
        if news:
            # Said at once: the loop decides by it, and this thread may be about to wait.
            self._measure()

    def _compact(self, command: Compact) -> None:
        """Only the step to another segment is for this thread: a closed one is nobody's but the reader's at a start."""
        if command.begin_segment:
            self._patiently(self._journal.roll)
        work = (self._journal.directory, self._index.read.spent_sessions(), self._journal.open_from)
        threading.Thread(target=_compact, args=work, name="filmlab-compact", daemon=True).start()

    def _read_spool(self, session: int) -> None:
        """The next few records. What interrupts it makes it begin again: what has come already is passed over."""
        reading = self._readings.pop(session, None) or read_session(self._spool_root, session)
        batch: list[Envelope] = []
        size_bytes = 0
        for envelope in reading:
            batch.append(envelope)
            size_bytes += envelope.size_bytes
            if size_bytes >= SPOOL_BATCH_BYTES:
                self._readings[session] = reading
                break
        self._on_event(SpoolRead(session, tuple(batch), session not in self._readings))


def _compact(directory: Path, sessions: Collection[int], newest: Position) -> None:
    """In a thread of its own. What cannot be compacted now is the next time."""
    with _COMPACTING:
        try:
            freed_bytes = compact(directory, sessions, newest)
        except OSError as error:
            log.warning("the journal keeps what it holds of removed runs for now: %s", error)
        else:
            log.info("the journal let go of %d bytes of removed runs", freed_bytes)
