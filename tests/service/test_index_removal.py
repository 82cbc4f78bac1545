"""A run that was removed is nowhere in the index, also not in one that is made again."""

import sqlite3
from pathlib import Path

from filmlab.wire import entries
from filmlabd.facts import FilmDeleted, RunClosed, RunRemoved
from service.keeping import RUN, SESSION, Followed, begin_episode, end_episode, everything, snapshot, steps


def tell(story: Followed) -> None:
    """Two runs of one session, with everything that a run can have; the first is removed."""
    for number, run_id in ((1, RUN), (2, "run-b")):
        story.open(run=number, run_id=run_id)
        story.say(entries.MetricNames(run=number, wall=1.0, names=((0, "loss"),)))
        story.say(snapshot({0: 1.5}, 3, run=number))
        film = number
        story.say(begin_episode(film, 0, run=number))
        story.say(steps(film, [1.0, 2.0]))
        story.say(end_episode(0, 3.0, 2, run=number, film=film, frames=1, last_seq=number))
        story.say(entries.Blocked(run=number, wall=1.0, counts=((80, 9),), total_ns=2500, max_ns=400))
        dropped = entries.Dropped(run=number, wall=1.0, what="film", count=2, size_bytes=3, reason="full")
        story.say(dropped)
    story.fact(RunClosed(SESSION, 1, RUN, "main", 1, "finished", 5.0))
    story.fact(FilmDeleted(SESSION, 1, 2, "its run was removed"))
    story.fact(RunRemoved(RUN, 6.0))
    # What its session still says of it, late.
    story.say(snapshot({0: 9.0}, 4, run=1), end_episode(1, 3.0, 2), snapshot({0: 2.5}, 4, run=2))


def test_nothing_of_it_is_left_and_nothing_of_others_is_gone(tmp_path: Path) -> None:
    """No row of any table names it; the other run of the same session goes on."""
    story = Followed(tmp_path / "index.sqlite")
    tell(story)
    answers = story.answers
    assert [run.run_id for run in answers.runs()] == ["run-b"]
    assert [list(item.value) for item in answers.points("run-b", "loss")] == [[1.5, 2.5]]
    assert answers.episodes("run-b")[0].length == 2 and answers.episode(SESSION, 1) is None
    story.index.close()
    assert RUN not in "\n".join(sqlite3.connect(tmp_path / "index.sqlite").iterdump())


def test_an_index_that_is_made_again_says_the_same(tmp_path: Path) -> None:
    """In one go, or record by record with a commit after each: the removal lies at one place of the journal."""
    slow, quick = Followed(tmp_path / "slow.sqlite"), Followed(tmp_path / "quick.sqlite")
    tell(quick)
    position = 0
    for envelope in quick.told:
        slow.index.apply(position, envelope)
        slow.index.commit()
        position += envelope.size_bytes
    assert everything(slow.index.read) == everything(quick.answers)
    slow.index.close()
    quick.index.close()


def test_its_id_can_be_used_again(tmp_path: Path) -> None:
    """A new run of that id begins with nothing."""
    story = Followed(tmp_path / "index.sqlite")
    tell(story)
    story.open(run=3, run_id=RUN)
    story.say(snapshot({0: 7.0}, 0, run=3))
    assert story.points("loss") == [("main", 1, [0], [7.0])]
    story.index.close()
