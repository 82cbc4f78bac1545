"""What a recorder asks of the daemon: films that always become prints, files, and waits for its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlab.wire import messages
from filmlab.wire.entries import (
    NO_EPISODE,
    ClipBegin,
    EpisodeBegin,
    EpisodeEnd,
    Media,
    Recorder,
    RecorderAsk,
    RunBegin,
    RunFinish,
    Trace,
    Wish,
)
from filmlabd.core import events
from filmlabd.core.lab import Lab
from filmlabd.facts import EpisodeCut, JobDone, JobStruck, RunClosed, RunPrinted
from filmlabd.journal.films import FilmStore
from filmlabd.model import Job, JobKind, Outcome
from filmlabd.restore import restore
from service.keeping import RUN, SESSION, Followed, begin_episode, end_episode
from service.rig import PEER, Rig, begin


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A run with a limit of one film, a recorder of curves (1) and one of episodes (2), and two workers free."""
    made = Rig()
    made.hello()
    made.say(1, begin(schedule="always&max:1"), curves(1), animation(2))
    made.work_all()
    yield made
    made.core.check()


def curves(number: int) -> Recorder:
    return Recorder(run=0, wall=1.0, number=number, kind="curves", directory="/out", prefix="c", columns="c")


def animation(number: int) -> Recorder:
    return Recorder(run=0, wall=1.0, number=number, kind="animation", directory="/out", prefix="a")


def asked(wish: Wish, token: int = 0, recorder: int = 1) -> RecorderAsk:
    return RecorderAsk(run=0, wall=1.0, recorder=recorder, wish=wish, rows=5, token=token)


def episode(film: int, recorder: int = 2) -> list[Trace | EpisodeBegin | EpisodeEnd]:
    return [
        Trace(run=0, wall=1.0, film=film, recorder=recorder, stem=f"s{film}", episode=film),
        EpisodeBegin(run=0, wall=1.0, film=film, episode=film),
        EpisodeEnd(run=0, wall=1.0, film=film, episode=film, return_=1.0, length=1),
    ]


def answers(rig: Rig) -> list[tuple[int, bool, str]]:
    return [(item.token, item.ok, item.reason) for item in rig.told(messages.Print) if item.what == "flush"]


def asked_for(rig: Rig, kind: JobKind) -> list[Job]:
    """Jobs of a kind that wait or run."""
    return [job for job in rig.core.lab.jobs.of_run("r1") if job.kind is kind]


def test_a_recorders_film_is_a_print_whatever_the_plan_says(rig: Rig) -> None:
    """The program decided to call it: no limit of the run's applies."""
    rig.say(2, *episode(1), *episode(2))
    assert [(job.film, job.recorder) for job in asked_for(rig, JobKind.EPISODE)] == [(1, 2), (2, 2)]
    rig.work_all()
    assert [fact.film for fact in rig.kept(JobDone)] == [1, 2]
    told = [item for item in rig.told(messages.Print) if item.what == "episode"]
    assert [(item.ok, item.film) for item in told] == [(True, 1), (True, 2)]


def test_a_save_is_answered_when_its_files_are_there(rig: Rig) -> None:
    """It does not wait for the page, nor for what others asked for."""
    rig.say(2, *episode(1), asked(Wish.SAVE, token=77))
    assert answers(rig) == []
    (job,) = [job for job in rig.jobs if job.kind is JobKind.RECORDER]
    assert (job.key, job.metric, job.recorder, job.final) == (f"recorder:{0xABC:016x}:1:save", "save", 1, True)
    rig.feed(events.JobFinished(Outcome(job.key, True, 0.01, ("/out/c.svg",))))
    assert answers(rig) == [(77, True, "")]
    (told,) = [item for item in rig.told(messages.Print) if item.what == "recorder"]
    assert told.path == "/out/c.svg"


def test_a_save_that_comes_while_one_runs_waits_for_its_own(rig: Rig) -> None:
    """The one that runs may have looked before the last rows were there."""
    rig.say(2, asked(Wish.SAVE, token=1))
    (first,) = rig.jobs
    rig.say(3, asked(Wish.SAVE, token=2))
    rig.feed(events.JobFinished(Outcome(first.key, True)))
    assert answers(rig) == []
    rig.feed(events.WorkersFree(1))
    assert rig.jobs == [first, first]
    rig.feed(events.JobFinished(Outcome(first.key, True)))
    assert answers(rig) == [(1, True, ""), (2, True, "")]


def test_a_save_that_fails_says_why(rig: Rig) -> None:
    """For good: it is not tried again until it is asked for again."""
    rig.say(2, asked(Wish.SAVE, token=1))
    rig.feed(events.JobFinished(Outcome(rig.jobs[0].key, False, error="/out cannot be written", retry=False)))
    assert [ok for _, ok, _ in answers(rig)] == [False]
    assert "/out cannot be written" in answers(rig)[0][2]
    assert [fact.final for fact in rig.kept(JobStruck)] == [True]
    rig.say(3, asked(Wish.SAVE, token=2))
    rig.work_all()
    assert answers(rig)[-1] == (2, True, "")


def test_checkpoints_of_a_quick_loop_become_one(rig: Rig) -> None:
    """A thousand rewritings of a long history would cost the node; the newest is what is on disk."""
    rig.say(2, *[asked(Wish.CHECKPOINT) for _ in range(1000)])
    assert [job.metric for job in asked_for(rig, JobKind.RECORDER)] == ["checkpoint"]
    (job,) = rig.jobs
    rig.feed(events.JobFinished(Outcome(job.key, True, cost_s=0.1)))
    rig.feed(events.WorkersFree(2))
    rig.say(3, asked(Wish.CHECKPOINT))
    assert rig.jobs == [job]
    rig.settle(10.0)
    assert rig.jobs[1:].count(job) == 1


def test_a_flush_waits_for_the_recorders_own(rig: Rig) -> None:
    """Films that are not whole yet among them, and a checkpoint that would have kept its distance."""
    begin_, *rest = episode(1)
    end = EpisodeEnd(run=0, wall=1.0, film=1, episode=1, return_=1.0, length=1, frames=1, last_seq=1)
    rig.say(2, begin_, rest[0], end, asked(Wish.FLUSH, token=5, recorder=2), asked(Wish.FLUSH, token=6))
    assert answers(rig) == [(6, True, "")]
    rig.shoot(1, 1)
    rig.work_all()
    assert answers(rig)[-1] == (5, True, "")


def test_a_crash_draws_the_curves_and_a_good_end_does_not(rig: Rig) -> None:
    """The reference leaves what it was told to save; only a crash makes more of it."""
    rig.hello(session=0xDEF)
    rig.say(1, begin(run_id="r2"), curves(1), RunFinish(run=0, wall=1.0), session=0xDEF)
    assert not [job for job in rig.core.lab.jobs.of_run("r2") if job.kind is JobKind.RECORDER]
    rig.feed(events.TrainerDied(0xABC))
    rig.settle()
    assert [job.metric for job in asked_for(rig, JobKind.RECORDER)] == ["save"]
    rig.work_all()
    assert {fact.run_id for fact in rig.kept(RunPrinted)} == {"r1", "r2"}


def test_the_end_of_a_run_waits_for_a_checkpoint(rig: Rig) -> None:
    """What was asked for is there once the run is said to be printed."""
    rig.say(2, asked(Wish.CHECKPOINT), RunFinish(run=0, wall=2.0))
    done = [job.kind for job in rig.work_all()]
    assert JobKind.RECORDER in done
    assert rig.kept(RunPrinted)


def test_a_refused_runs_recorder_is_passed_over(rig: Rig) -> None:
    """Its number stands for nothing."""
    rig.hello(session=0xDEF, peer=PEER)
    rig.say(1, begin(), curves(1), asked(Wish.SAVE, token=1), session=0xDEF)
    assert not asked_for(rig, JobKind.RECORDER)


def test_after_a_restart_everything_asked_for_is_asked_for_again(tmp_path: Path) -> None:
    """Curves, checkpoints and films, each under its recorder; and whose curves to draw at a crash is known."""
    story = Followed(tmp_path / "index.sqlite")
    story.open()
    for number in (1, 2):
        story.say(Recorder(run=1, wall=1.0, number=number, kind="curves", directory="/out", prefix="c", columns="c"))
    story.say(RecorderAsk(run=1, wall=1.0, recorder=1, wish=Wish.SAVE, rows=3))
    story.say(RecorderAsk(run=1, wall=1.0, recorder=2, wish=Wish.CHECKPOINT, rows=3))
    story.say(Trace(run=1, wall=1.0, film=4, recorder=9, stem="s"), begin_episode(4), end_episode(film=4))
    story.say(Trace(run=1, wall=1.0, film=5, recorder=9, stem="t"), begin_episode(5))
    lab, films = Lab(), FilmStore(tmp_path / "film")
    (session,) = restore(story.answers, films, lab, 100.0)
    found = {(job.kind, job.recorder, job.metric) for job in lab.jobs.of_run(RUN)}
    assert found == {
        (JobKind.RECORDER, 1, "save"), (JobKind.RECORDER, 2, "checkpoint"), (JobKind.EPISODE, 9, ""),
    }  # fmt: skip
    assert (session.id, session.recorders, session.films[5].recorder) == (SESSION, {1: RUN, 2: RUN}, 9)
    films.close()
    story.index.close()


def test_a_run_begins_as_any_other() -> None:
    """The implicit run's plan is `never`, which the daemon takes as a schedule."""
    rig = Rig()
    rig.hello()
    rig.say(1, RunBegin(run=0, wall=1.0, run_id="r", writer="main", project="default", name="n", directory="/x",
                        schedule="never"))  # fmt: skip
    assert rig.told(messages.Plan)[0].schedule == "never"


# --- clips ----------------------------------------------------------------------------------------------------------


def clip(film: int) -> list[Trace | ClipBegin]:
    return [
        Trace(run=0, wall=1.0, film=film, recorder=2, stem=f"s{film}"),
        ClipBegin(run=0, wall=1.0, film=film, name="grid", tiles=2),
    ]


def test_a_clip_is_a_print_once_it_is_whole(rig: Rig) -> None:
    """Its run is not over before; no plan and no limit has a say."""
    rig.say(2, *clip(1), RunFinish(run=0, wall=2.0))
    assert not rig.kept(RunClosed)
    rig.shoot(1, 1, frames=2)
    end = Media(run=0, wall=2.0, name="grid", mime="video/frames", film=1, frames=2, last_seq=1)
    rig.say(3, end)
    assert rig.kept(RunClosed)
    assert [(job.film, job.recorder) for job in asked_for(rig, JobKind.MEDIA)] == [(1, 2)]
    rig.work_all()
    assert rig.kept(RunPrinted)


def test_a_clip_whose_trainer_dies_is_a_print_up_to_there(rig: Rig) -> None:
    """Closed by the daemon, as an episode is."""
    rig.say(2, *clip(1))
    rig.shoot(1, 1, frames=3)
    rig.feed(events.TrainerDied(0xABC))
    rig.settle()
    (cut,) = rig.kept(EpisodeCut)
    assert (cut.film, cut.episode, cut.frames) == (1, NO_EPISODE, 3)
    assert [job.film for job in asked_for(rig, JobKind.MEDIA)] == [1]
    # It is no episode: nobody draws a curve of returns that there are none of.
    assert not asked_for(rig, JobKind.CURVE)
    rig.work_all()
    assert rig.kept(RunPrinted)


def test_an_open_clip_survives_a_restart(tmp_path: Path) -> None:
    """It waits for its end, as before."""
    story = Followed(tmp_path / "index.sqlite")
    story.open()
    story.say(ClipBegin(run=1, wall=1.0, film=1, name="grid"))
    lab, films = Lab(), FilmStore(tmp_path / "film")
    (session,) = restore(story.answers, films, lab, 0.0)
    begin = session.films[1].begin
    assert isinstance(begin, ClipBegin)
    assert (begin.name, session.films[1].end) == ("grid", None)
    films.close()
