"""Row 12, simulated: a disk below its floor for a while, in the middle of everything else that befalls a household.

FILMLAB_SEED replays, FILMLAB_SEEDS makes it longer.
"""

import os
import random

from faults.tellers import tell

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
STORIES = int(os.environ.get("FILMLAB_SEEDS", "5000")) // 10


def test_row_12_film_that_was_turned_away_comes_in_the_end() -> None:
    """BUSY, kills, cuts and spools together: nothing is lost or doubled, nobody is left, and everything has an end."""
    tell("low_disk.py", SEED, STORIES)
