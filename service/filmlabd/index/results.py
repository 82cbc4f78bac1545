"""What do results change in the index, and what does it answer of them?"""

import json
import sqlite3
from typing import Any

from filmlab.wire.entries import Results, ResultsEnd, Surroundings
from filmlabd.facts import FilmDeleted, JobDone, JobStruck, ResultsCut
from filmlabd.index.schema import signed, unsigned
from filmlabd.index.state import INT_MAX, Writer, clean, dump
from filmlabd.model import ResultsRow, SurroundingsRow

_ROW = (
    "SELECT r.run_id, w.writer, w.attempt, r.session, r.film, r.run_type, r.place, r.parts, r.summary, r.metadata,"
    " r.episodes, r.steps_per_env, r.global_step, r.render, r.videos, r.fps, r.note, r.wall, r.ended, r.last_seq,"
    " r.state, r.paths, r.problem FROM results r JOIN writers w ON w.id = r.writer_id"
)


class ResultsEntries:
    """Applies entries and facts, within whatever transaction its caller has open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def begin(self, session: int, writer: Writer, entry: Results) -> None:
        """Results are on their way."""
        self._db.execute(
            "INSERT OR IGNORE INTO results (writer_id, run_id, session, film, run_type, place, parts, summary,"
            " metadata, episodes, steps_per_env, global_step, render, videos, fps, note, wall)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                writer.id, writer.run_id, signed(session), entry.film, entry.run_type, self._place(writer, entry),
                json.dumps(entry.parts), dump(entry.summary), dump(entry.metadata), entry.episodes, entry.steps_per_env,
                entry.global_step, entry.render, entry.videos, entry.fps, clean(entry.note), entry.wall,
            ),
        )  # fmt: skip

    def end(self, session: int, entry: ResultsEnd) -> None:
        """All of their bytes have been sent."""
        self._db.execute(
            "UPDATE results SET ended = 1, last_seq = ?, state = 'ready'"
            " WHERE session = ? AND film = ? AND state = 'pending'",
            (min(entry.last_seq, INT_MAX), signed(session), entry.film),
        )

    def surround(self, session: int, writer: Writer, entry: Surroundings) -> None:
        """Where the program of this writer runs."""
        self._db.execute(
            "INSERT OR REPLACE INTO surroundings VALUES (?, ?, ?, ?, ?)",
            (signed(session), writer.id, clean(entry.python), json.dumps(entry.path), clean(entry.directory)),
        )

    def cut(self, fact: ResultsCut) -> None:
        """Nothing more of them will come."""
        self._db.execute(
            "UPDATE results SET ended = 1, last_seq = 0, state = 'ready'"
            " WHERE session = ? AND film = ? AND state = 'pending'",
            (signed(fact.session), fact.film),
        )

    def done(self, fact: JobDone) -> None:
        """They are written."""
        self._db.execute(
            "UPDATE results SET state = 'done', paths = ?, problem = ? WHERE session = ? AND film = ?",
            (clean(fact.paths), clean(fact.notes), signed(fact.session), fact.film),
        )

    def struck(self, fact: JobStruck) -> None:
        """They cannot be written."""
        self._db.execute(
            "UPDATE results SET state = 'failed', problem = ? WHERE session = ? AND film = ? AND state = 'ready'",
            (clean(fact.reason), signed(fact.session), fact.film),
        )

    def deleted(self, fact: FilmDeleted) -> None:
        """Their film goes: where they are not written, they never will be."""
        self._db.execute(
            "UPDATE results SET state = 'dropped', problem = ? WHERE session = ? AND film = ? AND state != 'done'",
            (clean(fact.reason), signed(fact.session), fact.film),
        )

    def _place(self, writer: Writer, entry: Results) -> str:
        """The directory of the first results of a run is the run's; those of another kind or writer have their own."""
        found = self._db.execute(
            "SELECT r.run_type, w.writer, r.place FROM results r JOIN writers w ON w.id = r.writer_id"
            " WHERE r.run_id = ? ORDER BY r.id",
            (writer.run_id,),
        ).fetchall()
        name = self._db.execute("SELECT writer FROM writers WHERE id = ?", (writer.id,)).fetchone()[0]
        for run_type, other, place in found:
            if (run_type, other) == (entry.run_type, name):
                return str(place)
        return entry.run_type + ("" if name == "main" else f"_w{name}") if found else ""


class ResultsAnswers:
    """Questions about results, over the connection of `Answers`."""

    _db: sqlite3.Connection

    def results(self, run_id: str) -> list[ResultsRow]:
        """All results of a run, in the order in which they began."""
        return [_row(row) for row in self._db.execute(f"{_ROW} WHERE r.run_id = ? ORDER BY r.id", (run_id,))]

    def results_of(self, session: int, film: int) -> ResultsRow | None:
        """The results whose bytes are in this film."""
        found = self._db.execute(f"{_ROW} WHERE r.session = ? AND r.film = ?", (signed(session), film)).fetchone()
        return _row(found) if found is not None else None

    def surroundings(self, session: int, writer: str, run_id: str) -> SurroundingsRow | None:
        """Where the program of a writer runs, if it has said so."""
        found = self._db.execute(
            "SELECT s.python, s.path, s.directory FROM surroundings s JOIN writers w ON w.id = s.writer_id"
            " WHERE s.session = ? AND w.writer = ? AND w.run_id = ? ORDER BY w.attempt DESC",
            (signed(session), writer, run_id),
        ).fetchone()
        return SurroundingsRow(found[0], tuple(json.loads(found[1])), found[2]) if found is not None else None


def latest(rows: list[ResultsRow]) -> list[ResultsRow]:
    """The last of each place, in the order of the places."""
    return list({row.place: row for row in rows if row.state != "dropped"}.values())


def _row(row: tuple[Any, ...]) -> ResultsRow:
    run_id, writer, attempt, session, film, run_type, place, parts, summary, metadata, *rest = row
    episodes, steps_per_env, global_step, render, videos, fps, note, wall, ended, last_seq, state, paths, problem = rest
    return ResultsRow(
        run_id, writer, attempt, unsigned(session), film, run_type, place,
        tuple((name, size_bytes) for name, size_bytes in json.loads(parts)), json.loads(summary), json.loads(metadata),
        bool(episodes), steps_per_env, global_step, render, videos, fps, note, wall, bool(ended), last_seq, state,
        tuple(paths.split("\n")) if paths else (), problem,
    )  # fmt: skip
