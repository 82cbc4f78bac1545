"""What is kept of a series between two redraws is what the index has of it, at any time."""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filmlabd.develop.tracks import WINDOW, Tracks, in_order
from filmlabd.index.columns import CHUNK_POINTS, Columns
from filmlabd.index.read import Answers
from filmlabd.index.schema import open_writer
from filmlabd.index.series import Piece, SeriesAnswers, SeriesRow
from filmlabd.render.pyramid import Pyramid, Track

RUN = "r"


class Log:
    """An index of columns alone: series are numbered, and hold their steps' square roots."""

    def __init__(self, path: Path) -> None:
        self.db = open_writer(path)
        self.db.execute("INSERT INTO writers VALUES (1, ?, 1, 'main', 'running', NULL)", (RUN,))
        self._columns = Columns(self.db)
        self.ends: dict[int, int] = {}

    def grow(self, series: int, count: int, *, back: int = 0) -> None:
        """So many more points, the first of them `back` steps before the last one, in a commit of their own."""
        start = self.ends.get(series, 0) - back
        self.ends[series] = max(start + count, self.ends.get(series, 0))
        self.db.execute("BEGIN")
        ids = np.uint32(series).tobytes()
        for step in range(start, start + count):
            value = np.float64(np.sqrt(step)).tobytes()
            self._columns.add(1, 7, ids, {series: f"m{series}"}, step + 1, step, 1.0, value)
        self._columns.flush()
        self.db.execute("COMMIT")

    def row(self, series: int) -> SeriesRow:
        (row,) = self.answers.series(RUN, f"m{series}")
        return row

    @property
    def answers(self) -> Answers:
        return Answers(self.db)


class Counting(SeriesAnswers):
    """Counts the points that are read."""

    def __init__(self, log: Log) -> None:
        self._db = log.db
        self.read = 0

    def pieces(self, series: int, after: int = 0) -> Iterator[Piece]:
        for piece in super().pieces(series, after):
            self.read += len(piece.step)
            yield piece


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path / "index.sqlite")
    yield made
    made.db.close()


def whole(log: Log, series: int) -> Track:
    """The track of a worker that begins."""
    track = Track(WINDOW)
    track.append(*in_order(log.answers.pieces(log.row(series).id)))
    return track


def same(one: Track | None, other: Track) -> bool:
    """Whether two tracks hold the same samples; how they are grouped depends on when they came."""
    assert one is not None
    return (one.raw.samples, one.average.samples, one.raw.last_x) == (
        other.raw.samples, other.average.samples, other.raw.last_x,
    ) and all(
        np.nanmin(a.groups().low) == np.nanmin(b.groups().low)
        and np.nanmax(a.groups().high) == np.nanmax(b.groups().high)
        and np.isclose(mean(a), mean(b), rtol=1e-12)
        for a, b in ((one.raw, other.raw), (one.average, other.average))
    )  # fmt: skip


def mean(pyramid: Pyramid) -> float:
    groups = pyramid.groups()
    return float((groups.mean * groups.count).sum() / groups.count.sum())


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(growth=st.lists(st.sampled_from([1, 3, 100, 700, 4095, 4096, 9000]), min_size=1, max_size=25), data=st.data())
def test_a_track_goes_on_where_it_was(
    tmp_path_factory: pytest.TempPathFactory, growth: list[int], data: st.DataObject
) -> None:
    """However the series grew and its small chunks were merged meanwhile, no point is missed or taken twice."""
    log = Log(tmp_path_factory.mktemp("log") / "index.sqlite")
    tracks = Tracks()
    for total, count in zip(accumulate(growth), growth, strict=True):
        log.grow(1, count)
        if data.draw(st.booleans()):
            track = tracks.track(log.row(1), log.answers)
            assert track is not None and track.raw.samples == total
    assert same(tracks.track(log.row(1), log.answers), whole(log, 1))
    log.db.close()


def test_reading_on_does_not_grow(log: Log) -> None:
    """What a redraw reads is what is new and less than a full chunk, however long the series is."""
    log.grow(1, 100_000)
    answers, tracks = Counting(log), Tracks()
    tracks.track(log.row(1), answers)
    assert answers.read == 100_000
    for _ in range(20):
        answers.read = 0
        log.grow(1, 300)
        tracks.track(log.row(1), answers)
        assert answers.read < 300 + CHUNK_POINTS + 300


def test_a_step_that_goes_back_ends_the_track(log: Log) -> None:
    """From then on the series is read whole, by its steps; other series do not mind."""
    tracks = Tracks()
    for series in (1, 2):
        log.grow(series, 5000)
        assert tracks.track(log.row(series), log.answers) is not None
    log.grow(1, 10, back=7)
    for _ in range(2):
        assert tracks.track(log.row(1), log.answers) is None
        log.grow(1, 10)
    assert tracks.track(log.row(2), log.answers) is not None
    x, y = in_order(log.answers.pieces(log.row(1).id))
    assert len(x) == 5030 and (np.diff(x) >= 0).all() and (y == np.sqrt(x)).all()


def test_memory_is_bounded(log: Log) -> None:
    """The series that was drawn longest ago makes room, and is whole when it comes back."""
    budget_bytes = 1_000_000
    tracks = Tracks(budget_bytes)
    for series in range(1, 7):
        log.grow(series, 20_000)
        tracks.track(log.row(series), log.answers)
        assert tracks.held_bytes <= budget_bytes
    answers = Counting(log)
    tracks.track(log.row(6), answers)
    assert answers.read < CHUNK_POINTS
    assert same(tracks.track(log.row(1), answers), whole(log, 1))
    assert answers.read >= 20_000
    assert tracks.held_bytes <= budget_bytes


def test_another_index_in_its_place(log: Log, tmp_path: Path) -> None:
    """An index that was made again has other ids: nothing that was kept of the former is taken for one of it."""
    tracks = Tracks()
    log.grow(1, 3000)
    log.grow(2, 50)
    assert same(tracks.track(log.row(1), log.answers), whole(log, 1))
    again = Log(tmp_path / "again.sqlite")
    again.grow(2, 700)
    assert again.row(2).id == log.row(1).id
    track = tracks.track(again.row(2), again.answers)
    assert track is not None and track.raw.samples == 700
    again.db.close()


def test_an_older_copy_in_its_place(log: Log) -> None:
    """An index with fewer points than were read is drawn as it is."""
    tracks = Tracks()
    log.grow(1, 1500)
    log.grow(1, 1500)
    assert same(tracks.track(log.row(1), log.answers), whole(log, 1))
    log.db.execute("DELETE FROM chunks WHERE id = (SELECT max(id) FROM chunks)")
    track = tracks.track(log.row(1), log.answers)
    assert track is not None and track.raw.samples == log.row(1).count == 1500
