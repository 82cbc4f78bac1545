"""Handing over what was left on disk, as a user does it: `filmlab sync`."""

import json
import stat
import subprocess
import textwrap
from collections.abc import Iterator

import pytest

from e2e.house import House, until
from filmlab.errors import Transient
from filmlabd.cli import sync as cli_sync

OFFLINE = """
    import numpy as np
    import filmlab

    run = filmlab.init(project="play", name="far away", id="far", mode="offline", schedule="always")
    for index in range(2):
        with run.episode() as episode:
            for step in range(3):
                episode.step(action=step, reward=1.0, frame=np.full((8, 8, 3), 60 * step, np.uint8))
        run.log({"loss": 1.0 / (index + 1)}, step=index)
"""
FINISHES = OFFLINE + "    run.finish()"
DIES = OFFLINE + "    import os, signal; run.flush(0.0); os.kill(os.getpid(), signal.SIGKILL)"
LIVES = OFFLINE + "    run.flush(0.0); print('spooled'); input()"


@pytest.fixture
def living(house: House) -> Iterator[subprocess.Popen[str]]:
    """A trainer that has spooled, and lives."""
    process = house.trainer(LIVES)
    assert process.stdout is not None
    assert any(line == "spooled\n" for line in process.stdout)
    yield process
    process.kill()


def test_an_offline_run_is_handed_over_and_printed(house: House) -> None:
    """With no daemon there, one is started; afterwards everything is where the program said, and nothing is left."""
    house.train(FINISHES)
    assert house.daemon_pid() == 0
    said = house.command("sync")
    assert "far  far away  (play)  finished, 2 episodes, 2 films developed" in said
    assert "all is durable and printed" in said
    assert house.json("episodes/episode_000001.json")["frame_count"] == 3
    assert (house.run_dir() / "episodes/episode_000001.gif").exists()
    assert not list(house.paths.spool.iterdir())
    assert "nothing is left over" in house.command("sync")


def test_what_a_killed_trainer_spooled_is_handed_over(house: House) -> None:
    """It comes as a crashed run, which is no trouble of the command's; JSON tells programs what came from whom."""
    process = house.trainer(DIES)
    process.communicate()
    found = json.loads(house.command("sync", "--json"))
    assert (found["daemon"], found["problem"], found["living"]) == ("started", "", [])
    (session,) = found["sessions"]
    assert session["pid"] == process.pid
    assert [(came["run_id"], came["status"], came["printed"]) for came in session["runs"]] == [("far", "crashed", True)]


def test_prints_of_an_offline_run_are_as_open_as_its_program_would_make_them(house: House) -> None:
    """The umask travels with the spool: what the program's group may read by its umask, it may read."""
    house.train("import os; os.umask(0o027)\n" + textwrap.dedent(FINISHES))
    house.command("sync")
    assert stat.S_IMODE((house.run_dir() / "episodes/episode_000001.gif").stat().st_mode) == 0o640


def test_a_living_trainers_spool_is_left_to_it(house: House, living: subprocess.Popen[str]) -> None:
    """It is named with its process, nothing is taken from it, and no daemon is started for it."""
    found = json.loads(house.command("sync", "--json"))
    assert [item["pid"] for item in found["living"]] == [living.pid]
    assert (found["daemon"], found["sessions"]) == ("not needed", [])
    assert f"process {living.pid} lives" in house.command("sync")
    assert list(house.paths.spool.iterdir())


def test_what_a_killed_daemon_left_is_finished(house: House) -> None:
    """Prints that were to be made when the daemon was killed are made by the one that the command starts."""
    daemon = house.daemon("--workers", "1")
    house.train(FINISHES.replace('mode="offline"', 'mode="online"'))
    until(lambda: bool(house.runs()), "the run to be known")
    daemon.kill()
    daemon.wait()
    said = house.command("sync")
    with house.read() as index:
        assert index.run("far").printed, said
    assert (house.run_dir() / "episodes/episode_000001.gif").exists()


def test_it_does_not_wait_for_prints_that_nobody_wants_to_wait_for(house: House) -> None:
    """`--wait 0` comes back when all is durable; the daemon goes on."""
    house.train(FINISHES)
    said = house.command("sync", "--wait", "0")
    assert "all is durable" in said
    assert not list(house.paths.spool.iterdir())
    house.wait_printed()


def test_a_daemon_that_cannot_start_is_trouble(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message leads to the daemon's log, and the spool stays as it was."""
    house.train(FINISHES)
    monkeypatch.setenv("FILMLABD_LOG_LEVEL", "loud")
    # As long as this machine takes to start a process and see its end.
    for timeout_s in (1.0, 5.0, 25.0, 125.0):
        monkeypatch.setattr(cli_sync, "START_TIMEOUT_S", timeout_s)
        with pytest.raises(Transient) as told:
            cli_sync.run(house.paths, None, as_json=False)
        if str(told.value) != "a daemon is being started":
            break
    assert "the daemon's start ended with code" in str(told.value) and str(house.paths.log) in str(told.value)
    assert list(house.paths.spool.iterdir())
