"""Rows 1, 3 and 5 of the fault table: kill -9 of daemon, trainer and worker, at moments drawn by a seed.

FILMLAB_SEED replays, FILMLAB_KILLS (of a daemon; as many trainers, 2½ times as many workers) makes it longer.
"""

import os
import random
from pathlib import Path

from faults.kills import kill_daemons, kill_trainers, kill_workers, side_by_side

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
KILLS = int(os.environ.get("FILMLAB_KILLS", "40"))


def test_row_1_kill_9_of_the_daemon_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Whenever the daemon is killed: the client starts another, and in the end every point is there once, in order."""
    print(f"FILMLAB_SEED={SEED}")
    side_by_side(tmp_path, 2, SEED, KILLS, kill_daemons)
    print(f"{KILLS} kills of a daemon tried / 0 bad")


def test_row_3_kill_9_of_the_trainer_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """Acknowledged points are there without a gap, the open episode is cut and printed, the run is marked crashed."""
    print(f"FILMLAB_SEED={SEED}")
    side_by_side(tmp_path, 1, SEED + 100, KILLS, kill_trainers)
    print(f"{KILLS} kills of a trainer tried / 0 bad")


def test_row_5_kill_9_of_workers_costs_retries_only(tmp_path: Path) -> None:
    """Workers that are killed in mid-job cost that job a retry; every print is made, none is half a file."""
    print(f"FILMLAB_SEED={SEED}")
    kills = KILLS * 5 // 2
    side_by_side(tmp_path, 2, SEED + 200, kills, kill_workers)
    print(f"{kills} kills of a worker tried / 0 bad")
