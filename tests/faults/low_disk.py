"""The stories of the simulation once more, on a disk that falls below its floor and rises again: BUSY and the way back.

`python tests/faults/low_disk.py FIRST COUNT` tells COUNT stories from the seed FIRST on.

Unrealistic: what lies on the disk and how much is free have nothing to do with each other, and no film is deleted.
"""

import os
import random
import sys
from pathlib import Path

if __name__ == "__main__" and os.environ.get("PYTHONHASHSEED") != "0":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
sys.path[:0] = [str(Path(__file__).parents[1])]

from faults.simulation import World  # noqa: E402  # the path comes first
from filmlab.wire.frame import Kind  # noqa: E402
from filmlabd.core import events  # noqa: E402

ALL_BYTES = 10**12
MEASURE_EVERY_S = 1.0


class LowDiskWorld(World):
    """A world whose disk is measured every second, and has no room for film between `_low_from` and `_low_until`."""

    def __init__(self, seed: int) -> None:
        luck = random.Random(seed)
        begins = luck.uniform(0.0, 10.0)
        self._low = (100.0 + begins, 100.0 + begins + luck.choice([0.5, 4.0, 40.0, 120.0]))
        self.busy = self.film_meanwhile = 0
        super().__init__(seed)
        self.later(0.0, self._measure)

    def is_low(self) -> bool:
        return self._low[0] <= self.now < self._low[1]

    def _measure(self) -> None:
        daemon = self.daemon
        if daemon is not None and not daemon.exiting:
            # As if a look at the films were under way: that is no part of these stories.
            daemon.core.keeper._looking = True
            free_bytes = 0 if self.is_low() else ALL_BYTES
            daemon.happen(events.Measured(free_bytes, ALL_BYTES, sys.maxsize))
        self.later(MEASURE_EVERY_S, self._measure)

    def send_down(self, peer: bytes, envelope) -> None:  # type: ignore[no-untyped-def]  # as it is there
        self.busy += envelope.kind is Kind.BUSY
        super().send_down(peer, envelope)


def main(first: int, count: int) -> int:
    """How many stories went wrong."""
    busy = bad = 0
    for seed in range(first, first + count):
        world = LowDiskWorld(seed)
        try:
            world.run()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told with the seed that shows it again
            bad += 1
            told = "\n".join(f"  {at - 100:9.4f}  {who:10}  {what}" for at, who, what in world.story)
            print(f"FILMLAB_SEED={seed}: low from {world._low}: {type(error).__name__}: {error}\n{told}")
        busy += world.busy
    print(f"{count} stories of a low disk tried / {bad} bad from seed {first}: {busy} times BUSY")
    return bad if busy else 1


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]), int(sys.argv[2])) else 0)
