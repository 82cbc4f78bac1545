"""Rows 1, 3 and 5 of the fault table: kill -9 of daemon, trainer and worker, at moments drawn by a seed.

Each loop tells its seed: FILMLAB_SEED replays it, FILMLAB_KILLS makes it longer.
"""

import os
import random
import signal
import threading

import numpy as np
import pytest

from e2e.house import House, until

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
KILLS = int(os.environ.get("FILMLAB_KILLS", "6"))

STEADY_TRAINER = """
    import sys, threading
    import numpy as np
    import filmlab

    run = filmlab.init(project="faults", name="steady", id="steady", schedule="every:5")
    pause, asked = threading.Event(), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), asked.set()), daemon=True).start()
    step = 0
    while not asked.is_set():
        with run.episode() as episode:
            for _ in range(10):
                run.log({"n": step}, step=step)
                episode.step(action=step % 4, reward=1.0, frame=np.full((24, 32, 3), step % 256, np.uint8))
                step += 1
                pause.wait(0.002)
    print("flushed", run.flush(60), "steps", step, flush=True)
    run.finish()
"""

DOOMED_TRAINER = """
    import os, threading
    import numpy as np
    import filmlab

    run = filmlab.init(project="faults", name="doomed", id=os.environ["RUN"], schedule="always")
    pause, step = threading.Event(), 0
    while True:
        with run.episode() as episode:
            for _ in range(40):
                run.log({"n": step}, step=step)
                episode.step(action=0, reward=1.0, frame=np.full((24, 32, 3), step % 256, np.uint8))
                step += 1
                pause.wait(0.001)
                if step % 25 == 0 and run.flush(30):
                    print("durable", step, flush=True)
"""


@pytest.fixture(autouse=True)
def _say_the_seed() -> None:
    # Shown by pytest with a failure only: what it takes to see it again.
    print(f"FILMLAB_SEED={SEED} FILMLAB_KILLS={KILLS}")


def steps_of(house: House, run_id: str) -> "np.ndarray":
    with house.read() as index:
        points = index.points(run_id, "n")
    assert len(points) == 1, points
    assert np.array_equal(points[0].step, points[0].value.astype(np.int64))
    return points[0].step


def test_row_1_kill_9_of_the_daemon_loses_and_doubles_nothing(house: House) -> None:
    """Whenever the daemon is killed: the client starts another, and in the end every point is there once, in order."""
    rng, pause = random.Random(SEED), threading.Event()
    trainer = house.trainer(STEADY_TRAINER)
    for _ in range(KILLS):
        pid = until(house.daemon_pid, "a daemon")
        pause.wait(rng.uniform(0.0, 1.5))
        os.kill(pid, signal.SIGKILL)
        until(lambda killed=pid: house.daemon_pid() not in (0, killed), "another daemon")
    output, _ = trainer.communicate(timeout=120)
    assert trainer.returncode == 0, output
    assert "flushed True" in output, output
    steps = int(output.split("steps ")[1].split()[0])
    house.wait_printed("steady")
    assert np.array_equal(steps_of(house, "steady"), np.arange(steps))
    with house.read() as index:
        episodes = index.episodes("steady")
        run = index.run("steady")
    assert [row.episode for row in episodes] == list(range(steps // 10))
    assert all(row.job_state == ("done" if row.film else "none") for row in episodes)
    assert run.status == "finished"
    assert not list(house.run_dir().rglob(".*")), "a half-made file was left"


def test_row_3_kill_9_of_the_trainer_keeps_what_was_acknowledged(house: House) -> None:
    """Acknowledged points are there without a gap, the open episode is cut and printed, the run is marked crashed."""
    rng, pause = random.Random(SEED + 1), threading.Event()
    for number in range(max(2, KILLS // 2)):
        run_id = f"doomed{number}"
        trainer = house.trainer(DOOMED_TRAINER, RUN=run_id)
        assert trainer.stdout is not None
        line = until(
            lambda process=trainer: next((text for text in process.stdout if "durable" in text), ""), "a flush"
        )
        pause.wait(rng.uniform(0.0, 0.3))
        trainer.kill()
        durable = int((line + trainer.stdout.read()).rsplit("durable ", 1)[1].split()[0])
        house.wait_printed(run_id)
        steps = steps_of(house, run_id)
        assert np.array_equal(steps, np.arange(len(steps)))
        assert len(steps) >= durable
        with house.read() as index:
            run, episodes = index.run(run_id), index.episodes(run_id)
        assert run.status == "crashed"
        assert all(row.job_state == "done" for row in episodes), episodes
        assert [row.complete for row in episodes[:-1]] == [True] * (len(episodes) - 1)


def test_row_5_kill_9_of_workers_costs_retries_only(house: House) -> None:
    """Workers that are killed in mid-job cost that job a retry; every print is made, none is half a file."""
    rng, pause = random.Random(SEED + 2), threading.Event()
    trainer = house.trainer(STEADY_TRAINER)
    until(house.daemon_pid, "a daemon")
    killed = 0
    for _ in range(KILLS):
        workers = until(lambda: house.ask("status")["workers"], "workers")
        busy = [pid for pid, job in workers.items() if job] or list(workers)
        pause.wait(rng.uniform(0.0, 0.3))
        try:
            os.kill(int(rng.choice(busy)), signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            continue
    output, _ = trainer.communicate(timeout=120)
    assert "flushed True" in output, output
    assert killed > 0
    house.wait_printed("steady")
    with house.read() as index:
        episodes = index.episodes("steady")
    assert all(row.job_state == ("done" if row.film else "none") for row in episodes)
    assert not list(house.run_dir().rglob(".*")), "a half-made file was left"
