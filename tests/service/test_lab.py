"""What follows from what is durable: jobs, judgements, flushes, and the end of a run."""

from collections.abc import Iterator

import pytest

from filmlab.wire import messages
from filmlab.wire.entries import (
    EpisodeBegin,
    EpisodeEnd,
    Flush,
    Media,
    MetricNames,
    RunFinish,
    Snapshot,
)
from filmlabd.core import events
from filmlabd.core.lab import curve_key, film_key, page_key
from filmlabd.facts import EpisodeCut, FilmDeleted, FilmJudged, JobDone, JobStruck, RunPrinted
from filmlabd.model import JobKind
from service.rig import PEER, SESSION, Rig, begin


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    made.hello()
    yield made
    made.core.check()


def opened(film: int, episode: int = 0, **more: object) -> EpisodeBegin:
    return EpisodeBegin(run=0, wall=1.0, episode=episode, film=film, **more)  # type: ignore[arg-type]  # shorthand


def ended(film: int, last_seq: int, episode: int = 0, frames: int = 1) -> EpisodeEnd:
    return EpisodeEnd(
        run=0, wall=2.0, episode=episode, return_=1.0, length=frames, film=film, frames=frames, last_seq=last_seq
    )


def jobs_of(rig: Rig, kind: JobKind) -> list[str]:
    return [job.key for job in rig.work_all() if job.kind is kind]


def test_an_episode_is_developed_only_when_its_film_is_whole(rig: Rig) -> None:
    """Control overtakes bulk: the end of an episode may be durable long before its last frames."""
    rig.say(1, begin(), opened(1), ended(1, last_seq=2))
    assert jobs_of(rig, JobKind.EPISODE) == []
    rig.shoot(1, film=1)
    assert jobs_of(rig, JobKind.EPISODE) == []
    rig.shoot(2, film=1, first=1)
    assert jobs_of(rig, JobKind.EPISODE) == [film_key(SESSION, 1)]
    assert [fact.key for fact in rig.kept(JobDone)] == [film_key(SESSION, 1)]


def test_an_episode_without_frames_is_developed_too(rig: Rig) -> None:
    """A captured episode that brought no frame still gets its JSON, which says so."""
    rig.say(1, begin(), opened(1), ended(1, last_seq=0, frames=0))
    assert jobs_of(rig, JobKind.EPISODE) == [film_key(SESSION, 1)]


def test_a_medium_is_developed_like_a_film(rig: Rig) -> None:
    """A logged image has frames but no episode."""
    rig.shoot(1, film=1)
    rig.say(1, begin(), Media(run=0, wall=1.0, name="view", mime="image/frames", film=1, frames=1, last_seq=1))
    assert jobs_of(rig, JobKind.MEDIA) == [film_key(SESSION, 1, medium=True)]


def test_metrics_redraw_their_own_curves(rig: Rig) -> None:
    """A snapshot asks for the curves of its own metrics, and for the page."""
    ids, values = (1).to_bytes(4, "little"), b"\0" * 8
    names = MetricNames(run=0, wall=1.0, names=((1, "loss"), (2, "unused")))
    rig.say(1, begin(), names, Snapshot(run=0, wall=1.0, ids=ids, values=values))
    worked = {job.key for job in rig.work_all()}
    assert curve_key("r1", "loss") in worked
    assert curve_key("r1", "unused") not in worked
    assert page_key("r1") in worked


def test_finish_asks_for_every_curve_and_last_for_the_page(rig: Rig) -> None:
    """After the end of a run its final curves and films are there, then the page that shows them."""
    ids, values = (1).to_bytes(4, "little"), b"\0" * 8
    rig.say(1, begin(), MetricNames(run=0, wall=1.0, names=((1, "loss"),)))
    rig.say(2, Snapshot(run=0, wall=1.0, ids=ids, values=values), RunFinish(run=0, wall=2.0))
    worked = rig.work_all()
    assert [(job.kind, job.final) for job in worked][-1] == (JobKind.PAGE, True)
    assert any(job.key == curve_key("r1", "loss") and job.final for job in worked)
    assert [fact.run_id for fact in rig.kept(RunPrinted)] == ["r1"]


def test_flush_answers_after_the_films_and_the_page(rig: Rig) -> None:
    """PRINT with the flush's token comes when every film that has ended is developed, and not before."""
    rig.say(1, begin(), opened(1), ended(1, last_seq=1), Flush(run=0, wall=1.0, token=77))
    rig.work_all()
    assert not [told for told in rig.told(messages.Print) if told.what == "flush"]
    rig.shoot(1, film=1)
    rig.work_all()
    answer = [told for told in rig.told(messages.Print) if told.what == "flush"]
    assert [(told.token, told.ok) for told in answer] == [(77, True)]


def test_flush_waits_for_the_curves_of_what_came_with_it(rig: Rig) -> None:
    """A point and the end of an episode in the flush's own record are on their curves when it is answered."""
    row = Snapshot(run=0, wall=1.0, ids=(1).to_bytes(4, "little"), values=b"\0" * 8)
    end = EpisodeEnd(run=0, wall=1.0, episode=1, return_=1.0, length=1)
    names = MetricNames(run=0, wall=1.0, names=((1, "loss"),))
    rig.say(1, begin(), names, row, end, Flush(run=0, wall=1.0, token=77))
    rig.feed(events.WorkersFree(1))
    worked: set[str] = set()
    while not rig.told(messages.Print):
        rig.settle()
        worked |= {job.metric for job in rig.work()}
    assert {"loss", "episode/return", "episode/length"} <= worked


def test_flush_reports_what_failed(rig: Rig) -> None:
    """A print that could not be made ends the wait too, with its reason."""
    rig.say(1, begin(), opened(1), ended(1, last_seq=1), Flush(run=0, wall=1.0, token=77))
    rig.shoot(1, film=1)
    rig.feed(events.WorkersFree(2))
    for _ in range(20):
        rig.settle()
        rig.work(ok=not any(job.kind is JobKind.EPISODE for job in rig.jobs))
    answer = next(told for told in rig.told(messages.Print) if told.what == "flush")
    assert not answer.ok
    assert film_key(SESSION, 1) in answer.reason
    struck = [fact for fact in rig.kept(JobStruck) if fact.kind == JobKind.EPISODE]
    assert [(fact.strikes, fact.final) for fact in struck] == [(1, False), (2, False), (3, True)]


def test_the_ring_keeps_the_last_n_of_an_unknown_total(rig: Rig) -> None:
    """Provisional films beyond the last N go as newer ones end; those in the ring are printed at the end."""
    rig.say(1, begin(schedule="last:2"))
    for number in range(1, 5):
        rig.say(2 * number, opened(number, number, provisional=True))
        rig.shoot(number, film=number)
        rig.say(2 * number + 1, ended(number, last_seq=number, episode=number))
    assert jobs_of(rig, JobKind.EPISODE) == []
    assert [fact.film for fact in rig.kept(FilmDeleted)] == [1, 2]
    assert [command.film for command in rig.commands if isinstance(command, events.DeleteFilm)] == [1, 2]
    rig.say(10, RunFinish(run=0, wall=3.0))
    assert jobs_of(rig, JobKind.EPISODE) == [film_key(SESSION, 3), film_key(SESSION, 4)]
    assert [(fact.film, fact.kept) for fact in rig.kept(FilmJudged)] == [(1, False), (2, False), (3, True), (4, True)]


def test_the_last_are_developed_once_the_index_says_why(rig: Rig) -> None:
    """A worker that reads an episode finds `last 1` there, not `maybe among the last 1`."""
    rig.say(1, begin(schedule="last:1"), opened(1, 1, provisional=True))
    rig.shoot(1, film=1)
    rig.say(2, ended(1, last_seq=1))
    rig.disk_works = False
    rig.say(3, RunFinish(run=0, wall=3.0))
    rig.feed(events.WorkersFree(2))
    while not rig.kept(FilmJudged):
        rig.settle()
        rig.land()
    assert [fact.reason for fact in rig.kept(FilmJudged)] == ["last 1"]
    assert film_key(SESSION, 1) not in [job.key for job in rig.jobs]
    rig.disk_works = True
    rig.settle()
    while rig.syncs:
        rig.land()
    assert jobs_of(rig, JobKind.EPISODE) == [film_key(SESSION, 1)]


def test_an_episode_that_a_death_cut_may_be_the_last(rig: Rig) -> None:
    """It takes its place among the last N, and pushes an older one out."""
    rig.say(1, begin(schedule="last:1"), opened(1, 1, provisional=True), opened(2, 2, provisional=True))
    rig.shoot(1, film=1)
    rig.shoot(2, film=2)
    rig.say(2, ended(1, last_seq=1))
    rig.feed(events.TrainerDied(SESSION))
    assert jobs_of(rig, JobKind.EPISODE) == [film_key(SESSION, 2)]
    assert [(fact.film, fact.kept, fact.reason) for fact in rig.kept(FilmJudged)] == [
        (1, False, "not among the last"), (2, True, "last 1"),
    ]  # fmt: skip


def test_a_runs_total_holds_for_all_its_writers_together(rig: Rig) -> None:
    """Each client counts its own captures only; the sum over a run's writers is the daemon's."""
    rig.say(1, begin(schedule="always&max:1"), opened(1), opened(2))
    rig.shoot(1, film=1)
    rig.shoot(2, film=2)
    rig.say(2, ended(1, last_seq=1), ended(2, last_seq=2))
    assert jobs_of(rig, JobKind.EPISODE) == [film_key(SESSION, 1)]
    judged = rig.kept(FilmJudged)
    assert [(fact.film, fact.kept, fact.reason) for fact in judged] == [(2, False, "over 1 in all")]


def test_a_flush_does_not_wait_for_a_film_that_is_thrown_away(rig: Rig) -> None:
    """It had ended and was not whole when the flush came; whole, it turned out to be one too many."""
    rig.say(1, begin(schedule="always&max:1"), opened(1), opened(2))
    rig.shoot(1, film=1)
    rig.say(2, ended(1, last_seq=1), ended(2, last_seq=2), Flush(run=0, wall=1.0, token=9))
    rig.work_all()
    assert not [item for item in rig.told(messages.Print) if item.token]
    rig.shoot(2, film=2)
    rig.work_all()
    assert [(item.token, item.ok) for item in rig.told(messages.Print) if item.token] == [(9, True)]


def test_a_flush_of_a_refused_run_is_answered_at_once(rig: Rig) -> None:
    """The refusal itself may have been lost with its connection; nobody waits for a time-out because of it."""
    rig.say(1, begin())
    rig.hello(session=77, peer=b"peer-77")
    rig.say(1, begin(), Flush(run=0, wall=1.0, token=9), session=77, peer=b"peer-77")
    assert [(item.token, item.ok, item.reason) for item in rig.told(messages.Print)] == [
        (9, False, "this run was refused")
    ]


def test_a_killed_trainers_open_episode_is_cut_and_developed(rig: Rig) -> None:
    """The episode that mattered is the one that was running when it crashed."""
    rig.say(1, begin(), opened(1, 12))
    rig.shoot(1, film=1, frames=5)
    rig.feed(events.TrainerDied(SESSION))
    assert jobs_of(rig, JobKind.EPISODE) == [film_key(SESSION, 1)]
    cut = rig.kept(EpisodeCut)[0]
    assert (cut.episode, cut.frames) == (12, 5)
    assert "truncated" in cut.note


def test_an_ended_episode_whose_last_frames_died_with_the_trainer_is_developed(rig: Rig) -> None:
    """What is durable of it is shown; the rest is not waited for."""
    rig.say(1, begin(), opened(1), ended(1, last_seq=9, frames=9))
    rig.shoot(1, film=1, frames=5)
    rig.feed(events.TrainerDied(SESSION))
    assert jobs_of(rig, JobKind.EPISODE) == [film_key(SESSION, 1)]


def test_prints_are_told_to_their_client(rig: Rig) -> None:
    """A client hears of each film's print, with its absolute path."""
    rig.say(1, begin(), opened(1), ended(1, last_seq=1))
    rig.shoot(1, film=1)
    rig.work_all()
    told = [message for message in rig.told(messages.Print) if message.what == "episode"]
    assert [(item.ok, item.path) for item in told] == [(True, "/tmp/x/episode/x")]
    assert rig.sent[-1][0] == PEER


def test_a_flush_of_a_dead_client_is_forgotten(rig: Rig) -> None:
    """Nobody is there to be told, and the daemon may go idle."""
    rig.say(1, begin(), opened(1), ended(1, last_seq=5), Flush(run=0, wall=1.0, token=77))
    rig.feed(events.TrainerDied(SESSION))
    rig.work_all()
    assert rig.core.lab.waiters.idle
    assert not [told for told in rig.told(messages.Print) if told.what == "flush"]
