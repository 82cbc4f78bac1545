"""Row 2 of the fault table: kill -9 at named points, in real processes.

Every point in every run, at a passing that the seed draws; FILMLAB_SEED replays, FILMLAB_PASSINGS makes it longer.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from e2e.house import House, until
from faults.failpoints import DAEMON, OF_RENDERING, ONCE_A_LIFE, WORKER
from faults.kills import check_prints, side_by_side
from faults.pusher import Pusher
from patience import PATIENCE_S

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
PASSINGS = int(os.environ.get("FILMLAB_PASSINGS", "1"))
"""Of each point."""
LATEST = 12
LATEST_OF_RENDERING = 3
"""Workers are nice, and on a busy machine slow."""
PAUSE_S = 0.02


def plan(seed: int) -> list[str]:
    """The lives of all daemons: each point at drawn passings; those of workers in both ways."""
    rng = random.Random(seed)
    lives: list[str] = []
    for _ in range(PASSINGS):
        for name in DAEMON:
            latest = 1 if name in ONCE_A_LIFE else LATEST_OF_RENDERING if name in OF_RENDERING else LATEST
            lives.append(f"{name}:{rng.choice([1, rng.randint(1, latest)])}")
        lives += [f"{name}:{rng.randint(1, LATEST_OF_RENDERING)}{whom}" for name in WORKER for whom in ("", ":daemon")]
    rng.shuffle(lives)
    return lives


def live(house: House, seed: int, failpoint: str) -> None:
    """One daemon, from its start to its point. Where only a worker dies, the daemon is ended afterwards."""
    once = house.root / "happened"
    once.unlink(missing_ok=True)
    environ = house.environ | {
        "FAILPOINT": failpoint,
        "FAILPOINT_ONCE": str(once),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    with (house.root / "daemon.out").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "faults.failpoints", "--workers", "1"],
            env=environ, cwd=house.root, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        until(lambda: once.exists() or process.poll() is not None, f"a daemon to come to {failpoint}")
        if failpoint.split(":")[0] in WORKER and not failpoint.endswith(":daemon"):
            threading.Event().wait(random.Random(seed).uniform(0.0, 0.3))
            process.kill()
        assert process.wait(PATIENCE_S) == -signal.SIGKILL, failpoint
    finally:
        process.kill()
        process.wait()


def test_row_2_kill_9_at_named_points_costs_nothing_acknowledged(tmp_path: Path) -> None:
    """Between writing, syncing, committing, acknowledging, renaming: whatever came before counts, nothing twice."""
    lives = plan(SEED)
    print(f"FILMLAB_SEED={SEED}")

    def loop(house: House, seed: int, share: int) -> None:
        mine = lives[(seed - SEED) * share :][:share]
        trainer = Pusher(house, "pointed", random.Random(seed), records=10**9, pause_s=PAUSE_S)
        try:
            for number, failpoint in enumerate(mine):
                live(house, seed + number, failpoint)
                assert not trainer.trouble and not trainer.link.dead, (
                    failpoint,
                    trainer.trouble,
                    trainer.link.why_ended,
                )
            trainer.stop()
            house.daemon()
            trainer.wait_durable()
            trainer.check_kept(house)
            house.wait_printed("pointed")
            with house.read() as index:
                episodes = index.episodes("pointed")
            assert episodes and all(row.job_state == "done" for row in episodes), episodes
            check_prints(house)
        finally:
            trainer.link.close(5.0)

    side_by_side(tmp_path, 2, SEED, len(lives), loop)
    print(f"{len(lives)} kills at {len(DAEMON) + len(WORKER)} points tried / 0 bad: {' '.join(lives)}")
