"""How is a series read again and again while it grows? By what came after the last full chunk that was seen."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from filmlabd.index.columns import FULL, Arrays, Floats, Ints, join, unpack


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One metric of one writer in one attempt. `id` names it for as long as the index has its `identity`."""

    id: int
    writer: str
    attempt: int
    count: int
    """Of its points."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk: consecutive points, in the order they came."""

    id: int
    settled: bool
    """It is full: it stays as it is, under its id, whatever else is logged. Others are merged into new ones."""
    step: Ints
    wall: Floats
    value: Floats


def arrays_of(db: sqlite3.Connection, series: int) -> Arrays:
    """All points of a series."""
    rows = db.execute("SELECT count, data FROM chunks WHERE series = ? ORDER BY id", (series,))
    return join(unpack(count, data) for count, data in rows)


class SeriesAnswers:
    """What the index says of series, without more of their points than are asked for."""

    _db: sqlite3.Connection

    def identity(self) -> int:
        """A number of this index alone: one that was made again has another, and other ids."""
        return int(self._db.execute("SELECT value FROM state WHERE name = 'identity'").fetchone()[0])

    def metric_names(self, run_id: str) -> list[str]:
        """What a run has logged, by name. Reads no points."""
        found = self._db.execute(
            "SELECT DISTINCT s.name FROM writers w JOIN series s ON s.writer_id = w.id WHERE w.run_id = ?"
            " ORDER BY s.name",
            (run_id,),
        )
        return [name for (name,) in found]

    def series(self, run_id: str, name: str) -> list[SeriesRow]:
        """The series of one metric, by attempt and writer. Reads no points."""
        found = self._db.execute(
            "SELECT s.id, w.writer, w.attempt, (SELECT sum(c.count) FROM chunks c WHERE c.series = s.id)"
            " FROM writers w JOIN series s ON s.writer_id = w.id WHERE w.run_id = ? AND s.name = ?"
            " ORDER BY w.attempt, w.writer",
            (run_id, name),
        )
        return [SeriesRow(number, writer, attempt, count or 0) for number, writer, attempt, count in found]

    def point_count(self, run_id: str) -> int:
        """How many points a run has. Reads none of them."""
        found = self._db.execute(
            "SELECT sum(c.count) FROM writers w JOIN series s ON s.writer_id = w.id JOIN chunks c ON c.series = s.id"
            " WHERE w.run_id = ?",
            (run_id,),
        )
        return int(found.fetchone()[0] or 0)

    def pieces(self, series: int, after: int = 0) -> Iterator[Piece]:
        """The chunks of a series after the one of this id, the oldest first, one in memory at a time.

        Behind a settled one there are fewer than a full chunk's points, beside what is new: to go on from the last
        settled one costs the same however long the series is. All are of one moment.
        """
        rows = self._db.execute(
            "SELECT id, level, count, data FROM chunks WHERE series = ? AND id > ? ORDER BY id", (series, after)
        )
        for number, level, count, data in rows:
            _, step, wall, value = unpack(count, data)
            yield Piece(number, level == FULL, step, wall, value)
