"""What the index knows of results: where they lie, how far they are, and the same after it is made again."""

from pathlib import Path

import pytest

from filmlab.wire.entries import Results, ResultsEnd, Surroundings
from filmlabd import facts
from filmlabd.index.read import Answers
from filmlabd.index.results import latest
from filmlabd.model import JobKind, SurroundingsRow
from service.keeping import RUN, SESSION, Followed

OTHER = SESSION - 1


def results(film: int, run_type: str = "training", run: int = 1) -> Results:
    return Results(run=run, wall=5.0, film=film, run_type=run_type, parts=(("results", 4),), summary={"n": film})


def end(film: int, last_seq: int = 3) -> ResultsEnd:
    return ResultsEnd(run=1, wall=5.0, film=film, pieces=1, last_seq=last_seq)


def done(film: int) -> facts.JobDone:
    key = f"results:{RUN}:training:main"
    return facts.JobDone(key, RUN, JobKind.RESULTS, SESSION, film, "results.msgpack\nx/y", "a note", 0.1, 9.0)


@pytest.fixture
def story(tmp_path: Path) -> Followed:
    """A run with results of two kinds, those of the first twice; and of a second writer."""
    followed = Followed(tmp_path / "index.sqlite")
    followed.open()
    followed.say(results(1), end(1), results(2, "evaluation"), end(2), results(3), end(3))
    return followed


def places(read: Answers) -> list[tuple[int, str, str]]:
    return [(row.film, row.place, row.state) for row in read.results(RUN)]


def test_the_first_results_have_the_runs_own_directory(story: Followed) -> None:
    """Those of another kind have their own below it; later ones of a kind take the place of the former."""
    assert places(story.answers) == [(1, "", "ready"), (2, "evaluation", "ready"), (3, "", "ready")]
    assert [row.film for row in latest(story.answers.results(RUN))] == [3, 2]
    row = story.answers.results_of(SESSION, 3)
    assert row is not None and row.parts == (("results", 4),) and row.summary == {"n": 3} and row.last_seq == 3


def test_what_became_of_them(story: Followed) -> None:
    """Written with their paths and notes, failed with a reason, dropped when later ones came."""
    story.fact(done(3))
    story.fact(facts.FilmDeleted(SESSION, 3, 3, "written"))
    story.fact(facts.FilmDeleted(SESSION, 1, 3, "later results"))
    key = f"results:{RUN}:evaluation:main"
    story.fact(facts.JobStruck(key, RUN, JobKind.RESULTS, SESSION, 2, 3, True, "no room", 9.0))
    rows = {row.film: row for row in story.answers.results(RUN)}
    assert (rows[3].state, rows[3].paths, rows[3].problem) == ("done", ("results.msgpack", "x/y"), "a note")
    assert (rows[2].state, rows[2].problem) == ("failed", "no room")
    assert (rows[1].state, rows[1].problem) == ("dropped", "later results")
    assert {row.film for row in latest(list(rows.values()))} == {2, 3}


def test_results_that_nobody_ends(story: Followed) -> None:
    """Cut by the daemon: nothing more is waited for."""
    story.say(results(4))
    story.fact(facts.ResultsCut(SESSION, 1, 4, "training", 9.0))
    row = story.answers.results_of(SESSION, 4)
    assert row is not None and (row.state, row.ended, row.last_seq) == ("ready", True, 0)


def test_where_a_program_runs(story: Followed) -> None:
    """The last word counts; nobody else's is taken for it."""
    for name in ("/old", "/home/ann"):
        story.say(Surroundings(run=1, wall=1.0, python="/usr/bin/python3", path=("", "/lib"), directory=name))
    wanted = SurroundingsRow("/usr/bin/python3", ("", "/lib"), "/home/ann")
    assert story.answers.surroundings(SESSION, "main", RUN) == wanted
    assert story.answers.surroundings(OTHER, "main", RUN) is None


def test_a_rebuilt_index_answers_the_same(story: Followed, tmp_path: Path) -> None:
    """It is derived: from the journal alone it says what it said before."""
    story.fact(done(3))
    before = story.answers.results(RUN)
    again = Followed(tmp_path / "again.sqlite")
    again.told = story.told
    assert again.answers.results(RUN) == before
