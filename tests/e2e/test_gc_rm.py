"""`filmlab gc` and `filmlab rm` on real runs: what they say, what goes, and what must not."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.house import House, until
from filmlabd.model import Points
from patience import PATIENCE_S

TRAINER = """
import sys, numpy as np, filmlab
run = filmlab.init(project="tidy", name=sys.argv[1], id=sys.argv[1], schedule="always")
for episode in range(3):
    with run.episode() as shown:
        shown.step(action=0, reward=1.0, frame=np.full((8, 8, 3), 40 * episode, np.uint8))
    run.log({"loss": float(episode)}, step=episode)
"""


def train(house: House, run_id: str) -> None:
    house.train(TRAINER.replace("sys.argv[1]", repr(run_id)) + "run.finish()")
    house.wait_printed(run_id)
    until(lambda: not house.ask("status")["sessions"], "the session to end")


def files_of(house: House, run_id: str) -> list[Path]:
    with house.read() as index:
        directory = Path(index.run(run_id).directory)
    return sorted(path for path in directory.rglob("*") if path.is_file())


def refused(house: House, *arguments: str, typed: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "filmlabd.cli", *arguments], input=typed,
        env=house.environ, cwd=house.root, text=True, capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done
    return done.stderr


def test_a_removed_run_is_gone_for_good_and_its_prints_stay(house: House) -> None:
    """Its films and its rows go, others' do not; it is gone in an index that is made again, and its id is free."""
    daemon = house.daemon()
    train(house, "gone0001")
    train(house, "kept0001")
    prints = files_of(house, "gone0001")
    assert "say --yes" in refused(house, "rm", "gone0001")
    said = house.command("rm", "gone0001", "--yes")
    assert "removed run gone0001" in said and "3 films" in said and "its prints stay" in said
    assert all(path.exists() for path in prints) and len(prints) >= 9
    assert "no run is called" in refused(house, "rm", "gone0001", "--yes")
    until(lambda: len(list(house.paths.film.glob("*/*.film"))) == 3, "the films to go")
    daemon.terminate()
    daemon.wait()
    for path in house.paths.root.glob("index.sqlite*"):
        path.unlink()
    house.daemon()
    assert [run.run_id for run in house.runs()] == ["kept0001"]
    train(house, "gone0001")
    with house.read() as index:
        assert index.run("gone0001").attempt == 1 and index.run("gone0001").episodes == 3


def test_the_journal_lets_go_of_a_removed_run(house: House) -> None:
    """Its room on the disk is free again, and other runs are as they were, also in an index that is made again."""
    daemon = house.daemon()
    train(house, "kept0001")
    house.train("""
        import filmlab
        run = filmlab.init(project="tidy", name="long", id="long0001")
        for step in range(20_000):
            run.log({"loss": 1.0 / (step + 1)}, step=step)
        run.finish()
    """)
    house.wait_printed("long0001")
    until(lambda: not house.ask("status")["sessions"], "the session to end")

    def used() -> int:
        return sum(path.stat().st_blocks for path in house.paths.journal.glob("*.seg")) * 512

    held = sum(len(item.value) for item in points(house, "kept0001"))
    house.command("rm", "long0001", "--yes")
    until(lambda: used() < 300_000, "the journal to shrink")
    house.command("gc")
    daemon.terminate()
    daemon.wait()
    for path in house.paths.root.glob("index.sqlite*"):
        path.unlink()
    house.daemon()
    assert [run.run_id for run in house.runs()] == ["kept0001"]
    assert sum(len(item.value) for item in points(house, "kept0001")) == held == 3
    assert not list(house.paths.journal.glob("quarantine/*"))


def points(house: House, run_id: str) -> list[Points]:
    with house.read() as index:
        return index.points(run_id, "loss")


def test_prints_go_where_that_is_asked_for_and_nothing_else(house: House) -> None:
    """Every file of ours, and the directories with it; a user's own file beside them stays, with its directory."""
    house.daemon()
    train(house, "one00001")
    train(house, "two00001")
    prints, others = files_of(house, "one00001"), files_of(house, "two00001")
    mine = prints[0].parent / "notes.txt"
    mine.write_text("mine")
    document = json.loads(house.command("rm", "one00001", "--prints", "--yes", "--json"))
    assert document["prints"] == len(prints) and document["films"] == 3
    directory = Path(document["directory"])
    assert [path for path in directory.rglob("*") if path.is_file()] == [mine]
    assert json.loads(house.command("rm", "two00001", "--prints", "--yes", "--json"))["prints"] == len(others)
    assert not Path(others[0]).parent.exists() and directory.parent.exists()


def test_a_living_run_is_not_removed(house: House) -> None:
    """Nor are its prints, though they were asked for."""
    house.daemon()
    trainer = house.trainer(
        TRAINER.replace("sys.argv[1]", "'live0001'").split("recorder =")[0]
        + "run.flush()\nprint('ready', flush=True)\n"
        "sys.stdin.readline()\nrun.finish()\n"
    )
    assert trainer.stdout is not None
    until(lambda: "ready" in trainer.stdout.readline(), "the run to be shown")
    prints = files_of(house, "live0001")
    assert "is not over" in refused(house, "rm", "live0001", "--prints", "--yes")
    assert files_of(house, "live0001") == prints
    trainer.communicate("\n", timeout=PATIENCE_S)


def test_a_recorders_files_are_never_touched(house: House) -> None:
    """They lie where its program said, and belong to it."""
    house.daemon()
    recorded = house.root / "recorded"
    house.train(f"""
        from types import SimpleNamespace
        import numpy as np
        from filmlab.recorders import EpisodeAnimationRecorder
        recorder = EpisodeAnimationRecorder({str(recorded)!r})
        frames = [np.full((8, 8, 3), 90, np.uint8), np.zeros((8, 8, 3), np.uint8)]
        step = SimpleNamespace(action=0, active_option_id=None)
        recorder(SimpleNamespace(
            episode=0, episode_reward=1.0, avg_reward=1.0, step_count=1, solved=False, frames=frames, steps=[step],
            metadata={{}},
        ))
        recorder.flush()
    """)
    until(lambda: bool(list(recorded.glob("*.gif"))), "the recorder's animation")
    house.wait_printed()
    files = sorted(recorded.iterdir())
    (run,) = house.runs()
    house.command("rm", run.run_id, "--prints", "--yes")
    assert sorted(recorded.iterdir()) == files


def test_films_whose_prints_were_given_up(house: House) -> None:
    """`gc` names and keeps them, for the reason may be mended; `--failed` lets them go, which nothing calls trouble."""
    blocked = house.root / "films" / "tidy" / "poor0001-poor0001"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("in the way")
    daemon = house.daemon()
    train(house, "poor0001")
    assert "3 episodes" in house.command("doctor", "poor0001", status=1) and film_count(house) == 3
    assert "kept: 3 films whose prints were given up" in house.command("gc")
    assert "would go: 3 films whose prints were given up" in house.command("gc", "--failed", "--dry-run")
    assert film_count(house) == 3
    blocked.unlink()
    house.command("develop", "poor0001", "0")
    until(lambda: states(house, "poor0001") == ["done", "failed", "failed"], "the print that can be made now")
    assert json.loads(house.command("gc", "--failed", "--json"))["gone"]["failed"] == 2
    until(lambda: film_count(house) == 1, "the films to go")
    assert "episode:" not in str(house.ask("status")["quarantined"])
    assert states(house, "poor0001") == ["done", "dropped", "dropped"]
    assert "and its film is gone: somebody let it go" in house.command("why", "poor0001", "1")
    daemon.terminate()
    daemon.wait()
    for path in house.paths.root.glob("index.sqlite*"):
        path.unlink()
    house.daemon()
    assert states(house, "poor0001") == ["done", "dropped", "dropped"] and film_count(house) == 1


def states(house: House, run_id: str) -> list[str]:
    with house.read() as index:
        return [row.job_state for row in index.episodes(run_id)]


def film_count(house: House) -> int:
    return len(list(house.paths.film.glob("*/*.film")))


@pytest.mark.parametrize("with_daemon", [True, False], ids=["with a daemon", "without one"])
def test_gc_says_what_goes_and_lets_it_go(house: House, with_daemon: bool) -> None:
    """`--dry-run` names what the same command without it then deletes; what is needed stays."""
    daemon = house.daemon()
    train(house, "tidy0001")
    daemon.terminate()
    daemon.wait()
    film = next(house.paths.film.glob("*/*.film"))
    damaged = house.paths.root / "index.sqlite.corrupt-1"
    damaged.write_bytes(bytes(5000))
    if with_daemon:
        # Else the daemon's own sweep at its start would be quicker than the command.
        house.daemon()
        until(lambda: house.ask("status")["disk"]["film_files"] == 3, "the first look at the films")
    nobodys = film.with_name("00000099.film")
    shutil.copy(film, nobodys)
    said = json.loads(house.command("gc", "--dry-run", "--json"))["gone"]
    assert (said["films"], said["orphans"], said["indexes"]) == (0, 1, 1)
    assert nobodys.exists() and damaged.exists()
    lines = house.command("gc")
    assert "1 file of no film" in lines and lines.startswith("films")
    until(lambda: not nobodys.exists(), "the file to go")
    assert film.exists() and not damaged.exists()
    assert "nothing was to be deleted" in house.command("gc")
