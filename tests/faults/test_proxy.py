"""Row 19 of the fault table: connections that are cut in mid-frame, delayed, stalled and half-open.

FILMLAB_SEED replays, FILMLAB_CUTS makes it longer.
"""

import os
import random
import threading

from e2e.house import House, until
from faults.proxy import Proxy
from faults.pusher import Pusher

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
CUTS = int(os.environ.get("FILMLAB_CUTS", "200"))
TRAINERS = 4


def test_row_19_two_hundred_cuts_cost_no_record_and_double_none(house: House) -> None:
    """However often the connection breaks, hangs or goes deaf: every record is there once, in order, unaltered."""
    print(f"FILMLAB_SEED={SEED}")
    rng, pause = random.Random(SEED), threading.Event()
    house.daemon()
    road = house.paths.runtime / "road.sock"
    proxy = Proxy(road, house.paths.ingest_socket, random.Random(SEED + 1))
    trainers = [
        Pusher(house, f"cut{number}", random.Random(SEED + 2 + number), endpoint=f"ipc://{road}", records=10**9)
        for number in range(TRAINERS)
    ]
    try:
        while proxy.done["cut"] < CUTS:
            pause.wait(rng.uniform(0.0, 0.1))
            proxy.strike(rng.choice(["cut"] * 12 + ["delay"] * 4 + ["stall", "half-open"]))
        for trainer in trainers:
            trainer.stop()
        for trainer in trainers:
            trainer.wait_durable()
        kept = [trainer.check_kept(house) for trainer in trainers]
    finally:
        for trainer in trainers:
            trainer.link.close(5.0)
        proxy.close()
    print(f"{proxy.done['cut']} cuts tried / 0 bad; {dict(proxy.done)}; records kept: {kept}")
    assert all(c > 50 and b > 0 for c, b in kept)
    until(lambda: not house.ask("status")["sessions"], "the sessions to end")
