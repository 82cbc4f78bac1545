"""A quota of film that is met again and again, by real processes: what stays on disk, and what is said of it."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from itertools import pairwise

from e2e.house import House, until
from filmlabd.journal.films import film_path
from patience import PATIENCE_S

EPISODES = 150
BEST = 37
KEPT = 60
AT_ONCE = 75
TRAINER = f"""
import sys, numpy as np, filmlab
run = filmlab.init(project="keep", name="film", id="keep0001", schedule="always")
rng = np.random.default_rng(1)
for episode in range({EPISODES}):
    if episode % {AT_ONCE} == 0:
        sys.stdin.readline()
    with run.episode() as shown:
        for step in range(2):
            reward = 5.0 if episode == {BEST} else float(rng.random())
            shown.step(action=0, reward=reward, frame=rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
run.finish()
"""


def episodes_with_film(house: House) -> list[int]:
    """By the files on disk, as the index names them; and the index must not name a film that is not there."""
    held = {(int(path.parent.name, 16), int(path.stem)) for path in house.paths.film.glob("*/*.film")}
    with house.read() as index:
        rows = index.episodes("keep0001", filmed=True)
    there = [row.episode for row in rows if not row.film_gone]
    assert {(row.session, row.film) for row in rows if not row.film_gone} == held
    return sorted(there)


def settled(house: House) -> bool:
    """Nothing more is to go, and the disk and the index agree."""
    count = len(list(house.paths.film.glob("*/*.film")))
    if count > KEPT:
        return False
    with house.read() as index:
        return sum(not row.film_gone for row in index.episodes("keep0001", filmed=True)) == count


def gone(house: House) -> int:
    """How many films are said to be gone."""
    if not house.runs():
        return 0
    with house.read() as index:
        return sum(bool(row.film_gone) for row in index.episodes("keep0001", filmed=True))


def kill_daemon(house: House) -> None:
    pid = until(house.daemon_pid, "a daemon")
    os.kill(pid, signal.SIGKILL)
    until(lambda: house.daemon_pid() != pid, "the daemon to be gone")


def train(house: House) -> None:
    trainer = house.trainer(TRAINER)
    output, _ = trainer.communicate("\n" * EPISODES, timeout=PATIENCE_S)
    assert trainer.returncode == 0, output


def keep(house: House, films: int) -> None:
    """For every daemon from here on, whoever starts it."""
    file = house.root / ".config" / "filmlab" / "filmlabd.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"film_files = {films}\n")


def check_survivors(episodes: list[int]) -> None:
    """The best and the last are there, and the others are spread over the logarithm of the training."""
    assert 0.85 * KEPT <= len(episodes) <= KEPT, episodes
    assert {0, BEST, EPISODES - 1} <= set(episodes), episodes
    widest = max(math.log1p(after) - math.log1p(before) for before, after in pairwise(episodes))
    assert widest <= 2 * math.log1p(EPISODES - 1) / (len(episodes) - 1) + math.log(2), episodes


def test_the_quota_holds_on_disk_and_every_print_stays(house: House) -> None:
    """Many films, few kept: the survivors are the ones to keep, prints are untouched, and why each went is said."""
    house.daemon("--film-files", str(KEPT))
    train(house)
    house.wait_printed()
    until(lambda: settled(house), "the quota to be met")
    episodes = episodes_with_film(house)
    check_survivors(episodes)
    assert len(list(house.run_dir().glob("episodes/*.gif"))) == EPISODES
    missing = next(number for number in range(EPISODES) if number not in episodes)
    answer = json.loads(house.command("why", "keep0001", str(missing), "--json"))["answers"][0]
    assert answer["verdict"] == "kept" and "its film is gone: film_bytes" in answer["details"][0]
    assert "is there no more" in _error(house, "develop", "keep0001", str(missing))
    listed = json.loads(house.command("ls", "keep0001", "--json"))["list"]
    assert sorted(item["episode"] for item in listed if not item["film_gone"]) == episodes


def test_killed_in_the_middle_of_it_the_next_daemon_goes_on(house: House) -> None:
    """However often: no film is both there and gone, and an index that is made again has the same answers."""
    keep(house, KEPT)
    trainer = house.trainer(TRAINER)
    for _ in range(EPISODES // AT_ONCE):
        before = gone(house)
        assert trainer.stdin is not None
        trainer.stdin.write("\n")
        trainer.stdin.flush()
        # Killed as soon as some film has gone: others are written down by then, and may lie there still.
        until(lambda seen=before: gone(house) > seen, "films to go")
        kill_daemon(house)
    output, _ = trainer.communicate(timeout=PATIENCE_S)
    assert trainer.returncode == 0, output
    if not house.daemon_pid():
        # The last one was killed when the trainer had nothing more to hand over.
        house.daemon()
    house.wait_printed()
    until(lambda: settled(house), "the quota to be met")
    episodes = episodes_with_film(house)
    check_survivors(episodes)
    kill_daemon(house)
    for path in house.paths.root.glob("index.sqlite*"):
        path.unlink()
    keep(house, 0)
    house.daemon()
    until(lambda: settled(house), "the index to be there again")
    assert episodes_with_film(house) == episodes


def test_what_a_crash_left_of_a_film_is_swept(house: House) -> None:
    """A file whose end is written down, and one of no film at all, go at the next start."""
    daemon = house.daemon("--film-files", str(KEPT))
    train(house)
    house.wait_printed()
    until(lambda: settled(house), "the quota to be met")
    until(lambda: house.ask("status")["sessions"] == 0, "the session to end")
    with house.read() as index:
        row = next(row for row in index.episodes("keep0001", filmed=True) if row.film_gone)
    daemon.terminate()
    daemon.wait()
    there = next(house.paths.film.glob("*/*.film"))
    again = film_path(house.paths.film, row.session, row.film)
    nobodys = film_path(house.paths.film, row.session, 99999)
    for path in (again, nobodys):
        shutil.copy(there, path)
    house.daemon("--film-files", str(KEPT))
    until(lambda: not again.exists() and not nobodys.exists(), "the files to be swept")
    assert there.exists()


def _error(house: House, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "filmlabd.cli", *arguments],
        env=house.environ, cwd=house.root, text=True, capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done
    return done.stderr
