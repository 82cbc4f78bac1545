"""What does a page ask of the index that nobody else does? Many runs at a glance, and series by their chunks' heads."""

import sqlite3
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmlabd.index.columns import FULL, Arrays, Floats, Ints, unpack
from filmlabd.index.schema import unsigned

_HEAD = "SELECT id, level, count, first_step, last_step, last_value, finite, least, most, total FROM chunks"

_TOLD = (
    "SELECT config, summary, metrics FROM runs WHERE run_id = ?",
    "SELECT session, film, state, problem FROM results WHERE run_id = ? ORDER BY session, film",
    "SELECT what, reason, count, size_bytes FROM drops WHERE run_id = ? ORDER BY what, reason",
    "SELECT key, strikes, quarantined, reason FROM prints WHERE run_id = ? AND strikes > 0 ORDER BY key",
)
"""What a run's page says in words, beside its curves and its clips."""


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """One metric of one writer in one attempt."""

    id: int
    name: str
    writer: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Heads:
    """What is known of a series' chunks without their points, the oldest first: arrays of shape (chunks,).

    Values are NaN where a chunk has none that is finite. `settled` chunks are full: they stay as they are for ever.
    """

    id: Ints
    settled: NDArray[np.bool_]
    count: Ints
    first_step: Ints
    last_step: Ints
    finite: Ints
    low: Floats
    high: Floats
    mean: Floats

    def __len__(self) -> int:
        return len(self.id)


class PageAnswers:
    """Questions that are cheap however long the runs are."""

    _db: sqlite3.Connection

    def hold(self) -> None:
        """All answers from here on are of one moment, until this reader is closed."""
        self._db.execute("BEGIN")

    def named_series(self, run_id: str) -> list[NamedSeries]:
        """All series of a run, by name, attempt and writer. Reads no points."""
        found = self._db.execute(
            "SELECT s.id, s.name, w.writer, w.attempt FROM writers w JOIN series s ON s.writer_id = w.id"
            " WHERE w.run_id = ? ORDER BY s.name, w.attempt, w.writer",
            (run_id,),
        )
        return [NamedSeries(*row) for row in found]

    def heads(self, series: int) -> Heads:
        """What is known of a series' chunks. Their points are not touched."""
        rows = self._db.execute(f"{_HEAD} WHERE series = ? ORDER BY id", (series,)).fetchall()
        columns = list(zip(*rows, strict=True)) or [()] * 10
        number, level, count, first, last, _, finite, least, most, total = columns
        counted = np.array(finite, np.int64)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.array(total, np.float64) / counted
        return Heads(
            np.array(number, np.int64), np.array(level, np.int64) == FULL, np.array(count, np.int64),
            np.array(first, np.int64), np.array(last, np.int64), counted,
            # NULL becomes NaN.
            np.array(least, np.float64), np.array(most, np.float64), mean,
        )  # fmt: skip

    def chunk(self, number: int) -> Arrays | None:
        """The points of a chunk; None where it has been merged into another one meanwhile."""
        row = self._db.execute("SELECT count, data FROM chunks WHERE id = ?", (number,)).fetchone()
        return unpack(*row) if row is not None else None

    def first_wall(self, number: int) -> float | None:
        """When the first point of a chunk came, without reading the others; None where it is gone."""
        row = self._db.execute("SELECT count FROM chunks WHERE id = ?", (number,)).fetchone()
        if row is None:
            return None
        with self._db.blobopen("chunks", "data", number, readonly=True) as blob:
            blob.seek(16 * row[0])
            return float(np.frombuffer(blob.read(8), "<f8")[0])

    def latest_print(self, run_id: str) -> tuple[int, int] | None:
        """(session, film) of the episode that was developed last."""
        row = self._db.execute(
            "SELECT session, film FROM episodes WHERE run_id = ? AND film > 0 AND job_state = 'done'"
            " AND media_name = '' AND paths != '' ORDER BY id DESC LIMIT 1",
            (run_id,),
        ).fetchone()
        return (unsigned(row[0]), row[1]) if row is not None else None

    def told(self, run_id: str) -> int:
        """Another number once a run's configuration, summary, results, or what is missing of it have changed.

        Taken of the texts as they lie there: this is asked several times a second, and mostly nothing has changed.
        """
        check = 0
        for question in _TOLD:
            for row in self._db.execute(question, (run_id,)):
                for value in row:
                    check = zlib.crc32(f"{value}\0".encode(errors="surrogatepass"), check)
        return check

    def last_episodes(self, run_id: str, attempt: int) -> dict[str, int]:
        """The highest number of an episode that is known of each writer of an attempt."""
        rows = self._db.execute(
            "SELECT w.writer, max(e.episode) FROM writers w JOIN episodes e ON e.writer_id = w.id"
            " WHERE w.run_id = ? AND w.attempt = ? AND e.media_name = '' GROUP BY w.id",
            (run_id, attempt),
        )
        return dict(rows.fetchall())

    def dropped(self) -> dict[str, dict[str, int]]:
        """run id -> what -> how many of it clients could not hand over."""
        out: dict[str, dict[str, int]] = {}
        for run_id, what, count in self._db.execute("SELECT run_id, what, sum(count) FROM drops GROUP BY run_id, what"):
            out.setdefault(run_id, {})[what] = count
        return out
