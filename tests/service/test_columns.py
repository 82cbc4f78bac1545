"""Metric columns: every point comes back as it went in, in chunks that stay few."""

import math
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlabd.index import columns
from filmlabd.index.columns import CHUNK_POINTS, FULL, Arrays, Columns, join, pack, unpack
from filmlabd.index.schema import open_writer

NAMES = {0: "loss", 1: "return", 2: "grad/norm"}
VALUES = st.floats(width=64)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_writer(tmp_path / "index.sqlite")
    yield connection
    connection.close()


def add(kept: Columns, seq: int, values: dict[int, float], step: int | None = None, writer: int = 1) -> None:
    ids = struct.pack(f"<{len(values)}I", *values)
    packed = struct.pack(f"<{len(values)}d", *values.values())
    kept.add(writer, 7, ids, NAMES, seq, seq if step is None else step, float(seq), packed)


def chunks(db: sqlite3.Connection, name: str, writer: int = 1) -> list[tuple[int, Arrays]]:
    """(level, arrays) of each chunk of a series."""
    rows = db.execute(
        "SELECT c.level, c.count, c.data FROM chunks c JOIN series s ON s.id = c.series"
        " WHERE s.name = ? AND s.writer_id = ? ORDER BY c.id",
        (name, writer),
    )
    return [(level, unpack(count, data)) for level, count, data in rows]


def points(db: sqlite3.Connection, name: str, writer: int = 1) -> Arrays:
    return join(arrays for _, arrays in chunks(db, name, writer))


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.tuples(
                st.integers(1, 2),
                st.permutations([0, 1, 2]),
                st.integers(1, 3),
                st.lists(VALUES, min_size=3, max_size=3),
            ),
        ),
        max_size=60,
    ),
    st.integers(2, 40),
    st.integers(2, 4),
)
def test_every_point_comes_back_in_order(
    told: list[tuple[int, list[int], int, list[float]] | None], chunk_points: int, merge_chunks: int
) -> None:
    """Any mix of writers and sets of metrics, written out at any moment (None): bit for bit, in order of arrival."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(
        "CREATE TABLE series (id INTEGER PRIMARY KEY, writer_id, name, UNIQUE (writer_id, name));"
        "CREATE TABLE chunks (id INTEGER PRIMARY KEY, series, level, count, first_step, last_step, last_value, finite,"
        " least, most, total, data)"
    )
    expected: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "CHUNK_POINTS", chunk_points)
        patch.setattr(columns, "_MERGE_CHUNKS", merge_chunks)
        kept = Columns(db)
        for seq, call in enumerate(told):
            if call is None:
                kept.flush()
                continue
            writer, order, count, values = call
            add(kept, seq, dict(zip(order[:count], values, strict=False)), step=-seq, writer=writer)
            for number, value in zip(order[:count], values, strict=False):
                expected.setdefault((writer, number), []).append((seq, -seq, value))
        kept.flush()
    for (writer, number), series in expected.items():
        seq_, step, wall, value = points(db, NAMES[number], writer)
        assert seq_.tolist() == wall.tolist() == [point[0] for point in series]
        assert step.tolist() == [point[1] for point in series]
        assert value.tobytes() == np.array([point[2] for point in series]).tobytes()
        sizes = [(level, len(arrays[0])) for level, arrays in chunks(db, NAMES[number], writer)]
        assert [level for level, _ in sizes] == sorted((level for level, _ in sizes), reverse=True)
        assert all(size == chunk_points for level, size in sizes if level == FULL)
        assert sum(size for level, size in sizes if level < FULL) < chunk_points
    db.close()


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), VALUES), max_size=20))
def test_a_chunk_packs_and_unpacks(rows: list[tuple[int, float]]) -> None:
    """Steps over all of int64, values over all of float64."""
    steps, values = np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64)
    arrays: Arrays = (np.arange(len(rows)), steps, values[::-1], values)
    assert [one.tobytes() for one in unpack(len(rows), pack(arrays))] == [one.tobytes() for one in arrays]


def test_many_commits_leave_few_chunks(db: sqlite3.Connection) -> None:
    """One point to a commit, as a slow trainer makes them: small chunks are merged once enough have gathered."""
    kept = Columns(db)
    db.execute("BEGIN")
    for seq in range(2 * CHUNK_POINTS + 570):
        add(kept, seq, {0: seq / 2})
        kept.flush()
    db.execute("COMMIT")
    assert [(level, len(arrays[0])) for level, arrays in chunks(db, "loss")] == (
        [(FULL, CHUNK_POINTS)] * 2 + [(2, 256)] * 2 + [(1, 16)] * 3 + [(0, 1)] * 10
    )
    assert points(db, "loss")[3].tolist() == [seq / 2 for seq in range(2 * CHUNK_POINTS + 570)]


def test_a_restart_goes_on_with_the_small_chunks(db: sqlite3.Connection) -> None:
    """How many points lie loose is read back, not remembered."""
    for seq in range(CHUNK_POINTS + 20):
        kept = Columns(db)
        add(kept, seq, {0: 1.0})
        kept.flush()
    assert [(level, len(arrays[0])) for level, arrays in chunks(db, "loss")] == [(3, 4096), (1, 16)] + [(0, 1)] * 4


def test_memory_is_bounded_within_a_commit(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the buffer's size, points are written out by themselves."""
    monkeypatch.setattr(columns, "BUFFER_POINTS", 10)
    kept = Columns(db)
    for seq in range(10):
        add(kept, seq, {0: 1.0})
    assert len(points(db, "loss")[0]) == 10


def test_statistics_are_of_what_is_finite(db: sqlite3.Connection) -> None:
    """NaN and infinities are kept as points, and stay out of least, most, total and count."""
    kept = Columns(db)
    for seq, value in enumerate([1.0, math.nan, -3.0, math.inf]):
        add(kept, seq, {0: value, 1: math.nan})
    kept.flush()
    rows = db.execute(
        "SELECT finite, least, most, total, last_value, first_step, last_step FROM chunks ORDER BY series"
    )
    assert rows.fetchall() == [(2, -3.0, 1.0, -2.0, math.inf, 0, 3), (0, None, None, 0.0, None, 0, 3)]


def test_a_metric_without_a_name_is_passed_over(db: sqlite3.Connection) -> None:
    """A number that was never declared costs its own points only."""
    kept = Columns(db)
    add(kept, 1, {0: 1.0, 9: 2.0})
    kept.flush()
    assert points(db, "loss")[3].tolist() == [1.0]
    assert db.execute("SELECT count(*) FROM series").fetchone() == (1,)
