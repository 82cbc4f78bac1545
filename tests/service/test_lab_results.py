"""What becomes of results: written once they are whole, the latest last, and their films go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlab.wire import messages
from filmlab.wire.chunks import Film, seal_chunk
from filmlab.wire.entries import Flush, Results, ResultsEnd, RunFinish
from filmlabd.core import events
from filmlabd.core.lab import Lab
from filmlabd.facts import FilmDeleted, JobDone, ResultsCut, RunPrinted
from filmlabd.journal.films import FilmStore
from filmlabd.model import Job, JobKind, Outcome
from filmlabd.restore import restore
from service.keeping import RUN, Followed
from service.keeping import SESSION as STORY
from service.rig import SESSION, Rig, begin


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A run, and two workers free."""
    made = Rig()
    made.hello()
    made.say(1, begin())
    made.work_all()
    yield made
    made.core.check()


def results(film: int, run_type: str = "training") -> Results:
    return Results(run=0, wall=1.0, film=film, run_type=run_type, parts=(("results", 4),))


def end(film: int, last_seq: int) -> ResultsEnd:
    return ResultsEnd(run=0, wall=1.0, film=film, pieces=1, last_seq=last_seq)


def flush(token: int) -> Flush:
    return Flush(run=0, wall=1.0, token=token)


def asked_for(rig: Rig) -> list[Job]:
    """Results that wait for a worker or are with one."""
    return [job for job in rig.core.lab.jobs.of_run("r1") if job.kind is JobKind.RESULTS]


def answers(rig: Rig) -> list[tuple[int, bool]]:
    return [(item.token, item.ok) for item in rig.told(messages.Print) if item.what == "flush"]


def deleted(rig: Rig) -> list[tuple[int, str]]:
    return [(fact.film, fact.reason) for fact in rig.kept(FilmDeleted)]


def test_results_are_written_when_they_are_whole(rig: Rig) -> None:
    """Neither their beginning nor their end alone is enough: their last piece must be durable."""
    rig.say(2, results(1), end(1, last_seq=2))
    rig.shoot(1, 1)
    assert not asked_for(rig)
    rig.shoot(2, 1, first=1)
    assert [(job.film, job.key) for job in asked_for(rig)] == [(1, "results:r1:training:main")]


def test_what_is_written_needs_its_film_no_more(rig: Rig) -> None:
    """The film goes when the directory is there, and the client is told."""
    rig.say(2, results(1), end(1, last_seq=1))
    rig.shoot(1, 1)
    rig.work_all()
    assert deleted(rig) == [(1, "written")]
    assert [command.film for command in rig.commands if isinstance(command, events.DeleteFilm)] == [1]
    assert [(item.ok, item.film) for item in rig.told(messages.Print) if item.what == "results"] == [(True, 1)]
    assert not rig.core.lab.runs["r1"].parcels


def test_all_results_of_a_kind_are_written_the_latest_last(rig: Rig) -> None:
    """None absorbs another that waits for the same place: it may lack the agent, or the episodes, of the other."""
    rig.say(2, results(1), end(1, 1), results(2), end(2, 2), results(3, "evaluation"), end(3, 3), flush(9))
    rig.feed(events.WorkersFree(0))
    for seq in (1, 2, 3):
        rig.shoot(seq, seq)
    assert {job.film for job in asked_for(rig)} == {1, 3}
    rig.work_all()
    assert sorted(deleted(rig)) == [(1, "written"), (2, "written"), (3, "written")]
    assert [fact.film for fact in rig.kept(JobDone) if fact.kind == JobKind.RESULTS and fact.film < 3] == [1, 2]
    assert answers(rig) == [(9, True)]
    assert {item.film for item in rig.told(messages.Print) if item.what == "results"} == {1, 2, 3}


def test_results_that_are_given_up_hold_up_no_later_ones(rig: Rig) -> None:
    """The next of the same place are written all the same."""
    rig.say(2, results(1), end(1, 1), results(2), end(2, 2))
    rig.feed(events.WorkersFree(0))
    for seq in (1, 2):
        rig.shoot(seq, seq)
    rig.feed(events.WorkersFree(1))
    rig.settle(1.0)
    while rig.jobs:
        job = rig.jobs.pop(0)
        ok = job.film != 1
        rig.feed(events.JobFinished(Outcome(job.key, ok, 0.0, (), (), "" if ok else "no room", retry=False)))
        rig.feed(events.WorkersFree(1))
        rig.settle(5.0)
    assert deleted(rig) == [(2, "written")]


def test_a_flush_waits_for_results_that_are_on_their_way(rig: Rig) -> None:
    """Also when earlier ones of the same place are written meanwhile."""
    rig.say(2, results(1), end(1, 1), results(2), flush(9))
    rig.shoot(1, 1)
    rig.work_all()
    assert rig.kept(JobDone)[-1].film == 1 and answers(rig) == []
    rig.say(3, end(2, 2))
    rig.shoot(2, 2)
    rig.work_all()
    assert answers(rig) == [(9, True)]


def test_results_that_cannot_be_written_are_said(rig: Rig) -> None:
    """Who waits is told why, and the film stays: it may be tried again."""
    rig.say(2, results(1), end(1, 1), flush(9))
    rig.shoot(1, 1)
    rig.feed(events.WorkersFree(1))
    rig.settle(1.0)
    while rig.jobs:
        job = rig.jobs.pop(0)
        ok = job.kind is not JobKind.RESULTS
        rig.feed(events.JobFinished(Outcome(job.key, ok, 0.0, (), (), "" if ok else "no room", retry=False)))
        rig.feed(events.WorkersFree(1))
        rig.settle(5.0)
    (answer,) = [item for item in rig.told(messages.Print) if item.what == "flush"]
    assert not answer.ok and "no room" in answer.reason and not deleted(rig)


def test_a_run_ends_after_its_results(rig: Rig) -> None:
    """Its end travels before the last pieces, and waits for them."""
    rig.say(2, results(1), RunFinish(run=0, wall=1.0, status="finished"))
    rig.work_all()
    assert not rig.kept(RunPrinted)
    rig.say(3, end(1, 1))
    rig.shoot(1, 1)
    rig.work_all()
    assert rig.kept(RunPrinted) and rig.facts.index(rig.kept(JobDone)[-1]) < rig.facts.index(rig.kept(RunPrinted)[0])


def test_results_are_taken_up_after_a_restart(tmp_path: Path) -> None:
    """What was whole is written; what was on its way is waited for."""
    followed = Followed(tmp_path / "index.sqlite")
    followed.open(run=0)
    followed.say(results(1), end(1, 1), results(2))
    films = FilmStore(tmp_path / "film")
    chunk = Film(run=0, film=1, first=0, count=1, height=1, width=1, channels=1, kind=3, codec=0)
    films.append(STORY, 1, [seal_chunk(STORY, 1, chunk, [b"x"])])
    films.sync()
    lab = Lab()
    (session,) = restore(followed.answers, films, lab, 0.0)
    key = f"results:{RUN}:training:main"
    assert [(job.key, job.film) for job in lab.jobs.of_run(RUN)] == [(key, 1)]
    assert lab.runs[RUN].parcels == {key: {(STORY, 1): True, (STORY, 2): False}}
    assert isinstance(session.films[2].begin, Results) and session.films[2].end is None


def test_a_trainer_that_dies_leaves_what_has_come(rig: Rig) -> None:
    """Results that nobody ends are cut, then written as far as they are whole."""
    rig.say(2, results(1))
    rig.shoot(1, 1)
    rig.feed(events.WorkersFree(0))
    rig.feed(events.TrainerDied(SESSION))
    rig.settle(5.0)
    assert [(fact.film, fact.run_type) for fact in rig.kept(ResultsCut)] == [(1, "training")]
    assert [job.film for job in asked_for(rig)] == [1]
    rig.work_all()
    assert deleted(rig) == [(1, "written")] and rig.kept(RunPrinted)
