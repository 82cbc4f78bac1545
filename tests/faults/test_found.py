"""What the simulation has found, each told in a few lines so that it never comes back."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from faults.sim_disk import MemoryIndex, ModelFilms, ModelJournal, empty_database
from filmlab.schedule import CaptureSchedule
from filmlab.wire.entries import (
    EpisodeBegin,
    EpisodeEnd,
    MetricNames,
    RunFinish,
    Snapshot,
    encode_entry,
    seal_entries,
)  # fmt: skip
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.lab import Lab
from filmlabd.core.runs import Run
from filmlabd.core.session import Session
from filmlabd.facts import (
    EpisodeCut,
    Fact,
    FilmDeleted,
    FilmJudged,
    RunClosed,
    RunOpened,
    RunPrinted,
    RunRefused,
    SessionEnded,
    SessionOpened,
    seal_fact,
)  # fmt: skip
from filmlabd.restore import restore
from service.rig import SESSION, Rig, begin


@pytest.fixture
def rig() -> Rig:
    """A core with a session that has a run open."""
    made = Rig()
    made.hello()
    made.say(1, begin(), MetricNames(run=0, wall=1.0, names=((0, "loss"),)))
    made.settle()
    return made


def finish() -> RunFinish:
    return RunFinish(run=0, wall=4.0)


def shot(film: int, *, last_seq: int, episode: int = 0) -> EpisodeEnd:
    return EpisodeEnd(
        run=0, wall=3.0, episode=episode, film=film, return_=1.0, length=1, frames=1, last_seq=last_seq
    )  # fmt: skip


def test_a_run_is_over_only_when_its_last_film_is_whole(rig: Rig) -> None:
    """Stream C is sent first: the end of a run overtakes its last frames, which must be developed all the same."""
    rig.say(2, EpisodeBegin(run=0, wall=2.0, episode=0, film=1), shot(1, last_seq=1), finish())
    rig.work_all()
    assert not rig.kept(RunClosed)
    assert not rig.kept(RunPrinted)
    rig.shoot(1, 1)
    assert "episode" in [job.kind for job in rig.work_all()]
    assert [fact.status for fact in rig.kept(RunClosed)] == ["finished"]
    assert len(rig.kept(RunPrinted)) == 1
    assert not rig.kept(FilmDeleted)


def test_a_run_that_was_finished_is_not_called_crashed_when_its_last_frames_never_come(rig: Rig) -> None:
    """A trainer that dies after it said that its run is finished has finished it; only its last film is cut."""
    rig.say(2, EpisodeBegin(run=0, wall=2.0, episode=0, film=1), shot(1, last_seq=1), finish())
    rig.settle()
    rig.feed(events.TrainerDied(SESSION))
    rig.work_all()
    assert [fact.status for fact in rig.kept(RunClosed)] == ["finished"]


@pytest.mark.parametrize(("films", "kept", "dropped"), [(1, [1], []), (3, [2, 3], [1])])
def test_the_last_films_of_a_writer_are_judged_after_a_restart(films: int, kept: list[int], dropped: list[int]) -> None:
    """Between the end of a writer and the verdict on its last films lies a kill: the next daemon pronounces it."""
    rig = Rig(Core(8, Limits(), Lab()))
    run = Run("r1", attempt=1, schedule=CaptureSchedule.parse("last:2"), printed=False)
    for film in range(1, films + 1):
        run.push_provisional("main", SESSION, film)
    rig.core.lab.runs["r1"] = run
    for command in rig.core.restore([], events.Now(rig.now, 1.0)):
        rig._carry_out(command)
    rig.settle()
    judged = {fact.film: fact.kept for fact in rig.kept(FilmJudged)}
    assert judged == dict.fromkeys(kept, True) | dict.fromkeys(dropped, False)
    assert [fact.film for fact in rig.kept(FilmDeleted)] == dropped


def test_a_finished_run_whose_frames_came_before_a_restart_is_closed_after_it() -> None:
    """Killed after the last frames were durable and before the run was closed: the next daemon closes it."""
    rig = Rig(Core(8, Limits(), Lab()))
    session = Session(SESSION, runs={0: ("r1", "main", 1)}, finishing={0: "finished"})
    rig.core.lab.runs["r1"] = Run("r1", attempt=1, writers={"main": (SESSION, 0)}, printed=False)
    for command in rig.core.restore([session], events.Now(rig.now, 1.0)):
        rig._carry_out(command)
    rig.work_all()
    assert [fact.status for fact in rig.kept(RunClosed)] == ["finished"]
    assert len(rig.kept(RunPrinted)) == 1


def test_what_comes_after_a_session_was_closed_comes_too_late(rig: Rig) -> None:
    """What a dead trainer's connection still held is taken in until its session is closed, and not one record later."""
    rig.disk_works = False
    rig.feed(events.TrainerDied(SESSION))
    rig.settle(1.0)
    before = len(rig.appended)
    rig.say(2, EpisodeBegin(run=0, wall=2.0, episode=0, film=1))
    assert len(rig.appended) == before
    rig.disk_works = True
    rig.settle()
    assert not rig.kept(EpisodeCut)


def applied(*items: "Fact | bytes") -> MemoryIndex:
    """The index of a journal that holds these facts and records."""
    journal, index = ModelJournal(), MemoryIndex(empty_database())
    seq = 0
    for item in items:
        if isinstance(item, bytes):
            seq += 1
            journal.append([seal_entries(SESSION, seq, [item])])
        else:
            journal.append([seal_fact(item, 7, 1)])
    index.catch_up(journal)
    return index


def test_a_writer_that_was_refused_shows_nowhere() -> None:
    """Its records are kept, since their numbers count, but a run never shows what its refused writer said."""
    logged = Snapshot(run=0, wall=2.0, step=1, ids=struct.pack("<I", 0), values=struct.pack("<d", 0.5))
    names = MetricNames(run=0, wall=1.0, names=((0, "loss"),))
    said = [encode_entry(entry) for entry in (begin(), names, logged)]
    opened = SessionOpened(SESSION, 1, "node", 1, 0, 0o077, 1.0)
    index = applied(opened, RunRefused(SESSION, 0, "r1", "main", "alive elsewhere", 1.0), *said)
    assert index.read.runs() == []
    assert index.read.points("r1", "loss") == []
    # Refused once, let in later: what comes then counts.
    index = applied(
        opened, RunRefused(SESSION, 0, "r1", "main", "", 1.0), RunOpened(SESSION, 0, "r1", "main", 1, 2.0), *said
    )
    assert [row.run_id for row in index.read.runs()] == ["r1"]
    assert len(index.read.points("r1", "loss")) == 1


def test_a_run_whose_beginning_was_lost_is_begun_again() -> None:
    """Opened, and then the power went: the trainer's RunBegin comes again and must open the run, not be passed over."""
    opened = SessionOpened(SESSION, 1, "node", 1, 0, 0o077, 1.0)
    index = applied(opened, RunOpened(SESSION, 0, "r1", "main", 1, 1.0))
    lab = Lab()
    (session,) = restore(index.read, ModelFilms(), lab, 0.0)  # type: ignore[arg-type]  # what is asked of a FilmStore
    assert session.runs == {}
    assert lab.open_run(session, begin(), events.Now(1.0, 1.0)) is not None
    assert lab.runs["r1"].alive


def test_a_writer_that_never_began_does_not_run_for_ever() -> None:
    """The same with a dead trainer: a run that others go on with is not shown as running on its account."""
    other = SESSION + 1
    index = applied(
        SessionOpened(other, 1, "node", 1, 0, 0o077, 1.0), RunOpened(other, 0, "r1", "lost", 1, 1.0),
        SessionOpened(SESSION, 2, "node", 2, 0, 0o077, 1.0), RunOpened(SESSION, 0, "r1", "main", 1, 1.0),
        encode_entry(begin()), RunClosed(SESSION, 0, "r1", "main", 1, "finished", 2.0),
        SessionEnded(other, "died", 3.0),
    )  # fmt: skip
    assert index.read.run("r1").status == "crashed"


BROKEN_INDEX = """
import logging, sqlite3, sys, time
from pathlib import Path
from filmlabd.journal.ballast import Ballast
from filmlabd.disk import Disk
from filmlabd.core.events import Sync
from filmlabd.journal.films import FilmStore
from filmlabd.index.writer import Index
from filmlabd.journal.journal import Journal

class Broken(Index):
    def commit(self):
        raise sqlite3.OperationalError("attempt to write a readonly database")

root = Path(sys.argv[1])
ballast = Ballast(root / "ballast")
disk = Disk(
    Journal(root / "j"), FilmStore(root / "f"), Broken(root / "i.sqlite"), root / "s", ballast, lambda event: None
)
disk.submit(Sync(1))
disk._thread.join()
sys.exit(3)
"""


def test_a_daemon_without_its_disk_thread_ends(tmp_path: Path) -> None:
    """An unexpected error on the disk's thread ends the process: else it would live and acknowledge nothing."""
    done = subprocess.run(
        [sys.executable, "-c", BROKEN_INDEX, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 70, done
    assert "readonly database" in done.stderr
