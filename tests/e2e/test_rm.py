"""`filmlab rm` as somebody uses it: the question at a terminal, and what it must never reach."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.house import House, until
from patience import PATIENCE_S

TRAINER = """
    import numpy as np, filmlab
    run = filmlab.init(project="tidy", name="asked", id="asked001", schedule="always")
    with run.episode() as shown:
        shown.step(action=0, reward=1.0, frame=np.zeros((8, 8, 3), np.uint8))
    run.finish()
"""
WITH_VIDEOS = """
    import os
    import gymnasium as gym, numpy as np, filmlab
    from filmlab.integrations.gym import RecordEpisodes
    run = filmlab.init(project="tidy", name="films", id="films001", schedule="always")
    for folder in ("videos", os.path.join(os.environ["FILMLAB_DIR"], "tidy/films-films001/videos")):
        env = gym.make("CartPole-v1", render_mode="rgb_array", max_episode_steps=5)
        env = RecordEpisodes(env, folder, episode_trigger=lambda number: True)
        for seed in range(2):
            env.reset(seed=seed)
            done = False
            while not done:
                _, _, terminated, truncated, _ = env.step(0)
                done = terminated or truncated
        env.close()
    with run.episode() as shown:
        shown.step(action=0, reward=1.0, frame=np.zeros((8, 8, 3), np.uint8))
    run.finish()
"""


@pytest.fixture
def over(house: House) -> House:
    """A run that is over, and its daemon."""
    house.daemon()
    house.train(TRAINER)
    house.wait_printed("asked001")
    until(lambda: not house.ask("status")["sessions"], "the session to end")
    return house


def ask(house: House, typed: bytes) -> tuple[int, str]:
    """`filmlab rm` with a terminal to read from, on which this is typed: its exit status, and all that it says."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "filmlabd.cli", "rm", "asked001"], stdin=end, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=house.environ, cwd=house.root,
    )  # fmt: skip
    os.close(end)
    os.write(terminal, typed)
    try:
        said, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        os.close(terminal)
    return process.returncode, said.decode()


@pytest.mark.parametrize("typed", [b"n\n", b"\n", b"\x04", b"yesterday\n"], ids=["n", "enter", "end of file", "a word"])
def test_only_a_yes_removes(over: House, typed: bytes) -> None:
    """Everything else is a no: the run is as it was, and a script can tell."""
    status, said = ask(over, typed)
    assert status == 1 and "nothing was removed" in said, said
    assert "Remove run asked001 (asked, 1 episode) with its metrics and films; its prints stay? [y/N]" in said
    assert [run.run_id for run in over.runs()] == ["asked001"]


@pytest.mark.parametrize("typed", [b"y\n", b"YES\n"])
def test_a_yes_removes(over: House, typed: bytes) -> None:
    """Typed in small letters or in large ones."""
    status, said = ask(over, typed)
    assert status == 0 and "removed run asked001" in said, said
    assert over.runs() == []


def test_a_video_folder_is_never_touched(house: House) -> None:
    """Neither by `rm --prints`, wherever it lies, nor by a quota of film that is met; the run's own prints go."""
    file = house.root / ".config" / "filmlab" / "filmlabd.toml"
    file.parent.mkdir(parents=True)
    file.write_text("film_files = 2\n")
    house.daemon()
    house.train(WITH_VIDEOS, SDL_VIDEODRIVER="dummy")
    house.wait_printed("films001")
    until(lambda: not house.ask("status")["sessions"], "the session to end")
    (directory,) = (house.root / "films" / "tidy").iterdir()
    folders = [house.root / "videos", directory / "videos"]
    films = {path: path.read_bytes() for folder in folders for path in sorted(folder.iterdir())}
    assert len(films) == 8, sorted(films)
    own = directory / "episodes"
    assert list(own.glob("*.gif"))
    house.command("gc")
    until(lambda: len(list(house.paths.film.glob("*/*.film"))) < 2, "the films over the quota to go")
    assert {path: path.read_bytes() for path in films} == films
    house.command("rm", "films001", "--prints", "--yes")
    assert {path: path.read_bytes() for path in films} == films
    assert not own.exists() and not (directory / "index.html").exists()
    assert _files(directory) == [path for path in sorted(films) if path.is_relative_to(directory)]


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())
