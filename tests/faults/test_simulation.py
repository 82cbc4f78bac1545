"""Many short stories of trainers, a daemon, a network and a disk, all of them bad in their own way (rows 1, 3, 4, 9,
12, 15, 16, 19, 23, 33, 35, and the rules that every row rests on).

FILMLAB_SEED names the first story, FILMLAB_SEEDS how many there are. A bad one prints its seed and its last events;
`python tests/faults/simulation.py SEED 1 --story` tells it again.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

from faults.tellers import tell

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
SEEDS = int(os.environ.get("FILMLAB_SEEDS", "5000"))
SIMULATION = Path(__file__).with_name("simulation.py")


def test_no_story_loses_or_doubles_anything() -> None:
    """Whatever befalls them: what was acknowledged stays, once and unaltered, and everything comes to its end."""
    tell("simulation.py", SEED, SEEDS)


def test_a_seed_tells_the_same_story_twice() -> None:
    """A story that cannot be told again is no help: the same seed gives the same events, in another process too."""
    command = [sys.executable, str(SIMULATION), str(SEED), "3", "--story"]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    first, second = (
        subprocess.run(command, env=environ, capture_output=True, text=True, check=False) for _ in range(2)
    )
    assert first.stdout == second.stdout
    assert "daemon" in first.stdout
