"""Row 19 of the fault table: connections that are cut in mid-frame, delayed, stalled and half-open.

FILMLAB_SEED replays, FILMLAB_CUTS makes it longer.
"""

import contextlib
import os
import random
import threading

from e2e.house import House, until
from faults.proxy import Proxy
from faults.pusher import Pusher

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
CUTS = int(os.environ.get("FILMLAB_CUTS", "200"))
TRAINERS = 4
BYE_BYTES = 41
"""As it travels: two frames of ZMTP."""


def test_row_19_two_hundred_cuts_cost_no_record_and_double_none(house: House) -> None:
    """However often the connection breaks, hangs or goes deaf: every record is there once, in order, unaltered."""
    print(f"FILMLAB_SEED={SEED}")
    rng, pause = random.Random(SEED), threading.Event()
    house.daemon()
    with bad_road(house) as proxy, contextlib.ExitStack() as links:
        trainers = [pusher(house, number, 10**9, links) for number in range(TRAINERS)]
        while proxy.done["cut"] < CUTS:
            pause.wait(rng.uniform(0.0, 0.1))
            proxy.strike(rng.choice(["cut"] * 12 + ["delay"] * 4 + ["stall", "half-open"]))
        for trainer in trainers:
            trainer.stop()
        for trainer in trainers:
            trainer.wait_durable()
        kept = [trainer.check_kept(house) for trainer in trainers]
    print(f"{proxy.done['cut']} cuts tried / 0 bad; {dict(proxy.done)}; records kept: {kept}")
    assert all(c > 50 and b > 0 for c, b in kept)
    until(lambda: not house.ask("status")["sessions"], "the sessions to end")


def test_row_19_a_last_word_that_is_cut_is_said_again(house: House) -> None:
    """A session ends also when the connection breaks with its BYE on it, though its process (this one) lives on."""
    house.daemon()
    with bad_road(house) as proxy, contextlib.ExitStack() as links:
        trainers = [pusher(house, number, 40, links) for number in range(TRAINERS)]
        for trainer in trainers:
            trainer.wait_durable()
        proxy.sever(BYE_BYTES // 2)
    until(lambda: not house.ask("status")["sessions"], "the sessions to end")


def bad_road(house: House) -> Proxy:
    return Proxy(house.paths.runtime / "road.sock", house.paths.ingest_socket, random.Random(SEED + 1))


def pusher(house: House, number: int, records: int, links: contextlib.ExitStack) -> Pusher:
    """A trainer on the bad road; its link is closed with `links`."""
    road = f"ipc://{house.paths.runtime / 'road.sock'}"
    made = Pusher(house, f"cut{number}", random.Random(SEED + 2 + number), endpoint=road, records=records)
    links.callback(made.link.close, 5.0)
    return made
