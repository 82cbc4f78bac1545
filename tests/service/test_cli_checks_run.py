"""What `filmlab doctor RUN` looks at beside the episodes themselves."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from filmlab.paths import StatePaths
from filmlab.spool import Spool
from filmlab.wire.entries import Recorder, RunFinish, encode_entry, seal_entries
from filmlab.wire.messages import Stream
from filmlab.wire.names import NO_ROOM_FOR_NAMES
from filmlabd.cli import checks_run as checks
from filmlabd.cli.checks import Level
from filmlabd.cli.presence import Presence, Seen
from filmlabd.facts import JobDone, JobStruck
from filmlabd.index.read import Reader
from filmlabd.model import DropRow, RunRow
from service.machine import fresh_machine
from service.recorded import SESSION, WALL, Recording
from service.rig import begin

RUNNING, NONE, HANGING = Seen(Presence.RUNNING), Seen(Presence.NONE), Seen(Presence.HANGING)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    return fresh_machine(tmp_path, monkeypatch)


@pytest.fixture
def told(paths: StatePaths) -> Recording:
    """A run that captures every 2nd and the last, being told."""
    made = Recording(paths.index)
    made.run(1, "r1", "pole", "cart", "/films/pole")
    return made


def row(told: Recording, paths: StatePaths) -> RunRow:
    told.index.commit()
    with Reader(paths.index) as reader:
        return reader.run("r1")


def test_a_run_without_daemon_may_be_over(told: Recording, paths: StatePaths) -> None:
    """What is called running was so when somebody looked; one that has finished has finished."""
    assert checks.check_run(row(told, paths), RUNNING).level is Level.OK
    found = checks.check_run(row(told, paths), NONE)
    assert (found.level, "`filmlab sync`" in found.advice) == (Level.WARN, True)
    found = checks.check_run(row(told, paths), HANGING)
    assert (found.level, found.advice) == (Level.WARN, "the daemon does not answer: see the line about it")
    told.entry(RunFinish(run=1, wall=WALL))
    assert checks.check_run(row(told, paths), NONE).level is Level.OK
    told.entry(RunFinish(run=1, wall=WALL, status="crashed"))
    assert "without run.finish()" in checks.check_run(row(told, paths), RUNNING).text


def test_a_schedule_that_captures_nothing_is_told(told: Recording, paths: StatePaths) -> None:
    """Ten episodes and no film: whoever misses a GIF wants to know that first."""
    for episode in range(10):
        told.episode(1, episode, 0.0, reason="never")
    with Reader(paths.index) as reader:
        found = checks.check_schedule(row(told, paths), reader.episodes("r1"))
        assert (found.level, "captured none of 10 episodes" in found.text) == (Level.WARN, True)
        assert "filmlab record r1" in found.advice
        assert checks.check_schedule(replace(row(told, paths), schedule="every:x"), []).level is Level.BAD
        told.episode(1, 10, 0.0, film=1, reason="every 2")
        found = checks.check_schedule(replace(row(told, paths), wanted="12", next_episodes=2), reader.episodes("r1"))
    assert (found.level, found.text) == (
        Level.OK, "every:2+last:1; asked for: 12 next 2: captured 1 of 11 episodes",
    )  # fmt: skip


def test_a_directory_that_cannot_be_written(told: Recording, paths: StatePaths, tmp_path: Path) -> None:
    """A file in its place, a link, a parent that is closed, one that was removed: each is told apart."""
    run = row(told, paths)
    there = tmp_path / "films" / "pole"
    run = replace(run, directory=str(there))
    assert checks.check_directory(run).level is Level.OK
    assert "is made with the first print" in checks.check_directory(run).text
    assert "is not any more" in checks.check_directory(replace(run, episodes=3, printed=True)).text
    there.mkdir(parents=True)
    assert "can be written" in checks.check_directory(run).text
    there.rmdir()
    there.symlink_to(tmp_path)
    assert "symbolic link" in checks.check_directory(run).text
    there.unlink()
    there.write_text("in the way")
    assert checks.check_directory(run).level is Level.BAD


def test_a_directory_that_is_closed_to_us(
    told: Recording, paths: StatePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests as root may write everywhere, so the system's answer is given here."""
    run = replace(row(told, paths), directory=str(tmp_path / "closed" / "pole"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = checks.check_directory(run)
    assert (found.level, f"chmod u+wx {tmp_path}" in found.advice) == (Level.BAD, True)


def test_recorders_with_their_files(told: Recording, paths: StatePaths, tmp_path: Path) -> None:
    """Each with its directory, and how many of the files that it was given are there."""
    told.entry(
        Recorder(
            run=1, wall=WALL, number=1, kind="curves", directory=str(tmp_path / "out"), prefix="training", title="",
            fps=30.0, columns="c1",
        )
    )  # fmt: skip
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"x")
    made = "\n".join(f"{tmp_path}/out/{name}" for name in ("a.png", "b.png"))
    told.fact(JobDone(f"recorder:{SESSION:016x}:1:save", "r1", "recorder", SESSION, 0, made, "", 0.1, WALL))
    told.index.commit()
    with Reader(paths.index) as reader:
        (found,) = checks.check_recorders(reader.recorders("r1"), reader.episodes("r1"), reader.prints("r1"))
    assert found.name == "recorder of curves"
    assert found.text.endswith("1 of its 2 files there")


def test_curves_that_were_given_up_and_what_was_dropped(told: Recording, paths: StatePaths) -> None:
    """With reasons, each on a line of its own."""
    told.fact(JobStruck("curve:r1:loss", "r1", "curve", 0, 0, 3, True, "out of colours", WALL))
    told.index.commit()
    with Reader(paths.index) as reader:
        (found,) = checks.check_prints("r1", reader.prints("r1"))
    assert (found.level, found.text) == (Level.BAD, "curve:loss was given up: out of colours")
    (found,) = checks.check_drops([DropRow("r1", "film", 2, 3 * 2**20, "memory is full")])
    assert (found.level, found.text) == (Level.WARN, "2 films not handed over (3 MiB): memory is full")
    (found,) = checks.check_drops([DropRow("r1", "metric values", 7, 0, f"{NO_ROOM_FOR_NAMES}: this run has 5,000")])
    assert found.text == f"7 metric values not handed over: {NO_ROOM_FOR_NAMES}: this run has 5,000"
    assert "within the name" in found.advice


def test_spools_of_the_living_and_of_the_dead(paths: StatePaths) -> None:
    """Only those in which the run begins; what to do depends on whose it is and on whether a daemon is there."""
    Spool(paths.spool, 6, 10**6).append(Stream.C, seal_entries(6, 1, [encode_entry(begin(run_id="other"))]))
    spool = Spool(paths.spool, 5, 10**6)
    spool.append(Stream.C, seal_entries(5, 1, [encode_entry(begin(run_id="r1"))]))
    (found,) = checks.check_spools(paths, "r1", NONE)
    assert f"of process {os.getpid()}, which lives" in found.text
    assert found.level is Level.WARN
    assert checks.check_spools(paths, "r1", RUNNING)[0].level is Level.OK
    spool.close()
    (found,) = checks.check_spools(paths, "r1", NONE)
    assert ("which has ended" in found.text, found.advice) == (True, "`filmlab sync` hands it over")
    (found,) = checks.check_spools(paths, "r1", HANGING)
    assert (found.level, "does not answer" in found.advice) == (Level.WARN, True)
