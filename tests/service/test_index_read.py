"""Questions to the index that need no daemon."""

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlab.errors import BadInput, Corrupt
from filmlabd.index.read import NoIndex, Reader
from filmlabd.model import AttemptRow
from service.keeping import RUN, Followed, begin_episode, end_episode, snapshot


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Followed]:
    told = Followed(tmp_path / "index.sqlite")
    yield told
    told.index.close()


def test_a_run_is_found_by_id_by_its_beginning_or_by_name(story: Followed) -> None:
    """The whole id first, then an unambiguous beginning of one, then an unambiguous name."""
    for number, (run_id, name) in enumerate([("abc", "walk"), ("abcd", "run"), ("xyz", "walk"), ("k_1", "abc")], 1):
        story.wall += 1
        story.open(run=number, run_id=run_id, name=name)
    answers = story.answers
    found = {asked: answers.run(asked).run_id for asked in ("abc", "abcd", "x", "run", "k_")}
    assert found == {"abc": "abc", "abcd": "abcd", "x": "xyz", "run": "abcd", "k_": "k_1"}
    for several, ids in (("ab", "abc, abcd"), ("walk", "abc, xyz")):
        with pytest.raises(BadInput, match=f"several runs are called '{several}': {ids}"):
            answers.run(several)
    for none in ("nobody", "%", "a_c", "ABC"):
        with pytest.raises(BadInput, match="no run is called"):
            answers.run(none)
    assert [run.run_id for run in answers.runs()] == ["abc", "abcd", "xyz", "k_1"]


def test_nothing_known_is_nothing_said(story: Followed) -> None:
    """Questions about what is not there have empty answers."""
    story.open()
    answers = story.answers
    assert (answers.episodes("no"), answers.metrics("no"), answers.prints("no"), answers.drops("no")) == (
        [],
        [],
        [],
        [],
    )
    assert (answers.points("no", "loss"), answers.points(RUN, "loss"), answers.jobs("ready")) == ([], [], [])
    assert answers.blocked("no").count == 0


def test_metrics_come_by_name_attempt_and_writer(story: Followed) -> None:
    """With how many points each has and what came last."""
    story.open()
    story.open(run=2, writer="eval")
    story.names("b", "a")
    story.say(snapshot({0: 1.0, 1: 2.0}), snapshot({0: 3.0}, run=2))
    story.say(snapshot({0: 4.0}, step=9))
    rows = [(row.name, row.writer, row.count, row.last_step, row.last_value) for row in story.answers.metrics(RUN)]
    assert rows == [("a", "main", 1, 0, 2.0), ("b", "eval", 1, 0, 3.0), ("b", "main", 2, 9, 4.0)]


def test_a_metric_says_its_extremes(story: Followed) -> None:
    """Over all its chunks, of what is finite."""
    story.open()
    story.names("loss", "odd")
    for value in (3.0, -1.0, math.inf):
        story.say(snapshot({0: value, 1: math.nan}))
        rows = story.answers.metrics(RUN)
    assert (rows[0].least, rows[0].most) == (-1.0, 3.0)
    assert math.isnan(rows[1].least) and math.isnan(rows[1].most)


def test_filmed_episodes_can_be_asked_for_alone(story: Followed) -> None:
    """A run may have a million episodes and a hundred films."""
    story.open()
    story.say(end_episode(1), begin_episode(1, 2), end_episode(3), end_episode(2, film=1))
    assert [row.episode for row in story.answers.episodes(RUN)] == [1, 2, 3]
    assert [row.episode for row in story.answers.episodes(RUN, filmed=True)] == [2]


def test_without_an_index_it_is_said_so(tmp_path: Path) -> None:
    """Neither a missing state directory nor a missing file is made by asking."""
    with pytest.raises(NoIndex, match="no index at"):
        Reader(tmp_path / "nowhere" / "index.sqlite")
    with pytest.raises(NoIndex):
        Reader(tmp_path / "index.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_writes_nothing(story: Followed, tmp_path: Path) -> None:
    """It is opened for reading only, and needs no daemon."""
    story.open()
    story.say(end_episode(1))
    assert story.answers.run(RUN).episodes == 1
    story.index.close()
    with Reader(tmp_path / "index.sqlite") as reader:
        assert reader.run(RUN).episodes == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._db.execute("DELETE FROM runs")


def test_a_half_made_index_is_no_index(tmp_path: Path) -> None:
    """An empty file, which a daemon that is just starting leaves for a moment."""
    (tmp_path / "index.sqlite").touch()
    with pytest.raises(NoIndex):
        Reader(tmp_path / "index.sqlite")


def test_a_damaged_index_is_said_so(tmp_path: Path) -> None:
    """A reader cannot make it again, but can say who does."""
    (tmp_path / "index.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(Corrupt, match="the daemon makes it again"):
        Reader(tmp_path / "index.sqlite")


def test_what_a_run_came_to_without_reading_its_points(story: Followed) -> None:
    """Names and number of its metrics, its episodes' ends, and who wrote it: in order, of this run alone."""
    story.open()
    story.names("loss", "kl")
    story.say(snapshot({0: 1.0, 1: 2.0}, step=3), snapshot({0: 1.0}, step=7))
    story.say(end_episode(0, 5.0, 10), end_episode(1, math.nan, 2))
    story.closed()
    story.wall += 1
    story.open(run=2, attempt=2)
    story.open(run=3, run_id="other")
    answers = story.answers
    assert answers.metric_names(RUN) == ["episode/length", "episode/return", "kl", "loss"]
    assert (answers.point_count(RUN), answers.point_count("other")) == (7, 0)
    assert [row[1:] for row in answers.endings(RUN)] == [(10, True), (2, True)]
    assert answers.attempts(RUN) == [
        AttemptRow(1, "main", "finished", 3, 7, 2),
        AttemptRow(2, "main", "running", None, None, 0),
    ]
