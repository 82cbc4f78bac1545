"""How does the index follow the journal? Records are applied in journal order, one transaction for each commit.

The index is derived: whatever happens to it, the journal makes it again. So a commit that fails leaves nothing behind
but the records themselves, which the next one applies anew; and a file that is damaged is set aside and made again.
"""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from filmlab.errors import Corrupt, Transient
from filmlab.wire.frame import Envelope, Kind
from filmlabd.index.columns import Columns
from filmlabd.index.entries import Entries
from filmlabd.index.facts import Facts, raise_durable_b
from filmlabd.index.read import Answers
from filmlabd.index.schema import open_writer
from filmlabd.index.state import State
from filmlabd.journal.journal import Position

log = logging.getLogger(__name__)

PENDING_MAX_BYTES = 16 * 1024 * 1024
"""Of records applied and not committed: past it `apply` commits by itself."""
CHECK_MAX_BYTES = 256 * 1024 * 1024
"""An index up to this size is checked in full when it is opened (about 1 s for each GB)."""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_LATER = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Log(Protocol):
    """What the index asks of the journal."""

    @property
    def end(self) -> Position: ...

    def scan(self, from_position: Position = 0) -> Iterator[tuple[Position, Envelope]]: ...


class Index:
    """The index for the one thread that writes it. `read` answers what is committed.

    Raises:
        BadInput: it was written by a newer version of filmlab.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log: Log | None = None
        self._pending: list[tuple[Position, Envelope]] = []
        self._pending_bytes = 0
        self._marks: dict[int, int] = {}
        self._watermark: Position = 0
        self._open()

    @property
    def watermark(self) -> Position:
        """Everything before this position is applied and committed: scan the journal from here."""
        return self._watermark

    def catch_up(self, journal: Log) -> int:
        """Apply what the journal has beyond the watermark, and remember it for the case that the index is damaged.

        An index that is ahead of its journal is of another one: it is set aside. Returns how many records were applied.
        """
        self._log = journal
        if self._watermark > journal.end:
            log.warning("the index is ahead of the journal, so it is made again")
            self._set_aside()
        count = 0
        for position, envelope in journal.scan(self._watermark):
            self.apply(position, envelope)
            count += 1
        self.commit()
        return count

    def apply(self, position: Position, envelope: Envelope) -> None:
        """Take one record of the journal. Those before the watermark, and those that are no data, change nothing."""
        if position < self._watermark:
            return
        self._pending.append((position, envelope))
        self._pending_bytes += envelope.size_bytes
        if self._pending_bytes > PENDING_MAX_BYTES:
            self.commit()

    def film_durable(self, session: int, durable_b: int) -> None:
        """Stream B of a session is durable up to here. Not in the journal: after a rebuild the film files tell it."""
        self._marks[session] = max(durable_b, self._marks.get(session, 0))

    def commit(self) -> None:
        """Make everything that was taken visible, all of it or nothing.

        Raises:
            Transient: the disk is full; call it again, nothing is lost.
            Corrupt: the file is damaged and there is no journal at hand (see `catch_up`). With one it is made again.
        """
        if not self._pending and not self._marks:
            return
        try:
            self._write()
        except sqlite3.Error as error:
            self._undo()
            extended = getattr(error, "sqlite_errorcode", 0)
            code = extended & 0xFF
            if code in _DAMAGED:
                self._rebuild(error)
            elif code in _LATER or extended == sqlite3.SQLITE_IOERR_WRITE:
                # A quota that is used up comes as an I/O error of a write. No acknowledgement rests on this file.
                raise Transient(f"the index takes nothing for now: {error}") from error
            elif code == sqlite3.SQLITE_IOERR:
                raise OSError(f"the index cannot be written: {error}") from error
            else:
                raise
        self._pending.clear()
        self._pending_bytes = 0
        self._marks.clear()

    def close(self) -> None:
        """Close it. What is not committed is applied again at the next start."""
        self._db.close()

    def _write(self) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        end = self._watermark
        for position, envelope in self._pending:
            if position < end:
                continue
            if envelope.kind is Kind.DATA_C:
                self._entries.apply(envelope)
            elif envelope.kind is Kind.FACT:
                self._facts.apply(envelope)
            end = position + envelope.size_bytes
        self._columns.flush()
        self._state.flush()
        for session, durable_b in self._marks.items():
            raise_durable_b(db, session, durable_b)
        db.execute("UPDATE state SET value = ? WHERE name = 'watermark'", (end,))
        db.execute("COMMIT")
        self._watermark = end

    def _undo(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._start()

    def _start(self) -> None:
        """Begin with empty caches over the present connection."""
        db = self._db
        self._state = State(db)
        self._columns = Columns(db)
        self._entries = Entries(db, self._state, self._columns)
        self._facts = Facts(db, self._state, self._columns)

    def _open(self) -> None:
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                raise
            log.warning("the index is damaged (%s), so it is made again", error)
            self._set_aside()

    def _connect(self) -> None:
        self._db = open_writer(self._path)
        try:
            if self._path.stat().st_size <= CHECK_MAX_BYTES:
                found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
                if found != "ok":
                    error = sqlite3.DatabaseError(found)
                    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                    raise error
            row = self._db.execute("SELECT value FROM state WHERE name = 'watermark'").fetchone()
            self._watermark = int(row[0])
        except BaseException:
            self._db.close()
            raise
        self.read = Answers(self._db)
        self._start()

    def _set_aside(self) -> None:
        """Move the present file out of the way and begin an empty one."""
        if hasattr(self, "_db"):
            self._db.close()
        number = 1
        while (aside := self._path.with_name(f"{self._path.name}.corrupt-{number}")).exists():
            number += 1
        self._path.rename(aside)
        # A write-ahead log belongs to the file that it lay beside.
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._connect()

    def _rebuild(self, error: sqlite3.Error) -> None:
        journal, self._log = self._log, None
        if journal is None:
            raise Corrupt(f"{self._path} is damaged: {error}") from error
        log.error("the index is damaged (%s), so it is made again from the journal", error)
        self._set_aside()
        pending, self._pending = self._pending, []
        last = pending[-1][0] if pending else journal.end
        for position, envelope in journal.scan(0):
            if position <= last:
                self.apply(position, envelope)
        # Without a journal meanwhile: a disk that damages this one too is not answered with a third.
        self.commit()
        self._log = journal
