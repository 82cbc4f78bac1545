"""Households whose members are killed (rows 1, 3 and 5): one loop for each kind, as long as it is asked to be.

A loop kills at instants that its seed draws, lets everything come to its end, and then looks at all that is left: every
point once and in order, every print whole and with the pictures that were handed over. What is wrong is an
AssertionError; the figures are how many kills there were.
"""

import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from e2e.house import House, until
from filmlabd.model import EpisodeRow
from patience import PATIENCE_S

STEADY_TRAINER = """
    import os, sys, threading
    import numpy as np
    import filmlab

    side = int(os.environ.get("SIDE", "24"))
    run = filmlab.init(project="faults", name="steady", id="steady", schedule=os.environ.get("SCHEDULE", "every:5"))
    pause, asked = threading.Event(), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), asked.set()), daemon=True).start()
    step = 0
    while not asked.is_set():
        with run.episode() as episode:
            for _ in range(10):
                run.log({"n": step}, step=step)
                episode.step(action=step % 4, reward=1.0, frame=np.full((side, side, 3), step % 256, np.uint8))
                step += 1
                pause.wait(0.002)
    print("flushed", run.flush(600), "steps", step, flush=True)
    run.finish()
"""
# Forks a trainer for each line that it reads, and says what is durable in lines that no other line can break.
NURSERY = """
    import ctypes, os, signal, sys, threading
    import numpy as np
    import filmlab, filmlab.link.sender

    def say(*words):
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())

    def train(run_id):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: none outlives the nursery
        run = filmlab.init(project="faults", name="doomed", id=run_id, schedule="every:2")
        pause, step = threading.Event(), 0
        while True:
            with run.episode() as episode:
                for _ in range(40):
                    run.log({"n": step}, step=step)
                    episode.step(action=0, reward=1.0, frame=np.full((24, 32, 3), step % 256, np.uint8))
                    step += 1
                    pause.wait(0.001)
                    if step % 25 == 0 and run.flush(30):
                        say("durable", run_id, step)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if not pid:
            os.close(0)
            train(line.strip())
        say("born", line.strip(), pid)
"""
WAVE = 8
"""So many trainers live at a time."""
HITS_MOST = 2
"""Of one job: at the third it is given up, as it should be."""


def side_by_side(root: Path, houses: int, seed: int, kills: int, loop: Callable[[House, int, int], None]) -> None:
    """The same loop in several houses at once, each with its share of the kills and a seed of its own."""

    def live(number: int) -> None:
        house = House(root / f"house{number}")
        try:
            loop(house, seed + number, -(-kills // houses))
        finally:
            house.close()

    for number in range(houses):
        (root / f"house{number}").mkdir(parents=True)
    with ThreadPoolExecutor(houses) as threads:
        list(threads.map(live, range(houses)))


def kill_daemons(house: House, seed: int, kills: int) -> None:
    """Row 1. A trainer goes on through all of it, and starts the next daemon each time."""
    rng, pause = random.Random(seed), threading.Event()
    trainer = house.trainer(STEADY_TRAINER)
    for _ in range(kills):
        pid = until(house.daemon_pid, "a daemon")
        pause.wait(rng.choice([rng.uniform(0.0, 0.05), rng.uniform(0.0, 0.6)]))
        os.kill(pid, signal.SIGKILL)
        until(lambda killed=pid: house.daemon_pid() not in (0, killed), "another daemon")
    check_steady(house, trainer)


def kill_trainers(house: House, seed: int, kills: int) -> None:
    """Row 3. Trainers in waves; once half of a wave has been acknowledged something, each is killed, one by one."""
    rng = random.Random(seed)
    nursery = house.trainer(NURSERY)
    assert nursery.stdin is not None and nursery.stdout is not None
    durable: Counter[str] = Counter()
    for first in range(0, kills, WAVE):
        names = [f"doomed{number}" for number in range(first, min(first + WAVE, kills))]
        nursery.stdin.write("".join(f"{name}\n" for name in names))
        nursery.stdin.flush()
        pids: dict[str, int] = {}
        while len(pids) < len(names) or len(durable.keys() & set(names)) < len(names) // 2:
            _heard(nursery.stdout.readline(), durable, pids)
        with ThreadPoolExecutor(WAVE) as threads:
            list(threads.map(_kill_after, pids.values(), [rng.uniform(0.0, 0.6) for _ in names]))
    nursery.stdin.close()
    for line in nursery.stdout:
        _heard(line, durable, {})
    assert nursery.wait(PATIENCE_S) == 0
    # Those that nobody had acknowledged anything yet need not be there at all.
    assert len(durable) > kills // 4, f"only {len(durable)} of {kills} had been acknowledged anything"
    for name in durable:
        house.wait_printed(name)
    for name, acknowledged in durable.items():
        _check_doomed(house, name, acknowledged)
    check_prints(house)


def kill_workers(house: House, seed: int, kills: int) -> None:
    """Row 5. Workers are killed, busy ones as a rule, and no job more than twice.

    Not before a print was made since the last kill: a pool whose workers only die replaces them ever later.
    """
    rng, pause = random.Random(seed), threading.Event()
    trainer = house.trainer(STEADY_TRAINER, SIDE="160", SCHEDULE="every:2")
    until(house.daemon_pid, "a daemon")
    hits: Counter[str] = Counter()
    for _ in range(kills):
        made = _prints_made(house)
        until(lambda before=made: _prints_made(house) > before, "a print")
        pause.wait(rng.uniform(0.0, 0.03))
        hits[until(lambda: _kill_a_worker(house, rng, hits), "a worker to kill")] += 1
    assert hits.total() - hits["idle"] > kills // 4, f"only {hits.total() - hits['idle']} of {kills} had a job"
    check_steady(house, trainer)


def _prints_made(house: House) -> int:
    if not house.runs():
        return 0
    with house.read() as index:
        return sum(row.job_state == "done" for row in index.episodes("steady"))


def _kill_a_worker(house: House, rng: random.Random, hits: Counter[str]) -> str:
    """The job that it had, or `idle`; empty when there was none to kill."""
    workers = _workers(house)
    busy = [pid for pid, job in workers.items() if job and hits[job] < HITS_MOST]
    idle = [pid for pid, job in workers.items() if not job]
    if not busy and (not idle or rng.random() < 0.9):
        return ""
    chosen = rng.choice(busy or idle)
    try:
        os.kill(chosen, signal.SIGSTOP)
    except ProcessLookupError:
        return ""
    # It may have got another job meanwhile; now it keeps what it has. Of two answers the second comes after whatever
    # it had still said.
    _workers(house)
    job = _workers(house).get(chosen, "")
    is_spared = bool(job) and hits[job] >= HITS_MOST
    os.kill(chosen, signal.SIGCONT if is_spared else signal.SIGKILL)
    return "" if is_spared else job or "idle"


def _workers(house: House) -> dict[int, str]:
    """The job of each worker, by its process; empty: none."""
    return {int(pid): str(job or "") for pid, job in house.ask("status")["workers"].items()}


def check_steady(house: House, trainer: "subprocess.Popen[str]") -> None:
    """The trainer comes to its end, and everything that it handed over is there once, in order and unaltered."""
    output, _ = trainer.communicate(timeout=660)
    assert trainer.returncode == 0, output
    assert "flushed True" in output, output
    steps = int(output.split("steps ")[1].split()[0])
    house.wait_printed("steady")
    assert np.array_equal(_steps(house, "steady"), np.arange(steps))
    with house.read() as index:
        episodes, run = index.episodes("steady"), index.run("steady")
    assert [row.episode for row in episodes] == list(range(steps // 10))
    assert all(row.job_state == ("done" if row.film else "none") for row in episodes), episodes
    assert run.status == "finished"
    for row in episodes:
        _check_pictures(house, run.directory, row, 10)
    check_prints(house)


def _check_doomed(house: House, name: str, acknowledged: int) -> None:
    steps = _steps(house, name)
    assert np.array_equal(steps, np.arange(len(steps))), name
    assert len(steps) >= acknowledged, f"{name}: {acknowledged} steps were acknowledged, {len(steps)} are there"
    with house.read() as index:
        run, episodes = index.run(name), index.episodes(name)
    assert run.status == "crashed", run
    assert all(row.job_state == ("done" if row.film else "none") for row in episodes), episodes
    assert [row.complete for row in episodes[:-1]] == [True] * (len(episodes) - 1), episodes
    for row in episodes:
        _check_pictures(house, run.directory, row, 40)


def _steps(house: House, run_id: str) -> "np.ndarray":
    """The steps of metric `n`, whose values are the steps."""
    with house.read() as index:
        points = index.points(run_id, "n")
    assert len(points) == 1, points
    assert np.array_equal(points[0].step, points[0].value.astype(np.int64))
    return points[0].step


def _check_pictures(house: House, directory: str, row: EpisodeRow, length: int) -> None:
    """A clip shows the frames that were handed over, in order: frame `n` of the run is of the colour `n % 256`."""
    clips = [path for path in row.paths if path.endswith(".gif")]
    assert len(clips) == (row.job_state == "done"), row
    for path in clips:
        with Image.open(Path(directory) / path) as clip:
            shades = [np.unique(np.asarray(frame.convert("L"))).tolist() for frame in ImageSequence.Iterator(clip)]
        expected = [[(row.episode * length + at) % 256] for at in range(row.frames)]
        assert shades == expected, (house.root, path, shades, expected)


def check_prints(house: House) -> None:
    left = [path for path in (house.root / "films").rglob(".*") if path.is_file()]
    assert not left, f"half-made files were left: {left}"


def _heard(line: str, durable: Counter[str], pids: dict[str, int]) -> None:
    """One line of the nursery."""
    match line.split():
        case ["durable", name, step]:
            durable[name] = int(step)
        case ["born", name, pid]:
            pids[name] = int(pid)
        case []:
            raise AssertionError("the nursery has ended")


def _kill_after(pid: int, delay_s: float) -> None:
    threading.Event().wait(delay_s)
    os.kill(pid, signal.SIGKILL)
