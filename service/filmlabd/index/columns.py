"""How are millions of metric points kept without a row for each? As chunks of packed columns, small ones merged later.

A series is one metric of one writer in one attempt. A chunk's data is four packed little-endian arrays of `count`
items: seq int64, step int64, wall float64, value float64; its row tells count, steps, and least, most and total of
what is finite.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

CHUNK_POINTS = 4096
"""Of a full chunk. Smaller ones are merged: 16 of a level into one of the next, all once a full one is there."""
FULL = 3
"""The level of full chunks. In a series a chunk of a higher level is older, so that ids are in the order of points."""
_MERGE_CHUNKS = 16
BUFFER_POINTS = 262_144
"""Points held in memory before they are written out in the middle of a transaction."""
_SERIES_MAX = 65_536

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Arrays: TypeAlias = tuple[Ints, Ints, Floats, Floats]
"""seq, step, wall, value: of one length."""


@dataclass(slots=True)
class _Group:
    """Snapshots of one writer that have the same metrics in the same order: rows of one matrix."""

    names: tuple[str | None, ...]
    order: list[int] = field(default_factory=list)
    seq: list[int] = field(default_factory=list)
    step: list[int] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Series:
    """One series, and what of it lies in small chunks: how many points, and how many chunks on each level."""

    id: int
    loose: int
    chunks: list[int]


_Piece: TypeAlias = tuple[Ints, Arrays]


class Columns:
    """The writer's side, within whatever transaction its caller has open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._groups: dict[tuple[int, int, bytes], _Group] = {}
        self._series: dict[tuple[int, str], _Series] = {}
        self._order = 0
        self._points = 0

    def add(
        self,
        writer_id: int,
        session: int,
        ids: bytes,
        names: Mapping[int, str],
        seq: int,
        step: int,
        wall: float,
        values: bytes,
    ) -> None:
        """One snapshot: `ids` (uint32) are the session's numbers for `names`, `values` (float64) theirs in turn."""
        key = (writer_id, session, ids)
        group = self._groups.get(key)
        if group is None:
            numbers = np.frombuffer(ids, "<u4").tolist()
            group = self._groups[key] = _Group(tuple(names.get(number) for number in numbers))
        group.order.append(self._order)
        group.seq.append(seq)
        group.step.append(step)
        group.wall.append(wall)
        group.values.append(values)
        self._order += 1
        self._points += len(group.names)
        if self._points >= BUFFER_POINTS:
            self.flush()

    def flush(self) -> None:
        """Write out what is buffered. Call it before a number gets another name, and before the commit."""
        pieces: dict[tuple[int, str], list[_Piece]] = {}
        for (writer_id, _, _), group in self._groups.items():
            _spread(writer_id, group, pieces)
        self._groups.clear()
        self._points = 0
        for (writer_id, name), parts in pieces.items():
            self._append(self._series_of(writer_id, name), _in_order(parts))
        if len(self._series) > _SERIES_MAX:
            self._series.clear()

    def _append(self, series: _Series, arrays: Arrays) -> None:
        if series.loose + len(arrays[0]) < CHUNK_POINTS:
            self._insert(series, arrays, 0)
            for level in range(FULL - 1):
                if series.chunks[level] >= _MERGE_CHUNKS:
                    self._insert(series, join(self._take(series, level)), level + 1)
            return
        parts = [part for level in reversed(range(FULL)) for part in self._take(series, level)]
        merged = join([*parts, arrays])
        whole = len(merged[0]) // CHUNK_POINTS * CHUNK_POINTS
        for start in range(0, whole, CHUNK_POINTS):
            self._insert(series, _cut(merged, start, start + CHUNK_POINTS), FULL)
        if whole < len(merged[0]):
            self._insert(series, _cut(merged, whole, None), 0)

    def _take(self, series: _Series, level: int) -> list[Arrays]:
        """The small chunks of one level, the oldest first, out of the table."""
        # A range of levels, as the index of small chunks is only used where its condition is implied.
        where = "WHERE series = ? AND level = ? AND level < 3"
        rows = self._db.execute(f"SELECT count, data FROM chunks {where} ORDER BY id", (series.id, level)).fetchall()
        self._db.execute(f"DELETE FROM chunks {where}", (series.id, level))
        series.chunks[level] = 0
        series.loose -= sum(count for count, _ in rows)
        return [unpack(count, data) for count, data in rows]

    def _insert(self, series: _Series, arrays: Arrays, level: int) -> None:
        step, value = arrays[1], arrays[3]
        finite = value[np.isfinite(value)]
        # A sum of finite values may overflow to infinity: that is what it is then.
        with np.errstate(over="ignore"):
            stats = (
                (float(finite.min()), float(finite.max()), float(finite.sum())) if len(finite) else (None, None, 0.0)
            )
        self._db.execute(
            "INSERT INTO chunks (series, level, count, first_step, last_step, last_value, finite, least, most, total,"
            " data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                series.id, level, len(step), int(step[0]), int(step[-1]), float(value[-1]), len(finite), *stats,
                pack(arrays),
            ),
        )  # fmt: skip
        if level < FULL:
            series.chunks[level] += 1
            series.loose += len(step)

    def _series_of(self, writer_id: int, name: str) -> _Series:
        series = self._series.get((writer_id, name))
        if series is None:
            db = self._db
            db.execute("INSERT OR IGNORE INTO series (writer_id, name) VALUES (?, ?)", (writer_id, name))
            found = db.execute("SELECT id FROM series WHERE writer_id = ? AND name = ?", (writer_id, name)).fetchone()
            series = self._series[writer_id, name] = _Series(found[0], 0, [0] * FULL)
            for level, chunks, points in db.execute(
                "SELECT level, count(*), sum(count) FROM chunks WHERE series = ? AND level < 3 GROUP BY level", found
            ):
                series.chunks[level] = chunks
                series.loose += points
        return series


def pack(arrays: Arrays) -> bytes:
    """A chunk's data."""
    return b"".join(array.tobytes() for array in arrays)


def unpack(count: int, data: bytes) -> Arrays:
    """What `pack` packed; the arrays are views of `data`."""
    seq, step = (np.frombuffer(data, "<i8", count, offset) for offset in (0, 8 * count))
    wall, value = (np.frombuffer(data, "<f8", count, offset) for offset in (16 * count, 24 * count))
    return seq, step, wall, value


def join(parts: Iterable[Arrays]) -> Arrays:
    """Consecutive pieces of one series as one; four empty arrays for none."""
    seq, step, wall, value = zip(*parts, strict=True) if (parts := list(parts)) else ([], [], [], [])
    if not seq:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0)
    return np.concatenate(seq), np.concatenate(step), np.concatenate(wall), np.concatenate(value)


def _spread(writer_id: int, group: _Group, pieces: dict[tuple[int, str], list[_Piece]]) -> None:
    """One group's matrix as a column for each of its metrics."""
    matrix = np.frombuffer(b"".join(group.values), "<f8").reshape(len(group.seq), -1).T.copy()
    order = np.array(group.order, np.int64)
    seq, step = np.array(group.seq, np.int64), np.array(group.step, np.int64)
    wall = np.array(group.wall, np.float64)
    for name, value in zip(group.names, matrix, strict=True):
        if name is not None:
            pieces.setdefault((writer_id, name), []).append((order, (seq, step, wall, value)))


def _in_order(parts: list[_Piece]) -> Arrays:
    """A metric's points from all its groups, in the order they came."""
    if len(parts) == 1:
        return parts[0][1]
    order = np.argsort(np.concatenate([part[0] for part in parts]), kind="stable")
    seq, step, wall, value = join([part[1] for part in parts])
    return seq[order], step[order], wall[order], value[order]


def _cut(arrays: Arrays, start: int, stop: int | None) -> Arrays:
    seq, step, wall, value = arrays
    return seq[start:stop], step[start:stop], wall[start:stop], value[start:stop]
