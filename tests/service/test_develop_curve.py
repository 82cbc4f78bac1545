"""What a curve shows: writers, attempts, steps out of order, and the window of its average."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from filmlab.wire import entries
from filmlabd.develop.curve import panel
from filmlabd.develop.tracks import Tracks
from filmlabd.render.curve import Panel, Resume
from service.keeping import RUN, Followed


class Told(Followed):
    """A run whose writers log the metrics `m` and `episode/x`."""

    def log(self, steps: Sequence[int], values: Sequence[float] | None = None, run: int = 1, metric: int = 0) -> None:
        """Points of one metric from one writer, one after the other; values are the steps where none are given."""
        ids = np.uint32(metric).tobytes()
        self.say(
            *(
                entries.Snapshot(run=run, wall=1.0, step=step, ids=ids, values=np.float64(value).tobytes())
                for step, value in zip(steps, values or steps, strict=True)
            )
        )

    def show(self, tracks: Tracks, metric: str = "m") -> Panel:
        answers = self.answers
        return panel(metric, answers.series(RUN, metric), answers, tracks)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    made = Told(tmp_path / "index.sqlite")
    made.open()
    made.names("m", "episode/x")
    yield made
    made.index.close()


@pytest.fixture
def tracks() -> Tracks:
    return Tracks()


@pytest.mark.parametrize("count", [10, 1000])
def test_curve_of_a_resumed_run(told: Told, tracks: Tracks, count: int) -> None:
    """What a later attempt has replaced is drawn apart, and where it began is said; with few points and with many."""
    back = count * 6 // 10
    told.log(range(count))
    told.open(run=2, attempt=2)
    told.log(range(back, back + count), run=2)
    shown = told.show(tracks)
    assert [(series.superseded, series.name) for series in shown.series] == [(True, "m"), (False, "m"), (False, "m")]
    assert [series.condensed()[0].samples for series in shown.series] == [count - back, back, count]
    assert shown.resumes == (Resume(float(back), 2, "m"),)
    assert shown.x_label == "step"


def test_resumes_of_writers_are_not_mixed(told: Told, tracks: Tracks) -> None:
    """Each writer's attempts are numbered as the run numbers them, and belong to its own line alone."""
    told.open(run=2, writer="eval")
    told.log(range(20))
    told.log(range(20), run=2)
    told.open(run=3, attempt=2)
    told.log(range(10, 30), run=3)
    told.open(run=4, attempt=3)
    told.log(range(15, 30), run=4)
    told.open(run=5, writer="eval", attempt=3)
    told.log(range(5, 30), run=5)
    shown = told.show(tracks)
    assert shown.resumes == (Resume(5.0, 3, "eval"), Resume(10.0, 2, "main"), Resume(15.0, 3, "main"))
    kept = [(series.name, series.condensed()[0].samples) for series in shown.series if not series.superseded]
    assert kept == [("eval", 5), ("eval", 25), ("main", 10), ("main", 5), ("main", 15)]


def test_curve_of_many_writers(told: Told, tracks: Tracks) -> None:
    """Each writer has its own line under its own name."""
    told.open(run=2, writer="eval")
    told.log([3, 5], metric=1)
    told.log([0, 1], run=2, metric=1)
    shown = told.show(tracks, "episode/x")
    assert [series.name for series in shown.series] == ["eval", "main"]
    assert (shown.x_label, shown.y_label) == ("episode", "x")


@pytest.mark.parametrize("count", [4, 2000])
def test_steps_that_go_back_are_put_in_order(told: Told, tracks: Tracks, count: int) -> None:
    """In few points and in many, before the first redraw and after it; of one step the order they came in stays."""
    told.log(range(0, 2 * count, 2))
    told.show(tracks)
    told.log([1, 1, 3], [10.0, 20.0, 30.0])
    for _ in range(2):
        (series,) = told.show(tracks).series
        points = series.condensed()[0]
        assert points.x_first.tolist() == sorted([*range(0, 2 * count, 2), 1, 1, 3])
        assert points.first[:5].tolist() == [0.0, 10.0, 20.0, 2.0, 30.0]


@pytest.mark.parametrize(("count", "window"), [(3, None), (10, 2), (100, 20), (499, 99), (500, 100), (5000, 100)])
def test_window(told: Told, tracks: Tracks, count: int, window: int | None) -> None:
    """The average runs over 100 values, or over a fifth of what there is."""
    told.log(range(count))
    assert [series.average_window for series in told.show(tracks).series] == [window]
