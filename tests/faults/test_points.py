"""Rows 12 to 15, 17 and 18 of the fault table, in process: calls to the disk that fail, and files that are damaged.

FILMLAB_SEED replays, FILMLAB_CALLS and FILMLAB_DAMAGES make it longer.
"""

import os
import random

from faults.tellers import tell

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
CALLS = int(os.environ.get("FILMLAB_CALLS", "5000"))
DAMAGES = int(os.environ.get("FILMLAB_DAMAGES", "5000"))


def test_rows_12_to_15_and_18_any_call_may_fail_in_any_way() -> None:
    """Journal, films, index, spool and prints: whatever call failed, what was acknowledged is there once, unaltered."""
    tell("disk_points.py", SEED, CALLS)


def test_row_17_flipped_bits_and_cut_files_are_seen_and_cost_no_more_than_they_hit() -> None:
    """No altered record comes out of a journal, a film or a spool, and every record that was not hit does."""
    tell("damage.py", SEED, DAMAGES)
