"""A disk that runs out of room beside a living training: metrics go on, film waits, and everything comes in the end."""

import os
from pathlib import Path

from e2e.house import House, until
from patience import PATIENCE_S

TRAINER = """
import os, sys, numpy as np, filmlab
run = filmlab.init(project="full", name="disk", id="full0001", schedule="always",
                   close_timeout_s=float(os.environ.get("CLOSE_TIMEOUT_S", 5)))
for episode in range(6):
    run.log({"loss": float(episode)}, step=episode)
    with run.episode() as shown:
        for step in range(4):
            frame = np.full((32, 32, 3), 40 * episode + step, np.uint8)
            shown.step(action=0, reward=1.0, frame=frame)
    print("episode", episode, flush=True)
    sys.stdin.readline()
run.finish()
"""


def free_bytes(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def fill(path: Path, size_bytes: int) -> None:
    """Take room on the disk without writing it."""
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size_bytes)


def test_a_disk_below_its_floor_costs_no_metric_and_in_the_end_no_film(house: House) -> None:
    """Really filled and really freed: numbers become durable meanwhile, film does not, and nobody has to be restarted.

    Others may write to this disk at the same time, so the steps are large.
    """
    step_bytes = min(2**32, free_bytes(house.root) // 16)
    house.daemon("--keep-free-bytes", str(free_bytes(house.root) - 4 * step_bytes))
    trainer = house.trainer(TRAINER)
    assert trainer.stdout is not None and trainer.stdin is not None
    house_full = house.root / "others"

    def next_episode() -> None:
        assert trainer.stdin is not None
        trainer.stdin.write("\n")
        trainer.stdin.flush()

    def losses() -> int:
        with house.read() as index:
            return sum(len(points.value) for points in index.points("full0001", "loss"))

    def films() -> int:
        return len(list(house.paths.film.glob("*/*.film")))

    until(lambda: bool(house.runs()) and films() == 1, "the first episode's film")
    fill(house_full, 6 * step_bytes)
    until(lambda: house.ask("status")["disk"]["film_refused"], "the daemon to see that there is no room")
    for _ in range(3):
        next_episode()
    until(lambda: losses() == 4, "the metrics of four episodes")
    assert films() == 1
    assert "no film is taken: its disk has" in house.command("status", status=1)
    house_full.unlink()
    until(lambda: films() == 4, "the film that had to wait")
    next_episode()
    next_episode()
    next_episode()
    output, _ = trainer.communicate(timeout=PATIENCE_S)
    assert trainer.returncode == 0, output
    assert output.count("takes no film for now") == 1, output
    house.wait_printed()
    assert len(list(house.run_dir().glob("episodes/*.gif"))) == 6


def test_film_of_a_dead_trainer_waits_in_its_spool(house: House) -> None:
    """Its numbers are shown at once; the next daemon that has room develops its film."""
    daemon = house.daemon("--keep-free-bytes", "1000GB")
    trainer = house.trainer(TRAINER, CLOSE_TIMEOUT_S="0.5")
    output, _ = trainer.communicate("\n" * 6, timeout=PATIENCE_S)
    assert trainer.returncode == 0, output
    until(lambda: bool(house.runs()) and house.runs()[0].episodes == 6, "six episodes in the index")
    assert not list(house.paths.film.glob("*/*.film")) and list(house.paths.spool.glob("*/b-*.seg"))
    daemon.kill()
    daemon.wait()
    house.daemon()
    house.wait_printed()
    assert len(list(house.run_dir().glob("episodes/*.gif"))) == 6
    until(lambda: not list(house.paths.spool.iterdir()), "an empty spool")


def test_a_run_is_resumed_while_its_film_waits_for_room(house: House) -> None:
    """Film that a former process left in its spool keeps no training from beginning; its numbers are shown."""
    house.daemon("--keep-free-bytes", "1000GB")
    for attempt in (1, 2):
        trainer = house.trainer(TRAINER, CLOSE_TIMEOUT_S="0.5")
        output, _ = trainer.communicate("\n" * 6, timeout=PATIENCE_S)
        assert trainer.returncode == 0, output
        until(lambda wanted=6 * attempt: bool(house.runs()) and house.runs()[0].episodes == wanted, "its episodes")
    assert [run.run_id for run in house.runs()] == ["full0001"]
