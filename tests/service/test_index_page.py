"""What a page asks of the index: series by their chunks, and many runs at a glance."""

from pathlib import Path

import numpy as np
import pytest

from filmlab.wire.entries import Dropped, RunUpdate
from filmlabd.facts import JobStruck
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


def test_told_changes_with_what_is_said_in_words(story: Followed) -> None:
    """Configuration, summary, what was dropped and what failed; points and episodes leave it as it is."""
    told = [story.answers.told(RUN)]
    story.say(snapshot({0: 1.0}, 10**6), end_episode(8))
    assert story.answers.told(RUN) == told[0]
    dropped = Dropped(run=1, wall=1.0, what="film", count=1, size_bytes=10, reason="full")
    for said in (RunUpdate(run=1, wall=1.0, config={"lr": 1}), RunUpdate(run=1, wall=1.0, summary={"s": 1}), dropped):
        story.say(said)
        told.append(story.answers.told(RUN))
    story.fact(JobStruck("curve:walk:loss", RUN, "curve", 0, 0, 1, False, "no room", 9.0))
    told.append(story.answers.told(RUN))
    assert len(set(told)) == 5
    assert story.answers.told("nobody") == 0


def test_runs_by_their_name(story: Followed) -> None:
    """Exactly that name; of many no more than it takes to know that there are several."""
    assert story.answers.called("walk") == [RUN]
    assert story.answers.called("wal") == []
    for run in range(3, 6):
        story.open(run=run, run_id=f"r{run}")
    assert story.answers.called("walk") == sorted(["r3", "r4", RUN])[:2]


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
