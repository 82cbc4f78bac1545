"""What do a recorder's entries change in the index, and what does it answer of them?"""

import json
import sqlite3
from typing import Any

from filmlab.wire.entries import Recorder, RecorderAsk, Trace, Wish
from filmlabd.index.schema import signed, unsigned
from filmlabd.index.series import arrays_of
from filmlabd.index.state import Writer, clean, dump
from filmlabd.model import Points, RecorderRow, TraceRow

ALL_ROWS = -1
_ROW = (
    "SELECT session, number, run_id, kind, directory, prefix, title, fps, save_metadata, average_window, column_prefix,"
    " colors, save_rows, checkpoint_rows, writer_id FROM recorders"
)


class Recorders:
    """Applies entries, within whatever transaction its caller has open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def declare(self, session: int, writer: Writer, entry: Recorder) -> None:
        """A recorder, or another one under its number: nothing is asked of that one yet."""
        self._db.execute(
            "INSERT OR REPLACE INTO recorders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            (
                signed(session), entry.number, writer.id, writer.run_id, clean(entry.kind), clean(entry.directory),
                clean(entry.prefix), clean(entry.title), entry.fps, entry.save_metadata, entry.average_window,
                clean(entry.columns), dump(entry.colors),
            ),
        )  # fmt: skip

    def trace(self, session: int, entry: Trace) -> None:
        """A part of what goes beside a film."""
        self._db.execute(
            "INSERT OR IGNORE INTO traces (session, film, part, recorder, stem, data) VALUES (?, ?, ?, ?, ?, ?)",
            (signed(session), entry.film, entry.part, entry.recorder, clean(entry.stem), entry.data),
        )

    def ask(self, session: int, entry: RecorderAsk) -> None:
        """How much of a history is to be in its files."""
        columns = {Wish.CHECKPOINT: "checkpoint_rows", Wish.SAVE: "save_rows"}
        if entry.wish in columns:
            self._db.execute(
                f"UPDATE recorders SET {columns[entry.wish]} = ? WHERE session = ? AND number = ?",
                (entry.rows, signed(session), entry.recorder),
            )


def save_all(db: sqlite3.Connection, session: int, run_id: str) -> None:
    """The trainer crashed: its recorders' curves show all that there is."""
    db.execute(
        f"UPDATE recorders SET save_rows = {ALL_ROWS} WHERE session = ? AND run_id = ? AND kind = 'curves'",
        (signed(session), run_id),
    )


class RecorderAnswers:
    """What the index says of recorders."""

    _db: sqlite3.Connection

    def recorder(self, session: int, number: int) -> RecorderRow | None:
        """One of them."""
        row = self._db.execute(f"{_ROW} WHERE session = ? AND number = ?", (signed(session), number)).fetchone()
        return _recorder_row(row) if row is not None else None

    def recorders(self, run_id: str) -> list[RecorderRow]:
        """All of a run."""
        rows = self._db.execute(f"{_ROW} WHERE run_id = ? ORDER BY session, number", (run_id,))
        return [_recorder_row(row) for row in rows]

    def trace(self, session: int, film: int) -> TraceRow | None:
        """What goes beside a recorder's film; None for any other film."""
        rows = self._db.execute(
            "SELECT recorder, stem, data FROM traces WHERE session = ? AND film = ? ORDER BY part",
            (signed(session), film),
        ).fetchall()
        return TraceRow(rows[0][0], rows[0][1], b"".join(data for _, _, data in rows)) if rows else None

    def histories(self, recorder: RecorderRow) -> dict[str, Points]:
        """A recorder's columns by their names without its own part: `reward`, `average`, …, `metrics/<name>`.

        The step of a point is its row.
        """
        begin = f"{recorder.columns}/"
        out = {}
        found = self._db.execute(
            "SELECT s.id, s.name, w.writer, w.attempt FROM series s JOIN writers w ON w.id = s.writer_id"
            " WHERE s.writer_id = ? AND substr(s.name, 1, length(?2)) = ?2 ORDER BY s.id",
            (recorder.writer_id, begin),
        )
        for series, name, writer, attempt in found.fetchall():
            points = Points(recorder.run_id, writer, attempt, name, *arrays_of(self._db, series))
            out[name.removeprefix(begin)] = points
        return out


def _recorder_row(row: tuple[Any, ...]) -> RecorderRow:
    session, number, run_id, kind, directory, prefix, title, fps, save_metadata, window, columns, colors, *asked = row
    save_rows, checkpoint_rows, writer_id = asked
    return RecorderRow(
        unsigned(session), number, run_id, kind, directory, prefix, title, fps,
        bool(save_metadata), window, columns, json.loads(colors), save_rows, checkpoint_rows, writer_id,
    )  # fmt: skip
