"""What a page asks of the index: series by their chunks, and many runs at a glance."""

from pathlib import Path

import numpy as np
import pytest

from filmlab.wire.entries import Dropped
from filmlabd.index.columns import CHUNK_POINTS
from service.keeping import RUN, Followed, end_episode, snapshot


@pytest.fixture
def story(tmp_path: Path) -> Followed:
    """Two writers' worth of a metric, one of them in more than a chunk."""
    made = Followed(tmp_path / "index.sqlite")
    made.open()
    made.names("loss")
    made.say(*(snapshot({0: float(step)}, step, wall=50.0 + step) for step in range(CHUNK_POINTS + 10)))
    made.open(run=2, writer="eval")
    made.say(end_episode(7, run=2), snapshot({0: np.inf}, 3, run=2))
    made.say(Dropped(run=1, wall=1.0, what="film", count=3, size_bytes=10, reason="full"))
    return made


def test_heads_say_what_is_in_chunks(story: Followed) -> None:
    """Steps, counts, range and mean, and which chunks are there to stay; the points are those of the chunks."""
    answers = story.answers
    other, main = (item for item in answers.named_series(RUN) if item.name == "loss")
    assert (other.writer, main.writer) == ("eval", "main")
    heads = answers.heads(main.id)
    assert heads.settled.tolist() == [True, False]
    assert heads.first_step.tolist() == [0, CHUNK_POINTS]
    assert heads.last_step.tolist() == [CHUNK_POINTS - 1, CHUNK_POINTS + 9]
    assert (heads.low[0], heads.high[0], heads.mean[0]) == (0.0, CHUNK_POINTS - 1, (CHUNK_POINTS - 1) / 2)
    chunk = answers.chunk(int(heads.id[1]))
    assert chunk is not None and chunk[1].tolist() == list(range(CHUNK_POINTS, CHUNK_POINTS + 10))
    assert answers.first_wall(int(heads.id[1])) == 50.0 + CHUNK_POINTS
    assert answers.chunk(10**9) is None and answers.first_wall(10**9) is None
    nothing = answers.heads(other.id)
    assert (nothing.finite.tolist(), np.isnan(nothing.mean).all()) == ([0], True)
    assert len(answers.heads(10**9)) == 0


def test_counts_and_last_episodes(story: Followed) -> None:
    """Of a run: its points; the last episode of each writer; what was dropped."""
    answers = story.answers
    assert answers.point_count(RUN) == CHUNK_POINTS + 10 + 1 + 2
    assert answers.last_episodes(RUN, 1) == {"eval": 7}
    assert answers.dropped() == {RUN: {"film": 3}}
    assert answers.latest_print(RUN) is None
