"""What does one record of stream C change in the index?"""

import sqlite3
import struct
from typing import assert_never

from filmlab.errors import WireError
from filmlab.latency import Histogram
from filmlab.wire.entries import (
    NO_STEP,
    AxisSnapshot,
    Blocked,
    ClipBegin,
    Dropped,
    Entry,
    EpisodeBegin,
    EpisodeEnd,
    Flush,
    Media,
    MetricNames,
    Recorder,
    RecorderAsk,
    Results,
    ResultsEnd,
    RunBegin,
    RunFinish,
    RunUpdate,
    Snapshot,
    Steps,
    Surroundings,
    Trace,
    decode_entries,
)
from filmlab.wire.frame import Envelope
from filmlabd.index.columns import Columns
from filmlabd.index.recorders import Recorders
from filmlabd.index.results import ResultsEntries
from filmlabd.index.runs import begin_run, finish_writer, update_run, use_up_request
from filmlabd.index.schema import signed
from filmlabd.index.state import INT_MAX, SessionState, State, Writer, clean, dump

EPISODE_METRICS = {0: "episode/return", 1: "episode/length"}
"""Made by the index from every EpisodeEnd, at the episode's number as step."""
_EPISODE_IDS = struct.pack("<2I", *EPISODE_METRICS)
_EPISODE_VALUES = struct.Struct("<2d")
_NO_SESSION = -1
_FRAME_MIMES = frozenset({"image/frames", "video/frames"})


class Entries:
    """Applies records, within whatever transaction its caller has open."""

    def __init__(self, db: sqlite3.Connection, state: State, columns: Columns) -> None:
        self._db = db
        self._state = state
        self._columns = columns
        self._recorders = Recorders(db)
        self._results = ResultsEntries(db)

    def apply(self, envelope: Envelope) -> None:
        """One record; one that is applied already changes nothing. An unreadable one is counted and consumed."""
        session = self._state.session(envelope.session)
        if envelope.seq <= session.durable_c:
            return
        session.durable_c = envelope.seq
        session.dirty = True
        try:
            # All of it or nothing: a half-applied record would depend on where the damage lies.
            entries = list(decode_entries(envelope.payload))
        except WireError:
            self._state.unreadable += 1
            return
        for entry in entries:
            self._entry(envelope.session, envelope.seq, session, entry)

    def _entry(self, number: int, seq: int, session: SessionState, entry: Entry) -> None:
        if isinstance(entry, MetricNames):
            self._name(number, session, entry)
            return
        if isinstance(entry, RunBegin):
            begin_run(self._db, self._state, number, entry)
            return
        writer = session.runs.get(entry.run)
        if writer is None:
            self._state.unreadable += 1
            return
        self._state.touch(writer.run_id, entry.wall)
        match entry:
            case Snapshot():
                self._snapshot(number, seq, session, writer, entry)
            case EpisodeBegin():
                self._begin(number, writer, entry)
                use_up_request(self._db, writer.run_id, entry)
            case Steps():
                self._steps(number, entry)
            case EpisodeEnd():
                self._end(number, seq, writer, entry)
            case ClipBegin():
                self._clip(number, writer, entry)
            case Media():
                self._medium(number, writer, entry)
            case Blocked():
                self._state.add_blocked(writer.run_id, Histogram.of(entry))
            case Dropped():
                self._drop(writer, entry)
            case RunUpdate():
                update_run(self._db, writer.run_id, entry)
            case RunFinish():
                finish_writer(self._db, number, writer, entry.status, entry.wall)
            case Recorder():
                self._recorders.declare(number, writer, entry)
            case Trace():
                self._recorders.trace(number, entry)
            case RecorderAsk():
                self._recorders.ask(number, entry)
            case Results():
                self._results.begin(number, writer, entry)
            case ResultsEnd():
                self._results.end(number, entry)
            case Surroundings():
                self._results.surround(number, writer, entry)
            case Flush():
                pass
            case _:
                assert_never(entry)

    def _name(self, number: int, session: SessionState, entry: MetricNames) -> None:
        for metric, name in entry.names:
            if session.metrics.get(metric) == name:
                continue
            # What is buffered was logged under the old name.
            self._columns.flush()
            session.metrics[metric] = name
            self._db.execute("INSERT OR REPLACE INTO session_metrics VALUES (?, ?, ?)", (signed(number), metric, name))

    def _snapshot(self, number: int, seq: int, session: SessionState, writer: Writer, entry: Snapshot) -> None:
        if isinstance(entry, AxisSnapshot):
            # Another metric's value is no step that the run has reached.
            step = entry.step
        else:
            step = writer.resolve(None if entry.step == NO_STEP else entry.step)
        self._columns.add(writer.id, number, entry.ids, session.metrics, seq, step, entry.wall, entry.values)

    def _steps(self, number: int, entry: Steps) -> None:
        self._db.execute(
            "INSERT INTO steps (session, film, first, body) VALUES (?, ?, ?, ?)",
            (signed(number), entry.film, entry.step, entry.body()),
        )

    def _begin(self, number: int, writer: Writer, entry: EpisodeBegin) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO episodes (writer_id, run_id, session, film, episode, occurrence, reason, wall,"
            " provisional, fps, job_state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending')",
            (
                writer.id, writer.run_id, signed(number), entry.film, entry.episode,
                self._occurrence(writer, "", entry.episode, None), entry.reason, entry.wall, entry.provisional,
                entry.fps or None,
            ),
        )  # fmt: skip

    def _end(self, number: int, seq: int, writer: Writer, entry: EpisodeEnd) -> None:
        row = None
        if entry.film:
            row = self._db.execute(
                "SELECT id, provisional, job_state, ended FROM episodes WHERE session = ? AND film = ? AND film > 0",
                (signed(number), entry.film),
            ).fetchone()
        if row is None:
            row = self._insert_episode(number, writer, entry)
        row_id, provisional, job_state, ended = row
        if job_state == "pending" and not provisional:
            job_state = "ready"
        self._db.execute(
            "UPDATE episodes SET return = ?, length = ?, solved = ?, ended = 1, complete = ?, frames = ?, last_seq = ?,"
            " reason = CASE WHEN ? != '' THEN ? ELSE reason END, note = ?, metadata = ?, wall = ?, job_state = ?"
            " WHERE id = ?",
            (
                entry.return_, entry.length, entry.solved, entry.complete, entry.frames, min(entry.last_seq, INT_MAX),
                clean(entry.reason), clean(entry.reason), clean(entry.note), dump(entry.metadata), entry.wall,
                job_state, row_id,
            ),
        )  # fmt: skip
        if not ended:
            self._state.touch(writer.run_id, entry.wall, episodes=1)
        self._columns.add(
            writer.id, _NO_SESSION, _EPISODE_IDS, EPISODE_METRICS, seq, entry.episode, entry.wall,
            _EPISODE_VALUES.pack(entry.return_, entry.length),
        )  # fmt: skip

    def _insert_episode(self, number: int, writer: Writer, entry: EpisodeEnd) -> tuple[int, bool, str, bool]:
        """An episode that is heard of for the first time at its end: one without film, as a rule."""
        job_state = "pending" if entry.film else "none"
        cursor = self._db.execute(
            "INSERT INTO episodes (writer_id, run_id, session, film, episode, occurrence, job_state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                writer.id, writer.run_id, signed(number), entry.film, entry.episode,
                self._occurrence(writer, "", entry.episode, None), job_state,
            ),
        )  # fmt: skip
        return cursor.lastrowid or 0, False, job_state, False

    def _clip(self, number: int, writer: Writer, entry: ClipBegin) -> None:
        step, name = _media_step(writer, entry.step), clean(entry.name)
        self._db.execute(
            "INSERT OR IGNORE INTO episodes (writer_id, run_id, session, film, episode, occurrence, reason, wall,"
            " job_state, media_name, media_mime, media_step, fps, tiles, aspect)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, 'video/frames', ?, ?, ?, ?)",
            (
                writer.id, writer.run_id, signed(number), entry.film, entry.episode,
                self._occurrence(writer, name, entry.episode, step), clean(entry.reason), entry.wall, name, step,
                entry.fps, entry.tiles, entry.aspect,
            ),
        )  # fmt: skip

    def _medium(self, number: int, writer: Writer, entry: Media) -> None:
        if entry.film and self._ended_clip(number, entry):
            return
        step = _media_step(writer, entry.step)
        film = entry.film
        name = clean(entry.name)
        if film and entry.mime not in _FRAME_MIMES:
            self._db.execute(
                "INSERT OR IGNORE INTO media_data (session, film, data) VALUES (?, ?, ?)",
                (signed(number), film, entry.data),
            )
        self._db.execute(
            "INSERT OR IGNORE INTO episodes (writer_id, run_id, session, film, episode, occurrence, ended, complete,"
            " frames, last_seq, wall, job_state, media_name, media_mime, media_step, caption, fps)"
            " VALUES (?, ?, ?, ?, ?, ?, 1, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                writer.id, writer.run_id, signed(number), film, entry.episode,
                self._occurrence(writer, name, entry.episode, step), min(entry.frames, INT_MAX),
                min(entry.last_seq, INT_MAX), entry.wall, "ready" if film else "none", name, clean(entry.mime), step,
                clean(entry.caption), entry.fps,
            ),
        )  # fmt: skip

    def _ended_clip(self, number: int, entry: Media) -> bool:
        """Whether the medium is the end of a clip that had begun; then it is told."""
        cursor = self._db.execute(
            "UPDATE episodes SET ended = 1, complete = 1, frames = ?, last_seq = ?, wall = ?, caption = ?,"
            " job_state = CASE job_state WHEN 'pending' THEN 'ready' ELSE job_state END"
            " WHERE session = ? AND film = ? AND film > 0 AND media_name != ''",
            (
                min(entry.frames, INT_MAX), min(entry.last_seq, INT_MAX), entry.wall, clean(entry.caption),
                signed(number), entry.film,
            ),
        )  # fmt: skip
        return cursor.rowcount > 0

    def _occurrence(self, writer: Writer, medium: str, episode: int, step: int | None) -> int:
        """How many of the same number (or medium and step) came before from this writer in this attempt."""
        same = "step IS ?" if medium else "step IS NULL AND episode = ?"
        row = self._db.execute(
            "SELECT coalesce(max(occurrence) + 1, 0) FROM episodes"
            f" WHERE writer_id = ? AND media_name = ? AND media_{same}",
            (writer.id, medium, step if medium else episode),
        )
        return int(row.fetchone()[0])

    def _drop(self, writer: Writer, entry: Dropped) -> None:
        self._db.execute(
            "INSERT INTO drops VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " count = count + excluded.count, size_bytes = size_bytes + excluded.size_bytes",
            (writer.run_id, clean(entry.what), clean(entry.reason), entry.count, entry.size_bytes),
        )


def _media_step(writer: Writer, step: int) -> int:
    """A medium without a step belongs to the point that was logged last."""
    return writer.last_step or 0 if step == NO_STEP else step
