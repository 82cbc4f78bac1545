"""Why a clip is missing, asked as a user asks: `filmlab doctor RUN` beside real runs, and `filmlab develop`."""

import json
import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from e2e.house import House, until

TRAINER = """
    import numpy as np
    import filmlab

    run = filmlab.init(project="play", name="poles", id="r1", schedule="every:2")
    for index in range(5):
        with run.episode() as episode:
            for step in range(3):
                episode.step(action=step, reward=1.0, frame=lambda: np.full((8, 8, 3), 60 * step, np.uint8))
    run.finish()
"""
BLIND = """
    import filmlab
    run = filmlab.init(project="play", name="blind", id="blind", schedule="always")
    with run.episode() as episode:
        episode.step(action=1, reward=1.0)
    run.finish()
"""
CRAMPED = """
    import numpy as np
    import filmlab
    run = filmlab.init(project="play", name="cramped", id="cramped", schedule="always",
                       memory_bytes=8 << 20, spool_bytes=0)
    rng = np.random.default_rng(1)
    with run.episode() as episode:
        for _ in range(200):
            episode.step(0, 1.0, rng.integers(0, 256, (256, 256, 3), np.uint8))
    run.finish()
"""


@pytest.fixture
def trained(house: House) -> Iterator[House]:
    """A run of five episodes, of which 0, 2 and 4 are printed, and its daemon."""
    house.daemon()
    house.train(TRAINER)
    house.wait_printed()
    yield house


def findings(house: House, run: str, status: int) -> dict[str, str]:
    """Name -> `level text`."""
    document = json.loads(house.command("doctor", run, "--json", status=status))
    return {item["name"]: f"{item['level']} {item['text']}" for item in document["findings"]}


def test_a_run_that_is_well(trained: House) -> None:
    """What was not captured is said with its reason; nothing is missing."""
    said = trained.command("doctor", "r1")
    assert "2 episodes (1, 3): not in every 2" in said
    assert "all is well" in said
    assert json.loads(trained.command("doctor", "r1", "--json"))["missing"] == []


def test_a_file_that_somebody_removed_is_missed_and_made_again(trained: House) -> None:
    """The index says that it was made, the disk that it is gone; `filmlab develop` makes it again, the page too."""
    gif = trained.run_dir() / "episodes/episode_000002.gif"
    before = gif.read_bytes()
    gif.unlink()
    page = trained.run_dir() / "index.html"
    page_before = page.stat().st_mtime_ns
    assert findings(trained, "r1", 1)["episode 2"].startswith("bad made, and not there any more: episodes/episode_0000")
    assert "asked for 1 print" in trained.command("develop", "r1")
    until(gif.exists, "the clip to be there again")
    assert gif.read_bytes() == before
    until(lambda: page.stat().st_mtime_ns > page_before, "the page to be drawn again")
    until(lambda: "episode 2" not in findings(trained, "r1", 0), "the doctor to be content")
    assert "every print that was made is there" in trained.command("develop", "r1")
    assert "asked for 1 print" in trained.command("develop", "r1", "4")


def test_a_print_that_failed_is_told_with_its_reason_and_made_when_that_is_mended(house: House) -> None:
    """The directory was in the way of itself: a file stood where it should be."""
    blocked = house.root / "films/play/poles-r1"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("in the way")
    house.daemon()
    house.train(TRAINER)
    house.wait_printed()
    found = findings(house, "r1", 1)
    assert found["directory"].startswith("bad")
    assert found["3 episodes"].startswith("bad 0, 2, 4: its print failed and was given up")
    blocked.unlink()
    house.command("develop", "r1")
    until(lambda: len(list(blocked.glob("episodes/*.gif"))) == 3, "the clips to be made")
    until(lambda: len(list(blocked.glob("curves/**/*.svg"))) == 2, "the curves to be drawn")
    until(lambda: not failures(house), "all of it to be said")
    assert "all is well" in house.command("doctor", "r1")
    assert (blocked / "index.html").exists() and not house.ask("status")["quarantined"]


def failures(house: House) -> list[str]:
    with house.read() as index:
        return [row.key for row in index.failures()]


def test_a_daemon_that_is_stopped(trained: House) -> None:
    """It runs and does not answer: that is said, with its process and how it goes on, and never that none runs."""
    pid = trained.daemon_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        said = trained.command("doctor", "r1", status=1)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert f"a daemon runs (process {pid}) and does not answer" in said
    assert f"`kill -CONT {pid}` lets it go on" in said
    assert "none is running" not in said and "no daemon" not in said
    assert "all is well" in trained.command("doctor", "r1")


def test_a_directory_that_is_gone(trained: House) -> None:
    """Every clip of it is gone with it, and that is said in one line."""
    shutil.rmtree(trained.run_dir())
    found = findings(trained, "r1", 1)
    assert found["directory"].startswith("warn")
    assert [text for name, text in found.items() if name.startswith("episode ")] == [
        f"bad made, and not there any more: episodes/episode_00000{number}.gif and 2 more" for number in (0, 2, 4)
    ]


def test_an_episode_without_frames(house: House) -> None:
    """The environment did not render: what it needs is said."""
    house.daemon()
    house.train(BLIND)
    house.wait_printed()
    said = house.command("doctor", "blind")
    assert "no frame was captured" in said
    assert "render_mode='rgb_array'" in said


def test_a_film_that_the_trainer_dropped(house: House) -> None:
    """More than its memory takes, and no spool: what was dropped, why, and what to do."""
    house.daemon()
    house.train(CRAMPED, FILMLAB_MODE="online")
    house.wait_printed()
    said = house.command("doctor", "cramped")
    assert "its trainer had to drop its film" in said
    assert "init(memory_bytes=…, spool_bytes=…)" in said
    assert "1 film not handed over (" in said


def test_a_run_that_lies_in_a_spool_only(house: House) -> None:
    """No daemon has ever seen it: it is found by its name all the same, and the way out is told."""
    house.train(TRAINER, FILMLAB_MODE="offline")
    said = house.command("doctor", "poles", status=1)
    assert "r1  poles  (play)" in said
    assert "no daemon has seen it yet" in said
    assert "`filmlab sync` hands it over" in said
    house.command("sync")
    assert "all is well" in house.command("doctor", "poles")
    house.command("doctor", "nobody", status=2)
