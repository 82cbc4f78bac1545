"""Columns of curves, read from a real index: what they keep of the points, however many there are."""

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filmlab.errors import BadInput
from filmlabd.index.columns import CHUNK_POINTS, Columns
from filmlabd.index.read import Reader
from filmlabd.index.schema import open_writer
from filmlabd.index.writer import Index
from filmlabd.web import curves
from filmlabd.web.curves import Look, answer
from filmlabd.web.grains import Granary
from service.keeping import RUN, Story, end_episode

ROWS = ("x", "step", "low", "high", "mean", "count", "bad")


@dataclass
class Book:
    """A run whose metrics are written as columns."""

    path: Path
    granary: Granary = field(default_factory=Granary)

    def __post_init__(self) -> None:
        self.story = Story()
        self.story.open()

    def keep(self) -> None:
        index, at = Index(self.path), 0
        for envelope in self.story.told:
            index.apply(at, envelope)
            at += envelope.size_bytes
        index.commit()
        index.close()

    def log(self, name: str, values: Any, *, steps: Any = None, wall: Any = None, writer: int = 1) -> None:
        """Points of one metric, at steps 0, 1, … and every hundredth of a second unless something else is said."""
        db = open_writer(self.path)
        columns = Columns(db)
        db.execute("BEGIN")
        steps = range(len(values)) if steps is None else steps
        wall = [1000 + number / 100 for number in range(len(values))] if wall is None else wall
        ids = np.array([0], "<u4").tobytes()
        for step, instant, value in zip(steps, wall, values, strict=True):
            columns.add(writer, 1, ids, {0: name}, 1, int(step), float(instant), struct.pack("<d", value))
        columns.flush()
        db.execute("COMMIT")
        db.close()

    def look(self, *metrics: str, read_chunks: int = curves.READ_CHUNKS, **more: Any) -> list[dict[str, Any]]:
        """The series of an answer, each with its rows as arrays."""
        with Reader(self.path) as reader:
            data = answer(reader, self.granary, RUN, Look(metrics, **more), read_chunks=read_chunks)
        (length,) = struct.unpack_from("<I", data)
        at = 4 + length
        assert at % 8 == 0, "the numbers are aligned for the browser"
        out = []
        for series in json.loads(data[4:at])["series"]:
            table = np.frombuffer(data, "<f8", 7 * series["n"], at).reshape(7, -1)
            at += table.nbytes
            out.append(series | {"total": series["count"]} | dict(zip(ROWS, table, strict=True)))
        assert at == len(data)
        return out


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path / "index.sqlite")
    made.keep()
    yield made


def test_few_points_come_as_they_are(book: Book) -> None:
    """Exactly, in order, with the last one named."""
    book.log("loss", [3.0, 1.0, 2.5])
    (series,) = book.look("loss")
    assert series["x"].tolist() == [0, 1, 2]
    assert series["mean"].tolist() == series["low"].tolist() == series["high"].tolist() == [3.0, 1.0, 2.5]
    assert (series["last"], series["last_step"], series["total"], series["bad"].sum()) == (2.5, 2, 3, 0)


def test_many_points_keep_their_range_and_their_mean(book: Book) -> None:
    """However the columns are made up, nothing is outside of them, and nothing is counted twice."""
    values = np.random.default_rng(3).normal(size=3 * CHUNK_POINTS + 700)
    values[5000] = 99.0
    book.log("loss", values)
    for width_px in (50, 300, 2000):
        (series,) = book.look("loss", width_px=width_px)
        assert len(series["x"]) <= width_px + 1
        assert (np.diff(series["x"]) > 0).all()
        assert series["count"].sum() == len(values)
        assert series["high"].max() == 99.0
        assert series["low"].min() == values.min()
        assert np.average(series["mean"], weights=series["count"]) == pytest.approx(values.mean())


def test_a_long_series_is_told_from_its_heads_and_gets_finer(book: Book) -> None:
    """No answer reads more chunks than it may; what is not read yet is drawn by what the index says of it."""
    values = np.sin(np.arange(10 * CHUNK_POINTS) / 500)
    book.log("loss", values)
    sizes = [len(book.look("loss", read_chunks=2)[0]["x"]) for _ in range(6)]
    assert sizes[0] == 8 + 2 * 16
    assert sizes == sorted(sizes)
    assert sizes[-1] == 10 * 16
    (series,) = book.look("loss")
    assert (series["count"].sum(), series["high"].max()) == (len(values), values.max())


def test_a_part_is_told_point_by_point(book: Book) -> None:
    """What is looked at closely is exact; on either side there is a little, so that it can be moved."""
    values = np.arange(8 * CHUNK_POINTS, dtype=float)
    book.log("loss", values)
    (series,) = book.look("loss", start=9000.0, stop=9100.0)
    inside = (series["x"] >= 9000) & (series["x"] <= 9100)
    assert series["mean"][inside].tolist() == list(range(9000, 9101))
    assert 2 <= (~inside).sum() <= 2 * curves.OUTSIDE_COLUMNS
    assert series["count"].sum() == len(values)


def test_values_that_are_no_numbers(book: Book) -> None:
    """They are counted where they are, the first is named by its step, and they spoil nothing beside them."""
    values = [1.0] * (CHUNK_POINTS + 50)
    values[70], values[CHUNK_POINTS + 3] = math.inf, math.nan
    book.log("loss", values)
    (series,) = book.look("loss")
    assert series["first_bad"] == {"step": 70, "what": "inf"}
    assert series["bad"].sum() == 2
    assert np.nanmax(series["high"]) == 1.0
    book.log("none", [math.nan, math.nan])
    (none,) = book.look("none")
    assert np.isnan(none["mean"]).all()
    assert (none["last"], none["first_bad"]["what"]) == (None, "nan")


def test_every_axis(book: Book) -> None:
    """By step, wall time and time since the start; by episode as the episodes ended, and episodes by the steps."""
    for number in range(5):
        book.story.say(end_episode(number, 10.0 * number, 3, wall=1000.0 + number))
    book.keep()
    book.log("loss", [1.0, 2.0, 3.0], steps=[0, 200, 400], wall=[1000.0, 1002.0, 1004.0])
    assert [item["unit"] for item in book.look("loss", "episode/return")] == ["step", "step"]
    assert book.look("loss", axis="step")[0]["x"].tolist() == [0, 200, 400]
    assert book.look("loss", axis="wall")[0]["x"].tolist() == [1000, 1002, 1004]
    assert book.look("loss", axis="relative")[0]["x"].tolist() == [0, 2, 4]
    assert book.look("loss", axis="episode")[0]["x"].tolist() == [0, 2, 4]
    assert book.look("episode/return", axis="episode")[0]["x"].tolist() == [0, 1, 2, 3, 4]
    assert book.look("episode/return", axis="step")[0]["x"].tolist() == [0, 100, 200, 300, 400]
    (part,) = book.look("episode/return", axis="step", start=90.0, stop=210.0)
    assert {100, 200} <= set(part["x"].tolist())


def test_episodes_stay_by_themselves_where_steps_say_too_little(book: Book) -> None:
    """A hundred episodes between two steps have no steps of their own: they are drawn, whole, by episode."""
    for number in range(40):
        book.story.say(end_episode(number, 10.0 * number, 3, wall=1000.0 + number))
    book.keep()
    book.log("loss", [1.0, 2.0], steps=[0, 1], wall=[1000.0, 1040.0])
    (series,) = book.look("episode/return", axis="step", start=0.0, stop=0.5)
    assert (series["unit"], series["x"].tolist()) == ("episode", list(range(40)))


def test_steps_that_go_back_are_put_in_order(book: Book) -> None:
    """A picture has its x from left to right."""
    book.log("loss", [1.0, 2.0, 3.0], steps=[10, 30, 20])
    (series,) = book.look("loss")
    assert (series["x"].tolist(), series["mean"].tolist()) == ([10, 20, 30], [1.0, 3.0, 2.0])


def test_attempts_are_apart(book: Book) -> None:
    """A later attempt supersedes what an earlier one had logged from its first step on."""
    book.story.open(run=2, attempt=2)
    book.keep()
    book.log("loss", [1.0] * 10)
    book.log("loss", [2.0] * 5, steps=range(6, 11), writer=2)
    first, second = book.look("loss")
    assert (first["attempt"], first["superseded"], second["superseded"]) == (1, 6, None)


@pytest.mark.parametrize(
    "wrong",
    [{"axis": "time"}, {"width_px": 5}, {"width_px": 10**6}, {"start": 1.0}, {"metrics": ()},
     {"metrics": ("x",) * 999}],
)  # fmt: skip
def test_what_cannot_be_looked_at(wrong: dict[str, Any]) -> None:
    """A look has bounds: it cannot be made to read or answer without end."""
    with pytest.raises(BadInput):
        Look(**({"metrics": ("loss",)} | wrong))
