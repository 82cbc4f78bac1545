"""Row 31 of the fault table: a million messages that are not what they should be, to the decoders and to a core.

FILMLAB_SEED replays, FILMLAB_MESSAGES sets how many.
"""

import os
import random
import re

from faults.tellers import tell

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
MESSAGES = int(os.environ.get("FILMLAB_MESSAGES", "1000000"))


def test_row_31_a_million_messages_raise_nothing_unexpected() -> None:
    """Whatever the bytes say behind a right CRC: refused, or taken for what they say, and never an exception."""
    told = tell("fuzz.py", SEED, MESSAGES)
    taken = sum(int(count) for text in told for count in re.findall(r"'taken by the core': (\d+)", text))
    # A fuzzer whose messages are all refused at the door would show nothing.
    assert taken > MESSAGES // 20, told
