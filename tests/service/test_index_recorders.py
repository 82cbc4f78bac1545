"""What the index says of recorders: what they are, what was asked of them, and their columns."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlab.wire.entries import Recorder, RecorderAsk, Trace, Wish
from filmlabd.index.recorders import ALL_ROWS
from service.keeping import RUN, SESSION, Followed, snapshot


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Followed]:
    made = Followed(tmp_path / "index.sqlite")
    made.open()
    yield made
    made.index.close()


def recorder(number: int = 1, **more: object) -> Recorder:
    fields = {"kind": "curves", "directory": "/out", "prefix": "c", "columns": "c"} | more
    return Recorder(run=1, wall=1.0, number=number, **fields)  # type: ignore[arg-type]


def test_a_recorder_is_as_it_was_declared(story: Followed) -> None:
    """Until another one takes its number: of that one nothing has been asked yet."""
    story.say(recorder(title="größe", fps=12.5, save_metadata=False, average_window=-3, colors={"reward": "red"}))
    story.say(RecorderAsk(run=1, wall=1.0, recorder=1, wish=Wish.SAVE, rows=4))
    found = story.answers.recorder(SESSION, 1)
    assert found is not None
    assert (found.run_id, found.kind, found.directory, found.title, found.fps) == (RUN, "curves", "/out", "größe", 12.5)
    assert (found.save_metadata, found.average_window, found.colors) == (False, -3, {"reward": "red"})
    assert (found.save_rows, found.checkpoint_rows) == (4, None)
    story.say(recorder(prefix="d"))
    (found,) = story.answers.recorders(RUN)
    assert (found.prefix, found.save_rows) == ("d", None)
    assert story.answers.recorder(SESSION, 2) is None


def test_a_crash_asks_for_all_rows_of_curves_and_of_nothing_else(story: Followed) -> None:
    """Whoever draws later draws up to that moment."""
    story.say(recorder(1), recorder(2, kind="animation"))
    story.closed("crashed")
    assert [item.save_rows for item in story.answers.recorders(RUN)] == [ALL_ROWS, None]


def test_a_good_end_asks_for_nothing(story: Followed) -> None:
    """Only what the program itself asked for is written."""
    story.say(recorder(1))
    story.closed("finished")
    assert [item.save_rows for item in story.answers.recorders(RUN)] == [None]


def test_a_trace_is_joined_from_its_parts(story: Followed) -> None:
    """In their order, each once."""
    for part in (1, 0, 1):
        story.say(Trace(run=1, wall=1.0, film=3, recorder=1, stem="s", part=part, parts=2, data=b"ab"[part : part + 1]))
    found = story.answers.trace(SESSION, 3)
    assert found is not None
    assert (found.recorder, found.stem, found.data) == (1, "s", b"ab")
    assert story.answers.trace(SESSION, 4) is None


def test_histories_are_the_recorders_own(story: Followed) -> None:
    """By their names without its part; those of another recorder, or of another writer, are not among them."""
    story.names("c/reward", "c/metrics/loss", "c 2/reward", "other")
    story.say(recorder(1), recorder(2, columns="c 2"))
    for row in range(3):
        story.say(snapshot({0: row, 1: -row, 2: 9.0, 3: 8.0}, row))
    story.open(run=2, writer="eval")
    story.say(snapshot({0: 77.0}, 0, run=2))
    first, second = story.answers.recorders(RUN)
    found = story.answers.histories(first)
    assert {name: points.value.tolist() for name, points in found.items()} == {
        "reward": [0.0, 1.0, 2.0], "metrics/loss": [0.0, -1.0, -2.0],
    }  # fmt: skip
    assert {name: len(points.value) for name, points in story.answers.histories(second).items()} == {"reward": 3}
