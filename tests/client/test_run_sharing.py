"""Who shares a session: several runs, threads, forked children, and a process that records nothing."""

import os
import threading
import warnings
from pathlib import Path

import pytest

import filmlab
from client.studio import Studio
from e2e.house import until
from filmlab import FilmlabWarning, _process
from filmlab.wire import messages
from filmlab.wire.entries import (
    EpisodeEnd,
    RunBegin,
)


def test_two_runs_share_a_session_and_stay_apart(studio: Studio) -> None:
    """One link for a process; the second run goes on when the first is finished."""
    one, other = studio.init(name="one"), studio.init(name="other")
    one.log({"a": 1.0})
    other.log({"a": 2.0})
    one.finish()
    other.log({"a": 3.0})
    other.finish()
    assert len(studio.sessions) == 1
    numbers = {begin.name: begin.run for begin in studio.entries(RunBegin)}
    assert len(set(numbers.values())) == 2
    assert [values["a"] for _, values in studio.points()] == [1.0, 2.0, 3.0]


def test_of_its_own_sessions_a_process_knows_the_last(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that begins one run after another keeps no entry for each of them for ever."""
    monkeypatch.setattr(_process, "SESSIONS_KEPT", 2)
    _process._sessions.clear()
    sessions = []
    for _ in range(3):
        run = studio.init()
        assert run._seat.process is not None
        sessions.append(run._seat.process.link.session)
        run.finish()
    assert [_process.is_ours(session) for session in sessions] == [False, True, True]


CHILD = """
import gc, multiprocessing, sys, weakref
import filmlab

def work():
    run = filmlab.init(dir="out")
    process = weakref.ref(run._seat.process)
    run.finish()
    gc.collect()
    sys.exit(3 if process() is not None else 0)

child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
sys.exit(child.exitcode)
"""


def test_of_a_session_that_is_over_nothing_is_kept(studio: Studio) -> None:
    """Neither in a child of multiprocessing, whose finalizers would hold it, with its queue, until the child ends."""
    done = studio.run_program(CHILD)
    assert done.returncode == 0, done.stderr


def test_threads_may_log_at_once(studio: Studio) -> None:
    """Nothing is lost, and every name means what it says."""
    run = studio.init()

    def work(offset: int) -> None:
        for step in range(500):
            run.log({f"m{offset}": step, "shared": offset}, step=step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    found = studio.points()
    assert len(found) == 2000
    for number in range(4):
        assert [values[f"m{number}"] for _, values in found if f"m{number}" in values] == list(range(500))


def test_a_collector_that_logs_does_not_deadlock(studio: Studio) -> None:
    """A `__del__` may run inside any of our calls, on the same thread."""
    import gc

    run = studio.init()
    gone: list[int] = []

    class Chatty:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            run.log({"from_del": 1.0})
            gone.append(1)

    def collected() -> bool:
        # While another thread is at it, `collect` returns at once and has done nothing.
        gc.collect()
        return len(gone) == 200

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for step in range(200):
            Chatty()
            run.log({"a": step, f"fresh{step}": 1.0})
    finally:
        gc.set_threshold(*threshold)
    until(collected, "all of them to be collected")
    run.finish()
    names = [name for _, values in studio.points() for name in values]
    assert (names.count("a"), names.count("from_del")) == (200, 200)


def test_a_disabled_run_does_nothing(tmp_path: Path) -> None:
    """No thread, no file, no session; every call is fine."""
    run = filmlab.init(mode="disabled", dir=tmp_path / "out", strict=True)
    run.log({"a": 1.0})
    with run.episode() as episode:
        assert not episode.capturing
        episode.step(reward=1.0)
    assert run.flush() is True
    run.finish()
    assert not list(tmp_path.iterdir())
    assert threading.active_count() == 1 or not any(thread.name == "filmlab-link" for thread in threading.enumerate())


def test_offline_keeps_everything_on_disk(studio: Studio) -> None:
    """No daemon is asked; the spool holds the session, and flush says that no print will come."""
    run = studio.init(mode="offline")
    run.log({"a": 1.0})
    assert run.flush(20) is False
    run.finish()
    assert studio.sessions == []
    assert list((studio.directory / "state" / "v1" / "spool").glob("*/c-*.seg"))


def test_a_forked_child_records_under_a_writer_of_its_own(studio: Studio) -> None:
    """The parent's session stays the parent's; the child's run is the same, its writer another."""
    run = studio.init(name="parent")
    run.log({"a": 1.0})
    assert run.flush(20)
    with warnings.catch_warnings():
        # Python 3.12 warns of every fork beside a thread, which is what is tested here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            run.log({"a": 2.0})
            run.finish()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    run.log({"a": 3.0})
    run.finish()
    assert len(studio.sessions) == 2
    writers = {begin.writer for begin in studio.entries(RunBegin)}
    assert writers == {"main", f"main-{child}"}
    assert len({begin.run_id for begin in studio.entries(RunBegin)}) == 1
    assert sorted(values["a"] for _, values in studio.points()) == [1.0, 2.0, 3.0]


def test_a_forked_child_that_does_not_record_leaves_no_trace(studio: Studio) -> None:
    """Neither its exit nor its collector says anything about the parent's run."""
    run = studio.init()
    episode = run.episode()
    assert run.flush(20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            del episode
            run.finish()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    episode.end()
    run.finish()
    assert len(studio.sessions) == 1
    assert [end.complete for end in studio.entries(EpisodeEnd)] == [True]


def test_a_session_that_is_lost_is_followed_by_another(studio: Studio) -> None:
    """When the daemon's state is gone, the run begins again with its next call, under the same name."""
    run = studio.init(strict=False)
    run.log({"a": 1.0})
    assert run.flush(20)
    former = run._seat.process
    assert former is not None
    with pytest.warns(FilmlabWarning, match="cannot go on"):
        studio.tell(messages.Welcome(77, 0, 1, 0, 1, 2**20))
        while not run._seat.away:
            assert run.flush(0.02) in (True, False)
        run.log({"a": 2.0}, step=5)
        run.finish()
        former.link.close()
    begins = studio.entries(RunBegin)
    assert len({begin.run_id for begin in begins}) == 1
    assert len(studio.sessions) == 2
    assert (5, {"a": 2.0}) in studio.points()
