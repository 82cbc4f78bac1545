"""`filmlab gc` beside what crashes leave: only what is nobody's goes, and never anything that was acknowledged."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from e2e.house import House, until
from patience import PATIENCE_S

DAYS_S = 3 * 86400.0
STRANGER = "00000000000000aa"
TRAINER = """
    import sys, numpy as np, filmlab
    run = filmlab.init(project="tidy", name=NAME, id=NAME, schedule="always")
    for index in range(3):
        episode = run.episode()
        episode.__enter__()
        for step in range(3):
            episode.step(action=0, reward=1.0, frame=np.full((8, 8, 3), 20 * index + step, np.uint8))
        if index < 2:
            episode.__exit__(None, None, None)
    run.log({"loss": 1.0})
    run.flush()
    print("shown", flush=True)
    sys.stdin.readline()
    episode.step(action=0, reward=1.0, frame=np.zeros((8, 8, 3), np.uint8))
    episode.__exit__(None, None, None)
    run.finish()
"""


def trainer(house: House, name: str) -> subprocess.Popen[str]:
    """A trainer with two whole episodes and one that goes on, of which all is durable so far. It starts no daemon."""
    process = house.trainer(TRAINER.replace("NAME", repr(name)), FILMLAB_MODE="online")
    assert process.stdout is not None
    until(lambda: "shown" in process.stdout.readline(), "the trainer's films to be durable")
    return process


def age(house: House) -> list[Path]:
    """Every film file, as if nobody had written to it for days."""
    wall = time.time() - DAYS_S
    files = sorted(house.paths.film.glob("*/*.film"))
    for path in files:
        os.utime(path, (wall, wall))
    return files


def gc(house: House, *flags: str) -> dict[str, int]:
    return json.loads(house.command("gc", "--json", *flags))["gone"]


def leave_strays(house: House) -> Path:
    """Film of a session that nobody has heard of, as a daemon leaves it that is killed before its first sync."""
    stray = house.paths.film / STRANGER / "00000001.film"
    stray.parent.mkdir()
    shutil.copy(next(house.paths.film.glob("*/*.film")), stray)
    return stray


def end_daemon(house: House) -> None:
    pid = house.daemon_pid()
    os.kill(pid, signal.SIGKILL)
    until(lambda: house.daemon_pid() != pid, "the daemon to be gone")


def all_printed(house: House, name: str) -> bool:
    with house.read() as index:
        return [row.job_state for row in index.episodes(name)] == ["done"] * 3


def test_gc_beside_a_trainer_and_after_a_rebuild(house: House) -> None:
    """A stranger's film goes; that of a living session stays, open or closed, also by an index that is made again."""
    house.daemon()
    process = trainer(house, "live0001")
    stray = leave_strays(house)
    films = age(house)
    assert len(films) == 4 and gc(house, "--dry-run")["orphans"] == 1 and stray.exists()
    assert gc(house)["orphans"] == 1
    until(lambda: not stray.parent.exists(), "the stranger's film to go")
    end_daemon(house)
    for path in house.paths.root.glob("index.sqlite*"):
        path.unlink()
    house.daemon()
    stray = leave_strays(house)
    assert len(age(house)) == 4 and gc(house)["orphans"] == 1
    process.communicate("\n", timeout=PATIENCE_S)
    assert process.returncode == 0
    house.wait_printed("live0001")
    assert all_printed(house, "live0001")
    age(house)
    assert gc(house)["orphans"] == 0 and len(list(house.paths.film.glob("*/*.film"))) == 3


def test_gc_with_an_index_that_is_behind(house: House) -> None:
    """What it does not know, the journal does: nothing is called nobody's, and the next daemon has it all."""
    daemon = house.daemon()
    trainer(house, "early001").communicate("\n", timeout=PATIENCE_S)
    house.wait_printed("early001")
    daemon.terminate()
    daemon.wait()
    old = house.root / "old.sqlite"
    shutil.copy(house.paths.index, old)
    daemon = house.daemon()
    trainer(house, "later001").communicate("\n", timeout=PATIENCE_S)
    house.wait_printed("later001")
    daemon.terminate()
    daemon.wait()
    for path in house.paths.root.glob("index.sqlite*"):
        path.unlink()
    shutil.copy(old, house.paths.index)
    assert len(age(house)) == 6
    assert gc(house, "--dry-run")["orphans"] == 0
    assert gc(house)["orphans"] == 0
    assert len(list(house.paths.film.glob("*/*.film"))) == 6
    assert all_printed(house, "early001") and all_printed(house, "later001")
