"""What a daemon knows at its start: of runs, their metrics, and what is still to be made of them."""

from pathlib import Path

from filmlabd.core import events
from filmlabd.core.lab import EPISODE_METRICS, Lab
from filmlabd.journal.films import FilmStore
from filmlabd.model import JobKind
from filmlabd.restore import restore
from service.keeping import RUN, Followed, begin_episode, end_episode


def taken_up(followed: Followed, films: Path) -> Lab:
    """The lab of a daemon that finds this index."""
    lab = Lab()
    sessions = restore(followed.answers, FilmStore(films), lab, 0.0)
    lab.take_up(sessions, events.Now(1.0, 1.0))
    return lab


def test_a_curve_is_asked_for_where_there_are_points(tmp_path: Path) -> None:
    """A run whose only episode was cut has an episode and no return: its end asks for no curve that cannot be drawn."""
    followed = Followed(tmp_path / "index.sqlite")
    followed.open()
    followed.say(begin_episode(1))
    followed.cut(1, 0)
    followed.closed("crashed")
    cut = taken_up(followed, tmp_path / "film")
    assert followed.answers.run(RUN).episodes == 1
    assert cut.runs[RUN].metrics == set()
    assert JobKind.CURVE not in {job.kind for job in cut.jobs.of_run(RUN)}


def test_curves_of_episodes_are_asked_for_again(tmp_path: Path) -> None:
    """Of a run that ended before it was printed, with an episode that has its totals."""
    followed = Followed(tmp_path / "index.sqlite")
    followed.open()
    followed.say(end_episode(0))
    followed.closed()
    lab = taken_up(followed, tmp_path / "film")
    assert lab.runs[RUN].metrics == set(EPISODE_METRICS)
    assert {job.metric for job in lab.jobs.of_run(RUN) if job.kind is JobKind.CURVE} == set(EPISODE_METRICS)
