"""Runs at a glance: what the page and `filmlab top` say of each in one line."""

import math
from pathlib import Path

import numpy as np
import pytest

from filmlabd import facts
from filmlabd.overview import SPARK_POINTS, Overview, sparkline
from service.keeping import RUN, SESSION, Followed, begin_episode, end_episode


def test_a_run_that_lives_and_one_that_is_over(tmp_path: Path) -> None:
    """Last and best return, its pace while it lives, its newest clip, what is missing; afterwards no pace."""
    story = Followed(tmp_path / "index.sqlite")
    story.open()
    for number in range(30):
        story.say(end_episode(number, float(number % 7), 3, wall=2000.0 + number / 2))
    story.say(begin_episode(1, 30), end_episode(30, 2.5, 4, film=1, last_seq=1, wall=2015.0))
    done = facts.JobDone(f"episode:{SESSION:016x}:1", RUN, "episode", SESSION, 1, "episodes/a.gif", "", 0.1, 9.0)
    story.fact(done)
    assert story.answers
    overview = Overview(tmp_path / "index.sqlite")
    (glance,) = overview.look(2015.5)
    assert (glance.last_return, glance.best_return) == (2.5, 6.0)
    assert glance.episodes_per_s == pytest.approx(2.0)
    assert glance.clip is not None and glance.clip.episode == 30
    assert len(glance.spark) == 31
    (later,) = overview.look(2400.0)
    assert later.episodes_per_s < 0.1, "a pace fades when nothing comes any more"
    story.closed()
    story.fact(facts.RunPrinted(RUN, 2016.0))
    assert story.answers
    (over,) = overview.look(2017.0)
    assert (over.run.status, over.episodes_per_s) == ("finished", 0.0)
    assert overview.look(2018.0)[0] is over, "what is over is looked at once"


def test_sparkline() -> None:
    """Columns of equally many points, weighted; a gap where nothing was finite; no overflow."""
    values = np.arange(1000.0)
    shown = sparkline([(np.ones(1000), values)])
    assert len(shown) == SPARK_POINTS
    assert np.mean(shown) == pytest.approx(values.mean(), rel=0.01)
    assert sparkline([]) == ()
    assert sparkline([(np.array([1.0, 9.0]), np.array([0.0, 5.0]))]) == (0.0, 5.0)
    assert math.isnan(sparkline([(np.ones(2), np.array([math.nan, 1.0]))])[0])
    assert max(sparkline([(np.ones(200), np.full(200, 1e308))])) == pytest.approx(1e308)
