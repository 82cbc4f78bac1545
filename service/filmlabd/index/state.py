"""What does the index's writer hold in memory between two commits? Sessions, writers, and what changed of them."""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from filmlab.latency import Histogram
from filmlabd.index.schema import signed

INT_MAX = 2**63 - 1
_SESSIONS_MAX = 4096


@dataclass(slots=True)
class Writer:
    """One writer of one attempt of a run."""

    id: int
    run_id: str
    name: str
    attempt: int
    last_step: int | None
    """Of its last snapshot; a new attempt goes on from the one before."""
    dirty: bool = False

    def resolve(self, step: int | None) -> int:
        """A snapshot's step: as given, or the one after the last."""
        if step is None:
            step = 0 if self.last_step is None else min(self.last_step + 1, INT_MAX)
        self.last_step = step
        self.dirty = True
        return step


@dataclass(slots=True)
class SessionState:
    """What a session's numbers stand for, and how far its stream C has been applied."""

    durable_c: int
    runs: dict[int, Writer] = field(default_factory=dict)
    metrics: dict[int, str] = field(default_factory=dict)
    dirty: bool = False


@dataclass(slots=True)
class _Touched:
    """What one commit changes in a run's row."""

    wall: float = 0.0
    episodes: int = 0


class State:
    """The caches, loaded as they are asked for; `flush` writes back what changed."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._sessions: dict[int, SessionState] = {}
        self._writers: dict[int, Writer] = {}
        self._touched: dict[str, _Touched] = {}
        self._blocked: dict[str, Histogram] = {}
        self.unreadable = 0
        """Records and entries that could not be understood, since the last flush."""

    def session(self, session: int) -> SessionState:
        """A session, known or not."""
        state = self._sessions.get(session)
        if state is None:
            state = self._sessions[session] = self._load_session(signed(session))
        return state

    def open_writer(self, session: int, run: int, run_id: str, name: str, attempt: int) -> Writer:
        """Let the session's run number stand for this writer from here on, alive."""
        db = self._db
        db.execute(
            "INSERT INTO writers (run_id, attempt, writer, status, last_step) VALUES (?, ?, ?, 'running',"
            " (SELECT last_step FROM writers WHERE run_id = ? AND writer = ? AND attempt < ?"
            " ORDER BY attempt DESC LIMIT 1))"
            " ON CONFLICT DO UPDATE SET status = 'running'",
            (run_id, attempt, name, run_id, name, attempt),
        )
        found = db.execute(
            "SELECT id, last_step FROM writers WHERE run_id = ? AND attempt = ? AND writer = ?", (run_id, attempt, name)
        ).fetchone()
        writer = self._writers.setdefault(found[0], Writer(found[0], run_id, name, attempt, found[1]))
        db.execute("INSERT OR REPLACE INTO session_runs VALUES (?, ?, ?, 0)", (signed(session), run, writer.id))
        self.session(session).runs[run] = writer
        return writer

    def touch(self, run_id: str, wall: float, *, episodes: int = 0) -> None:
        """Something happened in a run at this wall time."""
        touched = self._touched.setdefault(run_id, _Touched())
        touched.episodes += episodes
        if wall > touched.wall:
            touched.wall = wall

    def add_blocked(self, run_id: str, blocked: Histogram) -> None:
        """Add to a run's histogram."""
        self._blocked.setdefault(run_id, Histogram()).merge(blocked)

    def flush(self) -> None:
        """Write back what changed, before the commit."""
        db = self._db
        # Last steps are read back when an attempt opens, so they are written before anything is forgotten.
        self.write_steps()
        for session, state in self._sessions.items():
            if state.dirty:
                db.execute(
                    "INSERT INTO sessions (session, durable_c) VALUES (?, ?)"
                    " ON CONFLICT DO UPDATE SET durable_c = excluded.durable_c",
                    (signed(session), state.durable_c),
                )
                state.dirty = False
        for run_id, touched in self._touched.items():
            db.execute(
                "UPDATE runs SET updated_wall = max(coalesce(updated_wall, 0), ?), episodes = episodes + ?"
                " WHERE run_id = ?",
                (touched.wall, touched.episodes, run_id),
            )
        self._touched.clear()
        self._write_blocked()
        if self.unreadable:
            db.execute("UPDATE state SET value = value + ? WHERE name = 'unreadable'", (self.unreadable,))
            self.unreadable = 0
        if len(self._sessions) > _SESSIONS_MAX:
            self._sessions.clear()
            self._writers.clear()

    def forget_run(self, run_id: str) -> None:
        """It was removed: nothing of it is written back, and what its sessions still say of it is said of no run."""
        self._touched.pop(run_id, None)
        self._blocked.pop(run_id, None)
        for session in self._sessions.values():
            session.runs = {number: writer for number, writer in session.runs.items() if writer.run_id != run_id}
        self._writers = {number: writer for number, writer in self._writers.items() if writer.run_id != run_id}

    def write_steps(self) -> None:
        """Write back the writers' last steps."""
        for writer in self._writers.values():
            if writer.dirty:
                self._db.execute("UPDATE writers SET last_step = ? WHERE id = ?", (writer.last_step, writer.id))
                writer.dirty = False

    def _write_blocked(self) -> None:
        for run_id, held in self._blocked.items():
            held.merge(load_histogram(self._db, run_id))
            counts = json.dumps(sorted(held.counts.items()))
            self._db.execute(
                "INSERT OR REPLACE INTO blocked VALUES (?, ?, ?, ?)",
                (run_id, counts, min(held.total_ns, INT_MAX), min(held.max_ns, INT_MAX)),
            )
        self._blocked.clear()

    def _load_session(self, key: int) -> SessionState:
        db = self._db
        row = db.execute("SELECT durable_c FROM sessions WHERE session = ?", (key,)).fetchone()
        state = SessionState(row[0] if row else 0)
        state.metrics = dict(db.execute("SELECT number, name FROM session_metrics WHERE session = ?", (key,)))
        runs = db.execute(
            "SELECT r.run, w.id, w.run_id, w.writer, w.attempt, w.last_step FROM session_runs r"
            " JOIN writers w ON w.id = r.writer_id WHERE r.session = ?",
            (key,),
        )
        for run, *columns in runs.fetchall():
            state.runs[run] = self._writers.setdefault(columns[0], Writer(*columns))
        return state


def load_histogram(db: sqlite3.Connection, run_id: str) -> Histogram:
    """A run's histogram as it is committed."""
    histogram = Histogram()
    row = db.execute("SELECT counts, total_ns, max_ns FROM blocked WHERE run_id = ?", (run_id,)).fetchone()
    if row is not None:
        histogram.counts.update(json.loads(row[0]))
        histogram.total_ns, histogram.max_ns = row[1], row[2]
    return histogram


def clean(text: str) -> str:
    """Text that SQLite takes: a lone surrogate, which JSON can hold, becomes `?`."""
    return text.encode("utf-8", "replace").decode()


def dump(value: dict[str, Any]) -> str:
    """JSON as the index keeps it."""
    return json.dumps(value, separators=(",", ":"))
