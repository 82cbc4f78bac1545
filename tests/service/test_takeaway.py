"""Covers filmlabd.takeaway: a run's metrics as CSV, exact, in pieces, and harmless in a spreadsheet."""

import csv
import io
import json
import math
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.wire import entries
from filmlabd.develop.history import history
from filmlabd.index.columns import CHUNK_POINTS
from filmlabd.takeaway import COLUMNS, metrics_csv, safe_cell
from service.keeping import RUN
from service.studio import Studio

HOSTILE = ("=cmd()|' /C calc'!A1", "+1", "-2", "@SUM(A1)", '"a","b"', "a,b", "'=1", "loss")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = Studio(tmp_path, metrics=HOSTILE)
    yield made
    made.close()


def rows(studio: Studio) -> list[dict[str, str]]:
    with studio.reader() as reader:
        text = b"".join(metrics_csv(RUN, reader)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def log_many(studio: Studio, metric: int, values: Iterator[float]) -> None:
    """Points of one metric at steps 0, 1, …, many in a record."""
    ids = struct.pack("<I", metric)
    shots = [
        entries.Snapshot(run=1, wall=float(step), step=step, ids=ids, values=struct.pack("<d", value))
        for step, value in enumerate(values)
    ]
    for start in range(0, len(shots), 500):
        studio.story.say(*shots[start : start + 500])


def test_a_line_for_each_point(studio: Studio) -> None:
    """Every point is there with its writer, attempt, metric, step and wall time, in the order they came."""
    studio.log({7: 0.5}, 3, wall=1.25)
    studio.log({7: 0.25}, 2, wall=2.5)
    told = rows(studio)
    assert tuple(told[0]) == COLUMNS
    assert [tuple(row.values()) for row in told] == [
        ("main", "1", "loss", "3", "1.25", "0.5"),
        ("main", "1", "loss", "2", "2.5", "0.25"),
    ]


def test_values_come_back_bit_by_bit(studio: Studio) -> None:
    """Reading the file gives the same float64, and `nan`, `inf` and `-inf` by these words."""
    values = [0.1, -0.0, 5e-324, 2.0**60 + 256, 1 / 3, math.nan, math.inf, -math.inf, 1.7976931348623157e308]
    for step, value in enumerate(values):
        studio.log({7: value}, step, wall=1_700_000_000.123456 + step)
    told = rows(studio)
    assert np.array([float(row["value"]) for row in told]).tobytes() == np.array(values).tobytes()
    assert [row["value"] for row in told[5:8]] == ["nan", "inf", "-inf"]
    assert [float(row["wall"]) for row in told] == [1_700_000_000.123456 + step for step in range(len(values))]


def test_names_are_no_formulas(studio: Studio) -> None:
    """No name is a formula to a spreadsheet, none breaks its line, and different names stay different."""
    studio.log(dict.fromkeys(range(len(HOSTILE)), 1.0), 0)
    names = {row["metric"] for row in rows(studio)}
    assert names == {safe_cell(name) for name in HOSTILE}
    assert len(names) == len(HOSTILE)
    assert not any(name.startswith(tuple("=+-@")) for name in names)


@given(st.text(max_size=5), st.text(max_size=5))
def test_no_two_names_become_one(one: str, other: str) -> None:
    """A cell tells which name it stands for, and a name that begins like any word is written as it is."""
    assert (safe_cell(one) == safe_cell(other)) == (one == other)
    assert safe_cell("loss/policy") == "loss/policy"


def test_a_run_without_points(studio: Studio) -> None:
    """There is a file, and it says what its columns would be."""
    with studio.reader() as reader:
        assert b"".join(metrics_csv(RUN, reader)) == b"writer,attempt,metric,step,wall,value\n"


def test_memory_does_not_grow_with_the_run(studio: Studio) -> None:
    """CSV and JSON of a run come chunk by chunk: what is held is the same for twelve chunks and for three."""
    log_many(studio, 7, (0.1 * step for step in range(12 * CHUNK_POINTS)))
    log_many(studio, 5, (math.nan for _ in range(3 * CHUNK_POINTS)))
    with studio.reader() as reader:
        for make in (metrics_csv, history):
            for _ in make(RUN, reader):
                pass
            tracemalloc.start()
            whole = sum(len(piece) for piece in make(RUN, reader))
            _, peak_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert whole > 1_500_000
            # One chunk as arrays, Python's numbers and text is some 1 MB.
            assert peak_bytes < 1_500_000, make


def test_points_that_come_meanwhile(studio: Studio) -> None:
    """A document that is read while the run goes on has columns of one length."""
    log_many(studio, 7, (float(step) for step in range(CHUNK_POINTS + 10)))
    with studio.reader() as reader:
        pieces = history(RUN, reader)
        # Until the steps of the series are written.
        told = b""
        while b'"wall"' not in told:
            told += next(pieces)
        studio.log({7: 9.0}, 10**6)
        studio.keep()
        told += b"".join(pieces)
    (loss,) = json.loads(told)["metrics"]["loss"]
    assert [len(loss[key]) for key in ("step", "wall", "value")] == [CHUNK_POINTS + 10] * 3
